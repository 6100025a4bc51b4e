"""Cameras without a camera: the device is a script."""

import logging
import sys

import cv2
import pytest

from edge.errors import SourceError
from edge.sources import camera, open_source, opencv
from edge.sources.camera import Camera, list_cameras
from edge.testing import FakeCapture, ManualClock, blank_frame

PICTURE = blank_frame(size_wh=(64, 48)).pixels_bgr
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev is Linux's")


def open_fake(script, *, clock=None, **settings):
    device = FakeCapture(script, **settings)
    source = Camera(
        "0", clock=clock or ManualClock(), size_wh=(64, 48), open_capture=lambda *_: device
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
        clock.advance(opencv.TIMEOUT_SECONDS)
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

    def open_capture(device, size_wh):
        devices.append(FakeCapture([], is_open=False))
        return devices[0]

    with pytest.raises(SourceError, match="free"):
        Camera("0", open_capture=open_capture)
    assert devices[0].is_closed


def test_another_size_is_reported_once(caplog):
    other = blank_frame(size_wh=(32, 24)).pixels_bgr
    source, _ = open_fake([other, other])
    with caplog.at_level(logging.WARNING):
        source.read()
        source.read()
    assert caplog.messages == ["camera 0: delivers 32x24 instead of 64x48"]


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
    with pytest.raises(SourceError, match=r"Camera /dev/null must be free.*or it is none"):
        open_source("/dev/null", clock=ManualClock())


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


def test_a_linux_camera_is_asked_for_size_and_one_buffer(monkeypatch):
    asked = {}

    def capture(address, *, api, parameters):
        asked.update(address=address, api=api)
        asked.update(zip(parameters[::2], parameters[1::2], strict=True))

    monkeypatch.setattr(camera, "Capture", capture)
    monkeypatch.setattr(camera.sys, "platform", "linux")
    camera._open_capture("3", (320, 240))
    assert asked == {
        "address": "/dev/video3",
        "api": cv2.CAP_V4L2,
        cv2.CAP_PROP_FRAME_WIDTH: 320,
        cv2.CAP_PROP_FRAME_HEIGHT: 240,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }


def test_elsewhere_a_camera_is_opened_by_number(monkeypatch):
    asked = []
    monkeypatch.setattr(camera, "Capture", lambda address, **rest: asked.append((address, rest)))
    monkeypatch.setattr(camera.sys, "platform", "darwin")
    camera._check_device("3")
    camera._open_capture("3", (320, 240))
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
