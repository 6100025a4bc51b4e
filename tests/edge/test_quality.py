"""Intervals, calibration, curves and mistakes, against slow definitions and known values."""

import numpy as np
import pytest

from edge.metrics import apply_temperature
from edge.quality.calibration import fit_temperature, measure_reliability
from edge.quality.interval import wilson_interval
from edge.quality.judgement import MOST_MISTAKES, Verdicts, answers, judge
from edge.quality.occlusion import GRID, map_occlusion
from edge.quality.precision_recall import trace_precision_recall
from edge.quality.robustness import choose_rows, judge_conditions

LABELS = ("cat", "dog", "none")


@pytest.fixture
def verdicts():
    """Three hundred pictures, most of them right."""
    chance = np.random.default_rng(3)
    truth = chance.integers(0, 3, 300)
    logits = chance.normal(0, 1.2, (300, 3)) + 2 * np.eye(3)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    paths = [f"{LABELS[label]}/{row}.jpg" for row, label in enumerate(truth)]
    return Verdicts(paths, truth, scores.astype(np.float32), LABELS)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),  # the same
        (0, 20, 0.0, 0.1611),  # the same
        (29, 29, 0.8830, 1.0),  # mirrored from the same
        (0, 0, 0.0, 1.0),  # nothing is known
    ],
)
def test_wilson_interval_is_that_of_the_tables(part, whole, low, high):
    found = wilson_interval(part, whole)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


def test_wilson_interval_covers_the_truth_in_95_of_100_counts():
    counts = np.random.default_rng(1).binomial(40, 0.9, 2000)
    covered = sum(
        wilson_interval(int(c), 40).low <= 0.9 <= wilson_interval(int(c), 40).high for c in counts
    )
    assert 0.93 < covered / 2000 < 0.98


def test_calibrated_scores_have_no_error():
    chance = np.random.default_rng(2)
    sure = chance.uniform(0.5, 1.0, 40_000)
    scores = np.stack([sure, 1 - sure], axis=1).astype(np.float32)
    truth = (chance.random(40_000) > sure).astype(int)
    assert measure_reliability(scores, truth).error < 0.01


def test_reliability_counts_every_picture_once(verdicts):
    found = measure_reliability(verdicts.scores, verdicts.truth)
    assert sum(one.count for one in found.bins) == 300
    assert measure_reliability(np.eye(2, dtype=np.float32), np.array([0, 1])).error == 0


def test_temperature_repairs_what_is_too_sure(verdicts):
    sure = apply_temperature(verdicts.scores, 0.4)
    temperature = fit_temperature(sure, verdicts.truth)
    # of normal logits, 2 apart with variance 1.44, the right temperature is 1.44 / 2
    assert temperature == pytest.approx(1.44 / 2 / 0.4, rel=0.2)
    before = measure_reliability(sure, verdicts.truth).error
    after = measure_reliability(apply_temperature(sure, temperature), verdicts.truth).error
    assert after < before / 2


def test_curve_is_that_of_every_threshold(verdicts):
    scores, is_own = verdicts.scores[:, 0], verdicts.truth == 0
    curve = trace_precision_recall("cat", scores, is_own)
    for point in curve.points:
        taken = scores >= point.threshold
        assert point.precision == pytest.approx(is_own[taken].mean())
        assert point.recall == pytest.approx((taken & is_own).sum() / is_own.sum())
    assert len(curve.points) <= 101
    assert curve.points[-1].recall == 1.0


def test_average_precision_of_known_cases():
    own = np.array([True, True, False, False])
    falling = np.array([0.9, 0.8, 0.2, 0.1], np.float32)
    assert trace_precision_recall("a", falling, own).average_precision == 1.0
    # ranks 3 and 4: precision 1/3 and 2/4 at the two hits
    worst = trace_precision_recall("a", falling[::-1], own).average_precision
    assert worst == pytest.approx((1 / 3 + 2 / 4) / 2)
    # all scores equal: one threshold
    equal = trace_precision_recall("a", np.full(4, 0.5, np.float32), own)
    assert (equal.average_precision, len(equal.points)) == (0.5, 1)
    assert trace_precision_recall("a", falling, np.zeros(4, bool)) is None


