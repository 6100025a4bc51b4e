"""Answers of drivers, with the values that users of `v4l2-ctl --all` published, and silence."""

import ctypes
import struct
import sys
from pathlib import Path

import pytest

from edge.hardware import find_cameras
from edge.v4l2 import CameraMode, can_capture, list_modes, query_capability, read_modes


def answer(driver, card, bus, *, version, device, node):
    """Lay out a `v4l2_capability` as the kernel does: 104 bytes."""
    texts = [text.encode() for text in (driver, card, bus)]
    return struct.pack("=16s32s32sIII12x", *texts, version, device, node)


WEBCAM = answer(
    "uvcvideo",
    "PI4 USB Device: UVC Camera",
    "usb-0000:01:00.0-1.3",
    version=0x050433,
    device=0x84A0_0001,
    node=0x0420_0001,
)
WEBCAM_METADATA = answer(
    "uvcvideo",
    "PI4 USB Device: UVC Camera",
    "usb-0000:01:00.0-1.3",
    version=0x050433,
    device=0x84A0_0001,  # of the whole camera, as above
    node=0x04A0_0000,
)
CODEC = answer(
    "bcm2835-codec",
    "bcm2835-codec-decode",
    "platform:bcm2835-codec",
    version=0x050A06,
    device=0x8420_4000,
    node=0x0420_4000,
)
SEVERAL_PLANES = answer(
    "rkisp1_v0",
    "rkisp1_mainpath",
    "platform:ff910000.rkisp1",
    version=0x0413C1,
    device=0x8420_1000,
    node=0x0420_1000,
)
OLD_LOOPBACK = answer(
    "v4l2 loopback",
    "Dummy video device (0x0000)",
    "v4l2loopback:0",
    version=0x000800,
    device=0x0520_0001,  # without the flag that says that the next field is filled in
    node=0,
)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        (WEBCAM, True),
        (WEBCAM_METADATA, False),
        (CODEC, False),
        (SEVERAL_PLANES, True),
        (OLD_LOOPBACK, True),
    ],
)
def test_only_a_node_that_pictures_come_from_is_a_camera(capability, expected):
    assert len(capability) == 104
    assert can_capture(capability) is expected


def test_codecs_of_a_raspberry_pi_are_not_listed_as_cameras(tmp_path):
    answers = {"video0": WEBCAM, "video10": CODEC, "video11": None, "video31": CODEC}
    for name in answers:
        (tmp_path / name).touch()
    found = find_cameras(tmp_path, tmp_path / "classes", query=lambda path: answers[path.name])
    assert [camera.device.name for camera in found] == ["video0", "video11"]  # 11 keeps silent


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 is Linux's")
@pytest.mark.parametrize("device", ["/dev/null", "/nowhere/video0"])
def test_what_is_no_video_device_does_not_answer(device):
    before = {entry.name for entry in Path("/proc/self/fd").iterdir()}
    assert query_capability(Path(device)) is None
    assert {entry.name for entry in Path("/proc/self/fd").iterdir()} == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 is Linux's")
def test_the_driver_is_asked_for_its_capability(tmp_path, monkeypatch):
    import fcntl

    asked = []

    def ioctl(descriptor, request, argument):
        asked.append((request, len(argument)))
        return CODEC

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    (tmp_path / "video10").touch()
    assert query_capability(tmp_path / "video10") == CODEC
    assert asked == [(0x8068_5600, 104)]  # VIDIOC_QUERYCAP


class FormatDescription(ctypes.Structure):
    """`v4l2_fmtdesc` of videodev2.h."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("description", ctypes.c_char * 32),
        ("pixelformat", ctypes.c_char * 4),
        ("mbus_code", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class SizeAnswer(ctypes.Structure):
    """`v4l2_frmsizeenum`; the union of a size and a range begins with the same words."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_char * 4),
        ("type", ctypes.c_uint32),
        ("union", ctypes.c_uint32 * 6),
        ("reserved", ctypes.c_uint32 * 2),
    )


