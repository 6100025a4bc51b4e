"""Pictures of a page, inside the page: data URIs."""

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels

_QUALITY = 82
_STRENGTH = 0.55  # of the heat where it is greatest


def encode_picture(picture_bgr: Pixels, *, side: int = 224) -> str:
    """Return a picture as a data URI, reduced until its shorter side has `side` pixels.

    Args:
        picture_bgr: `(height, width, 3)`, `uint8`, BGR.
        side: In pixels; a smaller picture stays as it is.
    """
    height, width = picture_bgr.shape[:2]
    scale = side / min(height, width)
    if scale < 1.0:
        size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
        reduced = cv2.resize(picture_bgr, size_wh, interpolation=cv2.INTER_AREA)
        picture_bgr = np.asarray(reduced, np.uint8)
    _, encoded = cv2.imencode(".jpg", picture_bgr, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def lay_heat(picture_bgr: Pixels, heat: NDArray[np.float32]) -> Pixels:
    """Lay a map over a picture: where it is high, the picture glows.

    Args:
        picture_bgr: `(height, width, 3)`, `uint8`, BGR.
        heat: `(rows, columns)` of any size, in [0, 1].

    Returns:
        `(height, width, 3)`, `uint8`, BGR.
    """
    height, width = picture_bgr.shape[:2]
    smooth = cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC)
    clipped = np.clip(smooth, 0.0, 1.0)
    coloured = cv2.applyColorMap((clipped * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = (clipped * _STRENGTH)[:, :, np.newaxis] + 0.15
    grey = cv2.cvtColor(cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    laid: Pixels = np.rint(grey * (1 - share) + coloured * share).astype(np.uint8)
    return laid
