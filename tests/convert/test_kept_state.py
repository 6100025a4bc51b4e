"""What the report says about the state that was kept."""

import pytest

from convert.kept_state import explain_state
from convert.qat import FineTuning, State

BEFORE, NEARER, FARTHER = State(0, 0.02, 0.98), State(30, 0.01, 0.99), State(30, 0.03, 0.97)


def learned(*states):
    best = min(states, key=lambda state: state.divergence)
    return FineTuning(None, [], states, best, 500, 1.0, 1.0)


@pytest.mark.parametrize(
    ("state", "states", "sentence"),
    [
        (
            "distilled",
            (BEFORE, NEARER),
            "learning helped; kept as it was after 30 steps, "
            "0.01 nats from the float network, 0.02 before",
        ),
        (
            "settled",
            (BEFORE, FARTHER),
            "only ranges were chosen; learning brought it no nearer to the float network",
        ),
        (
            "settled",  # the converted file told otherwise than the emulation
            (BEFORE, NEARER),
            "only ranges were chosen; with what was learned, the file did no better",
        ),
        (
            "post-training",
            (BEFORE, FARTHER),
            "plain int8 was kept; learning brought it no nearer to the float network",
        ),
    ],
)
def test_sentence_says_whether_learning_helped(state, states, sentence):
    assert explain_state(state, learned(*states)) == f"{state}: {sentence}"


def test_sentence_without_learning():
    assert explain_state("float", None) == "float: nothing was rounded, nothing was learned"
