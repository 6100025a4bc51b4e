"""Says whether the picture of a source can be believed, from nothing but what it shows.

Pure: the time is the frame's own, `Frame.time_seconds`; the same frames always have the same
states. The rules and what real clips measure stand in `docs/picture-states.md`.
"""

import math
from dataclasses import dataclass, fields
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingError
from edge.glance import THUMBNAIL_WH, glance_of
from edge.records import Frame, Grey, Picture, Pixels

_View: TypeAlias = NDArray[np.float32]  # a thumbnail, `(60, 80)`

_WHITEST = 255
_LEAVE = 1.25  # a state is left once its measure is this much better than the limit it fell below
_FEWEST_CELLS = 96  # of 4,800, 2 %: so many dark or bright cells are no mistake
_FEWEST_REPEATS = 3
_SHARPNESS_WH = (160, 120)
_LEAST_COARSE_ENERGY = 0.5  # below it a picture has no structure whose sharpness could be told
_STEADY_CELLS = 1.5  # two measured shifts closer than this are the same
_SAME_PLACE_CELLS = 1.0
_ROUNDING_SECONDS = 1e-6  # a frame's time is the sum of many periods: a hair before is on time
_RENEWAL_SECONDS = 60.0  # time constant with which the reference follows light and seasons


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """The limits of all states.

    Attributes:
        frozen_seconds: Frozen after identical frames for so long.
        dark_level: Dark while less than 2 % of the picture is as bright as this, 0 to 255.
        bright_level: Bright while less than 2 % of the picture is darker than this, 0 to 255.
        least_contrast: Covered below this local contrast, in grey levels, see `contrast_of`.
        least_sharpness: Blurred below this, a ratio, see `sharpness_of`.
        blurred_seconds: Blurred only after so long: what moves quickly is smeared for a moment.
        moved_share: Moved from this shift on, as a share of the picture's width or height.
        moved_seconds: Moved only once the shift has stayed the same for so long.
        adopt_seconds: The new view is the right one after so long.
        look_seconds: Time between two looks at contrast, sharpness and shift.

    Raises:
        SettingError: A value is no number, or not above zero, or out of the range of a picture.

    Example:
        >>> SensorSpec(dark_level=12).dark_level
        12
    """

    frozen_seconds: float = 3.0
    dark_level: float = 8.0
    bright_level: float = 247.0
    least_contrast: float = 0.8
    least_sharpness: float = 0.05
    blurred_seconds: float = 2.0
    moved_share: float = 0.04
    moved_seconds: float = 3.0
    adopt_seconds: float = 60.0
    look_seconds: float = 0.5

    def __post_init__(self) -> None:
        """Check every value."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise SettingError(
                    "A limit of the picture's state must be a number above zero",
                    received=f"{field.name}={value}",
                    fix=f"Choose for example {field.name}={field.default}",
                )
        if not (self.dark_level < self.bright_level <= _WHITEST and self.moved_share < 1):
            raise SettingError(
                f"dark_level must be below bright_level, that at most {_WHITEST}, and moved_share "
                "below 1",
                received=f"dark_level={self.dark_level:g} bright_level={self.bright_level:g} "
                f"moved_share={self.moved_share:g}",
                fix="Choose for example dark_level=8 bright_level=247 moved_share=0.04",
            )


class SensorSense:
    """Judges each frame of one source; to be asked for every frame, in order.

    A time that goes backwards means that the source was opened again: what was counted starts
    anew, but the view is still compared with the one before, so that a camera that was moved while
    it was away is noticed.

    Args:
        spec: The limits; the defaults when `None`.

    Attributes:
        reason: Why the last picture was not live: what was measured, and the limit; else empty.

    Example:
        >>> from edge.testing import blank_frame
        >>> sense = SensorSense()
        >>> sense.judge(blank_frame(grey=3))
        <Picture.DARK: 'dark'>
        >>> sense.reason
        '0.0 % of the picture is as bright as 8 of 255; at least 2 % must be'
    """

    def __init__(self, spec: SensorSpec | None = None) -> None:
        self._spec = SensorSpec() if spec is None else spec
        self._scene = _Scene(self._spec)
        self._state = Picture.LIVE
        self._last_seconds = -math.inf
        self.reason = ""
        self._restart()

    def judge(self, frame: Frame) -> Picture:
        """Return the state of a frame's picture; never "offline", which no frame can be.

        Args:
            frame: The next frame of the source. Its glance is taken now where it has none;
                frozen is then never said.
        """
        seen = glance_of(frame)
        now = frame.time_seconds
        if now < self._last_seconds:
            self._restart()
        self._last_seconds = now
        self.reason = (
            self._frozen(seen.is_repeat, now)
            or self._dark(seen.thumbnail)
            or self._bright(seen.thumbnail)
            or self._looked(frame, seen.thumbnail)
        )
        if not self.reason:
            self._state = Picture.LIVE
        return self._state

    def _restart(self) -> None:
        self._repeats = 0
        self._changed_seconds = math.inf
        self._looked_seconds = -math.inf
        self._sharp_seconds = math.inf
        self._found = Picture.LIVE
        self._found_reason = ""
        self._scene.restart()

    def _frozen(self, is_repeat: bool, now: float) -> str:
        if not is_repeat or self._changed_seconds > now:
            self._repeats, self._changed_seconds = 0, now
            return ""
        self._repeats += 1
        still_seconds = now - self._changed_seconds + _ROUNDING_SECONDS
        if self._repeats < _FEWEST_REPEATS or still_seconds < self._spec.frozen_seconds:
            return ""
        self._state = Picture.FROZEN
        limit = self._spec.frozen_seconds
        return f"all pixels the same for {still_seconds:.1f} s; limit {limit:g} s"

    def _dark(self, thumbnail: Grey) -> str:
        level = self._spec.dark_level * (_LEAVE if self._state is Picture.DARK else 1.0)
        cells = int(np.count_nonzero(thumbnail >= math.ceil(level)))
        if cells >= _FEWEST_CELLS:
            return ""
        self._state = Picture.DARK
        return _too_few(cells, thumbnail, f"as bright as {level:g}")

    def _bright(self, thumbnail: Grey) -> str:
        leave = 255.0 - (255.0 - self._spec.bright_level) * _LEAVE
        level = leave if self._state is Picture.BRIGHT else self._spec.bright_level
        cells = int(np.count_nonzero(thumbnail < math.ceil(level)))
        if cells >= _FEWEST_CELLS:
            return ""
        self._state = Picture.BRIGHT
        return _too_few(cells, thumbnail, f"darker than {level:g}")

    def _looked(self, frame: Frame, thumbnail: Grey) -> str:
        """Judge by what costs more, every now and then; what was found holds until then."""
        now = frame.time_seconds
        if now - self._looked_seconds >= self._spec.look_seconds - _ROUNDING_SECONDS:
            self._looked_seconds = now
            self._found_reason = (
                self._covered(thumbnail)
                or self._blurred(frame.pixels_bgr, now)
                or self._moved(thumbnail, now)
            )
        if self._found_reason:
            self._state = self._found
        return self._found_reason

    def _covered(self, thumbnail: Grey) -> str:
        limit = self._spec.least_contrast * (_LEAVE if self._found is Picture.COVERED else 1.0)
        contrast = contrast_of(thumbnail)
        if contrast >= limit:
            self._found = Picture.LIVE if self._found is Picture.COVERED else self._found
            return ""
        self._found = Picture.COVERED
        return f"local contrast is {contrast:.2f} grey levels; at least {limit:.2f} needed"

    def _blurred(self, pixels_bgr: Pixels, now: float) -> str:
        limit = self._spec.least_sharpness * (_LEAVE if self._found is Picture.BLURRED else 1.0)
        sharpness = sharpness_of(pixels_bgr)
        if math.isnan(sharpness) or sharpness >= limit:
            self._sharp_seconds = now
            self._found = Picture.LIVE if self._found is Picture.BLURRED else self._found
            return ""
        self._sharp_seconds = min(self._sharp_seconds, now)
        if now - self._sharp_seconds + _ROUNDING_SECONDS < self._spec.blurred_seconds:
            return ""
        self._found = Picture.BLURRED
        return f"sharpness is {sharpness:.3f}; at least {limit:.3f} needed"

    def _moved(self, thumbnail: Grey, now: float) -> str:
        reason = self._scene.moved(thumbnail, now)
        self._found = Picture.MOVED if reason else Picture.LIVE
        return reason


class _Scene:
    """Compares the view with a slowly renewed reference.

    The shift is found by phase correlation: C. D. Kuglin and D. C. Hines, "The phase correlation
    image alignment method", 1975, as `cv2.phaseCorrelate` does it, with a Hann window.
    """

    _LEAST_RESPONSE = 0.4

    def __init__(self, spec: SensorSpec) -> None:
        self._spec = spec
        self._window = cv2.createHanningWindow(THUMBNAIL_WH, cv2.CV_32F)
        self._reference: _View | None = None
        self.restart()

    def restart(self) -> None:
        """Forget all times, but not the reference."""
        self._agreed_seconds: float | None = None
        self._renewed_seconds: float | None = None
        self._shift_xy = (0.0, 0.0)
        self._shifted_seconds: float | None = None
        self._moved_reason = ""  # what was told last; it holds until the view agrees again

    def moved(self, thumbnail: Grey, now: float) -> str:
        """Return what says that the view has moved; empty while nothing does."""
        view = thumbnail.astype(np.float32)
        if self._reference is None:
            self._adopt(view, now)
            return ""
        if self._agreed_seconds is None:
            self._agreed_seconds = now
        # OpenCV 5.0 lays the window over the arrays that it is given, so it gets copies.
        (x, y), response = cv2.phaseCorrelate(self._reference.copy(), view.copy(), self._window)
        if response >= self._LEAST_RESPONSE and math.hypot(x, y) <= _SAME_PLACE_CELLS:
            self._renew(self._reference, view, now)
            return ""
        if now - self._agreed_seconds + _ROUNDING_SECONDS >= self._spec.adopt_seconds:
            self._adopt(view, now)
            return ""
        return self._steady_shift((x, y), response, now)

    def _steady_shift(self, shift_xy: tuple[float, float], response: float, now: float) -> str:
        width, height = THUMBNAIL_WH
        share = max(abs(shift_xy[0]) / width, abs(shift_xy[1]) / height)
        if response < self._LEAST_RESPONSE:  # something is in the way: it moves no camera back
            self._shifted_seconds = None
            return self._moved_reason
        if share < self._spec.moved_share:
            self._shifted_seconds, self._moved_reason = None, ""
            return ""
        if self._shifted_seconds is None or math.dist(shift_xy, self._shift_xy) > _STEADY_CELLS:
            self._shift_xy, self._shifted_seconds = shift_xy, now
        if now - self._shifted_seconds + _ROUNDING_SECONDS < self._spec.moved_seconds:
            return self._moved_reason
        self._moved_reason = (
            f"the view is shifted by {share * 100:.1f} % of the picture; "
            f"limit {self._spec.moved_share * 100:g} %"
        )
        return self._moved_reason

    def _renew(self, reference: _View, view: _View, now: float) -> None:
        elapsed = 0.0 if self._renewed_seconds is None else now - self._renewed_seconds
        cv2.accumulateWeighted(view, reference, 1.0 - math.exp(-elapsed / _RENEWAL_SECONDS))
        self._agreed_seconds = self._renewed_seconds = now
        self._shifted_seconds, self._moved_reason = None, ""

    def _adopt(self, view: _View, now: float) -> None:
        self._reference = view
        self._agreed_seconds = self._renewed_seconds = now
        self._shifted_seconds, self._moved_reason = None, ""


def contrast_of(thumbnail: Grey) -> float:
    """Return the local contrast of a picture: what is left of it without its slow gradients.

    It is the standard deviation, in grey levels, of the thumbnail less its own blur by a Gaussian
    of four cells: light that falls through a hand or a leaf on the lens has none.

    Args:
        thumbnail: `(60, 80)`, `uint8`, as `edge.glance` makes it.

    Example:
        >>> contrast_of(np.full((60, 80), 90, np.uint8))
        0.0
    """
    values = thumbnail.astype(np.float32)
    rest = values - cv2.GaussianBlur(values, (0, 0), 4.0)
    return float(rest.std())


def sharpness_of(pixels_bgr: Pixels) -> float:
    """Return how much fine structure a picture has, beside its coarse structure.

    It is the ratio of the energies of two bands two octaves apart, of the picture at 160x120:
    what a Gaussian of 1 pixel takes away, and what lies between Gaussians of 2 and 4 pixels.
    Natural pictures hold about as much in every octave (D. J. Field, 1987), however smooth the
    scene and however weak the light; out of focus, the fine band empties first. The idea of
    comparing a picture with its own blur is that of F. Crete et al., "The blur effect", 2007.

    Args:
        pixels_bgr: `(height, width, 3)`, `uint8`, BGR, of any size.

    Returns:
        A ratio from 0; NaN where the picture has no structure to tell by.

    Example:
        >>> chess_board = np.kron(np.indices((12, 16)).sum(0) % 2, np.ones((40, 40)))
        >>> board_bgr = np.repeat((chess_board * 200).astype(np.uint8)[:, :, None], 3, axis=2)
        >>> sharpness_of(board_bgr) > 4 * sharpness_of(cv2.GaussianBlur(board_bgr, (0, 0), 8))
        True
    """
    shrunk = cv2.resize(pixels_bgr, _SHARPNESS_WH, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(shrunk, cv2.COLOR_BGR2GRAY).astype(np.float32)
    fine, middle, coarse = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))
    coarse_energy = float(((middle - coarse) ** 2).mean())
    if coarse_energy < _LEAST_COARSE_ENERGY:
        return math.nan
    return float(((grey - fine) ** 2).mean()) / coarse_energy


def _too_few(cells: int, thumbnail: Grey, what: str) -> str:
    share = cells / thumbnail.size
    return f"{share * 100:.1f} % of the picture is {what} of 255; at least 2 % must be"
