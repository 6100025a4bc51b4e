"""What a source is asked for, and how its picture is turned."""

import math
import re
from dataclasses import dataclass

import cv2
import numpy as np

from edge.errors import SettingError
from edge.records import Pixels

FLIPS = ("none", "horizontal", "vertical", "both")
"""Ways to mirror a picture: left for right, top for bottom."""

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIP_CODES = {"horizontal": 1, "vertical": 0, "both": -1}
_LARGEST_SIDE = 16_384
_PIXEL_FORMAT = re.compile(r"[A-Z0-9]{3,4}")


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a source is asked for; a recording is as it is, and takes only rotation and flip.

    Attributes:
        size_wh: Width and height in pixels, before it is turned; for cameras and `demo:`.
        rate_hz: Frames per second; what the camera likes when `None`.
        pixel_format: Four letters as `v4l2-ctl --list-formats` shows them, such as "MJPG" or
            "YUYV"; what the camera likes when `None`.
        rotate_degrees: Clockwise: 0, 90, 180 or 270.
        flip: One of `FLIPS`; done after the rotation.
        snapshot_seconds: Time from one snapshot of an `http://` camera to the next.

    Raises:
        SettingError: A value is out of its range.
    """

    size_wh: tuple[int, int] = (640, 480)
    rate_hz: float | None = None
    pixel_format: str | None = None
    rotate_degrees: int = 0
    flip: str = "none"
    snapshot_seconds: float = 1.0

    def __post_init__(self) -> None:
        """Check each value."""
        width, height = self.size_wh
        _check(
            1 <= width <= _LARGEST_SIDE and 1 <= height <= _LARGEST_SIDE,
            f"A picture's sides must be 1 to {_LARGEST_SIDE} pixels",
            f"{width}x{height}",
        )
        _check(
            self.rate_hz is None or (math.isfinite(self.rate_hz) and 0 < self.rate_hz <= 1000),
            "The rate must be above 0 and at most 1000 frames per second",
            str(self.rate_hz),
        )
        _check(
            self.pixel_format is None or bool(_PIXEL_FORMAT.fullmatch(self.pixel_format)),
            "A pixel format is four letters, such as MJPG or YUYV",
            str(self.pixel_format),
        )
        _check(
            self.rotate_degrees in (0, *_ROTATIONS),
            "A picture can be rotated by 0, 90, 180 or 270 degrees",
            str(self.rotate_degrees),
        )
        _check(
            self.flip in FLIPS, f"A picture can be flipped as one of {', '.join(FLIPS)}", self.flip
        )
        _check(
            0 < self.snapshot_seconds <= 3600,
            "The time between snapshots must be above 0 and at most 3600 seconds",
            str(self.snapshot_seconds),
        )


def orient(pixels_bgr: Pixels, options: SourceOptions) -> Pixels:
    """Turn and mirror a picture; the very array is returned where there is nothing to do.

    Args:
        pixels_bgr: `(height, width, 3)`, `uint8`.
        options: Says how.

    Example:
        >>> picture = np.zeros((48, 64, 3), np.uint8)
        >>> orient(picture, SourceOptions(rotate_degrees=90)).shape
        (64, 48, 3)
    """
    if options.rotate_degrees:
        pixels_bgr = np.asarray(
            cv2.rotate(pixels_bgr, _ROTATIONS[options.rotate_degrees]), np.uint8
        )
    if options.flip != "none":
        pixels_bgr = np.asarray(cv2.flip(pixels_bgr, _FLIP_CODES[options.flip]), np.uint8)
    return pixels_bgr


def _check(is_fine: bool, rule: str, received: str) -> None:
    if not is_fine:
        raise SettingError(rule, received=received, fix="Give a value in this range")
