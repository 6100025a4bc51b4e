"""Cameras of a Raspberry Pi's connector, without one: picamera2 is the fake of `edge.testing`."""

import logging
import os
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
from edge.capture.watch import Limits
from edge.errors import MissingExtraError, SourceError
from edge.records import Frame, Offline
from edge.sources import SourceOptions, open_source
from edge.sources.picamera import PiCamera
from edge.testing import FakePicamera2, ManualClock

SMALL = SourceOptions(size_wh=(64, 48))


@pytest.fixture
def made(monkeypatch):
    """The cameras that were opened; a test may change how they behave."""
    cameras = []

    class Recorded(FakePicamera2):
        def __init__(self, camera_num=0):
            super().__init__(camera_num)
            cameras.append(self)

    monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace(Picamera2=Recorded))
    monkeypatch.setenv("LIBCAMERA_LOG_LEVELS", "*:ERROR")  # so that it is put back afterwards
    return cameras


def patch(monkeypatch, **methods):
    """Change the fake for this test."""
    for name, method in methods.items():
        monkeypatch.setattr(FakePicamera2, name, method)


def raiser(error):
    def fail(*_, **__):
        raise error

    return fail


def test_red_is_red_and_blue_is_blue(made):
    source = open_source("picamera2:", clock=ManualClock(5.0), options=SMALL)
    frame = source.read()
    source.close()
    assert frame.pixels_bgr.shape == (48, 64, 3)
    assert frame.pixels_bgr[24, 8].tolist() == [0, 0, 255]
    assert frame.pixels_bgr[24, 56].tolist() == [255, 0, 0]
    assert (frame.index, frame.time_seconds, frame.captured_seconds) == (0, 0.0, 5.0)


def test_calls_come_in_the_order_that_picamera2_wants(made):
    source = PiCamera("0", clock=ManualClock(), options=SMALL)
    source.read()
    source.close()
    source.close()
    (camera,) = made
    assert camera.calls == ["configure", "start", "capture_array main 2", "stop", "close"]
    assert source.read() is None


def test_size_format_and_few_buffers_are_asked_for(made):
    PiCamera("0", clock=ManualClock(), options=SMALL).close()
    configuration = made[0].configuration
    assert configuration["main"] == {"size": (64, 48), "format": "RGB888"}
    assert configuration["buffer_count"] == 4
    assert configuration["controls"] == {"FrameDurationLimits": (33_333, 33_333)}


def test_a_rate_is_the_time_of_a_frame_in_microseconds(made):
    options = SourceOptions(size_wh=(64, 48), rate_hz=12.5)
    PiCamera("0", clock=ManualClock(), options=options).close()
    assert made[0].configuration["controls"] == {"FrameDurationLimits": (80_000, 80_000)}


# (what is asked for, what the log says); the fake's sensor runs at 1 to 60 frames per second
DIFFERENCES = [
    (SMALL, []),
    (SourceOptions(size_wh=(64, 48), rate_hz=59), []),
    (SourceOptions(size_wh=(64, 48), rate_hz=120), ["60 instead of 120 frames per second"]),
    (SourceOptions(size_wh=(64, 48), rate_hz=0.5), ["1 instead of 0.5 frames per second"]),
    (SourceOptions(size_wh=(64, 48), pixel_format="YUYV"), ["RGB888 instead of YUYV"]),
]


@pytest.mark.parametrize(("options", "said"), DIFFERENCES)
def test_what_is_delivered_instead_is_reported_once(made, caplog, options, said):
    source = PiCamera("0", clock=ManualClock(), options=options)
    with caplog.at_level(logging.WARNING):
        source.read()
        source.read()
    assert caplog.messages == [f"camera picamera2:0: delivers {text}" for text in said]


def test_another_size_is_reported(made, caplog, monkeypatch):
    """libcamera rounds a size to what its hardware can do."""
    patch(monkeypatch, capture_array=lambda *_, **__: np.zeros((46, 64, 3), np.uint8))
    PiCamera("0", clock=ManualClock(), options=SMALL).read()
    assert caplog.messages == ["camera picamera2:0: delivers 64x46 instead of 64x48"]


