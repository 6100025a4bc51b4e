"""The demo's play: a fixed timeline, composed frame by frame from prepared pictures."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.clock import SystemClock
from edge.errors import SettingError
from edge.records import Clock, Frame, Pixels
from edge.sources.demo.actors import CAT, PERSON, open_cutout
from edge.sources.demo.garden import HEIGHT
from edge.sources.demo.motion import Gait, Mark, Pose, pose_at, sunlight_at
from edge.sources.demo.scene import draw_scene

_Matrix: TypeAlias = NDArray[np.float64]

_SMALLEST_WH = (64, 48)
_NOISE_MARGIN = 64  # the noise picture is shifted by up to this much, anew for each frame

# The person comes from the left, behind the door frame; x counts from the middle of the picture
# to her middle, y to where the photo ends, below the picture.
_PERSON_MARKS = (
    Mark(4.0, Pose(-480, 500, 0.80)),
    Mark(6.4, Pose(-92, 506, 0.95)),
    Mark(9.4, Pose(-86, 507, 0.96, 0.6)),
    Mark(11.6, Pose(-490, 500, 0.82)),
)
_PERSON_GAIT = Gait(steps_hz=2.6, bob=9, lean_degrees=1.2, breath=0.003)
# The cat comes from the left, close to the lens, so that its back and the tips of its ears, which
# the photo cuts off, stay outside; x and y count from the upper left corner of the picture.
_CAT_MARKS = (
    Mark(15.0, Pose(-690, -14, 1.68)),
    Mark(17.4, Pose(-150, -14, 1.70)),
    Mark(19.0, Pose(-96, -26, 1.78, 0.5)),
    Mark(22.0, Pose(-120, -24, 1.76, -0.7)),
    Mark(25.4, Pose(-92, -28, 1.80, 0.4)),
    Mark(28.0, Pose(-700, -14, 1.68)),
)
_CAT_GAIT = Gait(steps_hz=3.0, bob=6, lean_degrees=0.6, breath=0.004)
_CLOUDS = ((12.6, 5.0, 1.0), (23.4, 3.6, 0.7))  # middle, length in seconds, thickness


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the demo.

    Attributes:
        start_seconds: `Frame.time_seconds` at which it starts.
        end_seconds: `Frame.time_seconds` at which the next one starts.
        name: "empty", or "person" or "cat" with "arrives", "stays" or "leaves".
    """

    start_seconds: float
    end_seconds: float
    name: str


