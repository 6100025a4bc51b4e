"""Golden examples: repeatable patterns, steady ones first."""

import numpy as np

from convert.export import export_int8
from convert.golden import choose_examples, make_patterns, rank_patterns
from convert.network import load_network
from convert.run_folder import read_run
from edge.manifest import InputSpec


def test_patterns_repeat_and_differ():
    patterns = make_patterns(24)
    assert patterns.shape == (24, 16, 16, 3)
    assert np.array_equal(patterns, make_patterns(24))
    assert len({pattern.tobytes() for pattern in patterns}) == 24


def test_examples_are_the_steady_patterns_with_the_scores_of_the_device(run_folder):
    spec = InputSpec(width=32, height=32)
    network = load_network(read_run(run_folder))
    model_bytes = export_int8(network, make_patterns(4).repeat(2, 1).repeat(2, 2), spec=spec)
    examples = choose_examples(model_bytes, spec=spec, count=3)
    assert len(examples) == 3
    for example in examples:
        assert example.pixels_rgb.shape == (16, 16, 3)
        assert abs(sum(example.scores) - 1.0) < 0.02
    again = choose_examples(model_bytes, spec=spec, count=3)
    assert [example.scores for example in again] == [example.scores for example in examples]


def test_patterns_without_a_telling_score_come_after_those_with_one():
    """Of a thousand scores around 0.001 none would be off by the tolerance, whatever broke."""
    scores = np.full((3, 1000), 0.001, np.float32)
    scores[0, 0] = 0.12
    scores[1, 0], scores[2, 0] = 0.3, 0.9
    assert rank_patterns(scores, np.zeros(3, np.float32)) == [1, 2, 0]


def test_patterns_whose_scores_move_come_last():
    scores = np.array([[0.3, 0.7], [0.5, 0.5], [0.6, 0.4]], np.float32)
    assert rank_patterns(scores, np.array([0.0, 0.2, 0.1], np.float32)) == [0, 2, 1]
