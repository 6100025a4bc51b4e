"""What bad light, a soft lens and noise do to the answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.conditions import CONDITIONS
from edge.quality.interval import Interval, wilson_interval
from edge.records import Pixels

MOST_PICTURES = 500
"""So many are looked at in every condition, at most: the interval is then narrow enough."""

_CHUNK = 64


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """How many answers are right in a condition.

    Attributes:
        name: Of the condition, see `edge.conditions.CONDITIONS`.
        images: Pictures judged.
        accuracy: Share of right answers with the thresholds applied, in [0, 1].
        interval: Of it.
    """

    name: str
    images: int
    accuracy: float
    interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return {
            "name": self.name,
            "images": self.images,
            "accuracy": self.accuracy,
            "accuracy_interval": self.interval.to_dict(),
        }


def choose_rows(truth: NDArray[np.integer[Any]], *, most: int = MOST_PICTURES) -> NDArray[np.intp]:
    """Return the rows of the pictures to look at: evenly spread, so that labels keep their shares.

    Example:
        >>> choose_rows(np.array([0, 0, 0, 0, 1, 1]), most=3).tolist()
        [0, 2, 5]
    """
    by_label = np.argsort(truth, kind="stable")
    count = min(most, len(truth))
    chosen = by_label[np.linspace(0, len(truth) - 1, count).round().astype(np.intp)]
    return np.sort(chosen)


def judge_conditions(
    pictures_bgr: Pixels,
    truth: NDArray[np.integer[Any]],
    *,
    answer: Callable[[Pixels], NDArray[np.intp]],
    when_judged: Callable[[int], None] | None = None,
) -> tuple[ConditionResult, ...]:
    """Judge the same pictures in every condition.

    Args:
        pictures_bgr: `(pictures, height, width, 3)`, `uint8`, BGR, as large as the model's input,
            so that a change is as strong for a large photo as for a small one.
        truth: `(pictures,)`, index of the right label.
        answer: Returns for `(some, height, width, 3)`, `uint8`, BGR, the index of the label that
            each is taken for; -1 for "unknown".
        when_judged: Called with the number of pictures that were judged, for a progress bar.
    """
    results = []
    for name, change in CONDITIONS.items():
        right = 0
        for start in range(0, len(truth), _CHUNK):
            rows = slice(start, start + _CHUNK)
            changed = np.stack([change(picture) for picture in pictures_bgr[rows]])
            right += int((answer(changed) == truth[rows]).sum())
            if when_judged is not None:
                when_judged(len(changed))
        share, interval = right / max(1, len(truth)), wilson_interval(right, len(truth))
        results.append(ConditionResult(name, len(truth), share, interval))
    return tuple(results)
