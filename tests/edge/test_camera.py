"""Cameras without a camera: the device is a script."""

import logging
import os
import struct
import sys
from pathlib import Path

import cv2
import pytest

from edge.errors import SourceError, SourceRefusedError
from edge.hardware import DeviceUser
from edge.sources import SourceOptions, camera, open_source, opencv
from edge.sources.camera import Camera, list_cameras
from edge.testing import FakeCapture, ManualClock, blank_frame

PICTURE = blank_frame(size_wh=(64, 48)).pixels_bgr
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev is Linux's")


SMALL = SourceOptions(size_wh=(64, 48))


def open_fake(script, *, clock=None, options=SMALL, **device_settings):
    device = FakeCapture(script, **device_settings)
    source = Camera(
        "0", clock=clock or ManualClock(), options=options, open_capture=lambda *_: device
    )
    return source, device


def test_frames_are_stamped_and_numbered():
    clock = ManualClock(100.0)

    def pictures():
        for _ in range(3):
            yield PICTURE
            clock.advance(0.5)

    source, _ = open_fake(pictures(), clock=clock)
    frames = [source.read() for _ in range(3)]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.captured_seconds for frame in frames] == [100.0, 100.5, 101.0]
    assert [frame.time_seconds for frame in frames] == [0.0, 0.5, 1.0]


def test_a_picture_or_two_may_fail():
    source, device = open_fake([PICTURE, None, None, PICTURE])
    assert [source.read().index, source.read().index] == [0, 1]
    assert device.reads == 4


def test_a_camera_taken_away_is_an_error_at_once():
    source, device = open_fake([PICTURE, PICTURE])
    source.read()
    source.read()
    with pytest.raises(SourceError, match=r"Camera 0 must go on.*none after picture 2.*unplugged"):
        source.read()
    assert device.reads == 5


def test_a_camera_that_stalls_is_not_waited_for_again():
    clock = ManualClock()

    def stalling():
        yield PICTURE
        clock.advance(opencv.OPEN_SECONDS)
        yield None
        pytest.fail("read again")

    source, _ = open_fake(stalling(), clock=clock)
    source.read()
    with pytest.raises(SourceError, match="has stalled"):
        source.read()


@pytest.mark.parametrize(("script", "is_open"), [([], True), ([], False), ([None] * 9, True)])
def test_a_camera_that_never_delivers_is_busy(script, is_open):
    with pytest.raises(SourceError, match=r"Camera 0 must be free.*another program.*fuser"):
        open_fake(script, is_open=is_open)[0].read()


def test_a_camera_that_does_not_open_is_released():
    devices = []

    def open_capture(device, options):
        devices.append(FakeCapture([], is_open=False))
        return devices[0]

    with pytest.raises(SourceError, match="free"):
        Camera("0", open_capture=open_capture)
    assert devices[0].is_closed


# (what is asked for, what the device says it delivers, what the log says)
DIFFERENCES = [
    (SourceOptions(size_wh=(32, 24)), {}, "64x48 instead of 32x24"),
    (
        SourceOptions(size_wh=(64, 48), rate_hz=30),
        {cv2.CAP_PROP_FPS: 15.0},
        "15 instead of 30 frames per second",
    ),
    (
        SourceOptions(size_wh=(64, 48), pixel_format="MJPG"),
        {cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"YUYV"))},
        "YUYV instead of MJPG",
    ),
    # a driver that does not know its format
    (SourceOptions(size_wh=(64, 48), pixel_format="MJPG"), {}, "an unknown format instead of MJPG"),
    # a code that is no letters; with its highest bit set OpenCV returns a negative number
    (
        SourceOptions(size_wh=(64, 48), pixel_format="MJPG"),
        {cv2.CAP_PROP_FOURCC: -2.0},
        "an unknown format instead of MJPG",
    ),
    (
        SourceOptions(size_wh=(32, 24), rate_hz=60, pixel_format="MJPG"),
        {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"YUYV"))},
        "64x48 instead of 32x24, 30 instead of 60 frames per second, YUYV instead of MJPG",
    ),
]


@pytest.mark.parametrize(("options", "settings", "said"), DIFFERENCES)
def test_what_is_delivered_instead_is_reported_once(caplog, options, settings, said):
    source, _ = open_fake([PICTURE, PICTURE], options=options, settings=settings)
    with caplog.at_level(logging.WARNING):
        source.read()
        source.read()
    assert caplog.messages == [f"camera 0: delivers {said}"]


