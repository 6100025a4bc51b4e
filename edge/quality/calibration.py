"""Whether scores are probabilities: of the answers given with 80 %, do 80 % hold?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.metrics import apply_temperature
from edge.records import Scores

BINS = 15
_TEMPERATURES = np.geomspace(0.25, 4.0, 97)
_HALF_STEP = 1.0 / 512.0  # a uint8 score of 0 stands for less than half of its step of 1/256


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers whose score lies in a range.

    Attributes:
        confidence: Their mean score, in [0, 1].
        accuracy: The share of them that is right, in [0, 1].
        count: How many there are, at least one.
    """

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far scores and shares of right answers lie apart.

    Attributes:
        error: Expected calibration error: the mean distance, in [0, 1], weighted by counts.
        bins: Those that hold any answer, by score.
    """

    error: float
    bins: tuple[ReliabilityBin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return {
            "error": self.error,
            "bins": [
                {"confidence": b.confidence, "accuracy": b.accuracy, "count": b.count}
                for b in self.bins
            ],
        }


def measure_reliability(scores: Scores, truth: NDArray[np.integer[Any]]) -> Reliability:
    """Compare the best score of each picture with how often the best label is right.

    Guo et al. 2017, "On Calibration of Modern Neural Networks",
    https://arxiv.org/abs/1706.04599: fifteen bins of equal width.

    Args:
        scores: `(pictures, labels)`, probabilities in [0, 1].
        truth: `(pictures,)`, index of the right label.

    Example:
        >>> sure = np.array([[0.9, 0.1]] * 4, np.float32)  # sure, and wrong in one of four
        >>> round(measure_reliability(sure, np.array([0, 0, 0, 1])).error, 2)
        0.15
    """
    best = scores.max(axis=1)
    is_right = scores.argmax(axis=1) == truth
    numbers = np.clip(np.ceil(best * BINS).astype(int) - 1, 0, BINS - 1)
    bins = []
    for number in np.unique(numbers):
        rows = numbers == number
        mean, share = float(best[rows].mean()), float(is_right[rows].mean())
        bins.append(ReliabilityBin(mean, share, int(rows.sum())))
    distance = sum(b.count * abs(b.confidence - b.accuracy) for b in bins)
    return Reliability(distance / max(1, len(truth)), tuple(bins))


def fit_temperature(scores: Scores, truth: NDArray[np.integer[Any]]) -> float:
    """Return the temperature, in [0.25, 4], with the least negative log-likelihood.

    Guo et al. 2017, "On Calibration of Modern Neural Networks",
    https://arxiv.org/abs/1706.04599.

    Args:
        scores: `(pictures, labels)`, probabilities in [0, 1].
        truth: `(pictures,)`, index of the right label.

    Example:
        >>> sure = np.array([[0.99, 0.01]] * 4, np.float32)  # sure, and wrong in one of four
        >>> fit_temperature(sure, np.array([0, 0, 0, 1])) > 2
        True
    """
    floored = np.where(scores > 0, scores, _HALF_STEP).astype(np.float32)
    rows = np.arange(len(truth))
    losses = [
        -np.log(apply_temperature(floored, float(temperature))[rows, truth]).mean()
        for temperature in _TEMPERATURES
    ]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)
