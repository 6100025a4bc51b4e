"""Strokes of the demo's painter: shapes with smooth edges, on a picture and on its mask."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels

Plane: TypeAlias = NDArray[np.float32]
"""A picture, mask or factor on its way to the final pixels, `float32`."""

Colour: TypeAlias = Sequence[float]
"""Blue, green and red, each in 0 to 255."""

Point: TypeAlias = tuple[float, float]

_FRACTION_BITS = 4  # of OpenCV's fixed-point coordinates


def fixed_point(points: Sequence[Point]) -> NDArray[np.int32]:
    """Return points as OpenCV takes them together with `shift=4`."""
    scaled = np.asarray(points, dtype=np.float64) * (1 << _FRACTION_BITS)
    return np.rint(scaled).astype(np.int32)


def to_colour(colour: Colour) -> Plane:
    """Return a colour as an array that multiplies planes."""
    return np.asarray(colour, dtype=np.float32)


def fill_polygon(canvas: Pixels, points: Sequence[Point], colour: Colour) -> None:
    """Fill a polygon of `(x, y)` points."""
    cv2.fillPoly(canvas, [fixed_point(points)], colour, cv2.LINE_AA, _FRACTION_BITS)


def fill_ellipse(
    canvas: Pixels, centre: Point, *, radii: Point, colour: Colour, angle: float = 0.0
) -> None:
    """Fill an ellipse, turned clockwise by `angle` degrees."""
    middle, half_axes = fixed_point([centre, radii]).tolist()
    cv2.ellipse(canvas, middle, half_axes, angle, 0, 360, colour, -1, cv2.LINE_AA, _FRACTION_BITS)


def draw_line(canvas: Pixels, points: Sequence[Point], *, colour: Colour, width: int = 1) -> None:
    """Draw a line through `(x, y)` points."""
    path = [fixed_point(points)]
    cv2.polylines(canvas, path, False, colour, width, cv2.LINE_AA, _FRACTION_BITS)


class Cutout:
    """A picture together with the mask of what has been drawn on it.

    Attributes:
        picture_bgr: `(height, width, 3)`, `uint8`.
        mask: `(height, width)`, `uint8`, 255 where something was drawn.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        self.picture_bgr: Pixels = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
        self.mask: Pixels = np.zeros((size_wh[1], size_wh[0]), np.uint8)

    def fill_polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon on both."""
        fill_polygon(self.picture_bgr, points, colour)
        fill_polygon(self.mask, points, (255,))

    def fill_ellipse(
        self, centre: Point, *, radii: Point, colour: Colour, angle: float = 0.0
    ) -> None:
        """Fill an ellipse on both."""
        fill_ellipse(self.picture_bgr, centre, radii=radii, colour=colour, angle=angle)
        fill_ellipse(self.mask, centre, radii=radii, colour=(255,), angle=angle)

    def draw_line(self, points: Sequence[Point], *, colour: Colour, width: int = 1) -> None:
        """Draw a line on both."""
        draw_line(self.picture_bgr, points, colour=colour, width=width)
        draw_line(self.mask, points, colour=(255,), width=width)

    def paste(self, picture_bgr: Pixels, *, left: int, top: int) -> None:
        """Lay an opaque rectangle on the picture."""
        height, width = picture_bgr.shape[:2]
        rows, columns = slice(top, top + height), slice(left, left + width)
        self.picture_bgr[rows, columns] = picture_bgr
        self.mask[rows, columns] = 255
