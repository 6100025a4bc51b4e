"""Temperature and thresholds from validation scores."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convert.evidence import most_wrong_share
from convert.thresholds import (
    CHEAPEST,
    MISSED,
    SHOWN,
    Goal,
    calibrate,
    choose_threshold,
    read_goal,
)
from edge.errors import SettingError
from edge.metrics import apply_temperature, evaluate_scores
from edge.quality.calibration import fit_temperature

LABELS = ("mine", "other", "prey")
raw_scores = arrays(np.float32, (40, 3), elements=st.floats(2.0**-7, 1.0, width=32))
truths = arrays(np.int64, 40, elements=st.integers(0, 2))


def normalized(raw):
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=50, deadline=None)  # a busy machine is not an error
@given(raw_scores, truths, st.floats(0.4, 0.999))
def test_thresholds_keep_the_precision_or_say_that_they_do_not(raw, truth, precision):
    scores = normalized(raw)
    found = calibrate(scores, truth, labels=LABELS, goal=Goal(precision))
    calibrated = apply_temperature(scores, found.temperature)
    for index, label in enumerate(LABELS):
        threshold = found.thresholds[label]
        taken = (calibrated.argmax(1) == index) & (calibrated[:, index] >= threshold.value)
        wrong = int((taken & (truth != index)).sum())
        assert 0.5 <= threshold.value < 1.0
        assert (threshold.answers, threshold.wrong) == (taken.sum(), wrong)
        assert threshold.precision_shown <= (threshold.precision or 0.0)
        assert (threshold.precision_shown >= precision) == (threshold.verdict == SHOWN)
        if threshold.verdict == MISSED:
            assert threshold.note
        else:
            assert threshold.precision >= precision - 1e-9


@settings(max_examples=50, deadline=None)  # a busy machine is not an error
@given(raw_scores, truths)
def test_recalls_are_those_of_the_evaluation_with_these_thresholds(raw, truth):
    scores = normalized(raw)
    found = calibrate(scores, truth, labels=LABELS)
    judged = evaluate_scores(
        apply_temperature(scores, found.temperature), truth, labels=LABELS, thresholds=found.values
    )
    for label in LABELS:
        assert found.thresholds[label].recall == pytest.approx(judged.per_label[label].recall)


@settings(max_examples=50, deadline=None)  # a busy machine is not an error
@given(raw_scores, truths, st.floats(0.1, 100), st.floats(0.1, 100))
def test_no_other_threshold_costs_less(raw, truth, wrong_cost, missed_cost):
    scores = normalized(raw)
    goal = Goal(wrong_cost=wrong_cost, missed_cost=missed_cost)
    found = choose_threshold(scores, truth == 0, 0, goal)

    def cost(value):
        taken = (scores.argmax(1) == 0) & (scores[:, 0] >= value)
        missed = ((truth == 0) & ~taken).sum()
        return wrong_cost * (taken & (truth != 0)).sum() + missed_cost * missed

    assert found.verdict == CHEAPEST
    for value in np.round(np.arange(0.5, 1.0, 0.01), 2):
        assert cost(found.value) <= cost(value) * (1 + 1e-9)


def sure(right, wrong, unsure_wrong=0):
    """Scores of a first label: right and wrong ones of 0.95, and wrong ones of 0.705."""
    first = np.array([0.95] * (right + wrong) + [0.705] * unsure_wrong, np.float32)
    is_own = np.arange(len(first)) < right
    return np.stack([first, 1 - first], axis=1), is_own


# (right, wrong, unsure wrong) -> threshold, verdict, note
EVIDENCE = [
    ((299, 0, 0), 0.5, "shown", ""),
    # one picture too few: the same threshold, but it says what it does not know
    (
        (298, 0, 0),
        0.5,
        "met",
        r"not shown: 0 wrong of 298, .* 1 wrong in 100\.0; ",
    ),
    # the unsure mistakes are kept out
    ((400, 0, 9), 0.71, "shown", ""),
    ((100, 0, 9), 0.71, "met", r"it takes 299 answers without a mistake"),
    # many pictures bear a mistake
    ((1000, 1, 0), 0.5, "shown", ""),
    # nothing helps
    ((50, 50, 0), 0.5, "missed", r"not met: 50 wrong of 100"),
    ((0, 0, 0), 0.5, "missed", r"no validation picture gets this label"),
]


@pytest.mark.parametrize(("counts", "value", "verdict", "note"), EVIDENCE, ids=str)
def test_what_the_pictures_cannot_show_is_said(counts, value, verdict, note):
    found = choose_threshold(*sure(*counts), 0, Goal(0.99))
    assert (found.value, found.verdict) == (value, verdict)
    assert re.search(note, found.note)
    assert bool(note) == bool(found.note)


def test_bound_holds_for_nineteen_of_twenty_samples():
    """Draw samples of a known share: the bound may lie below it once in twenty times."""
    wrongs = np.random.default_rng(1).binomial(200, 0.02, 2000)
    bounds = {wrong: most_wrong_share(int(wrong), 200) for wrong in set(wrongs)}
    too_low = np.mean([bounds[wrong] < 0.02 for wrong in wrongs])
    assert too_low <= 0.06
    assert most_wrong_share(0, 3000) == pytest.approx(3 / 3000, rel=0.01)  # the rule of three
    assert most_wrong_share(3, 3) == 1.0


def test_a_higher_price_of_mistakes_raises_the_threshold():
    scores, is_own = sure(20, 0, 3)
    scores[:10] = [0.6, 0.4]  # half of the own are no surer than the mistakes
    assert choose_threshold(scores, is_own, 0, read_goal(None, "1:1")).value == 0.5
    assert choose_threshold(scores, is_own, 0, read_goal(None, "10:1")).value == 0.71


# (right, wrong) -> note; at 99:1 answers are worth their cost from a precision of 0.99
WORTH = [
    ((299, 0), ""),
    # the flap of a new user: nothing went wrong, and next to nothing is known
    ((7, 0), r"not shown to be worth it: 0 wrong of 7, .* 1 wrong in 2\.9; it takes 299 answers"),
    # cheaper than none on these pictures, perhaps not on the next
    ((300, 1), r"not shown to be worth it: 1 wrong of 301"),
    ((1000, 1), ""),
    ((0, 0), r"no validation picture gets this label"),
]


@pytest.mark.parametrize(("counts", "note"), WORTH, ids=str)
def test_a_cost_says_what_the_pictures_cannot_show(counts, note):
    found = choose_threshold(*sure(*counts, 0), 0, read_goal(None, "99:1"))
    assert found.verdict == CHEAPEST
    assert re.match(note, found.note)
    assert bool(note) == bool(found.note)


@pytest.mark.parametrize(
    ("precision", "cost", "message"),
    [
        (0.9, "1:1", "by --precision or by --cost"),
        (1.0, None, "above 0 and below 1"),
        (0.0, None, "above 0 and below 1"),
        (float("nan"), None, "above 0 and below 1"),
        (None, "100", "WRONG:MISSED"),
        (None, "1:2:3", "WRONG:MISSED"),
        (None, "-1:2", "WRONG:MISSED"),
        (None, "nan:1", "WRONG:MISSED"),
        (None, "1:inf", "WRONG:MISSED"),
    ],
)
def test_goal_that_cannot_be_used_is_refused(precision, cost, message):
    with pytest.raises(SettingError, match=message):
        read_goal(precision, cost)


def test_threshold_of_a_perfect_model_is_the_least():
    scores = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    found = calibrate(scores, np.arange(30) % 3, labels=LABELS)
    assert found.values == {"mine": 0.5, "other": 0.5, "prey": 0.5}
    assert all(threshold.recall == 1.0 for threshold in found.thresholds.values())


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.0])
def test_temperature_is_found_again(true_temperature):
    chance = np.random.default_rng(0)
    logits = chance.normal(0, 2, (6000, 3))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (true.cumsum(axis=1) < chance.random((6000, 1))).sum(axis=1).clip(0, 2)
    said = np.exp(logits * true_temperature)
    said /= said.sum(axis=1, keepdims=True)
    assert fit_temperature(said.astype(np.float32), truth) == pytest.approx(
        true_temperature, rel=0.1
    )


def test_calibration_says_what_the_temperature_has_mended():
    """Of scores that are right in 6 of 10 cases and say 0.9."""
    scores = np.tile(np.array([[0.9, 0.05, 0.05]], np.float32), (100, 1))
    found = calibrate(scores, np.array([0] * 60 + [1] * 20 + [2] * 20), labels=LABELS)
    assert found.temperature > 1
    assert found.before.error == pytest.approx(0.3)
    assert found.after.error < 0.05
    assert [one.count for one in found.before.bins] == [100]


def test_temperature_of_scores_that_quantization_rounded_to_zero_is_finite():
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
    assert 0.25 <= fit_temperature(scores, np.array([0, 1, 1])) <= 4.0
