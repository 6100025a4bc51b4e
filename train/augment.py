"""What the network sees of a picture: never twice the same crop, light or noise.

Moderate by intention: most pictures stay clear photographs. With the preset `door` a few become
what a door camera delivers: dusk, infrared, noise, blur, an animal that is small in a wide scene.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.manifest import InputSpec
from edge.preprocess import place_picture
from edge.records import Pixels

CACHE_SCALE = 1.2
"""Pictures to crop are cached this much larger than the input, so that a crop stays sharp."""

_Light: TypeAlias = Literal["day", "grey", "infrared", "dusk", "night"]
_DARKNESS = {"dusk": (0.25, 0.5), "night": (0.12, 0.25)}
"""Shares of the daylight that are left, from and to."""

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
_GREY = np.tile(_LUMA, (3, 1))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How often and how strongly a picture is changed; the probabilities are in [0, 1].

    Attributes:
        smallest_area: Least share of the picture that a crop shows.
        aspect: Greatest change of the aspect ratio, as a factor.
        zoom_out: Probability of a picture shrunk onto a backdrop.
        smallest_scale: Least width and height of a shrunk picture, as a share of the input's.
        colour: Probability of changed brightness, contrast, saturation and hue.
        grey: Probability of a picture without colour.
        night: Probability of a picture after sunset, with noise: in the light of an infrared lamp,
            at dusk in colour, or at night without.
        backlight: Probability of a dark subject before a bright window or sky.
        blur: Probability of a soft picture, out of focus or moved.
        noise: Probability of sensor noise.
        compression: Probability of JPEG's blocks.
        erase: Probability of a rectangle that hides a part.
    """

    smallest_area: float = 1.0
    aspect: float = 1.0
    zoom_out: float = 0.0
    smallest_scale: float = 0.5
    colour: float = 0.0
    grey: float = 0.0
    night: float = 0.0
    backlight: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    compression: float = 0.0
    erase: float = 0.0

    @property
    def is_frame_kept(self) -> bool:
        """Whether each picture shows the whole frame, in the place and size that it has there."""
        return self.smallest_area == self.aspect == 1.0 and self.zoom_out == 0.0


PRESETS: Mapping[str, Augmentation] = MappingProxyType(
    {
        "none": Augmentation(),
        "light": Augmentation(
            smallest_area=0.4, aspect=4 / 3, zoom_out=0.05, colour=0.6, erase=0.1
        ),
        "door": Augmentation(
            smallest_area=0.4,
            aspect=1.8,  # what a frame of 16:9 is squashed by to become a square
            zoom_out=0.2,
            smallest_scale=0.22,
            colour=0.8,
            grey=0.04,
            night=0.06,
            backlight=0.03,
            blur=0.08,
            noise=0.08,
            compression=0.06,
            erase=0.12,
        ),
    }
)
"""By name: mirrored only; for photographs; for what a camera at a door delivers as well."""


_PLAIN_ASPECT = 4 / 3


def suit_resize(strength: Augmentation, resize: str) -> Augmentation:
    """Return what suits the way in which the device resizes frames.

    A squashed frame loses its proportions, by as much as `aspect` says; a cropped one keeps them,
    and so do the pictures then, nearly.

    Args:
        strength: For squashed frames.
        resize: One of `edge.manifest.RESIZE_MODES`.
    """
    if resize != "crop":
        return strength
    return replace(strength, aspect=min(strength.aspect, _PLAIN_ASPECT))


