"""One glance at a frame, before any model sees it: a thumbnail, and whether it is the same again.

The thumbnail is what `edge.sensor` and `edge.motion` work on: 80x60 cells of brightness, each the
mean of its part of the frame, so that most of a sensor's noise is gone, and looking costs little.
"""

import cv2
import numpy as np

from edge.records import Glance, Grey, Pixels

THUMBNAIL_WH = (80, 60)
"""Width and height of a thumbnail in cells, whatever the size and shape of the frame."""

THUMBNAIL_SHAPE = (60, 80)
"""Rows and columns of a thumbnail: its array's shape."""


def glance(pixels_bgr: Pixels, previous_bgr: Pixels | None = None) -> Glance:
    """Look at a frame.

    Args:
        pixels_bgr: `(height, width, 3)`, `uint8`, BGR, of any size.
        previous_bgr: The frame before it in its source; `None` at the first.

    Example:
        >>> import numpy as np
        >>> frame_bgr = np.full((480, 640, 3), (255, 0, 0), np.uint8)  # blue
        >>> seen = glance(frame_bgr, frame_bgr.copy())
        >>> seen.thumbnail.shape, int(seen.thumbnail[0, 0]), seen.is_repeat
        ((60, 80), 29, True)
    """
    is_repeat = previous_bgr is not None and is_same_picture(pixels_bgr, previous_bgr)
    return Glance(shrink_to_thumbnail(pixels_bgr), is_repeat)


def shrink_to_thumbnail(pixels_bgr: Pixels) -> Grey:
    """Average a frame over areas to `(60, 80)`, `uint8`, grey; the whole frame is squeezed in.

    Args:
        pixels_bgr: `(height, width, 3)`, `uint8`, BGR, of any size.

    Example:
        >>> import numpy as np
        >>> shrink_to_thumbnail(np.full((1080, 1920, 3), 200, np.uint8)).max()
        np.uint8(200)
    """
    width, height = THUMBNAIL_WH
    # Averaging two by two is several times as fast as averaging by any other factor.
    while pixels_bgr.shape[0] >= 2 * height and pixels_bgr.shape[1] >= 2 * width:
        pixels_bgr = _halve(pixels_bgr)
    grey = cv2.cvtColor(pixels_bgr, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, THUMBNAIL_WH, interpolation=cv2.INTER_AREA), np.uint8)


def is_same_picture(one_bgr: Pixels, other_bgr: Pixels) -> bool:
    """Say whether two pictures have the same size and pixels.

    A row of the middle is compared first: the noise of a sensor that works shows in any.

    Args:
        one_bgr: `(height, width, 3)`, `uint8`.
        other_bgr: The same.

    Example:
        >>> import numpy as np
        >>> black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
        >>> is_same_picture(black, black.copy()), is_same_picture(black, white)
        (True, False)
    """
    if one_bgr.shape != other_bgr.shape:
        return False
    middle = one_bgr.shape[0] // 2
    return all(
        cv2.norm(one_bgr[rows], other_bgr[rows], cv2.NORM_INF) == 0.0
        for rows in (slice(middle, middle + 1), slice(None))
    )


def _halve(picture: Pixels) -> Pixels:
    """Average two by two; an odd row or column at the end is left out."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    even = picture[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
