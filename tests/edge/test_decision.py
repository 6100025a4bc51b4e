import math

import pytest
from evidence_cases import (
    BARE,
    CAT,
    DOG,
    LABELS,
    NONE,
    believed,
    decide_all,
    decide_at,
    make_decider,
    raw_prediction,
)

from edge.errors import SettingError
from edge.records import UNKNOWN, Picture
from edge.testing import blank_frame

K_OF_N = {"rule": "k-of-n", **BARE}
SUM = {"rule": "decayed-sum", "votes": 1, "half_life_seconds": 0.1, **BARE}


# (rules, frames, what is believed after each)
RULES = [
    # k of n
    ({**K_OF_N, "votes": 1, "window": 1}, "cdw", "cd-"),  # every frame for itself
    ({**K_OF_N, "votes": 2, "window": 3}, "ccn", "-cc"),  # a single odd frame changes nothing
    ({**K_OF_N, "votes": 2, "window": 3}, "cwc", "--c"),  # votes need not be consecutive
    ({**K_OF_N, "votes": 2, "window": 3}, "cwwc", "----"),  # the first has left the window
    ({**K_OF_N, "votes": 3, "window": 3}, "ccdc", "----"),  # unanimous
    ({**K_OF_N, "votes": 1, "window": 2}, "cd", "cd"),  # as many votes: the newer one
    ({**K_OF_N, "votes": 1, "window": 3}, "ccd", "ccc"),  # more votes win over newer ones
    ({**K_OF_N, "votes": 2, "window": 3}, "nn", "-n"),  # "none" is a label like any other
    ({**K_OF_N, "votes": 2, "window": 3}, "ccww", "-cc-"),  # nothing is left to believe
    # consecutive
    ({"rule": "consecutive", "votes": 2, **BARE}, "ccnnc", "-c-n-"),
    ({"rule": "consecutive", "votes": 3, **BARE}, "ccncccw", "-----c-"),  # from the start again
    # decayed sum: 0.9, then 0.9 / 2 + 0.9 = 1.35, 1.575, 1.6875
    ({**SUM, "enough": 1.3}, "cccw", "-cc-"),
    ({**SUM, "enough": 1.6}, "ccccd", "---c-"),
    # mean: of cat 0.9, 0.65, 0.567, 0.525, 0.44; from the second vote on
    ({"rule": "mean", "votes": 2, **BARE}, "cwwwd", "-ccc-"),
    ({"rule": "mean", "votes": 1, "window": 2, **BARE}, "cwd", "ccd"),  # of cat 0.65, of dog 0.575
]


@pytest.mark.parametrize(("rules", "frames", "labels"), RULES)
def test_decide_by_each_rule(rules, frames, labels):
    assert believed(make_decider(**rules), frames) == labels


ONE = {"votes": 1, "window": 1, "hysteresis": 0}

# (what steadies, frames, what is believed after each); a frame every 0.1 s decides for itself
OVER_TIME = [
    # enter dwell
    ({"enter_seconds": 0.2, "leave_seconds": 0}, "ccccw", "--cc-"),
    ({"enter_seconds": 0.2, "leave_seconds": 0}, "ccwcc", "-----"),  # interrupted
    ({"enter_seconds": 0.2, "leave_seconds": 0}, "ccddd", "----d"),  # each label for itself
    # leave dwell
    ({"leave_seconds": 0.2}, "cwwwc", "ccc-c"),
    ({"leave_seconds": 0.2}, "cwwcwwc", "ccccccc"),  # the evidence is back in time
    ({"leave_seconds": 0.2}, "cwddd", "cccdd"),  # then another one at once
    ({"leave_seconds": 0.2, "enter_seconds": 0.1}, "ccwdd", "-cccd"),  # which has its own dwell
    # cool-down
    ({"leave_seconds": 0, "cooldown_seconds": 0.3}, "cwcccc", "c---cc"),
    ({"leave_seconds": 0, "cooldown_seconds": 0.3}, "cdcccc", "cd--cc"),  # of the one label only
    # a frame without valid scores decides nothing and changes nothing
    ({"leave_seconds": 0}, "cxc", "c-c"),
    ({"leave_seconds": 0, "enter_seconds": 0.2}, "cxc", "--c"),
]


@pytest.mark.parametrize(("rules", "frames", "labels"), OVER_TIME)
def test_decide_over_time(rules, frames, labels):
    assert believed(make_decider(**ONE, **rules), frames) == labels


def test_decide_hysteresis_lowers_the_threshold_of_what_is_believed():
    decider = make_decider(votes=1, window=1, hysteresis=0.1, leave_seconds=0)
    rows = [(score, 0.0, 0.3) for score in (0.45, 0.55, 0.45, 0.35, 0.45)]
    labels = [decision.label for decision in decide_all(decider, rows)]
    assert labels == [UNKNOWN, "cat", "cat", UNKNOWN, UNKNOWN]


