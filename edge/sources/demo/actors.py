"""Cut the demo's two actors out of photos that scikit-image's wheel carries.

Chelsea the cat (`chelsea.png`, CC0, by Stefan van der Walt) and the astronaut Eileen Collins
(`astronaut.png`, NASA, public domain). The outlines below were traced once; a guided filter (He,
Sun and Tang, "Guided Image Filtering", 2013) turns them into soft mattes that follow the fur.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from edge.errors import MissingExtraError
from edge.images import read_picture
from edge.records import Pixels
from edge.sources.demo.brush import Plane, draw_line, fill_polygon

_Outline: TypeAlias = tuple[tuple[int, int], ...]

_WHISKER_BGR = np.array([212, 222, 230], dtype=np.float32)


@dataclass(frozen=True)
class Photo:
    """Where an actor is in a photo.

    Attributes:
        file_name: Name of the file in the folder of photos.
        size_wh: The size that the coordinates below refer to.
        outline: Polygon around the actor, `(x, y)`; it leaves the photo where the photo cuts
            the actor off.
        whiskers: Lines `(x, y)` outside the outline, to be drawn in the colour of whiskers.
        gain: Factor on the brightness, so that the actor suits the scene.
    """

    file_name: str
    size_wh: tuple[int, int]
    outline: _Outline
    whiskers: tuple[_Outline, ...] = ()
    gain: float = 1.0


CAT = Photo(
    file_name="chelsea.png",
    size_wh=(451, 300),
    outline=(
        # the left ear, the back, below the frame, the chin
        *((41, -20), (40, 4), (36, 18), (33, 34), (32, 60), (30, 80), (29, 104), (16, 118)),
        *((-20, 134), (-20, 320), (292, 320), (293, 287), (300, 275), (308, 265), (314, 253)),
        # the whisker pad, the right cheek, the right ear
        *((316, 241), (315, 226), (333, 207), (350, 184), (357, 166), (362, 148), (363, 126)),
        *((361, 108), (357, 94), (355, 78), (367, 62), (375, 50), (379, 30), (386, 18), (402, 0)),
        (410, -20),
    ),
    whiskers=(
        ((312, 233), (345, 237), (367, 242)),
        ((315, 240), (350, 246), (370, 254), (392, 264)),
        ((309, 251), (321, 256), (340, 267), (355, 276), (375, 292)),
        ((303, 256), (325, 266), (337, 275), (350, 287), (357, 297)),
        ((350, 80), (380, 79), (396, 82), (414, 89)),
    ),
    gain=1.12,
)

PERSON = Photo(
    file_name="astronaut.png",
    size_wh=(512, 512),
    outline=(
        # the hair, down to the left shoulder
        *((201, 23), (185, 38), (163, 51), (156, 58), (153, 70), (155, 98), (160, 108), (170, 121)),
        *((174, 128), (181, 133), (183, 148), (160, 150), (140, 158), (126, 174), (119, 190)),
        # the left arm
        *((114, 205), (83, 231), (68, 260), (50, 292), (46, 312), (38, 326), (36, 345), (26, 354)),
        *((24, 376), (19, 391), (19, 410), (24, 432), (25, 460), (28, 486), (42, 530)),
        # below the frame, the helmet
        *((530, 530), (530, 505), (507, 497), (503, 470), (497, 440), (488, 404), (478, 384)),
        *((454, 360), (423, 347), (393, 345), (366, 350), (360, 344), (361, 331), (356, 302)),
        # the right shoulder, the collar, the hair
        *((347, 282), (340, 262), (320, 244), (304, 233), (299, 217), (290, 202), (272, 184)),
        *(
            (256, 174),
            (259, 163),
            (263, 148),
            (266, 138),
            (278, 131),
            (290, 117),
            (299, 100),
            (299, 76),
        ),
        *((294, 56), (284, 40), (267, 28), (240, 26), (224, 28), (216, 24)),
    ),
    gain=0.96,
)


def find_photos() -> Path | None:
    """Find the folder of scikit-image's photos without importing scikit-image.

    Returns:
        The folder, or `None` if the package is not installed.
    """
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "data"


def open_cutout(photo: Photo, *, folder: Path | None = None) -> Pixels:
    """Read a photo and make everything but the actor transparent.

    Args:
        photo: Which one, and where the actor is in it.
        folder: Where the photo lies; by default scikit-image's own folder.

    Returns:
        `(height, width, 4)`, `uint8`, BGR multiplied by alpha, and alpha.

    Raises:
        MissingExtraError: The photo is not there.
        PictureError: The photo cannot be decoded.
    """
    folder = folder if folder is not None else find_photos()
    path = folder / photo.file_name if folder is not None else None
    if path is None or not path.is_file():
        raise MissingExtraError(
            "demo: shows two photos out of scikit-image's package, the extra 'demo'",
            received=f"no {path}" if path else "an installation without scikit-image",
            fix="Run: pip install --no-deps scikit-image (only its photos are used)",
        )
    picture_bgr = read_picture(path)
    if picture_bgr.shape[1::-1] != photo.size_wh:
        picture_bgr = cv2.resize(picture_bgr, photo.size_wh, interpolation=cv2.INTER_AREA).astype(
            np.uint8
        )
    return _cut_out(picture_bgr, photo)


def _cut_out(picture_bgr: Pixels, photo: Photo) -> Pixels:
    alpha = _matte(picture_bgr, photo.outline)
    colour = _spread_colours(picture_bgr, alpha)
    for line in photo.whiskers:
        hair_mask = np.zeros(alpha.shape, np.uint8)
        draw_line(hair_mask, line, colour=(140,))
        hair = hair_mask.astype(np.float32) / 255
        colour = np.where((hair > alpha)[:, :, np.newaxis], _WHISKER_BGR, colour)
        alpha = np.maximum(alpha, hair)
    premultiplied = np.clip(colour * photo.gain, 0, 255) * alpha[:, :, np.newaxis]
    return np.dstack([premultiplied, alpha * 255]).round().astype(np.uint8)


def _matte(picture_bgr: Pixels, outline: _Outline) -> Plane:
    """Turn an outline into an opacity in [0, 1] whose edge follows the photo's own edges."""
    mask = np.zeros(picture_bgr.shape[:2], np.uint8)
    fill_polygon(mask, outline, (255,))
    rough = mask.astype(np.float32) / 255
    guide = cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    size = (9, 9)
    mean_guide, mean_rough = cv2.blur(guide, size), cv2.blur(rough, size)
    variance = cv2.blur(guide * guide, size) - mean_guide * mean_guide
    covariance = cv2.blur(guide * rough, size) - mean_guide * mean_rough
    slope = covariance / (variance + 2e-3)
    offset = mean_rough - slope * mean_guide
    refined = cv2.blur(slope, size) * guide + cv2.blur(offset, size)
    soft = cv2.GaussianBlur(rough, (0, 0), 1.2)
    # harden the refined edge a little and keep it near the outline
    hardened = np.clip((0.5 * refined + 0.5 * soft - 0.25) / 0.6, 0, 1)
    return np.asarray(hardened, dtype=np.float32)


def _spread_colours(picture_bgr: Pixels, alpha: Plane) -> Plane:
    """Carry the actor's colours out over the edge, so that no old background shines through."""
    core = (alpha > 0.97).astype(np.float32)[:, :, np.newaxis]
    picture = picture_bgr.astype(np.float32)
    weight = cv2.blur(core, (13, 13))[:, :, np.newaxis]
    spread = cv2.blur(picture * core, (13, 13)) / np.maximum(weight, 1e-4)
    return np.asarray(picture * core + spread * (1 - core), dtype=np.float32)
