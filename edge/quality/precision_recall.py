"""What a label's threshold buys: precision against recall."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_POINTS = 101


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a threshold does.

    Attributes:
        threshold: Least score of a picture that is taken for the label.
        precision: Share of the pictures taken for the label that carry it, in [0, 1].
        recall: Share of the pictures that carry the label that are taken for it, in [0, 1].
    """

    threshold: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """A label's curve.

    Attributes:
        label: Its name.
        average_precision: Area under the steps of the whole curve, in [0, 1].
        points: At most a hundred of it, recall rising.
    """

    label: str
    average_precision: float
    points: tuple[OperatingPoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return {
            "average_precision": self.average_precision,
            "points": [
                {"threshold": p.threshold, "precision": p.precision, "recall": p.recall}
                for p in self.points
            ],
        }


def trace_precision_recall(
    label: str, scores: NDArray[np.float32], is_own: NDArray[np.bool_]
) -> PrecisionRecall | None:
    """Move a label's threshold from high to low; `None` when no picture carries the label.

    Average precision as in Manning, Raghavan and Schütze 2008, "Introduction to Information
    Retrieval", chapter 8, without interpolation.

    Args:
        label: Its name.
        scores: `(pictures,)`, the label's score of each, in [0, 1].
        is_own: `(pictures,)`, whether a picture carries it.

    Example:
        >>> curve = trace_precision_recall(
        ...     "cat", np.array([0.9, 0.8, 0.3], np.float32), np.array([True, False, True])
        ... )
        >>> [(round(point.precision, 2), point.recall) for point in curve.points]
        [(1.0, 0.5), (0.5, 0.5), (0.67, 1.0)]
    """
    if not is_own.any():
        return None
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], np.cumsum(is_own[order])
    last_of_equals = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    recall = hits[last_of_equals] / is_own.sum()
    precision = hits[last_of_equals] / (last_of_equals + 1)
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    chosen = np.unique(np.linspace(0, len(recall) - 1, _MOST_POINTS).round().astype(int))
    points = tuple(
        OperatingPoint(
            float(falling[last_of_equals[place]]), float(precision[place]), float(recall[place])
        )
        for place in chosen
    )
    return PrecisionRecall(label, average, points)
