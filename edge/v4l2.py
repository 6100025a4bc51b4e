"""What a video device of Linux says about itself.

Not each `/dev/video*` is a camera: the codecs of a Raspberry Pi are there, too, and a webcam has a
second one for metadata. The structures are `v4l2_capability`, `v4l2_fmtdesc`, `v4l2_frmsizeenum`
and `v4l2_frmivalenum`, https://docs.kernel.org/userspace-api/media/v4l/vidioc-querycap.html,
vidioc-enum-fmt.html, vidioc-enum-framesizes.html and vidioc-enum-frameintervals.html
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

_CAPABILITY = struct.Struct("=16s32s32s6I")  # driver, card, bus; version, device, node, reserved
_QUERYCAP = 2 << 30 | _CAPABILITY.size << 16 | ord("V") << 8  # _IOR('V', 0, ...), x86 and ARM
_FORMAT = struct.Struct("=3I32s5I")  # index, type, flags, description, format, bus code, reserved
_SIZE = struct.Struct("=11I")  # index, format, type; width, height or a range; reserved
_INTERVAL = struct.Struct("=13I")  # index, format, width, height, type; fraction or range; reserved
_ENUM_FORMATS = 3 << 30 | _FORMAT.size << 16 | ord("V") << 8 | 2  # _IOWR('V', 2, ...)
_ENUM_SIZES = 3 << 30 | _SIZE.size << 16 | ord("V") << 8 | 74
_ENUM_INTERVALS = 3 << 30 | _INTERVAL.size << 16 | ord("V") << 8 | 75
_BUFFER_TYPE, _BUFFER_TYPE_MPLANE = 1, 9
_DISCRETE = 1
_MOST_ANSWERS = 128  # of a driver that does not come to an end

_VIDEO_CAPTURE = 0x0000_0001
_VIDEO_CAPTURE_MPLANE = 0x0000_1000
_DEVICE_CAPS = 0x8000_0000


Found = TypeVar("Found")
Answer = Callable[[int, bytes], bytes | None]
"""Asks a device: number of the request and structure to the structure filled in, or `None`."""


@dataclass(frozen=True, slots=True)
class CameraMode:
    """One of the ways in which a camera delivers pictures.

    Attributes:
        pixel_format: Four letters, such as "MJPG".
        size_wh: Width and height in pixels; the largest where the driver names a range.
        rates_hz: Frames per second, the highest first; empty where the driver does not say.
    """

    pixel_format: str
    size_wh: tuple[int, int]
    rates_hz: tuple[float, ...]


def query_capability(device: Path) -> bytes | None:
    """Ask a video device what it is; nothing is switched on, and one in use answers as well.

    Args:
        device: Such as `/dev/video0`.

    Returns:
        The structure as the driver filled it in; `None` where nobody answers.
    """
    answers = list(_ask_device(device, lambda ask: [ask(_QUERYCAP, bytes(_CAPABILITY.size))]))
    return answers[0] if answers else None


def list_modes(device: Path) -> tuple[CameraMode, ...]:
    """Ask a camera for all pixel formats, sizes and rates that it offers; nothing is changed.

    Args:
        device: Such as `/dev/video0`.

    Example:
        >>> list_modes(Path("/nowhere"))
        ()
    """
    return tuple(_ask_device(device, lambda ask: list(read_modes(ask))))


def read_modes(ask: Answer) -> Iterator[CameraMode]:
    """Go through formats, sizes of each, and rates of each size.

    Args:
        ask: Sends a structure to the device.
    """
    for kind in (_BUFFER_TYPE, _BUFFER_TYPE_MPLANE):
        for answer in _enumerate(ask, _ENUM_FORMATS, _FORMAT, partial(_format_question, kind)):
            yield from _modes_of(ask, answer[4])


def driver_name(capability: bytes) -> str:
    """Return the name of the driver from the answer of `query_capability`, such as "uvcvideo"."""
    return _text(_CAPABILITY.unpack(capability)[0])


def can_capture(capability: bytes) -> bool:
    """Tell from the answer of `query_capability` whether pictures come from this very node.

    Drivers older than Linux 3.4 know the capabilities of the device as a whole only.
    """
    *_, whole, node, _, _, _ = _CAPABILITY.unpack(capability)
    flags = node if whole & _DEVICE_CAPS else whole
    return bool(flags & (_VIDEO_CAPTURE | _VIDEO_CAPTURE_MPLANE))


def _format_question(kind: int, index: int) -> tuple[object, ...]:
    return index, kind, 0, b"", *[0] * 5


def _modes_of(ask: Answer, code: int) -> Iterator[CameraMode]:
    name = code.to_bytes(4, "little").decode("latin-1").strip("\0 ")
    for _, _, kind, *sides in _enumerate(
        ask, _ENUM_SIZES, _SIZE, lambda index: (index, code, *[0] * 9)
    ):
        size_wh = (sides[0], sides[1]) if kind == _DISCRETE else (sides[1], sides[4])
        yield CameraMode(name, size_wh, _rates_of(ask, code, size_wh))
        if kind != _DISCRETE:  # a range has one answer only
            return


def _rates_of(ask: Answer, code: int, size_wh: tuple[int, int]) -> tuple[float, ...]:
    found = set()
    for _, _, _, _, kind, *parts in _enumerate(
        ask, _ENUM_INTERVALS, _INTERVAL, lambda index: (index, code, *size_wh, *[0] * 9)
    ):
        numerator, denominator = parts[0], parts[1]  # of a range: the shortest interval
        if numerator and denominator:
            found.add(round(denominator / numerator, 2))
        if kind != _DISCRETE:
            break
    return tuple(sorted(found, reverse=True))


def _enumerate(
    ask: Answer,
    request: int,
    layout: struct.Struct,
    question: Callable[[int], tuple[object, ...]],
) -> Iterator[tuple[Any, ...]]:
    """Ask with index 0, 1, ... until the driver has no more."""
    for index in range(_MOST_ANSWERS):
        answer = ask(request, layout.pack(*question(index)))
        if answer is None:
            return
        yield layout.unpack(answer)


def _ask_device(device: Path, work: Callable[[Answer], list[Found]]) -> list[Found]:
    """Open a device for some questions; nothing comes of one that cannot be opened."""
    import fcntl  # which Windows has not

    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return []

    def ask(request: int, structure: bytes) -> bytes | None:
        try:
            return fcntl.ioctl(descriptor, request, structure)
        except OSError:
            return None

    try:
        return work(ask)
    finally:
        os.close(descriptor)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")