class IntervalAnswer(ctypes.Structure):
    """`v4l2_frmivalenum`; the union of a fraction and a range of them."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_char * 4),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("union", ctypes.c_uint32 * 6),
        ("reserved", ctypes.c_uint32 * 2),
    )


DISCRETE, CONTINUOUS, STEPWISE = 1, 2, 3
CAPTURE, SEVERAL = 1, 9

# The numbers that `strace v4l2-ctl --list-formats-ext` shows on x86 and ARM.
ENUM_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0xC040_5602, 0xC02C_564A, 0xC034_564B


class Driver:
    """Answers as a driver of the kernel does.

    Args:
        formats: Of each pixel format its sizes, each (kind, words of the union, intervals); an
            interval is (kind, words of the union).
        kind: Type of its buffers.
    """

    def __init__(self, formats, kind=CAPTURE):
        self.formats = formats
        self.kind = kind
        self.requests = []

    def ask(self, request, structure):
        """Fill in a structure; `None` is the end of a list."""
        self.requests.append(request)
        answers = {
            ENUM_FMT: (FormatDescription, self._format),
            ENUM_FRAMESIZES: (SizeAnswer, self._size),
            ENUM_FRAMEINTERVALS: (IntervalAnswer, self._interval),
        }
        layout, fill = answers[request]
        assert len(structure) == ctypes.sizeof(layout)
        filled = layout.from_buffer_copy(structure)
        return bytes(filled) if fill(filled) else None

    def _format(self, asked):
        names = list(self.formats)
        if asked.type != self.kind or asked.index >= len(names):
            return False
        asked.description, asked.pixelformat = b"Some format", names[asked.index].encode()
        return True

    def _size(self, asked):
        sizes = self.formats[asked.pixel_format.decode()]
        if asked.index >= len(sizes):
            return False
        asked.type, words, _ = sizes[asked.index]
        asked.union[: len(words)] = words
        return True

    def _interval(self, asked):
        for kind, words, intervals in self.formats[asked.pixel_format.decode()]:
            size_wh = words[:2] if kind == DISCRETE else (words[1], words[4])
            if tuple(size_wh) == (asked.width, asked.height) and asked.index < len(intervals):
                asked.type, fraction = intervals[asked.index]
                asked.union[: len(fraction)] = fraction
                return True
        return False


def test_structures_are_as_long_as_the_kernel_s():
    layouts = (FormatDescription, SizeAnswer, IntervalAnswer)
    assert [ctypes.sizeof(layout) for layout in layouts] == [64, 44, 52]


def test_formats_sizes_and_rates_of_a_webcam_are_read():
    thirty, fifteen, odd = (DISCRETE, (1, 30)), (DISCRETE, (1, 15)), (DISCRETE, (1001, 30_000))
    driver = Driver(
        {
            "MJPG": [
                (DISCRETE, (1920, 1080), [fifteen, thirty]),
                (DISCRETE, (640, 480), [thirty, odd]),
            ],
            "YUYV": [(DISCRETE, (640, 480), [])],
            "Y16 ": [(DISCRETE, (80, 60), [(DISCRETE, (1, 9))])],
        }
    )
    assert list(read_modes(driver.ask)) == [
        CameraMode("MJPG", (1920, 1080), (30.0, 15.0)),
        CameraMode("MJPG", (640, 480), (30.0, 29.97)),
        CameraMode("YUYV", (640, 480), ()),
        CameraMode("Y16", (80, 60), (9.0,)),
    ]


@pytest.mark.parametrize("kind", [CONTINUOUS, STEPWISE])
def test_of_a_range_the_largest_size_and_the_highest_rate_are_named(kind):
    sizes = (32, 2592, 2, 16, 1944, 2)  # least, most and step of width, then of height
    intervals = (1, 90, 1, 1, 1, 1)  # shortest, longest and step, each a fraction
    driver = Driver({"YU12": [(kind, sizes, [(kind, intervals)])]})
    assert list(read_modes(driver.ask)) == [CameraMode("YU12", (2592, 1944), (90.0,))]


def test_devices_of_several_planes_are_asked_in_their_way():
    driver = Driver({"NV12": [(DISCRETE, (640, 480), [])]}, kind=SEVERAL)
    assert list(read_modes(driver.ask)) == [CameraMode("NV12", (640, 480), ())]


def test_an_interval_that_is_none_is_left_out():
    driver = Driver({"MJPG": [(DISCRETE, (640, 480), [(DISCRETE, (0, 30)), (DISCRETE, (1, 0))])]})
    assert list(read_modes(driver.ask)) == [CameraMode("MJPG", (640, 480), ())]


def test_a_driver_that_does_not_come_to_an_end_is_left():
    class Endless(Driver):
        def _size(self, asked):
            asked.type, asked.union[:2] = DISCRETE, (640, 480)
            return True

    modes = list(read_modes(Endless({"MJPG": []}).ask))
    assert 0 < len(modes) <= 128


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 is Linux's")
def test_what_is_no_video_device_has_no_modes():
    assert list_modes(Path("/dev/null")) == ()
    assert list_modes(Path("/nowhere/video0")) == ()