# (what is asked for, what the device says): as asked, as good as that, or not asked at all
AGREEMENTS = [
    (SMALL, {cv2.CAP_PROP_FPS: 5.0, cv2.CAP_PROP_FOURCC: 1.0}),
    (SourceOptions(size_wh=(64, 48), rate_hz=30), {cv2.CAP_PROP_FPS: 29.97}),
    (SourceOptions(size_wh=(64, 48), rate_hz=30), {}),  # a driver that knows no rate
    (
        SourceOptions(size_wh=(64, 48), pixel_format="Y16"),  # filled up with a blank
        {cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"Y16 "))},
    ),
]


@pytest.mark.parametrize(("options", "settings"), AGREEMENTS)
def test_what_is_delivered_as_asked_is_not_reported(caplog, options, settings):
    source, _ = open_fake([PICTURE], options=options, settings=settings)
    source.read()
    assert caplog.messages == []


def test_close_releases_the_device():
    source, device = open_fake([])
    source.close()
    source.close()
    assert device.is_closed


@on_linux
def test_a_missing_camera_names_what_there_is(monkeypatch, tmp_path):
    for name in ("video10", "video2"):
        (tmp_path / name).touch()
    monkeypatch.setattr(camera, "_DEVICES", tmp_path)
    with pytest.raises(SourceError, match=r"video7 must exist.*No such file.*video2 .*video10"):
        Camera("7")


@on_linux
def test_without_any_camera_the_other_sources_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(camera, "_DEVICES", tmp_path)
    with pytest.raises(SourceError, match=r"Plug a camera in.*a folder of pictures or demo:"):
        Camera("0")


@on_linux
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied"), "usermod -aG video"),
        (OSError(16, "Device or resource busy"), "another program uses it"),
        (OSError(19, "No such device"), "No such device"),
    ],
)
def test_what_the_system_says_becomes_a_fix(monkeypatch, error, said):
    def refuse(path, flags):
        raise error

    monkeypatch.setattr(camera.os, "open", refuse)
    with pytest.raises(SourceError, match=said):
        Camera("/dev/video0")


@on_linux
def test_a_device_that_is_no_camera_is_refused():
    with pytest.raises(SourceRefusedError, match=r"/dev/null must be a camera.*delivers no pic"):
        open_source("/dev/null", clock=ManualClock())


@on_linux
def test_a_camera_module_is_led_to_picamera2(monkeypatch):
    capability = struct.pack("=16s32s32sIII12x", b"unicam", b"unicam-image", b"", 0, 0x85200001, 1)
    monkeypatch.setattr(camera, "query_capability", lambda _: capability)
    monkeypatch.setattr(camera.os, "open", lambda *_: os.dup(0))
    with pytest.raises(SourceRefusedError, match=r"raw data of its sensor.*--source picamera2:"):
        Camera("0")


@on_linux
def test_only_what_a_person_must_mend_is_refused(monkeypatch, tmp_path):
    """A camera that is not there yet, or busy, is waited for."""
    with pytest.raises(SourceError) as missing:
        Camera(str(tmp_path / "video0"))
    assert not isinstance(missing.value, SourceRefusedError)
    with pytest.raises(SourceError) as busy:
        open_fake([], is_open=False)
    assert not isinstance(busy.value, SourceRefusedError)

    def refuse(path, flags):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(camera.os, "open", refuse)
    with pytest.raises(SourceRefusedError):
        Camera("/dev/video0")


@on_linux
def test_who_uses_a_busy_camera_is_named(monkeypatch):
    users = (DeviceUser(os.getpid(), "python"), DeviceUser(4711, "motion"), DeviceUser(12, "cam"))
    monkeypatch.setattr(camera, "find_users", lambda _: users)
    with pytest.raises(SourceError, match=r"in use by motion \(4711\), cam \(12\)\."):
        open_fake([], is_open=False)


@on_linux
def test_a_camera_that_nobody_uses_is_asked_for_by_its_path(monkeypatch):
    asked = []
    monkeypatch.setattr(camera, "find_users", lambda path: asked.append(path) or ())
    with pytest.raises(SourceError, match="another program uses it, or it is none"):
        open_fake([], is_open=False)
    assert asked == [Path("/dev/video0")]


