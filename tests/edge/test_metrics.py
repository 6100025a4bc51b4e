import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metrics import apply_temperature, evaluate_scores

LABELS = ("cat", "dog", "none")


def test_evaluate_scores_counts_below_threshold_as_unknown_and_wrong():
    scores = np.array(
        [[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]], np.float32
    )
    truth = np.array([0, 0, 1, 2])
    result = evaluate_scores(scores, truth, labels=LABELS, thresholds={"cat": 0.7})
    assert result.confusion.tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 1, 0, 0]]
    assert (result.images, result.rejected) == (4, 1)
    assert (result.accuracy, result.top1_accuracy) == (0.5, 0.75)
    dog = result.per_label["dog"]
    assert (dog.precision, dog.recall, dog.count) == (0.5, 1.0, 1)


def test_evaluate_scores_of_nothing_is_zero_not_an_error():
    result = evaluate_scores(np.zeros((0, 3), np.float32), np.zeros(0, int), labels=LABELS)
    assert (result.images, result.accuracy, result.top1_accuracy) == (0, 0.0, 0.0)
    assert result.per_label["none"].recall == 0.0


def test_to_dict_has_the_documented_fields():
    result = evaluate_scores(np.eye(3, dtype=np.float32), np.arange(3), labels=LABELS)
    values = result.to_dict()
    assert values["accuracy"] == 1.0
    assert values["labels"] == ["cat", "dog", "none", "unknown"]
    assert values["per_class"]["cat"] == {"precision": 1.0, "recall": 1.0, "count": 1}


@given(
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6).filter(lambda v: sum(v) > 0.1),
    st.floats(0.2, 5.0),
)
def test_apply_temperature_keeps_order_and_sums_to_one(values, temperature):
    scores = np.array(values, np.float32) / np.float32(sum(values))
    calibrated = apply_temperature(scores, temperature)
    assert calibrated.sum() == pytest.approx(1.0, abs=1e-5)
    assert calibrated[scores.argmax()] == calibrated.max()


def test_apply_temperature_equals_dividing_the_logits():
    logits = np.array([2.0, 0.5, -1.0])
    softmax = np.exp(logits) / np.exp(logits).sum()
    expected = np.exp(logits / 1.7) / np.exp(logits / 1.7).sum()
    np.testing.assert_allclose(apply_temperature(softmax, 1.7), expected, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.01, 0.3, 1.0, 1.7, 50.0])
@pytest.mark.parametrize(
    "scores",
    [
        [0.7, 0.2, 0.1],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0],  # quantized to nothing
        [1.0],
        [1 / 64] * 64,
    ],
)
def test_one_picture_is_softened_as_many_are(scores, temperature):
    row = np.array(scores, np.float32)
    expected = apply_temperature(row[np.newaxis], temperature)[0]
    found = apply_temperature(row, temperature)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_score_that_is_no_number_stays_none():
    assert np.isnan(apply_temperature(np.array([np.nan, 0.5], np.float32), 2.0)).all()