def augment(
    picture_rgb: Pixels,
    *,
    side: int,
    random: np.random.Generator,
    strength: Augmentation,
    backdrop_rgb: Pixels | None = None,
    resize: str = "squash",
) -> Pixels:
    """Return a changed picture; the same generator state gives the same picture.

    Args:
        picture_rgb: `(height, width, 3)`, `uint8`, RGB.
        side: Width and height of the result, in pixels.
        random: Where chance comes from.
        strength: How much.
        backdrop_rgb: `(height, width, 3)`, `uint8`, RGB, a scene to lay a shrunk picture on.
        resize: How the device resizes frames, one of `edge.manifest.RESIZE_MODES`; with
            "letterbox" what is cut out of the picture lies between bars, as a frame would.

    Returns:
        `(side, side, 3)`, `uint8`, RGB.
    """
    if random.random() < strength.zoom_out:
        changed = _zoom_out(picture_rgb, side, random, strength, backdrop_rgb)
    else:
        changed = _crop(picture_rgb, side, random, strength, resize=resize)
    if random.random() < 0.5:
        changed = _as_pixels(cv2.flip(changed, 1))
    changed = _relight(changed, random, strength)
    if random.random() < strength.blur:
        changed = _blur(changed, random)
    if random.random() < strength.noise:
        changed = _add_noise(changed, random.uniform(3, 12), random)
    if random.random() < strength.erase:
        changed = _erase(changed, random)
    if random.random() < strength.compression:
        changed = _compress(changed, random)
    return np.ascontiguousarray(changed)


def _crop(
    picture: Pixels,
    side: int,
    random: np.random.Generator,
    strength: Augmentation,
    *,
    resize: str = "squash",
) -> Pixels:
    """Cut out a rectangle of random size, place and aspect ratio and fill the square with it."""
    height, width = picture.shape[:2]
    area = random.uniform(strength.smallest_area, 1.0)
    aspect = np.exp(random.uniform(-1, 1) * np.log(strength.aspect))
    crop_width = min(width, max(1, round(width * float(np.sqrt(area * aspect)))))
    crop_height = min(height, max(1, round(height * float(np.sqrt(area / aspect)))))
    left = int(random.integers(width - crop_width + 1))
    top = int(random.integers(height - crop_height + 1))
    cropped = picture[top : top + crop_height, left : left + crop_width]
    if cropped.shape[:2] == (side, side):
        return cropped.copy()  # as it is: the cache is not to be drawn on
    if resize != "letterbox":
        return _as_pixels(cv2.resize(cropped, (side, side), interpolation=cv2.INTER_LINEAR))
    fitted = np.empty((side, side, 3), np.uint8)
    place_picture(cropped, spec=InputSpec(side, side, resize=resize), out=fitted)
    return fitted


def _zoom_out(
    picture: Pixels,
    side: int,
    random: np.random.Generator,
    strength: Augmentation,
    scene: Pixels | None,
) -> Pixels:
    """Lay the shrunk picture on a backdrop: an animal at the far end of the garden."""
    if scene is not None and random.random() < 0.7:
        return _lay_on_scene(picture, scene, side, random, strength)
    width, height = _shrunk_size(side, max(0.4, strength.smallest_scale), random)
    inner = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    left = int(random.integers(side - width + 1))
    top = int(random.integers(side - height + 1))
    border = (top, side - height - top, left, side - width - left)
    kind = random.integers(3)
    if kind == 0:
        colour = tuple(map(float, _dull_colour(random)))
        return _as_pixels(cv2.copyMakeBorder(inner, *border, cv2.BORDER_CONSTANT, value=colour))
    if kind == 1:
        return _as_pixels(cv2.copyMakeBorder(inner, *border, cv2.BORDER_REPLICATE))
    backdrop = cv2.resize(cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA), (side, side))
    backdrop[top : top + height, left : left + width] = inner
    return _as_pixels(backdrop)


def _lay_on_scene(
    picture: Pixels,
    scene: Pixels,
    side: int,
    random: np.random.Generator,
    strength: Augmentation,
) -> Pixels:
    """Lay the shrunk picture into a scene, with edges that fade: a small animal in a wide view."""
    width, height = _shrunk_size(side, strength.smallest_scale, random)
    left = int(random.integers(side - width + 1))
    top = int(random.integers(side - height + 1))
    laid = _crop(scene, side, random, strength)
    rows, columns = slice(top, top + height), slice(left, left + width)
    inner = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    share = _fading_edges(width, height, random)
    laid[rows, columns] = _as_pixels(inner * share + laid[rows, columns] * (1 - share) + 0.5)
    return laid