def test_list_cameras_sorts_by_number_and_adds_the_driver_s_name(tmp_path):
    devices, names = tmp_path / "dev", tmp_path / "sys"
    devices.mkdir()
    for number in (10, 0, 2):
        (devices / f"video{number}").touch()
    (names / "video0").mkdir(parents=True)
    (names / "video0" / "name").write_text("HD Webcam\n")
    assert list_cameras(devices=devices, names=names) == (
        f"{devices}/video0 (HD Webcam)",
        f"{devices}/video2 (unnamed)",
        f"{devices}/video10 (unnamed)",
    )


@pytest.fixture
def asked(monkeypatch):
    """What OpenCV is asked for, in its order."""
    calls = []
    monkeypatch.setattr(
        camera, "Capture", lambda address, **settings: calls.append((address, settings))
    )
    return calls


def pairs(parameters):
    return list(zip(parameters[::2], parameters[1::2], strict=True))


def test_a_linux_camera_is_asked_for_size_and_one_buffer(monkeypatch, asked):
    monkeypatch.setattr(camera.sys, "platform", "linux")
    camera._open_capture("3", SourceOptions(size_wh=(320, 240)))
    ((address, settings),) = asked
    assert (address, settings["api"]) == ("/dev/video3", cv2.CAP_V4L2)
    assert pairs(settings["parameters"]) == [
        (cv2.CAP_PROP_FRAME_WIDTH, 320),
        (cv2.CAP_PROP_FRAME_HEIGHT, 240),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]


def test_format_comes_before_size_and_size_before_rate(asked):
    options = SourceOptions(size_wh=(320, 240), rate_hz=15, pixel_format="MJPG")
    camera._open_capture("/dev/video3", options)
    assert pairs(asked[0][1]["parameters"])[:4] == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 320),
        (cv2.CAP_PROP_FRAME_HEIGHT, 240),
        (cv2.CAP_PROP_FPS, 15),
    ]


@pytest.mark.parametrize(("rate_hz", "whole"), [(0.2, 1), (29.97, 30)])
def test_opencv_takes_whole_rates_only(asked, rate_hz, whole):
    camera._open_capture("3", SourceOptions(rate_hz=rate_hz))
    assert (cv2.CAP_PROP_FPS, whole) in pairs(asked[0][1]["parameters"])


def test_elsewhere_a_camera_is_opened_by_number(monkeypatch, asked):
    monkeypatch.setattr(camera.sys, "platform", "darwin")
    camera._check_device("3")
    camera._open_capture("3", SMALL)
    assert asked[0][0] == 3
    assert asked[0][1]["api"] == cv2.CAP_ANY


class ScriptedCv2:
    """What OpenCV does to a `Capture`."""

    def __init__(self, reads):
        self._reads = iter(reads)
        self.releases = 0

    def isOpened(self):  # noqa: N802
        return True

    def read(self):
        step = next(self._reads)
        if callable(step):
            step()
            return True, PICTURE
        if isinstance(step, Exception):
            raise step
        return step

    def release(self):
        self.releases += 1


@pytest.fixture
def open_scripted(monkeypatch):
    def open_it(reads):
        native = ScriptedCv2(reads)
        monkeypatch.setattr(opencv.cv2, "VideoCapture", lambda *_: native)
        return opencv.Capture("x", api=0), native

    return open_it


def test_capture_turns_errors_of_opencv_into_no_picture(open_scripted):
    capture, _ = open_scripted([(False, None), cv2.error("out of memory"), (True, PICTURE)])
    assert [capture.read() is None for _ in range(3)] == [True, True, False]


def test_capture_closed_while_it_reads_is_released_afterwards(open_scripted):
    during = []

    def close_now():
        capture.close()  # as from another thread: the read below it is under way
        during.append(native.releases)

    capture, native = open_scripted([close_now])
    assert capture.read() is not None
    assert during == [0]
    assert native.releases == 1
    assert capture.read() is None


def test_capture_that_opencv_refuses_with_an_error_is_not_open(monkeypatch):
    real = cv2.VideoCapture

    def refuse(*arguments):
        if arguments:
            raise cv2.error("no")
        return real()

    monkeypatch.setattr(opencv.cv2, "VideoCapture", refuse)
    assert not opencv.Capture("x", api=0).is_open
