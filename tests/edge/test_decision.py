import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decision import Decider
from edge.errors import SettingError
from edge.records import UNKNOWN, Prediction
from edge.testing import blank_frame, prediction

LABELS = ("cat", "dog", "none")
CAT = {"cat": 0.9, "dog": 0.05, "none": 0.05}
DOG = {"cat": 0.1, "dog": 0.85, "none": 0.05}
NONE = {"cat": 0.0, "dog": 0.0, "none": 1.0}
WEAK = {"cat": 0.4, "dog": 0.3, "none": 0.3}


def make_decider(*, votes=2, window=3, thresholds=None):
    if thresholds is None:
        thresholds = dict.fromkeys(LABELS, 0.5)
    return Decider(LABELS, thresholds=thresholds, votes=votes, window=window)


def decide_all(decider, predictions):
    return [
        decider.decide(blank_frame(index), item, now_seconds=0.0)
        for index, item in enumerate(predictions)
    ]


def raw_prediction(scores):
    return Prediction("cat", 0.9, np.array(scores, np.float32), "cat", inference_ms=1.0)


# (votes, window, scores of the frames, label after each frame)
CASES = [
    (1, 1, [CAT, DOG, WEAK], ["cat", "dog", UNKNOWN]),  # every frame for itself
    (2, 3, [CAT, CAT, NONE], [UNKNOWN, "cat", "cat"]),  # a single odd frame changes nothing
    (2, 3, [CAT, WEAK, CAT], [UNKNOWN, UNKNOWN, "cat"]),  # votes need not be consecutive
    (2, 3, [CAT, WEAK, WEAK, CAT], [UNKNOWN] * 4),  # the first vote has left the window
    (3, 3, [CAT, CAT, DOG, CAT], [UNKNOWN] * 4),  # unanimous
    (1, 2, [CAT, DOG], ["cat", "dog"]),  # as many votes: the newer one
    (1, 3, [CAT, CAT, DOG], ["cat"] * 3),  # more votes win over newer ones
    (2, 3, [NONE, NONE], [UNKNOWN, "none"]),  # "none" is a label like any other
    (2, 3, [CAT, CAT, WEAK, WEAK], [UNKNOWN, "cat", "cat", UNKNOWN]),  # belief fades
]


@pytest.mark.parametrize(("votes", "window", "frames", "labels"), CASES)
def test_decide(votes, window, frames, labels):
    decider = make_decider(votes=votes, window=window)
    decisions = decide_all(decider, [prediction(scores) for scores in frames])
    assert [decision.label for decision in decisions] == labels


def test_decide_counts_a_score_at_the_threshold():
    decider = make_decider(votes=1, window=1, thresholds={"cat": 0.5, "dog": 1.0, "none": 0.0})
    exact = [{"cat": 0.5, "dog": 0.25, "none": 0.25}, {"cat": 0.0, "dog": 1.0, "none": 0.0}]
    decisions = decide_all(decider, [prediction(scores) for scores in exact])
    assert [decision.label for decision in decisions] == ["cat", "dog"]


def test_decide_uses_its_own_thresholds_not_the_prediction_s():
    decider = make_decider(votes=1, window=1, thresholds=dict.fromkeys(LABELS, 0.95))
    decision = decide_all(decider, [prediction(CAT, threshold=0.1)])[0]
    assert (decision.label, decision.score) == (UNKNOWN, pytest.approx(0.9))


def test_decide_score_is_the_mean_of_the_winning_frames():
    seen = [CAT, DOG, {"cat": 0.7, "dog": 0.2, "none": 0.1}]
    decision = decide_all(make_decider(), [prediction(scores) for scores in seen])[-1]
    assert decision.label == "cat"
    assert decision.score == pytest.approx(0.8)


def test_decide_describes_the_newest_frame():
    frame = blank_frame(17, time_seconds=2.5, captured_seconds=100.0)
    decision = make_decider().decide(frame, prediction(CAT), now_seconds=100.25)
    assert (decision.frame, decision.time_seconds) == (17, 2.5)
    assert decision.age_ms == pytest.approx(250.0)


def test_decide_knows_no_negative_age():
    frame = blank_frame(0, captured_seconds=5.0)
    assert make_decider().decide(frame, prediction(CAT), now_seconds=4.0).age_ms == 0.0