def test_decide_hysteresis_asks_another_label_to_be_better_by_it():
    decider = make_decider(threshold=0.3, votes=1, window=1, hysteresis=0.1, leave_seconds=0)
    rows = [(0.51, 0.49, 0.0), (0.46, 0.54, 0.0), (0.44, 0.56, 0.0), (0.54, 0.46, 0.0)]
    labels = [decision.label for decision in decide_all(decider, rows)]
    assert labels == ["cat", "cat", "dog", "dog"]


def test_decide_counts_a_score_at_the_threshold():
    thresholds = {"cat": 0.5, "dog": 1.0, "none": 0.0}
    decider = make_decider(thresholds=thresholds, votes=1, window=1, **BARE)
    decisions = decide_all(decider, [(0.5, 0.25, 0.25), (0.0, 1.0, 0.0)])
    assert [decision.label for decision in decisions] == ["cat", "dog"]


def test_decide_score_is_the_mean_of_the_votes_that_were_won():
    rows = [CAT, DOG, (0.7, 0.2, 0.1)]
    decision = decide_all(make_decider(votes=2, window=3), rows)[-1]
    assert (decision.label, decision.score) == ("cat", pytest.approx(0.8))


def test_decide_score_of_unknown_is_the_best_of_the_frame():
    assert decide_all(make_decider(), [CAT])[-1].score == pytest.approx(0.9)


def test_decide_keeps_the_score_while_a_label_is_without_evidence():
    decisions = decide_all(make_decider(**ONE, leave_seconds=0.2), [CAT, NONE])
    assert (decisions[-1].label, decisions[-1].score) == ("cat", pytest.approx(0.9))


def test_decide_describes_the_newest_frame():
    frame = blank_frame(17, time_seconds=2.5, captured_seconds=100.0)
    decision = make_decider().decide(frame, raw_prediction(CAT), now_seconds=100.25)
    assert (decision.frame, decision.time_seconds) == (17, 2.5)
    assert (decision.age_ms, decision.picture) == (pytest.approx(250.0), Picture.LIVE)


def test_decide_knows_no_negative_age():
    frame = blank_frame(0, captured_seconds=5.0)
    assert make_decider().decide(frame, raw_prediction(CAT), now_seconds=4.0).age_ms == 0.0


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
def test_decide_counts_and_drops_invalid_scores(scores):
    decider = make_decider(votes=1, window=1)
    decisions = decide_all(decider, [CAT, scores, CAT])
    assert [decision.label for decision in decisions] == ["cat", UNKNOWN, "cat"]
    assert (decisions[1].score, decider.invalid_predictions) == (0.0, 1)


def test_decide_accepts_the_rounding_of_a_quantized_model():
    decision = decide_all(make_decider(votes=1, window=1), [[1.0004, 0.0, 0.0]])[0]
    assert (decision.label, decision.score) == ("cat", 1.0)


# (rule, frames that it takes with the defaults)
@pytest.mark.parametrize(
    ("rule", "frames"), [("k-of-n", 3), ("consecutive", 3), ("mean", 3), ("decayed-sum", 2)]
)
@pytest.mark.parametrize("rate_hz", [2.5, 10])
def test_decide_with_the_defaults_at_a_low_rate(rule, frames, rate_hz):
    decisions = decide_all(make_decider(rule=rule), [CAT] * 5, period=1 / rate_hz)
    labels = [decision.label for decision in decisions]
    assert labels == [UNKNOWN] * (frames - 1) + ["cat"] * (6 - frames)


@pytest.mark.parametrize(("gap", "label"), [(2.0, "cat"), (2.1, UNKNOWN)])
def test_decide_forgets_what_was_seen_before_a_long_gap(gap, label):
    steps = [(0.0, CAT), (0.1, CAT), (0.2, CAT), (0.2 + gap, CAT)]
    assert decide_at(make_decider(votes=1), steps)[-1].label == "cat"
    decider = make_decider()
    assert [decision.label for decision in decide_at(decider, steps)][-2:] == ["cat", label]


def test_decide_drops_votes_that_are_too_old_beside_a_new_one():
    steps = [(0.0, CAT), (1.1, CAT), (2.2, CAT)]
    assert decide_at(make_decider(), steps)[-1].label == UNKNOWN
    assert decide_at(make_decider(longest_gap_seconds=2.5), steps)[-1].label == "cat"


def test_decide_begins_anew_when_the_source_does():
    decider = make_decider(cooldown_seconds=60)
    steps = [(10.0 + index / 10, CAT) for index in range(3)]
    again = [(index / 10, CAT) for index in range(3)]
    labels = [decision.label for decision in decide_at(decider, steps + again)]
    assert labels == [UNKNOWN, UNKNOWN, "cat"] * 2


