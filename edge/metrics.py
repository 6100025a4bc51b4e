"""How good a set of predictions is: one definition for training, conversion and the device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.records import UNKNOWN, Scores

_FEW_LABELS = 64
_SMALLEST_SCORE = 1e-6  # stands for a score that quantization rounded to zero


@dataclass(frozen=True, slots=True)
class LabelMetrics:
    """How well one label is recognised.

    Attributes:
        precision: Share of the pictures taken for the label that carry it, in [0, 1]; 0 when
            none was taken for it.
        recall: Share of the pictures that carry the label that were taken for it, in [0, 1].
        count: Pictures that carry the label.
    """

    precision: float
    recall: float
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Counts of what was said about pictures whose label is known.

    Attributes:
        labels: The model's labels.
        confusion: `(labels, labels + 1)`, `int64`; rows are the truth, columns what was said,
            the last column "unknown".
        top1_hits: Pictures whose best label is right, thresholds ignored.
    """

    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    top1_hits: int

    @property
    def images(self) -> int:
        """Pictures judged."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of right answers in [0, 1]; "unknown" is wrong."""
        return _share(int(np.trace(self.confusion)), self.images)

    @property
    def top1_accuracy(self) -> float:
        """Share of pictures whose best label is right, thresholds ignored, in [0, 1]."""
        return _share(self.top1_hits, self.images)

    @property
    def rejected(self) -> int:
        """Pictures that no label claimed: "unknown"."""
        return int(self.confusion[:, -1].sum())

    @property
    def per_label(self) -> dict[str, LabelMetrics]:
        """Precision, recall and count of each label."""
        said = self.confusion.sum(axis=0)
        true = self.confusion.sum(axis=1)
        return {
            label: LabelMetrics(
                precision=_share(int(self.confusion[i, i]), int(said[i])),
                recall=_share(int(self.confusion[i, i]), int(true[i])),
                count=int(true[i]),
            )
            for i, label in enumerate(self.labels)
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and shares as plain values for JSON."""
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            "top1_accuracy": self.top1_accuracy,
            "per_class": {
                label: {"precision": m.precision, "recall": m.recall, "count": m.count}
                for label, m in self.per_label.items()
            },
            "confusion": self.confusion.tolist(),
            "labels": [*self.labels, UNKNOWN],
            "rejected": self.rejected,
        }


def evaluate_scores(
    scores: Scores,
    truth: NDArray[np.integer[Any]],
    *,
    labels: Sequence[str],
    thresholds: Mapping[str, float] | None = None,
) -> Evaluation:
    """Compare scores with the truth.

    Args:
        scores: `(pictures, labels)`, probabilities in [0, 1].
        truth: `(pictures,)`, index of the right label.
        labels: The model's labels.
        thresholds: Least score per label; below it the answer is "unknown". None by default.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)
        >>> result = evaluate_scores(
        ...     scores, np.array([0, 0]), labels=("cat", "dog"), thresholds={"cat": 0.7}
        ... )
        >>> result.accuracy, result.top1_accuracy, result.rejected
        (0.5, 1.0, 1)
    """
    labels = tuple(labels)
    best = scores.argmax(axis=1) if len(scores) else np.zeros(0, np.intp)
    least = np.array([(thresholds or {}).get(label, 0.0) for label in labels])
    is_claimed = scores[np.arange(len(best)), best] >= least[best]
    said = np.where(is_claimed, best, len(labels))
    confusion = np.zeros((len(labels), len(labels) + 1), np.int64)
    np.add.at(confusion, (truth, said), 1)
    return Evaluation(labels, confusion, top1_hits=int((best == truth).sum()))


def apply_temperature(scores: Scores, temperature: float) -> Scores:
    """Soften (above 1) or sharpen (below 1) probabilities, keeping their order.

    Equals dividing the logits by the temperature (Guo et al. 2017, "On Calibration of Modern
    Neural Networks", https://arxiv.org/abs/1706.04599).

    Args:
        scores: `(..., labels)`, probabilities in [0, 1].
        temperature: Greater than 0; 1 changes nothing.

    Returns:
        `(..., labels)`, `float32`, summing to 1.
    """
    if scores.ndim == 1 and len(scores) <= _FEW_LABELS:
        return _apply_to_few(scores.tolist(), temperature)
    logits = np.log(np.maximum(scores, _SMALLEST_SCORE)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    calibrated: Scores = (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
    return calibrated


def _apply_to_few(scores: list[float], temperature: float) -> Scores:
    """Do the same for one picture and few labels.

    Caches are cold after a model has run: a dozen NumPy calls then take as long as fitting a frame.
    """
    raised = [max(score, _SMALLEST_SCORE) for score in scores]
    best = max(raised)
    powers = [(score / best) ** (1.0 / temperature) for score in raised]
    total = sum(powers)
    return np.array([power / total for power in powers], np.float32)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
