"""The demo's stage: a garden seen through an open door, in two kinds of light."""

from dataclasses import dataclass

import cv2
import numpy as np

from edge.records import Pixels
from edge.sources.demo.brush import Plane, to_colour
from edge.sources.demo.doorway import draw_doorway
from edge.sources.demo.garden import HEIGHT, Garden

_SUN_BGR = (0.97, 1.03, 1.07)
_CLOUD_BGR = (0.86, 0.80, 0.76)
_GLARE_BGR = (78, 100, 108)


@dataclass(frozen=True, eq=False)
class Scene:
    """The stage without visitors.

    Attributes:
        sunny_bgr: `(height, width, 3)`, `uint8`, while the sun is out.
        cloudy_bgr: The same under a cloud.
        open_alpha: `(height, width)`, `uint8`, 255 where a visitor outside the door is seen, 0
            where the door frame, the lantern or the plant hides them.
    """

    sunny_bgr: Pixels
    cloudy_bgr: Pixels
    open_alpha: Pixels


def draw_scene(size_wh: tuple[int, int], *, seed: int = 0) -> Scene:
    """Draw the stage in the given size; the same seed gives the same stage."""
    width = max(2 * round(HEIGHT * size_wh[0] / size_wh[1] / 2), 160)
    garden = Garden(width, seed=seed)
    outdoors = garden.paint()
    sunny = outdoors * to_colour(_SUN_BGR) * garden.paint_leaf_shade()[:, :, np.newaxis]
    sunny = sunny + to_colour(_GLARE_BGR) * garden.paint_glow()[:, :, np.newaxis]
    cloudy = outdoors * to_colour(_CLOUD_BGR)
    # what stands near the lens is a little soft; outside its mask the front is black
    front_bgr, mask = draw_doorway((width, HEIGHT))
    front = cv2.GaussianBlur(front_bgr, (0, 0), 0.7).astype(np.float32)
    soft_mask = cv2.GaussianBlur(mask, (0, 0), 0.7).astype(np.float32)
    cover = soft_mask[:, :, np.newaxis] * np.float32(1 / 255)
    return Scene(
        sunny_bgr=_fit(_stack(front, sunny, cover), size_wh),
        cloudy_bgr=_fit(_stack(front * 0.82, cloudy, cover), size_wh),
        open_alpha=_fit(np.rint(255 - soft_mask).astype(np.uint8), size_wh),
    )


def _stack(front: Plane, back: Plane, cover: Plane) -> Pixels:
    return np.clip(front + back * (1 - cover), 0, 255).astype(np.uint8)


def _fit(picture: Pixels, size_wh: tuple[int, int]) -> Pixels:
    if picture.shape[1::-1] == size_wh:
        return picture
    return cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA).astype(np.uint8)
