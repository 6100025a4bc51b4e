"""A picture as a camera would have seen it otherwise: at night, out of focus, far away.

Every change is deterministic: the same picture always becomes the same, so that two models, or
two versions of one, are compared on the same pixels.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels

Change: TypeAlias = Callable[[Pixels], Pixels]
"""Takes and returns `(height, width, 3)`, `uint8`, BGR."""

AS_IT_IS = "as it is"
_JPEG_QUALITY = 10
_SEED = 1


def infrared(frame_bgr: Pixels) -> Pixels:
    """Show a picture as an infrared camera would: grey, lit from the middle, noisy."""
    height, width = frame_bgr.shape[:2]
    grey = np.asarray(cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY), np.float32)
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis] ** 2
    columns = np.linspace(-1, 1, width, dtype=np.float32)[np.newaxis, :] ** 2
    lit = grey * np.exp(-0.8 * (rows + columns)) * 1.2
    return _with_noise(np.repeat(lit[:, :, np.newaxis], 3, axis=2), 5.0)


def dusk(frame_bgr: Pixels) -> Pixels:
    """Show a picture at a quarter of its light, with the noise that comes with it."""
    return _with_noise(frame_bgr.astype(np.float32) * 0.25, 6.0)


def night(frame_bgr: Pixels) -> Pixels:
    """Show a picture at a tenth of its light, with as much noise."""
    return _with_noise(frame_bgr.astype(np.float32) * 0.1, 6.0)


def out_of_focus(frame_bgr: Pixels) -> Pixels:
    """Blur a picture by a deviation of a hundredth of its shorter side."""
    deviation = max(0.5, min(frame_bgr.shape[:2]) / 100)
    return np.asarray(cv2.GaussianBlur(frame_bgr, (0, 0), deviation), np.uint8)


def moved(frame_bgr: Pixels) -> Pixels:
    """Smear a picture sideways by a fifteenth of its width."""
    length = max(3, frame_bgr.shape[1] // 15)
    kernel = np.full((1, length), 1 / length, np.float32)
    return np.asarray(cv2.filter2D(frame_bgr, -1, kernel), np.uint8)


def noise(frame_bgr: Pixels) -> Pixels:
    """Add the noise of a small sensor in poor light."""
    return _with_noise(frame_bgr.astype(np.float32), 20.0)


def compressed(frame_bgr: Pixels) -> Pixels:
    """Store a picture as JPEG of quality 10, as a network camera on a poor line does."""
    _, encoded = cv2.imencode(".jpg", frame_bgr, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def small(frame_bgr: Pixels) -> Pixels:
    """Show a picture at half its size in the middle of a plain grey frame."""
    height, width = frame_bgr.shape[:2]
    framed = np.full_like(frame_bgr, 128)
    top, left = height // 4, width // 4
    size_wh = (max(1, width // 2), max(1, height // 2))
    shrunk = cv2.resize(frame_bgr, size_wh, interpolation=cv2.INTER_AREA)
    framed[top : top + size_wh[1], left : left + size_wh[0]] = shrunk
    return framed


def unchanged(frame_bgr: Pixels) -> Pixels:
    """Return the picture itself."""
    return frame_bgr


def _with_noise(values: NDArray[np.float32], deviation: float) -> Pixels:
    """Add sensor noise; the same picture always gets the same."""
    added = np.random.default_rng(_SEED).normal(0.0, deviation, values.shape)
    noisy: Pixels = np.clip(values + added, 0, 255).astype(np.uint8)
    return noisy


CONDITIONS: Mapping[str, Change] = MappingProxyType(
    {
        AS_IT_IS: unchanged,
        "dusk": dusk,
        "night": night,
        "infrared": infrared,
        "out of focus": out_of_focus,
        "moved": moved,
        "noise": noise,
        "compressed": compressed,
        "half the size": small,
    }
)
"""By name, the picture itself first."""
