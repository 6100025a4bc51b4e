"""A wrapped model is held against its original, however little its scores say."""

import numpy as np
import pytest

from convert.fidelity import check_answers
from convert.scores import find_score_kind, soften
from edge.errors import ModelFileError

STEP = 1 / 256


def make_scores(labels, sharpness):
    """Return what a network says about 24 patterns; of many labels all are small."""
    chance = np.random.default_rng(labels)
    return soften(chance.normal(0, sharpness, (24, labels)).astype(np.float32))


def check(found, expected, step=0.0):
    check_answers(found, expected, step=step, name="foreign.tflite")


@pytest.mark.parametrize(
    ("labels", "sharpness"),
    [
        (3, 1.0),
        (3, 0.01),  # hardly knows
        (1001, 1.0),  # the best score is about 0.02
        (1001, 0.1),  # none is over 0.002
    ],
)
def test_answers_of_other_patterns_are_refused_and_float_rounding_is_not(labels, sharpness):
    scores = make_scores(labels, sharpness)
    check(scores, scores)
    check((scores * np.float32(1.000002)).astype(np.float32), scores)
    for wrong in (np.roll(scores, 1, axis=0), np.roll(scores, 1, axis=1), scores * np.nan):
        with pytest.raises(ModelFileError, match="must answer as the original does"):
            check(wrong, scores)


@pytest.mark.parametrize(("labels", "sharpness"), [(3, 1.0), (1001, 3.0), (1001, 0.1)])
def test_rounding_to_steps_is_allowed_where_it_was_added(labels, sharpness):
    scores = make_scores(labels, sharpness)
    rounded = (np.rint(scores / STEP) * STEP).astype(np.float32)
    check(rounded, scores, step=STEP)
    wrong = rounded.copy()
    wrong[5] = 0.0
    wrong[5, 0] = 0.9  # sure of something that the original does not say
    with pytest.raises(ModelFileError, match="pattern 6 of 24"):
        check(wrong, scores, step=STEP)


@pytest.mark.parametrize(
    ("ending", "answers"),
    [
        ("SOFTMAX", [[0.25, 0.75]]),
        ("LOGISTIC", [[0.75, 0.75]]),
        ("DIV", [[0.25, 0.75]]),  # a softmax in single steps
    ],
)
def test_scores_that_are_soft_already_are_no_logits(ending, answers):
    with pytest.raises(ModelFileError, match=f"Logits are scores.*by {ending}"):
        find_score_kind(np.array(answers, np.float32), ending=ending, asked="logits")