class DemoScene:
    """A doorway in which a person comes and goes, then a cat comes, stays and leaves.

    Made by the program, with sensor noise and changing light; every frame follows from the size
    and the seed. A frame source that ends after `seconds`.

    Args:
        size_wh: Width and height of the frames.
        seed: Of the scene's painting and of the noise.
        photos: Folder with the photos of the visitors; by default scikit-image's own.
        clock: Stamps the frames.

    Raises:
        MissingExtraError: The photos are not installed.
        SettingError: The size is too small to show anything.
    """

    fps = 25.0
    seconds = 32.0
    phases = (
        Phase(0.0, 4.0, "empty"),
        Phase(4.0, 6.4, "person arrives"),
        Phase(6.4, 9.4, "person stays"),
        Phase(9.4, 11.6, "person leaves"),
        Phase(11.6, 15.0, "empty"),
        Phase(15.0, 17.4, "cat arrives"),
        Phase(17.4, 25.4, "cat stays"),
        Phase(25.4, 28.0, "cat leaves"),
        Phase(28.0, 32.0, "empty"),
    )

    def __init__(
        self,
        *,
        size_wh: tuple[int, int] = (640, 480),
        seed: int = 0,
        photos: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        if size_wh[0] < _SMALLEST_WH[0] or size_wh[1] < _SMALLEST_WH[1]:
            raise SettingError(
                f"demo: needs at least {_SMALLEST_WH[0]}x{_SMALLEST_WH[1]} pixels",
                received=f"{size_wh[0]}x{size_wh[1]}",
                fix="Ask for a larger picture",
            )
        self._person = open_cutout(PERSON, folder=photos)
        self._cat = open_cutout(CAT, folder=photos)
        self._scene = draw_scene(size_wh, seed=seed)
        self._open_bgra = cv2.merge([self._scene.open_alpha] * 4).astype(np.uint8)
        self._size_wh = size_wh
        self._rng = np.random.default_rng(seed)
        self._noise = _make_noise(self._rng, size_wh)
        self._clock = SystemClock() if clock is None else clock
        self._index = 0
        self._is_closed = False

    def read(self) -> Frame | None:
        """Return the next frame at once; `None` after the last one and once closed."""
        time_seconds = self._index / self.fps
        if self._is_closed or time_seconds >= self.seconds:
            return None
        pixels_bgr = self._compose(time_seconds)
        frame = Frame(pixels_bgr, self._index, time_seconds, self._clock.monotonic())
        self._index += 1
        return frame

    def close(self) -> None:
        """End the play; a second call does nothing."""
        self._is_closed = True

    def _compose(self, time_seconds: float) -> Pixels:
        width, height = self._size_wh
        unit = height / HEIGHT
        sun = sunlight_at(time_seconds, _CLOUDS)
        daylight = 1.0 + 0.06 * math.sin(2 * math.pi * (time_seconds / 41 + 0.55))
        picture = cv2.addWeighted(
            self._scene.sunny_bgr, daylight * sun, self._scene.cloudy_bgr, daylight * (1 - sun), 0
        ).astype(np.uint8, copy=False)
        brightness = daylight * (0.82 + 0.18 * sun)
        person = pose_at(time_seconds, _PERSON_MARKS, _PERSON_GAIT)
        if person is not None:
            anchor = (PERSON.size_wh[0] / 2, float(PERSON.size_wh[1]))
            placing = _placing(person, anchor=anchor, origin=(width / 2, 0.0), unit=unit)
            _lay_over(picture, self._person, placing, brightness, seen_through=self._open_bgra)
        cat = pose_at(time_seconds, _CAT_MARKS, _CAT_GAIT)
        if cat is not None:
            placing = _placing(cat, anchor=(0.0, 0.0), origin=(0.0, 0.0), unit=unit)
            _lay_over(picture, self._cat, placing, brightness)
        x, y = self._rng.integers(_NOISE_MARGIN, size=2)
        noise = self._noise[y : y + height, x : x + width]
        return cv2.addWeighted(picture, 1, noise, 1, -128, dst=picture).astype(np.uint8, copy=False)


def _make_noise(rng: np.random.Generator, size_wh: tuple[int, int]) -> Pixels:
    """Make a sensor's noise around 128: fine in brightness, in small patches in colour."""
    shape = (size_wh[1] + _NOISE_MARGIN, size_wh[0] + _NOISE_MARGIN)
    fine = rng.standard_normal((*shape, 1), dtype=np.float32)
    patches = rng.standard_normal((shape[0] // 2, shape[1] // 2, 3), dtype=np.float32)
    colour = cv2.resize(patches, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(128 + 2.6 * fine + 2.2 * colour), 0, 255).astype(np.uint8)


def _placing(
    pose: Pose, *, anchor: tuple[float, float], origin: tuple[float, float], unit: float
) -> _Matrix:
    """Return the `(2, 3)` matrix that takes a photo's pixels to the picture's."""
    scale, angle = pose.scale * unit, math.radians(pose.angle_degrees)
    along, across = scale * math.cos(angle), scale * math.sin(angle)
    x = origin[0] + pose.x * unit - along * anchor[0] + across * anchor[1]
    y = origin[1] + pose.y * unit - across * anchor[0] - along * anchor[1]
    return np.array([[along, -across, x], [across, along, y]])


def _lay_over(
    picture: Pixels,
    actor: Pixels,
    placing: _Matrix,
    brightness: float,
    *,
    seen_through: Pixels | None = None,
) -> None:
    """Draw an actor, BGR multiplied by alpha and alpha, onto the part of a picture it covers."""
    height, width = actor.shape[:2]
    corners = placing @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    left, top = np.clip(np.floor(corners.min(axis=1)).astype(int), 0, picture.shape[1::-1])
    right, bottom = np.clip(np.ceil(corners.max(axis=1)).astype(int), 0, picture.shape[1::-1])
    if left >= right or top >= bottom:
        return
    shifted = placing - np.array([[0, 0, left], [0, 0, top]])
    layer = cv2.warpAffine(actor, shifted, (int(right - left), int(bottom - top)))
    if seen_through is not None:
        cv2.multiply(layer, seen_through[top:bottom, left:right], dst=layer, scale=1 / 255)
    behind = picture[top:bottom, left:right]
    hidden = cv2.cvtColor(cv2.extractChannel(layer, 3), cv2.COLOR_GRAY2BGR)
    cv2.bitwise_not(hidden, dst=hidden)
    cv2.multiply(behind, hidden, dst=behind, scale=1 / 255)
    colours = cv2.cvtColor(layer, cv2.COLOR_BGRA2BGR)
    cv2.addWeighted(behind, 1, colours, brightness, 0, dst=behind)
