"""How sure a model must be: a temperature for its scores and a threshold for each label.

Both are chosen from the validation pictures' scores as the deployed file gives them, so that
what quantization did to the scores is part of the choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.metrics import apply_temperature
from edge.quality.calibration import fit_temperature
from edge.records import Scores

LEAST_THRESHOLD = 0.5
_GRID = np.round(np.arange(LEAST_THRESHOLD, 0.995, 0.01), 2)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A label's threshold and what it does to the validation pictures.

    Attributes:
        value: Least calibrated probability, in [0, 1].
        recall: Share of the label's own pictures that still get it, in [0, 1].
        false_share: Share of the other labels' pictures that are taken for it, in [0, 1].
        is_met: Whether `false_share` is within the share that was asked for.
    """

    value: float
    recall: float
    false_share: float
    is_met: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a model's scores into probabilities to decide by.

    Attributes:
        temperature: For `edge.metrics.apply_temperature`.
        thresholds: One per label.
        max_false_share: What the thresholds were chosen to keep, in [0, 1].
        pictures: Validation pictures that it was chosen from.
    """

    temperature: float
    thresholds: Mapping[str, Threshold]
    max_false_share: float
    pictures: int

    @property
    def values(self) -> dict[str, float]:
        """The threshold of each label."""
        return {label: threshold.value for label, threshold in self.thresholds.items()}


def calibrate(
    scores: Scores,
    truth: NDArray[np.integer[Any]],
    *,
    labels: Sequence[str],
    max_false_share: float = 0.005,
) -> Calibration:
    """Choose temperature and thresholds from validation scores.

    Args:
        scores: `(pictures, labels)`, raw scores of the deployed file, in [0, 1].
        truth: `(pictures,)`, index of the right label.
        labels: The model's labels; any words.
        max_false_share: Most of the other labels' pictures, in [0, 1], that may be taken for a
            label.
    """
    temperature = fit_temperature(scores, truth)
    calibrated = apply_temperature(scores, temperature) if temperature != 1.0 else scores
    thresholds = {
        label: choose_threshold(calibrated, truth == index, index, max_false_share)
        for index, label in enumerate(labels)
    }
    return Calibration(temperature, thresholds, max_false_share, len(truth))


def choose_threshold(
    scores: Scores, is_own: NDArray[np.bool_], label_index: int, max_false_share: float
) -> Threshold:
    """Return the smallest threshold from 0.5 up that keeps other labels' pictures out.

    Args:
        scores: `(pictures, labels)`, calibrated.
        is_own: `(pictures,)`, whether a picture carries the label.
        label_index: Column of the label.
        max_false_share: Most of the other pictures that may get the label, in [0, 1].

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]], np.float32)
        >>> choose_threshold(scores, np.array([True, False, True]), 0, 0.0).value
        0.61
    """
    is_winner = scores.argmax(axis=1) == label_index
    own = scores[is_own & is_winner, label_index]
    others = scores[~is_own & is_winner, label_index]
    allowed = max_false_share * int((~is_own).sum())
    is_kept = [int((others >= value).sum()) <= allowed for value in _GRID]
    is_met = any(is_kept)
    value = float(_GRID[is_kept.index(True)] if is_met else _GRID[-1])
    return Threshold(
        value=value,
        recall=_share(own >= value, int(is_own.sum())),
        false_share=_share(others >= value, int((~is_own).sum())),
        is_met=is_met,
    )


def _share(hits: NDArray[np.bool_], total: int) -> float:
    return int(hits.sum()) / total if total else 0.0
