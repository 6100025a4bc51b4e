"""Says whether a frame is worth a model's look: something moved, or nobody has looked for a while.

Each frame's thumbnail is compared with a background that follows the scene. The comparison is made
of logarithms, so that a change of light is the same step in every cell, and what all cells, a row
(the bands of lamps) or a wide neighbourhood (soft shadows, infrared lamps) have in common is taken
out before anything counts as motion. The noise of every cell is learned, as in C. Stauffer and
W. Grimson, "Adaptive background mixture models for real-time tracking", 1999, with one Gaussian.

Pure: the time is the frame's own; all rates are in seconds, whatever the frame rate.
"""

import math
from dataclasses import dataclass, fields
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingError
from edge.glance import THUMBNAIL_SHAPE, glance_of
from edge.records import Frame, Grey

_Cells: TypeAlias = NDArray[np.float32]  # `(60, 80)`

_DARK_OFFSET = 8.0  # levels added before the logarithm: the noise of darkness is no contrast
_LOGARITHM = np.log(np.arange(256, dtype=np.float32) + _DARK_OFFSET)
_WHITE = float(_LOGARITHM[250])  # a cell beyond is overexposed, and follows no change of light
_COMMON_LIMIT = 0.15
_NEIGHBOURHOOD = (41, 41)
_STRENGTH = 5.0  # deviations of a cell's noise that are motion
_FIRST_DEVIATION = 0.02
_LEAST_VARIANCE = 1e-6  # a cell without any noise can still learn what noise is
_MOST_NOISE = 4.0  # times its variance: a frame's part in learning a cell's noise
_WHOLE_SCENE = 0.3  # so much of the picture at once is another light: it is learned anew


@dataclass(frozen=True, slots=True)
class MotionSpec:
    """The limits of the gate.

    Attributes:
        least_contrast: Least change of a cell against its background that is motion, as a
            natural logarithm of brightness: 0.05 is 5 %.
        least_share: Least part of the picture that must have moved, in (0, 1].
        hold_seconds: The gate stays open for so long after motion.
        longest_rest_seconds: The gate is never closed for longer than this.
        absorb_seconds: Time constant with which the background follows the scene.

    Raises:
        SettingError: A value is no number, or not above zero.

    Example:
        >>> MotionSpec(hold_seconds=2).hold_seconds
        2
    """

    least_contrast: float = 0.05
    least_share: float = 0.002
    hold_seconds: float = 1.0
    longest_rest_seconds: float = 2.0
    absorb_seconds: float = 6.0

    def __post_init__(self) -> None:
        """Check every value."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise SettingError(
                    "A limit of the motion gate must be a number above zero",
                    received=f"{field.name}={value}",
                    fix=f"Choose for example {field.name}={field.default}",
                )


class MotionGate:
    """Opens for frames that the model should see; to be asked for every frame, in order.

    Args:
        spec: The limits; the defaults when `None`.
        region: `(60, 80)`, `bool`: cells in which motion counts; all when `None`.

    Attributes:
        has_motion: Whether the last frame showed motion, not whether the gate is open.

    Raises:
        SettingError: The region is of another shape.

    Example:
        >>> from edge.testing import blank_frame
        >>> gate = MotionGate()
        >>> [gate.is_open(blank_frame(index)) for index in (0, 1, 30, 59, 60, 61)]
        [True, False, False, False, True, False]
    """

    def __init__(
        self, spec: MotionSpec | None = None, region: NDArray[np.bool_] | None = None
    ) -> None:
        if region is not None and region.shape != THUMBNAIL_SHAPE:
            raise SettingError(
                f"A region must have the thumbnail's shape {THUMBNAIL_SHAPE}",
                received=f"{region.shape}",
                fix="Make it with edge.region",
            )
        self._spec = MotionSpec() if spec is None else spec
        self._region = region
        cells = THUMBNAIL_SHAPE[0] * THUMBNAIL_SHAPE[1]
        self._least_cells = max(1.0, self._spec.least_share * cells)
        self._most_cells = _WHOLE_SCENE * cells
        self._background: _Cells | None = None
        self._variance = np.full(THUMBNAIL_SHAPE, _FIRST_DEVIATION**2, np.float32)
        self._moved: NDArray[np.bool_] = np.zeros(THUMBNAIL_SHAPE, np.bool_)
        self._time_seconds = -math.inf
        self._opened_seconds = -math.inf
        self._motion_seconds = -math.inf
        self.has_motion = False

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Cells that moved in the last frame, `(60, 80)`, `bool`."""
        return self._moved

    def is_open(self, frame: Frame) -> bool:
        """Say whether the model should look at a frame.

        Args:
            frame: The next frame of the source.
        """
        now = frame.time_seconds
        if now < self._time_seconds:  # the source was opened again
            self._opened_seconds = self._motion_seconds = -math.inf
            self._time_seconds = now
        self.has_motion = self._look(glance_of(frame).thumbnail, now)
        self._time_seconds = now
        if self.has_motion:
            self._motion_seconds = now
        is_held = now - self._motion_seconds <= self._spec.hold_seconds
        # A frame's time is the sum of many periods: a hair before the limit is on it.
        is_due = now - self._opened_seconds >= self._spec.longest_rest_seconds - 1e-6
        if is_held or is_due:
            self._opened_seconds = now
            return True
        return False

    def _look(self, thumbnail: Grey, now: float) -> bool:
        seen = np.asarray(cv2.LUT(thumbnail, _LOGARITHM), np.float32)
        if self._background is None:
            self._background = seen
            return False
        smooth = np.asarray(cv2.blur(_without_common(seen, self._background), (3, 3)), np.float32)
        energy = smooth * smooth
        limits = np.maximum(self._variance * _STRENGTH**2, self._spec.least_contrast**2)
        moved = energy > limits
        cells_of_all = int(np.count_nonzero(moved))
        if self._region is not None:
            moved &= self._region
        self._moved = moved
        if cells_of_all > self._most_cells:
            self._background = seen
        else:
            self._learn(seen, self._background, energy, now)
        return int(np.count_nonzero(moved)) >= self._least_cells

    def _learn(self, seen: _Cells, background: _Cells, energy: _Cells, now: float) -> None:
        elapsed = max(0.0, now - self._time_seconds)
        share = 1.0 - math.exp(-elapsed / self._spec.absorb_seconds)
        background += share * (seen - background)
        # What moves says nothing of a cell's noise, so one frame counts for little.
        bounded = np.minimum(energy, self._variance * _MOST_NOISE)
        self._variance += share * (bounded - self._variance)
        np.maximum(self._variance, _LEAST_VARIANCE, out=self._variance)


def _without_common(seen: _Cells, background: _Cells) -> _Cells:
    """Return how the cells changed, less what they share with all, their row and neighbourhood."""
    expected = np.minimum(background + _middle(seen - background), _WHITE)
    change = np.minimum(seen, _WHITE) - expected
    change -= _bounded(change).mean(axis=1, keepdims=True)
    common = cv2.blur(_bounded(change), _NEIGHBOURHOOD)
    return np.asarray(change - common, np.float32)


def _middle(change: _Cells) -> float:
    """Return the change that most cells share: the mean, and again of what is near it."""
    first = float(change.mean())
    return first + float(_bounded(change - first).mean())


def _bounded(change: _Cells) -> _Cells:
    """Bound a cell's say in what is common to many, so that what moves has little."""
    return np.minimum(np.maximum(change, -_COMMON_LIMIT), _COMMON_LIMIT)
