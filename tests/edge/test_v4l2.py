"""Answers of drivers, with the values that users of `v4l2-ctl --all` published, and silence."""

import struct
import sys
from pathlib import Path

import pytest

from edge.hardware import find_cameras
from edge.v4l2 import can_capture, query_capability


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
