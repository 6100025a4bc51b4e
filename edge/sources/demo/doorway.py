"""The near part of the demo's scene: the door frame, a lantern and a pot plant."""

import cv2
import numpy as np

from edge.records import Pixels
from edge.sources.demo.brush import Colour, Cutout, to_colour

_LINTEL_HEIGHT = 24
# From the wall to the opening: how wide each strip of the frame is, and its colour.
_FRAME_PROFILE: tuple[tuple[int, Colour], ...] = (
    (12, (104, 122, 132)),  # the wall indoors
    (2, (70, 82, 90)),  # the gap between wall and wood
    (11, (182, 196, 202)),
    (2, (140, 154, 160)),  # a groove
    (17, (200, 212, 217)),
    (2, (150, 164, 170)),
    (6, (226, 236, 240)),  # the edge that the daylight touches
)
# The open door, seen almost from its edge: painted wood between two lines of moulding.
_DOOR_PROFILE: tuple[tuple[int, Colour], ...] = (
    (20, (106, 92, 42)),
    (2, (66, 56, 24)),
    (14, (122, 108, 54)),
    (2, (150, 136, 78)),
    (12, (112, 98, 46)),
    (3, (168, 154, 98)),  # the edge that the daylight touches
)
_POT = (62, 98, 186)
_LEAVES = ((62, 128, 72), (50, 108, 60), (86, 152, 96), (44, 92, 54), (98, 168, 120))
_IRON = (44, 42, 40)


def draw_doorway(size_wh: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """Draw what stands between the camera and a visitor.

    Returns:
        Colours, `(height, width, 3)`, `uint8`, BGR, and where they cover the view, 255 in a mask
        `(height, width)`.
    """
    width, height = size_wh
    cutout = Cutout(size_wh)
    _draw_plant(cutout, x=width - 126, ground=height)
    _draw_frame(cutout, size_wh)
    _draw_lantern(cutout, x=118)
    return cutout.picture_bgr, cutout.mask


def _draw_frame(cutout: Cutout, size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    jamb = _mould(_FRAME_PROFILE, length=height)
    lintel = np.ascontiguousarray(np.transpose(_mould(_FRAME_PROFILE, length=width), (1, 0, 2)))
    cutout.paste(lintel[-_LINTEL_HEIGHT:] // 8 * 7, left=0, top=0)
    cutout.paste(jamb, left=0, top=0)
    door = np.ascontiguousarray(_mould(_DOOR_PROFILE, length=height)[:, ::-1])
    left = width - door.shape[1]
    cutout.paste(door, left=left, top=0)
    for middle_y in (70, 316):  # two raised panels
        corners = ((left + 22, middle_y), (left + 38, middle_y - 8))
        lower = ((left + 38, middle_y + 196), (left + 22, middle_y + 184))
        cutout.fill_polygon((*corners, *lower), (96, 84, 36))
        cutout.draw_line((*corners, *lower, corners[0]), colour=(150, 136, 80))
    _draw_knob(cutout, x=left + 13, y=286)


def _mould(profile: tuple[tuple[int, Colour], ...], *, length: int) -> Pixels:
    """Extrude strips of colour, softened into a moulding, to `(length, width, 3)`."""
    strips = np.concatenate([np.tile(to_colour(colour), (size, 1)) for size, colour in profile])
    soft = cv2.GaussianBlur(strips[np.newaxis], (3, 1), 0)
    shade = np.linspace(1.04, 0.86, length, dtype=np.float32)[:, np.newaxis, np.newaxis]
    return np.asarray(np.clip(soft * shade, 0, 255), dtype=np.uint8)


def _draw_knob(cutout: Cutout, *, x: float, y: float) -> None:
    cutout.fill_ellipse((x, y), radii=(7, 17), colour=(60, 128, 160))
    cutout.fill_ellipse((x - 4, y), radii=(9, 9), colour=(46, 110, 150))
    cutout.fill_ellipse((x - 5, y - 1), radii=(7, 7), colour=(84, 168, 208))
    cutout.fill_ellipse((x - 7, y - 3), radii=(2.5, 2.5), colour=(200, 236, 250))


def _draw_lantern(cutout: Cutout, *, x: float) -> None:
    top = _LINTEL_HEIGHT
    cutout.draw_line(((x, top), (x, top + 24)), colour=_IRON, width=2)
    cutout.fill_ellipse((x, top + 24), radii=(4, 4), colour=_IRON)
    roof = top + 26
    cutout.fill_polygon(
        ((x - 6, roof), (x + 6, roof), (x + 25, roof + 15), (x - 25, roof + 15)), _IRON
    )
    for step in range(12):  # the glow, brighter towards the flame
        part = 1 - step / 12
        glow = tuple(float(value) for value in to_colour((96, 178, 238)) + (1 - part) * 16)
        half, glass = 20 * part, roof + 15
        outline = ((x - half, glass), (x + half, glass), (x + half * 0.72, glass + 48))
        cutout.fill_polygon((*outline, (x - half * 0.72, glass + 48)), glow)
    cutout.fill_ellipse((x, roof + 41), radii=(4, 9), colour=(206, 240, 255))
    for side in (-20, -7, 7, 20):
        cutout.draw_line(
            ((x + side, roof + 15), (x + side * 0.72, roof + 63)), colour=_IRON, width=2
        )
    base = roof + 63
    cutout.fill_polygon(
        ((x - 18, base), (x + 18, base), (x + 13, base + 7), (x - 13, base + 7)), _IRON
    )


def _draw_plant(cutout: Cutout, *, x: float, ground: int) -> None:
    rng = np.random.default_rng(5)
    rim = ground - 66
    for _ in range(120):
        angle = rng.normal(-90, 36)
        direction = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        reach, length = rng.uniform(14, 92), rng.uniform(13, 22)
        centre = np.array([x + rng.uniform(-18, 18), rim]) + direction * reach
        droop = angle + rng.uniform(-24, 24) + (centre[0] - x) * 0.4
        green = _LEAVES[rng.integers(len(_LEAVES))]
        tint = tuple(value * rng.uniform(0.85, 1.12) for value in green)
        root = (x + (centre[0] - x) * 0.2, rim + 4.0)
        cutout.draw_line((root, (centre[0], centre[1])), colour=(52, 92, 60))
        at = (float(centre[0]), float(centre[1]))
        cutout.fill_ellipse(at, radii=(length, length * 0.36), colour=tint, angle=droop)
    shades = np.linspace(1.12, 0.72, 24)
    for strip, shade in enumerate(shades):  # the pot, lit from the left
        tint = tuple(value * shade for value in _POT)
        left, right = -1 + strip / 12, -1 + (strip + 1.2) / 12
        upper, lower = (x + 42 * left, rim + 8), (x + 42 * right, rim + 8)
        foot_right, foot_left = (x + 31 * right, ground + 4), (x + 31 * left, ground + 4)
        cutout.fill_polygon((upper, lower, foot_right, foot_left), tint)
    for strip, shade in enumerate(shades):
        tint = tuple(value * shade * 1.08 for value in _POT)
        left, right = x - 46 + strip * 92 / 24, x - 46 + (strip + 1.2) * 92 / 24
        cutout.fill_polygon(
            ((left, rim - 4), (right, rim - 4), (right, rim + 12), (left, rim + 12)), tint
        )
