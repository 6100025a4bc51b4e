"""A film of JPEG pictures as the content of an AVI file, put together in memory.

Motion JPEG in AVI is what every player, browserless or not, and OpenCV without FFmpeg reads. The
pictures are in memory as JPEG anyway, so nothing is compressed a second time; and since the bytes
are written by who calls, a full disk is noticed, which `cv2.VideoWriter` does not tell.
"""

import struct
from collections.abc import Sequence
from itertools import pairwise

_HAS_INDEX = 0x10
_KEY_FRAME = 0x10
_AVI_HEADER = "<14I"
_STREAM_HEADER = "<4s4sIHHIIIIIIII4H"
_BITMAP_HEADER = "<IiiHH4sIiiII"


def make_avi(pictures: Sequence[bytes], *, size_wh: tuple[int, int], rate_hz: int) -> bytes:
    """Return the content of an AVI file.

    Args:
        pictures: JPEG files' contents, at least one, oldest first.
        size_wh: Width and height of each, in pixels.
        rate_hz: Pictures per second.

    Example:
        >>> make_avi([b"abc"], size_wh=(8, 8), rate_hz=5)[8:16]
        b'AVI LIST'
    """
    chunks = [_chunk(b"00dc", picture) for picture in pictures]
    offsets = [4]  # from the type of the list on
    for chunk in chunks:
        offsets.append(offsets[-1] + len(chunk))
    index = b"".join(
        struct.pack("<4sIII", b"00dc", _KEY_FRAME, start, len(picture))
        for picture, (start, _) in zip(pictures, pairwise(offsets), strict=True)
    )
    largest = max(map(len, pictures))
    header = _list(
        b"hdrl",
        _chunk(b"avih", _describe_file(len(pictures), largest, size_wh, rate_hz))
        + _list(
            b"strl",
            _chunk(b"strh", _describe_stream(len(pictures), largest, size_wh, rate_hz))
            + _chunk(b"strf", _describe_picture(size_wh)),
        ),
    )
    body = b"AVI " + header + _list(b"movi", b"".join(chunks)) + _chunk(b"idx1", index)
    return _chunk(b"RIFF", body)


def _describe_file(count: int, largest: int, size_wh: tuple[int, int], rate_hz: int) -> bytes:
    micros = 1_000_000 // rate_hz
    width, height = size_wh
    values = (micros, largest * rate_hz, 0, _HAS_INDEX, count, 0, 1, largest, width, height)
    return struct.pack(_AVI_HEADER, *values, 0, 0, 0, 0)


def _describe_stream(count: int, largest: int, size_wh: tuple[int, int], rate_hz: int) -> bytes:
    numbers = (0, 0, 0, 0, 1, rate_hz, 0, count, largest, 0xFFFFFFFF, 0)
    return struct.pack(_STREAM_HEADER, b"vids", b"MJPG", *numbers, 0, 0, *size_wh)


def _describe_picture(size_wh: tuple[int, int]) -> bytes:
    width, height = size_wh
    return struct.pack(
        _BITMAP_HEADER, 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _list(name: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", name + content)
