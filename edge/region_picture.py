"""The picture of a region of interest: a frame with a grid to read shares off."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels

_LEAST_WIDTH = 960
_STEPS = 10
_LEFT, _TOP, _OTHER = 56, 44, 24  # margins, in pixels
_DARKENED = 0.35
_GRID_STRENGTH = 0.35
_WHITE, _YELLOW = (255, 255, 255), (0, 220, 255)
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5


def draw_region(
    frame_bgr: Pixels,
    is_inside: NDArray[np.bool_],
    corners: Sequence[tuple[float, float]],
    *,
    title: str,
) -> Pixels:
    """Draw a region and a grid over a frame.

    Args:
        frame_bgr: `(height, width, 3)`, `uint8`, BGR.
        is_inside: `(height, width)`, whether a pixel belongs to the region; others are darkened.
        corners: Of the region's outline, in shares of the frame.
        title: What is written above.

    Returns:
        A new picture, BGR; the frame is at least 960 pixels wide, with the shares in its margins.
    """
    shown = np.where(is_inside[..., np.newaxis], frame_bgr, frame_bgr * _DARKENED).astype(np.uint8)
    scale = max(1.0, _LEAST_WIDTH / shown.shape[1])
    shown = np.asarray(cv2.resize(shown, None, fx=scale, fy=scale), np.uint8)
    height, width = shown.shape[:2]
    picture = np.zeros((height + _TOP + _OTHER, width + _LEFT + _OTHER, 3), np.uint8)
    inner = picture[_TOP : _TOP + height, _LEFT : _LEFT + width]
    inner[:] = cv2.addWeighted(_with_grid(shown), _GRID_STRENGTH, shown, 1 - _GRID_STRENGTH, 0)
    outline = np.rint(np.array(corners) * (width - 1, height - 1)).astype(np.int32)
    cv2.polylines(inner, [outline], True, _YELLOW, 2, cv2.LINE_AA)
    _write(picture, title, (_LEFT, 16), _YELLOW)
    for step in range(_STEPS + 1):
        share = f"{step / _STEPS:g}"
        _write(picture, share, (_LEFT + step * width // _STEPS - 10, _TOP - 8))
        _write(picture, share, (14, _TOP + step * height // _STEPS + 5))
    return picture


def _with_grid(shown: Pixels) -> Pixels:
    grid = shown.copy()
    height, width = shown.shape[:2]
    for step in range(_STEPS + 1):
        x, y = step * (width - 1) // _STEPS, step * (height - 1) // _STEPS
        cv2.line(grid, (x, 0), (x, height - 1), _WHITE)
        cv2.line(grid, (0, y), (width - 1, y), _WHITE)
    return grid


def _write(
    picture: Pixels, text: str, place: tuple[int, int], colour_bgr: tuple[int, int, int] = _WHITE
) -> None:
    cv2.putText(picture, text, place, _FONT, _FONT_SCALE, colour_bgr, 1, cv2.LINE_AA)
