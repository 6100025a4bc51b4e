"""Generated scenes for the motion gate: what must open it, and what must not.

Every case is a thumbnail as a function of time, with sensor noise from a seed. Until
`STARTS_SECONDS` nothing happens in any of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.glance import THUMBNAIL_SHAPE
from edge.records import Frame, Glance

STARTS_SECONDS = 8.0
_ROWS = np.arange(THUMBNAIL_SHAPE[0])[:, np.newaxis]
_COLUMNS = np.arange(THUMBNAIL_SHAPE[1])[np.newaxis, :]
_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True)
class Case:
    """A scene.

    Attributes:
        name: What happens.
        cells: Time since the start of what happens, in seconds, to `(60, 80)` levels.
        must_open: Whether something comes that the model has to see.
        noise: Deviation of a cell, in levels.
        seconds: How long the scene is.
    """

    name: str
    cells: Callable[[float], NDArray[np.float64]]
    must_open: bool
    noise: float = 0.5
    seconds: float = 20.0

    def frames(self, *, rate_hz: float = 30.0, seed: int = 0) -> Iterator[Frame]:
        """Yield the frames, with glances and without pixels."""
        generator = np.random.default_rng(seed)
        for index in range(round(self.seconds * rate_hz)):
            time_seconds = index / rate_hz
            levels = self.cells(time_seconds - STARTS_SECONDS)
            noisy = levels + generator.normal(0, self.noise, THUMBNAIL_SHAPE)
            thumbnail = np.clip(noisy, 0, 255).round().astype(np.uint8)
            yield Frame(_NO_PIXELS, index, time_seconds, 0.0, glance=Glance(thumbnail, False))


def place() -> NDArray[np.float64]:
    """Return a cluttered place, `(60, 80)`, 20 to 230."""
    generator = np.random.default_rng(0)
    cells = np.full(THUMBNAIL_SHAPE, 110.0)
    for _ in range(120):
        top, left = generator.integers(0, (58, 78))
        height, width = generator.integers(1, 20, 2)
        cells[top : top + height, left : left + width] = generator.uniform(20, 230)
    return cells


PLACE = place()


def animal(
    time_seconds: float, *, speed: float, contrast: float, side: int = 12, scene: float = 1.0
) -> NDArray[np.float64]:
    """Return the place with a square that comes in from the left.

    Args:
        time_seconds: Since it comes.
        speed: In cells per second.
        contrast: Levels that it is lighter or darker, in full light.
        side: Of the square, in cells; 12 is 3 % of the picture.
        scene: Share of full light.
    """
    cells = PLACE.copy()
    if time_seconds >= 0:
        right = int(time_seconds * speed) + 2
        cells[30 : 30 + side, max(0, right - side) : right] += contrast
    return cells * scene


def once(before: float, after: NDArray[np.float64] | float) -> Callable[..., NDArray[np.float64]]:
    """Return the place in one light and then another."""
    return lambda t: PLACE * (before if t < 0 else after)


def shadow(time_seconds: float) -> NDArray[np.float64]:
    """Return the place under a cloud's soft shadow of 6 % that passes in ten seconds."""
    depth = np.clip(1 - np.abs(_COLUMNS - time_seconds * 12) / 40, 0, 1)
    return PLACE * (1 - 0.06 * depth)


def recompressed(time_seconds: float) -> NDArray[np.float64]:
    """Return the place as a codec shows it: every two seconds all blocks change a little."""
    generator = np.random.default_rng(int(time_seconds // 2) + 100)
    blocks = generator.normal(0, 1.0, (30, 40))
    return PLACE + np.kron(blocks, np.ones((2, 2)))


_LAMP = 0.8 * np.exp(-0.8 * (np.linspace(-1, 1, 60)[:, None] ** 2 + np.linspace(-1, 1, 80) ** 2))

CASES = (
    Case("still", lambda _: PLACE, False),
    Case("noise of a small sensor", lambda _: PLACE, False, noise=2.0),
    Case("night, noisy", lambda _: PLACE * 0.1, False, noise=0.8),
    Case("lamp 50 Hz, whole picture", lambda t: PLACE * (1 + 0.1 * np.sin(630.2 * t)), False),
    Case("lamp 60 Hz, slow beat", lambda t: PLACE * (1 + 0.1 * np.sin(754.6 * t)), False),
    Case(
        "lamp 50 Hz, rolling bands",
        lambda t: PLACE * (1 + 0.1 * np.sin(20.7 * t + _ROWS / 3.2)),
        False,
    ),
    Case("exposure steps up", once(0.7, 1.0), False),
    Case("exposure steps down", once(1.0, 0.6), False),
    Case("gain hunts", lambda t: PLACE * (1 + 0.2 * np.sin(2 * t)), False),
    Case("infrared switches on", once(0.2, _LAMP), False),
    Case("dawn in a minute", lambda t: PLACE * (0.1 + 0.9 * (t + 8) / 60), False, seconds=60.0),
    Case("soft shadow of a cloud", shadow, False),
    Case("key frames of a codec", recompressed, False),
    Case("cat walks", lambda t: animal(t, speed=12, contrast=25), True),
    Case("cat runs", lambda t: animal(t, speed=60, contrast=25), True, seconds=10.0),
    Case("dark cat, poor contrast", lambda t: animal(t, speed=12, contrast=-12), True),
    Case("cat creeps", lambda t: animal(t, speed=1, contrast=-25), True),
    Case("kitten, 1 %", lambda t: animal(t, speed=8, contrast=25, side=7), True),
    Case("cat at night", lambda t: animal(t, speed=12, contrast=30, scene=0.12), True, noise=0.7),
    Case(
        "cat under a lamp",
        lambda t: animal(t, speed=12, contrast=25) * (1 + 0.1 * np.sin(630.2 * t)),
        True,
    ),
)