# Scores that are no probabilities of three labels.
INVALID = [
    [math.nan, 0.5, 0.5],
    [0.9, math.nan, 0.1],
    [math.inf, 0.0, 0.0],
    [-math.inf, 1.0, 0.0],
    [-0.5, 1.0, 0.5],
    [300.0, 0.0, 0.0],
    [],
    [0.9, 0.1],
    [0.9, 0.05, 0.03, 0.02],
    [[0.9, 0.05, 0.05]],
]


@pytest.mark.parametrize("scores", INVALID, ids=str)
def test_decide_never_believes_invalid_scores(scores):
    decider = make_decider(votes=1, window=1)
    decision = decide_all(decider, [raw_prediction(scores)])[0]
    assert (decision.label, decision.score) == (UNKNOWN, 0.0)
    assert decider.invalid_predictions == 1


def test_decide_takes_an_invalid_frame_as_a_vote_for_nothing():
    decider = make_decider(votes=2, window=3)
    frames = [prediction(CAT), prediction(CAT), raw_prediction([math.nan] * 3)]
    decisions = decide_all(decider, [*frames, raw_prediction([math.nan] * 3)])
    assert [decision.label for decision in decisions] == [UNKNOWN, "cat", "cat", UNKNOWN]


def test_decide_accepts_the_rounding_of_a_quantized_model():
    decision = decide_all(make_decider(votes=1, window=1), [raw_prediction([1.0004, 0.0, 0.0])])[0]
    assert (decision.label, decision.score) == ("cat", 1.0)


@pytest.mark.parametrize(("votes", "window"), [(0, 3), (4, 3), (-1, 0), (1, 0)])
def test_decider_refuses_votes_that_do_not_fit(votes, window):
    with pytest.raises(SettingError, match=f"at least 1 .*Received: {votes} of {window}.*--votes"):
        make_decider(votes=votes, window=window)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_decider_refuses_thresholds_that_are_no_scores(threshold):
    with pytest.raises(SettingError, match=r"from 0 to 1.*for dog"):
        make_decider(thresholds={"cat": 0.5, "dog": threshold, "none": 0.5})


@pytest.mark.parametrize("labels", [("cat", "dog"), ("cat", "dog", "none", "fox")])
def test_decider_refuses_thresholds_of_other_labels(labels):
    with pytest.raises(SettingError, match="3 labels needs a threshold"):
        make_decider(thresholds=dict.fromkeys(labels, 0.5))


few = settings(max_examples=50, deadline=None)  # a busy machine is no error
any_score = st.floats(width=32) | st.floats(0, 1, width=32)
any_scores = st.lists(any_score, max_size=4) | st.lists(
    st.floats(0, 1, width=32), min_size=3, max_size=3
)


@st.composite
def voting_rules(draw):
    window = draw(st.integers(1, 6))
    return draw(st.integers(1, window)), window


@few
@given(voting_rules(), st.lists(any_scores, max_size=30), st.floats(0, 1))
def test_no_decision_without_the_evidence(rule, frames, threshold):
    votes, window = rule
    thresholds = dict.fromkeys(LABELS, threshold)
    decider = make_decider(votes=votes, window=window, thresholds=thresholds)
    decisions = decide_all(decider, [raw_prediction(scores) for scores in frames])
    for index, decision in enumerate(decisions):
        assert 0.0 <= decision.score <= 1.0
        if decision.label == UNKNOWN:
            continue
        column = LABELS.index(decision.label)
        looked_back = frames[max(0, index - window + 1) : index + 1]
        won = [
            scores
            for scores in looked_back
            if len(scores) == len(LABELS)
            and all(-0.001 <= score <= 1.001 for score in scores)
            and scores[column] == max(scores)
            and scores[column] >= np.float32(threshold) - 1e-6
        ]
        assert len(won) >= votes


@few
@given(voting_rules(), st.lists(any_scores, max_size=30))
def test_the_same_frames_give_the_same_decisions(rule, frames):
    votes, window = rule
    predictions = [raw_prediction(scores) for scores in frames]
    first, second = (make_decider(votes=votes, window=window) for _ in range(2))
    assert decide_all(first, predictions) == decide_all(second, predictions)


@few
@given(st.lists(any_scores, max_size=10), st.lists(any_scores, min_size=3, max_size=3))
def test_only_the_window_matters(before, window_frames):
    late, fresh = make_decider(), make_decider()
    latest = decide_all(late, [raw_prediction(scores) for scores in [*before, *window_frames]])[-1]
    alone = decide_all(fresh, [raw_prediction(scores) for scores in window_frames])[-1]
    assert (latest.label, latest.score) == (alone.label, alone.score)
