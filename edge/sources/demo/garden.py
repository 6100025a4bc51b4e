"""The far part of the demo's scene: sky, trees, hedge, fence, lawn, path and flowers.

Everything is painted from far to near, from random numbers under a seed.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels
from edge.sources.demo.brush import Colour, Plane, fill_ellipse, fill_polygon, to_colour

HEIGHT = 480
"""Height of the garden's picture; to be scaled to what is asked for."""

_VANISH_Y = 214  # where the garden path would end
_LAWN_Y = 272  # the far edge of the lawn, where the fence stands
_FINE_ROWS = 100  # noise this fine needs no smoother enlargement
_PATH_HALF_WIDTH = 0.66  # per pixel below the vanishing point


class Garden:
    """Paints the garden; each part takes the random numbers that come next.

    Args:
        width: Width of the picture; its height is `HEIGHT`.
        seed: The same seed gives the same garden.
    """

    def __init__(self, width: int, *, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._width = width
        self._centre = width / 2
        self._y, self._x = np.mgrid[0:HEIGHT, 0:width].astype(np.float32)

    def paint(self) -> Plane:
        """Paint everything, in even light, `(HEIGHT, width, 3)`, BGR."""
        canvas: Pixels = self._draw_sky().astype(np.uint8)
        self._draw_trees(canvas)
        canvas = cv2.GaussianBlur(canvas, (0, 0), 3.0).astype(np.uint8, copy=False)
        self._draw_hedge(canvas)
        ground = self._draw_lawn(cv2.GaussianBlur(canvas, (0, 0), 1.6).astype(np.float32))
        canvas = np.clip(self._draw_path(ground), 0, 255).astype(np.uint8)
        self._draw_fence(canvas)
        self._draw_flowers(canvas)
        # the lens is focused on the door: what is far is soft
        near = np.clip((self._y - 300) / 120, 0, 1)[:, :, np.newaxis]
        soft = cv2.GaussianBlur(canvas, (0, 0), 1.5)
        return np.asarray(soft * (1 - near) + canvas * near, dtype=np.float32)

    def _draw_sky(self) -> Plane:
        top, horizon = to_colour((228, 178, 118)), to_colour((226, 232, 236))
        rise = np.clip(self._y / 215, 0, 1)[:, :, np.newaxis]
        sky = top + (horizon - top) * rise
        billows = 0.6 * self._noise(7, 9) + 0.4 * self._noise(15, 22)
        cloud = np.clip((billows - 0.5) * 4, 0, 1) * np.clip(1 - self._y / 300, 0, 1) * 0.8
        return np.asarray(sky + (250 - sky) * cloud[:, :, np.newaxis], dtype=np.float32)

    def _draw_trees(self, canvas: Pixels) -> None:
        meadow = ((0, 222), (self._width, 214), (self._width, HEIGHT), (0, HEIGHT))
        fill_polygon(canvas, meadow, (138, 186, 160))
        rows = ((212, 30, (158, 170, 142), 22, 0), (212, 50, (140, 158, 122), 16, 48))
        for base, radius, colour, per_640, gap in (*rows, (218, 58, (92, 132, 84), 12, 96)):
            crowns = self._rng.uniform(-20, self._width + 20, round(per_640 * self._width / 640))
            crowns = crowns[np.abs(crowns - self._centre) > gap]
            radii = radius * self._rng.uniform(0.6, 1.15, len(crowns))
            angles = self._rng.uniform(0, 2 * np.pi, (48, len(crowns)))
            reach = radii * np.sqrt(self._rng.random(angles.shape))
            leaves_x = crowns + reach * np.cos(angles)
            leaves_y = base - radii * 0.5 + reach * np.sin(angles) * 0.95
            self._draw_leaves(canvas, leaves_x, leaves_y, length=(7, 15), colour=colour, vary=0.2)

    def _draw_hedge(self, canvas: Pixels) -> None:
        for left, right in self._beside_gate(34):
            cv2.rectangle(canvas, (left, 208), (right, 282), (44, 74, 40), -1)
            count = 4 * (right - left)
            x = self._rng.uniform(left - 4, right + 4, count)
            crest = 197 + 6 * np.sin(x / 70) + 4 * np.sin(x / 23)
            y = np.sort(crest + (278 - crest) * self._rng.random(count) ** 0.8)
            self._draw_leaves(canvas, x, y, length=(3.5, 8), colour=(62, 116, 74), vary=0.35)

    def _draw_lawn(self, canvas: Plane) -> Plane:
        lightness = 0.74 + 0.42 * np.clip((self._y - 262) / 218, 0, 1)
        stripes = (np.sin(self._slant() * 9) > 0).astype(np.float32)
        lightness *= 0.94 + 0.1 * cv2.GaussianBlur(stripes, (0, 0), 3)
        blades = 0.6 * self._noise(HEIGHT, self._width // 3) + 0.4 * self._noise(
            160, self._width // 5
        )
        lightness *= 0.86 + 0.28 * blades
        lawn = to_colour((70, 150, 116)) * lightness[:, :, np.newaxis]
        edge = np.clip((self._y - _LAWN_Y + 2) / 5, 0, 1)[:, :, np.newaxis]
        return np.asarray(canvas * (1 - edge) + lawn * edge, dtype=np.float32)

    def _draw_path(self, canvas: Plane) -> Plane:
        distance = (HEIGHT - _VANISH_Y) / np.maximum(self._y - _VANISH_Y, 1)
        row = distance * 2.4
        column = self._slant() / _PATH_HALF_WIDTH * 1.5 + 0.5 * (np.floor(row) % 2)
        across, along = np.floor(column).astype(int), np.floor(row).astype(int)
        tone = self._rng.uniform(0.84, 1.08, (64, 64)).astype(np.float32)[across % 64, along % 64]
        to_joint = np.maximum(
            (np.abs(column - across - 0.5) - 0.465) * 28, (np.abs(row - along - 0.5) - 0.46) * 24
        )
        joint = np.clip(to_joint, 0, 1) / np.maximum(distance * 0.6, 1)
        grain = 0.9 + 0.2 * self._noise(HEIGHT // 2, self._width // 2)
        stone = to_colour((166, 184, 194)) * (tone * grain * (1 - 0.45 * joint))[:, :, np.newaxis]
        inside = (_PATH_HALF_WIDTH - np.abs(self._slant())) * 60 / np.maximum(distance, 1)
        on_path = (np.clip(inside, 0, 1) * (self._y > 234))[:, :, np.newaxis]
        return np.asarray(canvas * (1 - on_path) + stone * on_path, dtype=np.float32)

    def _draw_fence(self, canvas: Pixels) -> None:
        for left, right in self._beside_gate(38):
            for rail_y in (238, 262):
                cv2.rectangle(canvas, (left, rail_y), (right, rail_y + 4), (200, 210, 212), -1)
            for picket_x in range(left + 7, right, 15):
                self._draw_picket(canvas, picket_x, top=222, bottom=280, half_width=4.2)
        for x in (self._centre - 40, self._centre + 40):
            self._draw_picket(canvas, x, top=208, bottom=284, half_width=6.5)

    def _draw_picket(
        self, canvas: Pixels, x: float, *, top: float, bottom: float, half_width: float
    ) -> None:
        left, right, shoulder = x - half_width, x + half_width, top + half_width * 1.6
        shape = ((left, bottom), (left, shoulder), (x, top), (right, shoulder), (right, bottom))
        fill_polygon(canvas, shape, (236, 242, 244))

    def _draw_flowers(self, canvas: Pixels) -> None:
        petals = ((158, 118, 236), (246, 246, 250), (222, 150, 188), (96, 204, 250), (110, 96, 226))
        for side in (-1, 1):
            nearness = np.sort(self._rng.uniform(0.27, 1.2, 400))
            y = _VANISH_Y + (HEIGHT - _VANISH_Y) * nearness
            offset = _PATH_HALF_WIDTH + 0.05 + 0.14 * self._rng.random(len(y))
            x = self._centre + side * offset * (y - _VANISH_Y)
            y = y - self._rng.random(len(y)) * 46 * nearness
            greens = self._tints((56, 118, 70), 0.35)
            for x_leaf, y_leaf, scale in zip(x, y, nearness, strict=True):
                green = greens[self._rng.integers(len(greens))]
                _draw_leaf(canvas, (x_leaf, y_leaf), 13 * scale, self._rng.uniform(0, 180), green)
                if self._rng.random() < 0.36:
                    petal = petals[self._rng.integers(len(petals))]
                    centre = (x_leaf + self._rng.uniform(-6, 6) * scale, y_leaf - 8 * scale)
                    radius = 4.4 * scale + 0.6
                    fill_ellipse(canvas, centre, radii=(radius, radius), colour=petal)

    def paint_leaf_shade(self) -> Plane:
        """Paint the shadow of a tree that is not in view: `(HEIGHT, width)`, a factor."""
        blots = 0.55 * self._noise(9, 8) + 0.45 * self._noise(26, 22)
        shade = np.clip((blots - 0.5) * 7, 0, 1) * np.clip((self._y - 270) / 40, 0, 1)
        fall = np.clip(1.25 - self._x / self._width, 0, 1)
        return np.asarray(1 - 0.42 * shade * fall, dtype=np.float32)

    def paint_glow(self) -> Plane:
        """Paint the sun's glare, from above on the right: `(HEIGHT, width)`, in [0, 1]."""
        reach = np.hypot(self._x - self._width * 0.86, (self._y + 30) * 1.1) / HEIGHT
        return np.asarray(np.exp(-3.2 * reach), dtype=np.float32)

    def _draw_leaves(
        self,
        canvas: Pixels,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        *,
        length: tuple[float, float],
        colour: Colour,
        vary: float,
    ) -> None:
        tints = self._tints(colour, vary)
        lengths = self._rng.uniform(*length, x.size)
        for centre_x, centre_y, size in zip(x.flat, y.flat, lengths, strict=True):
            angle, tint = self._rng.integers(180), tints[self._rng.integers(len(tints))]
            _draw_leaf(canvas, (centre_x, centre_y), size, float(angle), tint)

    def _tints(self, colour: Colour, vary: float) -> list[tuple[float, ...]]:
        lightness = 1 + vary * self._rng.uniform(-1, 1, (24, 1))
        mixed = np.clip(to_colour(colour) * lightness + self._rng.uniform(-6, 6, (24, 3)), 0, 255)
        return [tuple(float(value) for value in row) for row in mixed]

    def _noise(self, rows: int, columns: int) -> Plane:
        """Return smooth noise in about [0, 1], the given number of cells high and wide."""
        cells = self._rng.random((rows, columns), dtype=np.float32)
        method = cv2.INTER_CUBIC if rows < _FINE_ROWS else cv2.INTER_LINEAR
        size = (self._width, HEIGHT)
        return np.asarray(cv2.resize(cells, size, interpolation=method), dtype=np.float32)

    def _slant(self) -> Plane:
        """Return how far each pixel lies beside the path's middle, as seen on the ground."""
        below = np.maximum(self._y - _VANISH_Y, 1)
        return np.asarray((self._x - self._centre) / below, dtype=np.float32)

    def _beside_gate(self, half_gap: int) -> tuple[tuple[int, int], tuple[int, int]]:
        middle = self._width // 2
        return (0, middle - half_gap), (middle + half_gap, self._width)


def _draw_leaf(
    canvas: Pixels, centre: tuple[float, float], length: float, angle: float, colour: Colour
) -> None:
    fill_ellipse(canvas, centre, radii=(length, length * 0.45), angle=angle, colour=colour)