def _fading_edges(width: int, height: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Return `(height, width, 1)`: 1 in the middle, falling to 0 near the edges."""
    across, down = (np.abs(np.linspace(-1, 1, size, dtype=np.float32)) for size in (width, height))
    roundness = random.uniform(2, 8)  # of the outline: 2 is an ellipse, 8 nearly a rectangle
    distance = across**roundness + down[:, np.newaxis] ** roundness
    fade = random.uniform(0.05, 0.5)
    return np.clip((1 - distance) / fade, 0, 1).astype(np.float32)[:, :, np.newaxis]


def _shrunk_size(side: int, smallest: float, random: np.random.Generator) -> tuple[int, int]:
    """Draw width and height; small ones are as frequent as large ones, by ratio."""
    scale = float(np.exp(random.uniform(np.log(smallest), np.log(0.9))))
    other = min(1.0, scale * random.uniform(0.8, 1.25))
    return max(8, round(side * scale)), max(8, round(side * other))


def _relight(picture: Pixels, random: np.random.Generator, strength: Augmentation) -> Pixels:
    """Change light and colour in one pass: a matrix of 3 by 4 on every pixel."""
    is_coloured = random.random() < strength.colour
    light = _draw_light(random, strength)
    if random.random() < strength.backlight:
        picture = _light_from_behind(picture, random)
    if light == "day" and not is_coloured:
        return picture
    matrix = _colour_matrix(picture, random) if is_coloured else np.eye(3, 4, dtype=np.float32)
    if light in ("grey", "infrared", "night"):
        matrix = _GREY @ matrix
    if light == "infrared":
        return _light_by_lamp(_as_pixels(cv2.transform(picture, matrix)), random)
    if light in _DARKNESS:
        matrix = matrix * np.float32(random.uniform(*_DARKNESS[light]))
        dark = _as_pixels(cv2.transform(picture, matrix))
        return _add_noise(dark, random.uniform(2, 10), random)
    return _as_pixels(cv2.transform(picture, matrix))


def _draw_light(random: np.random.Generator, strength: Augmentation) -> _Light:
    """Draw the light; of the pictures after sunset half are in infrared."""
    draw = random.random()
    if draw < strength.night:
        lights: tuple[_Light, ...] = ("infrared", "infrared", "dusk", "night")
        return lights[int(4 * draw / strength.night)]
    return "grey" if draw < strength.night + strength.grey else "day"


def _colour_matrix(picture: Pixels, random: np.random.Generator) -> NDArray[np.float32]:
    """Combine brightness, contrast about the mean, saturation, hue and white balance."""
    brightness, contrast = random.uniform(0.7, 1.3), random.uniform(0.75, 1.25)
    saturation, hue = random.uniform(0.5, 1.4), random.uniform(-0.12, 0.12)
    balance = random.uniform(0.92, 1.08, 3).astype(np.float32)
    colours = _GREY + saturation * (_rotate_hue(hue) - _GREY)
    mean = float(np.mean(cv2.mean(picture)[:3])) * brightness
    matrix = np.empty((3, 4), np.float32)
    matrix[:, :3] = brightness * contrast * balance[:, np.newaxis] * colours
    matrix[:, 3] = mean * (1 - contrast)
    return matrix


def _rotate_hue(angle: float) -> NDArray[np.float32]:
    """Return the rotation of RGB about the grey axis, by an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle) / np.sqrt(3)
    third = (1 - cosine) / 3
    return np.array(
        (
            (cosine + third, third - sine, third + sine),
            (third + sine, cosine + third, third - sine),
            (third - sine, third + sine, cosine + third),
        ),
        np.float32,
    )


