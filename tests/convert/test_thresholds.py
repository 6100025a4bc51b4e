"""Temperature and thresholds from validation scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convert.thresholds import calibrate, choose_threshold
from edge.metrics import apply_temperature, evaluate_scores
from edge.quality.calibration import fit_temperature

LABELS = ("mine", "other", "prey")
raw_scores = arrays(np.float32, (40, 3), elements=st.floats(2.0**-7, 1.0, width=32))
truths = arrays(np.int64, 40, elements=st.integers(0, 2))


def normalized(raw):
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=50, deadline=None)  # a busy machine is not an error
@given(raw_scores, truths, st.floats(0.0, 0.3))
def test_thresholds_keep_other_labels_out_or_say_that_they_do_not(raw, truth, share):
    scores = normalized(raw)
    found = calibrate(scores, truth, labels=LABELS, max_false_share=share)
    calibrated = apply_temperature(scores, found.temperature)
    for index, label in enumerate(LABELS):
        threshold = found.thresholds[label]
        others = truth != index
        taken = others & (calibrated.argmax(1) == index) & (calibrated[:, index] >= threshold.value)
        assert 0.5 <= threshold.value < 1.0
        assert threshold.false_share == pytest.approx(taken.sum() / max(1, others.sum()))
        assert threshold.is_met == (taken.sum() <= share * others.sum())


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
@given(raw_scores, truths)
def test_a_stricter_share_never_lowers_a_threshold(raw, truth):
    scores = normalized(raw)
    strict = choose_threshold(scores, truth == 0, 0, 0.0)
    lax = choose_threshold(scores, truth == 0, 0, 0.1)
    assert strict.value >= lax.value
    assert strict.false_share <= lax.false_share


def test_threshold_of_a_perfect_model_is_the_least():
    scores = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    found = calibrate(scores, np.arange(30) % 3, labels=LABELS)
    assert found.values == {"mine": 0.5, "other": 0.5, "prey": 0.5}
    assert all(threshold.recall == 1.0 for threshold in found.thresholds.values())


def test_threshold_that_cannot_be_met_is_said():
    scores = np.tile(np.array([[1.0, 0.0]], np.float32), (10, 1))  # always sure of the first
    found = choose_threshold(scores, np.arange(10) < 5, 0, 0.1)
    assert not found.is_met
    assert found.value == 0.99
    assert found.false_share == 1.0


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


def test_temperature_of_scores_that_quantization_rounded_to_zero_is_finite():
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
    assert 0.25 <= fit_temperature(scores, np.array([0, 1, 1])) <= 4.0
