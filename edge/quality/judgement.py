"""All that can be said about scores whose truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.metrics import Evaluation, evaluate_scores
from edge.quality.calibration import Reliability, measure_reliability
from edge.quality.interval import Interval, wilson_interval
from edge.quality.precision_recall import PrecisionRecall, trace_precision_recall
from edge.quality.robustness import ConditionResult
from edge.records import Scores

MOST_MISTAKES = 24


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a model said about pictures whose label is known.

    Attributes:
        paths: Of the pictures, as people shall read them.
        truth: `(pictures,)`, index of the right label.
        scores: `(pictures, labels)`, calibrated, in [0, 1].
        labels: The model's labels.
        temperature: That has calibrated the scores.
        thresholds: Least score per label; empty for none.
    """

    paths: Sequence[str]
    truth: NDArray[np.int64]
    scores: Scores
    labels: tuple[str, ...]
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def uncalibrated(self) -> Scores:
        """The scores as the network gives them, `(pictures, labels)`."""
        if self.temperature == 1.0:
            return self.scores
        powers = self.scores.astype(np.float64) ** self.temperature
        before: Scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        return before


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture that was taken for something else.

    Attributes:
        row: Of the picture.
        path: As people shall read it.
        label: What it shows.
        taken_for: The label that has the best score.
        score: Of that label, calibrated.
        own_score: Of the right label, calibrated.
        is_unknown: Whether the score was below its threshold, so that nothing was decided.
    """

    row: int
    path: str
    label: str
    taken_for: str
    score: float
    own_score: float
    is_unknown: bool

    def to_dict(self) -> dict[str, Any]:
        """Return what a reader of JSON needs."""
        return {
            "path": self.path,
            "label": self.label,
            "taken_for": self.taken_for,
            "score": self.score,
            "own_score": self.own_score,
            "is_unknown": self.is_unknown,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """How good a model is on some pictures.

    Attributes:
        evaluation: The counts.
        temperature: That calibrates the scores.
        before: Reliability of the scores as the network gives them.
        after: Reliability of the calibrated scores.
        curves: Of the labels that any picture carries.
        mistakes: The worst ones: the surest wrong answers first.
        conditions: In other light, if it was looked at.
    """

    evaluation: Evaluation
    temperature: float
    before: Reliability
    after: Reliability
    curves: tuple[PrecisionRecall, ...]
    mistakes: tuple[Mistake, ...]
    conditions: tuple[ConditionResult, ...] = ()

    @property
    def interval(self) -> Interval:
        """Of the accuracy."""
        return _interval(self.evaluation)

    @property
    def recall_intervals(self) -> dict[str, Interval]:
        """Of each label's recall."""
        counts = self.evaluation.confusion
        return {
            label: wilson_interval(int(counts[i, i]), int(counts[i].sum()))
            for i, label in enumerate(self.evaluation.labels)
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values for JSON."""
        return {
            **self.evaluation.to_dict(),
            "accuracy_interval": self.interval.to_dict(),
            "recall_interval": {
                label: interval.to_dict() for label, interval in self.recall_intervals.items()
            },
            "calibration": {
                "temperature": self.temperature,
                "before": self.before.to_dict(),
                "after": self.after.to_dict(),
            },
            "precision_recall": {curve.label: curve.to_dict() for curve in self.curves},
            "mistakes": [mistake.to_dict() for mistake in self.mistakes],
            "conditions": [result.to_dict() for result in self.conditions],
        }


def judge(verdicts: Verdicts, *, conditions: tuple[ConditionResult, ...] = ()) -> Judgement:
    """Count, compare and rank what a model said.

    Args:
        verdicts: At least one.
        conditions: What it said in other light.
    """
    scores, truth, labels = verdicts.scores, verdicts.truth, verdicts.labels
    curves = (
        trace_precision_recall(label, scores[:, index], truth == index)
        for index, label in enumerate(labels)
    )
    return Judgement(
        evaluation=evaluate_scores(scores, truth, labels=labels, thresholds=verdicts.thresholds),
        temperature=verdicts.temperature,
        before=measure_reliability(verdicts.uncalibrated, truth),
        after=measure_reliability(scores, truth),
        curves=tuple(curve for curve in curves if curve is not None),
        mistakes=find_mistakes(verdicts)[:MOST_MISTAKES],
        conditions=conditions,
    )


def find_mistakes(verdicts: Verdicts) -> tuple[Mistake, ...]:
    """Return the pictures whose best label is wrong, the surest of these answers first."""
    best, score = verdicts.scores.argmax(axis=1), verdicts.scores.max(axis=1)
    wrong = np.flatnonzero(best != verdicts.truth)
    return tuple(
        _describe(verdicts, int(row), int(best[row]))
        for row in sorted(wrong, key=lambda row: -score[row])
    )


def _describe(verdicts: Verdicts, row: int, best: int) -> Mistake:
    own, taken_for = int(verdicts.truth[row]), verdicts.labels[best]
    score = float(verdicts.scores[row, best])
    return Mistake(
        row=row,
        path=verdicts.paths[row],
        label=verdicts.labels[own],
        taken_for=taken_for,
        score=score,
        own_score=float(verdicts.scores[row, own]),
        is_unknown=score < verdicts.thresholds.get(taken_for, 0.0),
    )


def answers(
    scores: Scores, labels: Sequence[str], thresholds: Mapping[str, float]
) -> NDArray[np.intp]:
    """Return the index of the label that each picture is taken for; -1 for "unknown".

    Args:
        scores: `(pictures, labels)`, calibrated.
        labels: The model's labels.
        thresholds: Least score per label.

    Example:
        >>> said = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)
        >>> answers(said, ("cat", "dog"), {"cat": 0.7}).tolist()
        [0, -1]
    """
    best = scores.argmax(axis=1)
    least = np.array([thresholds.get(label, 0.0) for label in labels])
    is_claimed = scores[np.arange(len(best)), best] >= least[best]
    return np.where(is_claimed, best, -1)


def _interval(evaluation: Evaluation) -> Interval:
    return wilson_interval(int(np.trace(evaluation.confusion)), evaluation.images)