def _light_by_lamp(picture: Pixels, random: np.random.Generator) -> Pixels:
    """Light a grey picture as an infrared lamp does: bright in the middle, dark around."""
    side = picture.shape[0]
    centre = random.uniform(0.3, 0.7, 2) * side
    reach = random.uniform(0.45, 0.9) * side
    rows = (np.arange(side, dtype=np.float32) - np.float32(centre[0])) ** 2
    columns = (np.arange(side, dtype=np.float32) - np.float32(centre[1])) ** 2
    light = np.exp(-(rows[:, np.newaxis] + columns) / np.float32(2 * reach**2))
    light = light * np.float32(random.uniform(0.9, 1.4)) + np.float32(0.05)
    lit = np.clip(picture * light[:, :, np.newaxis], 0, 255).astype(np.uint8)
    return _add_noise(lit, random.uniform(2, 8), random)


def _light_from_behind(picture: Pixels, random: np.random.Generator) -> Pixels:
    """Darken everything but a bright, softly bounded side: a window or the sky."""
    side = picture.shape[0]
    angle = random.uniform(0, 2 * np.pi)
    place = np.linspace(-1, 1, side, dtype=np.float32)
    along = np.float32(np.cos(angle)) * place + np.float32(np.sin(angle)) * place[:, np.newaxis]
    glow = 1 / (1 + np.exp(-(along - np.float32(random.uniform(0.0, 0.8))) * 6))
    dark = np.float32(random.uniform(0.25, 0.6))
    light = dark + (np.float32(random.uniform(1.2, 1.8)) - dark) * glow
    haze = np.float32(random.uniform(20, 70)) * glow
    lit = picture * light[:, :, np.newaxis] + haze[:, :, np.newaxis]
    return _as_pixels(np.clip(lit, 0, 255))


def _blur(picture: Pixels, random: np.random.Generator) -> Pixels:
    """Soften as a lens out of focus does, or smear along a line as movement does."""
    side = picture.shape[0]
    if random.random() < 0.5:
        deviation = max(0.5, random.uniform(0.5, 1.5) * side / 160)
        return _as_pixels(cv2.GaussianBlur(picture, (0, 0), deviation))
    length = max(2.0, random.uniform(0.02, 0.06) * side)
    angle = random.uniform(0, np.pi)
    reach = length / 2 * np.array((np.cos(angle), np.sin(angle)))
    size = 2 * math.ceil(length / 2) + 1
    middle = np.full(2, size // 2)
    kernel = np.zeros((size, size), np.float32)
    ends = ([int(value) for value in np.round(middle + way * reach)] for way in (-1, 1))
    cv2.line(kernel, next(ends), next(ends), 1.0)
    return _as_pixels(cv2.filter2D(picture, -1, kernel / kernel.sum()))


def _compress(picture: Pixels, random: np.random.Generator) -> Pixels:
    """Encode as JPEG of low quality and decode, as a network camera does."""
    quality = int(random.integers(15, 50))
    _, encoded = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return _as_pixels(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def _add_noise(picture: Pixels, deviation: float, random: np.random.Generator) -> Pixels:
    noise = random.standard_normal(picture.shape, np.float32) * np.float32(deviation)
    noisy: Pixels = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return noisy


def _erase(picture: Pixels, random: np.random.Generator) -> Pixels:
    """Hide a rectangle, as a door frame or a plant pot would."""
    side = picture.shape[0]
    height, width = (max(1, round(side * share)) for share in random.uniform(0.12, 0.4, 2))
    top, left = int(random.integers(side - height + 1)), int(random.integers(side - width + 1))
    erased = picture.copy()
    erased[top : top + height, left : left + width] = _dull_colour(random)
    return erased


def _dull_colour(random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a colour as walls, posts and plants have it."""
    colour = random.uniform(20, 235) + random.uniform(-20, 20, 3)
    return colour.astype(np.uint8)


def _as_pixels(picture: object) -> Pixels:
    """Tell the type checker what OpenCV returns."""
    return np.asarray(picture, np.uint8)