def test_withhold_decides_for_unknown_and_forgets_the_evidence():
    decider = make_decider()
    assert believed(decider, "ccc") == "--c"
    frame = blank_frame(3, time_seconds=0.3, captured_seconds=7.0)
    decision = decider.withhold(frame, Picture.DARK, now_seconds=7.5)
    assert (decision.label, decision.score, decision.picture) == (UNKNOWN, 0.0, Picture.DARK)
    assert (decision.frame, decision.time_seconds, decision.age_ms) == (3, 0.3, 500.0)
    after = decide_at(decider, [(0.4, CAT), (0.5, CAT), (0.6, CAT)])
    assert [decision.label for decision in after] == [UNKNOWN, UNKNOWN, "cat"]


def test_withhold_starts_the_cool_down():
    decider = make_decider(**ONE, cooldown_seconds=0.5)
    assert believed(decider, "c") == "c"
    decider.withhold(blank_frame(time_seconds=0.1), Picture.FROZEN, now_seconds=0.0)
    after = decide_at(decider, [(0.2, CAT), (0.5, CAT), (0.6, CAT)])
    assert [decision.label for decision in after] == [UNKNOWN, UNKNOWN, "cat"]


def rest(decider, *, begin, end):
    seconds = begin
    while seconds <= end:
        decider.rest(blank_frame(time_seconds=seconds))
        seconds += 0.5


def test_rest_holds_what_is_believed():
    decider = make_decider()
    assert believed(decider, "ccc") == "--c"
    rest(decider, begin=0.3, end=60.0)
    assert decide_at(decider, [(60.1, CAT), (60.2, NONE)])[-1].label == "cat"


def test_rest_lets_no_dwell_pass():
    decider = make_decider(**ONE, enter_seconds=0.2, leave_seconds=0.3)
    assert believed(decider, "cccn") == "--cc"
    rest(decider, begin=0.4, end=60.0)
    after = decide_at(decider, [(60.0, NONE), (60.1, NONE), (60.2, NONE)])
    assert [decision.label for decision in after] == ["cat", "cat", "none"]


def test_rest_makes_no_new_belief_of_old_votes():
    decider = make_decider(votes=3, window=5)
    assert believed(decider, "nnncc") == "--nnn"
    rest(decider, begin=0.5, end=60.0)
    after = decide_at(decider, [(60.1 + index / 10, CAT) for index in range(12)])
    first = [decision.label for decision in after].index("cat")
    assert after[first].time_seconds == pytest.approx(60.1 + 0.2 + 0.3)  # fresh votes, leave dwell


def test_rest_lets_a_cool_down_pass():
    decider = make_decider(**ONE, leave_seconds=0, cooldown_seconds=30)
    assert believed(decider, "cwc") == "c--"
    rest(decider, begin=0.3, end=40.0)
    assert decide_at(decider, [(40.1, CAT)])[-1].label == "cat"


def test_rest_before_anything_was_seen():
    decider = make_decider(votes=1)
    rest(decider, begin=5.0, end=6.0)
    assert decide_at(decider, [(6.1, CAT)])[-1].label == "cat"


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_decider_refuses_thresholds_that_are_no_scores(threshold):
    with pytest.raises(SettingError, match=r"from 0 to 1.*for dog"):
        make_decider(thresholds={"cat": 0.5, "dog": threshold, "none": 0.5})


@pytest.mark.parametrize("labels", [("cat", "dog"), (*LABELS, "fox")])
def test_decider_refuses_thresholds_of_other_labels(labels):
    with pytest.raises(SettingError, match="3 labels needs a threshold"):
        make_decider(thresholds=dict.fromkeys(labels, 0.5))


def test_decide_takes_frames_between_two_votes_for_none():
    """Ten votes a second are asked for; frames come twice as often."""
    decisions = decide_all(make_decider(votes=2, window=2, **BARE), [CAT] * 4, period=0.05)
    assert [decision.label for decision in decisions] == ["unknown", "unknown", "cat", "cat"]


def test_decider_is_undecided_until_the_votes_are_for_what_is_believed():
    decider = make_decider(rule="consecutive", votes=1, window=1, enter_seconds=0.15, **BARE)
    assert not decider.is_undecided
    seen = [(decide_at(decider, [(seconds, CAT)]), decider.is_undecided) for seconds in (0, 0.1)]
    assert [is_undecided for _, is_undecided in seen] == [True, True]
    (decision,) = decide_at(decider, [(0.2, CAT)])
    assert (decision.label, decider.is_undecided) == ("cat", False)