def test_worst_mistakes_come_first(verdicts):
    found = judge(verdicts)
    wrong = int((verdicts.scores.argmax(axis=1) != verdicts.truth).sum())
    assert len(found.mistakes) == min(wrong, MOST_MISTAKES)
    assert [m.score for m in found.mistakes] == sorted(m.score for m in found.mistakes)[::-1]
    for mistake in found.mistakes:
        assert mistake.label != mistake.taken_for
        assert mistake.path == verdicts.paths[mistake.row]
        assert mistake.own_score < mistake.score


def test_below_its_threshold_a_mistake_is_unknown():
    scores = np.array([[0.6, 0.4], [0.9, 0.1]], np.float32)
    verdicts = Verdicts(
        ["a", "b"], np.array([1, 1]), scores, ("cat", "dog"), thresholds={"cat": 0.7, "dog": 0.5}
    )
    found = judge(verdicts)
    assert [(m.path, m.is_unknown) for m in found.mistakes] == [("b", False), ("a", True)]
    assert found.evaluation.rejected == 1
    assert answers(scores, ("cat", "dog"), {"cat": 0.7}).tolist() == [-1, 0]


def test_uncalibrated_scores_are_recovered(verdicts):
    calibrated = Verdicts(
        verdicts.paths,
        verdicts.truth,
        apply_temperature(verdicts.scores, 0.5),
        LABELS,
        temperature=0.5,
    )
    np.testing.assert_allclose(calibrated.uncalibrated, verdicts.scores, atol=1e-4)
    found = judge(calibrated)
    assert found.before.error == pytest.approx(judge(verdicts).before.error, abs=1e-3)
    assert found.before.error != found.after.error


@pytest.mark.parametrize("temperature", [0.25, 0.5, 2.0, 4.0])
def test_uncalibrated_scores_are_recovered_at_every_temperature(temperature):
    """Sharpened, the small scores are far smaller than those that quantization rounds to zero."""
    scores = np.array([[0.995, 0.005], [0.6, 0.4], [0.99999, 0.00001]], np.float32)
    sharpened = apply_temperature(scores, temperature)
    found = Verdicts("abc", np.zeros(3, np.int64), sharpened, LABELS[:2], temperature=temperature)
    np.testing.assert_allclose(found.uncalibrated, scores, atol=2e-5)


def test_judgement_as_json_holds_plain_values(verdicts):
    record = judge(verdicts).to_dict()
    assert record["accuracy_interval"]["low"] < record["accuracy"]
    assert set(record["precision_recall"]) == set(LABELS)
    assert type(record["mistakes"][0]["score"]) is float
    assert type(record["calibration"]["after"]["bins"][0]["count"]) is int


def test_rows_are_spread_over_the_labels():
    truth = np.repeat([0, 1, 2], [600, 300, 100])
    rows = choose_rows(truth, most=100)
    assert np.bincount(truth[rows]) == pytest.approx([60, 30, 10], abs=1)
    assert len(set(rows.tolist())) == 100
    assert choose_rows(truth[:5]).tolist() == [0, 1, 2, 3, 4]


def test_conditions_change_what_is_answered():
    pictures = np.full((70, 8, 8, 3), 200, np.uint8)  # more than a chunk
    judged = []
    results = judge_conditions(
        pictures,
        np.zeros(70, int),
        answer=lambda some: np.where(some.mean(axis=(1, 2, 3)) > 100, 0, -1),
        when_judged=judged.append,
    )
    right = {result.name: result.accuracy for result in results}
    assert right["as it is"] == right["noise"] == 1.0
    assert right["dusk"] == right["night"] == 0.0
    assert sum(judged) == 70 * len(results)


def test_occlusion_finds_what_counts():
    frame = np.zeros((70, 70, 3), np.uint8)
    frame[10:20, 50:60] = 255  # cell (1, 5)

    def score(picture):
        return np.array([picture.max() / 255.0, 0.0], np.float32)

    heat = map_occlusion(frame, 0, score=score)
    assert heat.shape == (GRID, GRID)
    assert np.unravel_index(heat.argmax(), heat.shape) == (1, 5)
    assert map_occlusion(frame, 1, score=score).max() == 0
