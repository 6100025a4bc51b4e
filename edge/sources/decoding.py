"""Pictures that a network camera sends: JPEG and PNG, whole and of a bearable size, or nothing.

OpenCV decodes half a JPEG to a picture that is grey below, and many more formats than a camera
needs; so it is asked only once begin, end and size are right. The markers of a JPEG are those of
ITU-T T.81, annex B; the header of a PNG is that of RFC 2083, section 3.
"""

import cv2
import numpy as np

from edge.records import Pixels

MOST_BYTES = 32_000_000
"""Largest picture that is received."""

_MOST_PIXELS = 50_000_000
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_STAND_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_NO_FRAME_HEADERS = frozenset({0xC4, 0xC8, 0xCC})


def is_picture(data: bytes) -> bool:
    """Whether it begins as a JPEG or PNG does.

    Example:
        >>> is_picture(b"<html>")
        False
    """
    return data.startswith((_JPEG_START, _PNG_START))


def decode_picture(data: bytes) -> Pixels | None:
    """Decode a JPEG or PNG.

    Args:
        data: The file; blanks and zeros behind it are common.

    Returns:
        `(height, width, 3)`, BGR; `None` if it is cut off, too large, damaged or something else.

    Example:
        >>> data = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
        >>> decode_picture(data).shape, decode_picture(data[:-20])
        ((48, 64, 3), None)
    """
    data = data.rstrip(b"\0\r\n ")
    if not data.endswith((_JPEG_END, _PNG_END)):
        return None
    size_wh = picture_size(data)
    if size_wh is None or not 0 < size_wh[0] * size_wh[1] <= _MOST_PIXELS:
        return None
    try:
        pixels_bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if pixels_bgr is None else np.asarray(pixels_bgr, np.uint8)


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Read width and height from the header of a JPEG or PNG; `None` where there is none."""
    if data.startswith(_PNG_START):
        if len(data) < 24:
            return None
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if not data.startswith(_JPEG_START):
        return None
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF or marker in _STAND_ALONE:
            place += 1 if marker == 0xFF else 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADERS:
            height, width = data[place + 5 : place + 7], data[place + 7 : place + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
