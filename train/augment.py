"""What the network sees of a picture: never twice the same crop, light or noise.

Moderate by intention: most pictures stay clear photographs. A few become what a door camera
delivers, dusk, infrared, noise, blur, an animal that is small in the frame.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels

CACHE_SCALE = 1.2
"""Training pictures are cached this much larger than the input, so that a crop stays sharp."""

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
_GREY = np.tile(_LUMA, (3, 1))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How often and how strongly a picture is changed; the probabilities are in [0, 1].

    Attributes:
        smallest_area: Least share of the picture that a crop shows.
        aspect: Greatest change of the aspect ratio, as a factor.
        zoom_out: Probability of a picture shrunk onto a backdrop made of itself.
        colour: Probability of changed brightness, contrast, saturation and hue.
        grey: Probability of a picture without colour.
        night: Probability of dusk or infrared light, with noise.
        blur: Probability of a soft picture.
        noise: Probability of sensor noise.
        erase: Probability of a rectangle that hides a part.
    """

    smallest_area: float = 0.4
    aspect: float = 4 / 3
    zoom_out: float = 0.10
    colour: float = 0.8
    grey: float = 0.05
    night: float = 0.06
    blur: float = 0.08
    noise: float = 0.08
    erase: float = 0.15


def augment(
    picture_rgb: Pixels,
    *,
    side: int,
    random: np.random.Generator,
    strength: Augmentation | None = None,
) -> Pixels:
    """Return a changed picture; the same generator state gives the same picture.

    Args:
        picture_rgb: `(height, width, 3)`, `uint8`, RGB.
        side: Width and height of the result, in pixels.
        random: Where chance comes from.
        strength: How much; moderate by default.

    Returns:
        `(side, side, 3)`, `uint8`, RGB.
    """
    strength = strength or Augmentation()
    if random.random() < strength.zoom_out:
        changed = _zoom_out(picture_rgb, side, random)
    else:
        changed = _crop(picture_rgb, side, random, strength)
    if random.random() < 0.5:
        changed = _as_pixels(cv2.flip(changed, 1))
    changed = _relight(changed, random, strength)
    if random.random() < strength.blur:
        deviation = max(0.5, random.uniform(0.5, 1.5) * side / 160)
        changed = _as_pixels(cv2.GaussianBlur(changed, (0, 0), deviation))
    if random.random() < strength.noise:
        changed = _add_noise(changed, random.uniform(3, 12), random)
    if random.random() < strength.erase:
        changed = _erase(changed, random)
    return np.ascontiguousarray(changed)


def _crop(
    picture: Pixels, side: int, random: np.random.Generator, strength: Augmentation
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
    return _as_pixels(cv2.resize(cropped, (side, side), interpolation=cv2.INTER_LINEAR))


def _zoom_out(picture: Pixels, side: int, random: np.random.Generator) -> Pixels:
    """Lay the shrunk picture on a backdrop: an animal at the far end of the garden."""
    width, height = (max(8, round(side * scale)) for scale in _inner_scales(random))
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


def _inner_scales(random: np.random.Generator) -> tuple[float, float]:
    scale = random.uniform(0.4, 0.85)
    return scale, min(1.0, scale * random.uniform(0.85, 1.18))


def _relight(picture: Pixels, random: np.random.Generator, strength: Augmentation) -> Pixels:
    """Change light and colour in one pass: a matrix of 3 by 4 on every pixel."""
    is_coloured = random.random() < strength.colour
    draw = random.random()
    is_night, is_grey = draw < strength.night, draw < strength.night + strength.grey
    if not (is_coloured or is_grey):
        return picture
    matrix = _colour_matrix(picture, random) if is_coloured else np.eye(3, 4, dtype=np.float32)
    if is_grey:
        matrix = _GREY @ matrix
    if is_night and random.random() < 0.5:
        return _light_by_lamp(_as_pixels(cv2.transform(picture, matrix)), random)
    if is_night:
        matrix = matrix * np.float32(random.uniform(0.15, 0.5))
    changed = _as_pixels(cv2.transform(picture, matrix))
    return _add_noise(changed, random.uniform(2, 10), random) if is_night else changed


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