def test_a_sensor_that_tells_no_limits_is_believed(made, caplog):
    source = PiCamera("0", clock=ManualClock(), options=SourceOptions((64, 48), rate_hz=500))
    made[0].camera_controls.clear()
    source.read()
    assert caplog.messages == []


def test_rows_that_are_padded_become_whole_again(made, monkeypatch):
    padded = np.arange(48 * 80 * 3, dtype=np.uint32).astype(np.uint8).reshape(48, 80, 3)
    patch(monkeypatch, capture_array=lambda *_, **__: padded[:, :64])
    pixels_bgr = PiCamera("0", clock=ManualClock(), options=SMALL).read().pixels_bgr
    assert pixels_bgr.flags.c_contiguous
    np.testing.assert_array_equal(pixels_bgr, padded[:, :64])


# A frame that does not come, a pipeline that breaks, something that is no picture.
@pytest.mark.parametrize(
    ("capture", "said"),
    [
        (raiser(TimeoutError()), "TimeoutError"),
        (raiser(RuntimeError("Camera frontend has timed out")), "has timed out"),
        (lambda *_, **__: np.zeros((48, 64), np.uint8), "no picture of three colours"),
        (lambda *_, **__: None, "no picture of three colours"),
    ],
)
def test_a_camera_that_delivers_no_more_is_lost(made, monkeypatch, capture, said):
    source = PiCamera("0", clock=ManualClock(), options=SMALL)
    source.read()
    patch(monkeypatch, capture_array=capture)
    with pytest.raises(SourceError, match=f"Camera picamera2:0 must go on.*{said}.*ribbon"):
        source.read()


@pytest.mark.parametrize("step", ["configure", "start", "create_video_configuration"])
def test_a_camera_that_does_not_start_is_released(made, monkeypatch, step):
    patch(monkeypatch, **{step: raiser(RuntimeError("Failed to start camera"))})
    with pytest.raises(SourceError, match=r"must be free and start.*Failed to start.*edge doctor"):
        PiCamera("0", options=SMALL)
    assert made[0].calls[-2:] == ["stop", "close"]


def test_the_cause_is_named_and_not_what_follows_from_it(made, monkeypatch):
    def fail(self, number=0):
        try:
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
        except RuntimeError as error:
            raise RuntimeError("Camera __init__ sequence did not complete.") from error

    monkeypatch.setattr(sys.modules["picamera2"].Picamera2, "__init__", fail)
    with pytest.raises(SourceError, match="resource busy"):
        PiCamera("0", options=SMALL)


def test_a_camera_that_libcamera_does_not_know_is_missing(made):
    with pytest.raises(SourceError, match=r"picamera2:3 must exist.*knows 1 cameras.*rpicam-hello"):
        open_source("picamera2:3", clock=ManualClock())


@pytest.mark.parametrize("module", [None, SimpleNamespace()])
def test_without_picamera2_it_says_how_to_install_it(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setenv("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    with pytest.raises(MissingExtraError, match=r"apt install python3-picamera2.*system-site"):
        open_source("picamera2:", clock=ManualClock())


STALLING = """
import threading
from edge.testing import FakePicamera2

class Picamera2(FakePicamera2):
    def capture_array(self, name, wait):
        if "capture_array main 2" in self.calls:
            threading.Event().wait()  # as when libcamera is stuck: no time limit counts
        return super().capture_array(name, wait)
"""


def test_a_capture_that_blocks_for_ever_is_ended_with_its_process(tmp_path, monkeypatch):
    (tmp_path / "picamera2.py").write_text(STALLING)
    monkeypatch.syspath_prepend(tmp_path)  # for a capture process that is forked from this one
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    request = LensRequest("picamera2:", is_live=True, options=SMALL)
    limits = Limits(stall_seconds=0.5)
    seen = []
    with CaptureProcess(request, limits=limits) as source:
        give_up_seconds = time.monotonic() + 30.0
        while sum(isinstance(read, Frame) for read in seen) < 2:
            assert time.monotonic() < give_up_seconds
            seen.append(source.read())
    first, *between, second = seen
    assert (first.index, second.index) == (0, 1)
    assert second.time_seconds > first.time_seconds
    assert {type(read) for read in between} == {Offline}
    assert between[0].reason == "it does not answer"
