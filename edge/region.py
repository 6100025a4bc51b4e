"""The region of interest: the part of every frame that is looked at.

It is cut out of the frame before anything else is done with it, so the model's own region (what
it was trained on, `edge.manifest.InputSpec.region`) is a part of what this one leaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingError
from edge.records import Grey, Pixels

Point: TypeAlias = tuple[float, float]
"""From the left and from the top, in shares of the frame's width and height."""

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom, in shares of the frame's width and height."""

OUTSIDE = 128
"""Shade of grey of what is within the crop and outside of the polygon."""

_SUBPIXEL_BITS = 8
_LEAST_AREA = 1e-6  # of the frame: less than a pixel of any camera


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the frame, and maybe a polygon that fills it from side to side.

    Attributes:
        box: The rectangle that is cut out.
        polygon: Three corners or more, whose bounding box is `box`; empty if all of it counts.

    Raises:
        SettingError: A share is not in [0, 1], the box is empty or not that of the polygon, or
            the polygon has one or two corners or no area.

    Example:
        >>> from edge.testing import blank_frame
        >>> Region((0.25, 0.0, 0.75, 0.5)).apply(blank_frame(size_wh=(640, 480)).pixels_bgr).shape
        (240, 320, 3)
    """

    box: Box = (0.0, 0.0, 1.0, 1.0)
    polygon: tuple[Point, ...] = ()
    _stencils: dict[tuple[int, int], "_Stencil"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse what is no part of a frame."""
        left, top, right, bottom = self.box
        if not (0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0):
            raise _error("lie within the frame, from 0 to 1, and not be empty", str(self))
        if self.polygon and (len(self.polygon) < 3 or self.box != _bounds(self.polygon)):
            raise _error("have at least three corners, and their box", str(self))
        if self.polygon and abs(_area(self.polygon)) < _LEAST_AREA:
            raise _error("have corners in turn around an area, no line and no loop", str(self))

    def __str__(self) -> str:
        """Write it as `parse_region` takes it."""
        return " ".join(_write(shares) for shares in self.polygon or (self.box,))

    def apply(self, frame_bgr: Pixels) -> Pixels:
        """Cut the region out of a frame.

        Args:
            frame_bgr: `(height, width, 3)`, `uint8`, in any order of colours.

        Returns:
            `(height, width, 3)` of the box. Without a polygon it is a view of the frame. With
            one it is a copy, grey outside of the polygon, that the next call overwrites.
        """
        height, width = frame_bgr.shape[:2]
        rows, columns = self._slices(height, width)
        crop = frame_bgr[rows, columns]
        if not self.polygon:
            return crop
        stencil = self._stencils.get((height, width))
        if stencil is None:
            self._stencils.clear()
            mask = np.ascontiguousarray(self._mask(height, width)[rows, columns])
            stencil = _Stencil(mask, np.full(crop.shape, OUTSIDE, np.uint8))
            self._stencils[height, width] = stencil
        cv2.copyTo(crop, stencil.mask, stencil.pixels)
        return stencil.pixels

    def cells(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Say which cells of a grid over the whole frame belong to the region.

        Args:
            shape: Rows and columns of the grid, such as `(60, 80)` of a thumbnail.

        Returns:
            `(rows, columns)`, true within the region; at least one cell is.
        """
        return self._mask(*shape) > 0

    def draw(self, frame_bgr: Pixels) -> Pixels:
        """Draw the region and a grid of shares over a frame, to read off what to type.

        Args:
            frame_bgr: `(height, width, 3)`, `uint8`, BGR.

        Returns:
            A picture of its own, BGR; at least 960 pixels wide, with margins for the numbers.
        """
        from edge.region_picture import draw_region

        left, top, right, bottom = self.box
        corners = self.polygon or ((left, top), (right, top), (right, bottom), (left, bottom))
        height, width = frame_bgr.shape[:2]
        is_inside = self.cells((height, width))
        return draw_region(frame_bgr, is_inside, corners, title=f'--region "{self}"')

    def _slices(self, height: int, width: int) -> tuple[slice, slice]:
        left, top, right, bottom = self.box
        return _pixels(top, bottom, height), _pixels(left, right, width)

    def _mask(self, height: int, width: int) -> Grey:
        mask = np.zeros((height, width), np.uint8)
        rows, columns = self._slices(height, width)
        if not self.polygon:
            mask[rows, columns] = 255
            return mask
        centres = np.array(self.polygon) * (width, height) - 0.5  # pixel 0 reaches from 0 to 1
        corners = np.rint(centres * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(mask, [corners], (255,), shift=_SUBPIXEL_BITS)
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class _Stencil:
    mask: Grey  # 255 within the polygon
    pixels: Pixels  # grey without


def parse_region(text: str) -> Region:
    """Read a region: left, top, right and bottom, or three corners or more.

    Args:
        text: Such as "0.1,0.2,0.9,0.8", or "0.1,0.2 0.9,0.2 0.5,0.8" for a polygon, whose
            bounding box is cut out. All numbers are shares of the frame, from 0 to 1.

    Raises:
        SettingError: Neither of them, or not within the frame.

    Example:
        >>> parse_region("0.1,0.2,0.9,0.8").box
        (0.1, 0.2, 0.9, 0.8)
        >>> parse_region("0.1,0.2 0.9,0.2 0.5,0.8").box
        (0.1, 0.2, 0.9, 0.8)
    """
    try:
        points = [tuple(float(share) for share in word.split(",")) for word in text.split()]
    except ValueError as error:
        raise _error("be of numbers", text) from error
    match points:
        case [(left, top, right, bottom)]:
            return Region((left, top, right, bottom))
        case [_, _, _, *_] if all(len(point) == 2 for point in points):
            polygon = tuple((x, y) for x, y in points)
            return Region(_bounds(polygon), polygon)
    raise _error("be four numbers, or three corners or more of two numbers", text)


def _bounds(polygon: Sequence[Point]) -> Box:
    across, down = zip(*polygon, strict=True)
    return min(across), min(down), max(across), max(down)


def _area(polygon: Sequence[Point]) -> float:
    """Return the share of the frame within; parts around which it goes the other way count less."""
    following = (*polygon[1:], polygon[0])
    return sum(x * v - u * y for (x, y), (u, v) in zip(polygon, following, strict=True)) / 2


def _pixels(begin: float, end: float, length: int) -> slice:
    """Turn shares of a side into pixels, rounded half up, at least one."""
    first = min(int(begin * length + 0.5), length - 1)
    return slice(first, max(int(end * length + 0.5), first + 1))


def _write(shares: Sequence[float]) -> str:
    return ",".join(str(share).removesuffix(".0") for share in shares)


def _error(rule: str, received: str) -> SettingError:
    is_polygon = "," in received and len(received.split()) > 2
    example = "0.1,0.2 0.9,0.2 0.5,0.8" if is_polygon else "0.1,0.2,0.9,0.8"
    kind = "the corners of a polygon" if is_polygon else "left, top, right, bottom"
    return SettingError(
        f"The region of interest must {rule}",
        received=received or "nothing",
        fix=f'Write for example --region "{example}" ({kind}, in shares of the frame)',
    )
