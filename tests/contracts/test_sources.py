"""The same cases over every source, and over each of them behind the thread that captures."""

import sys

import numpy as np
import pytest
from clips import BLUE, GREEN, RED, write_clip, write_picture

from edge.capture import NewestFrame
from edge.clock import SystemClock
from edge.errors import MissingExtraError
from edge.records import Frame
from edge.sources import open_source
from edge.sources.camera import list_cameras
from edge.testing import FakeSource, ManualClock, blank_frame

COLOURS = (RED, GREEN, BLUE, RED, GREEN)


def _video(folder):
    return str(write_clip(folder / "clip.avi", COLOURS))


def _folder(folder):
    for number, colour in enumerate(COLOURS):
        write_picture(folder / f"{number}.png", colour)
    return str(folder)


def _demo(folder):
    return "demo:"


def _camera(folder):
    if not (sys.platform.startswith("linux") and list_cameras()):
        pytest.skip("camera: this machine has none")
    return "0"


@pytest.fixture(
    scope="module", params=[_video, _folder, _demo, _camera], ids=lambda make: make.__name__[1:]
)
def uri(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("source"))


def _open(uri, *, clock=None, pace=False):
    """Open it, unpaced where it is a recording; skip where the demo's photos are missing."""
    is_paced = pace or uri.isdecimal()
    try:
        return open_source(uri, clock=clock or SystemClock(), pace=is_paced, size_wh=(160, 120))
    except MissingExtraError as error:
        pytest.skip(f"{uri}: {error.received}")


@pytest.fixture(scope="module")
def read_frames(uri):
    """Return the first frames, each with a copy of its pixels made before the next was read."""
    source = _open(uri, clock=ManualClock(1000.0))
    frames = [(frame, frame.pixels_bgr.copy()) for frame in (source.read() for _ in range(4))]
    source.close()
    return frames


@pytest.fixture
def frames(read_frames):
    return [frame for frame, _ in read_frames]


def test_frames_are_bgr_pictures(frames):
    for frame in frames:
        assert isinstance(frame, Frame)
        assert frame.pixels_bgr.dtype == np.uint8
        assert frame.pixels_bgr.ndim == 3
        assert frame.pixels_bgr.shape[2] == 3
        assert frame.pixels_bgr.flags.c_contiguous


def test_frames_are_numbered_from_zero_without_gaps(frames):
    assert [frame.index for frame in frames] == [0, 1, 2, 3]


def test_time_starts_at_zero_and_grows(uri, frames):
    times = [frame.time_seconds for frame in frames]
    assert times[0] == 0.0
    assert times == sorted(set(times)) or uri.isdecimal()  # a camera's time is the clock's


def test_frames_are_stamped_by_the_clock(frames):
    assert {frame.captured_seconds for frame in frames} == {1000.0}


def test_a_frame_keeps_its_pixels_when_the_next_is_read(read_frames):
    for frame, pixels_bgr in read_frames:
        np.testing.assert_array_equal(frame.pixels_bgr, pixels_bgr)


def test_close_may_be_repeated_and_come_before_reading(uri):
    source = _open(uri)
    source.close()
    source.close()


def test_a_recording_ends_and_stays_ended(uri):
    if uri.isdecimal():
        pytest.skip("camera: it does not end by itself")
    source = _open(uri)
    count = sum(1 for _ in iter(source.read, None))
    assert count == len(COLOURS) or uri == "demo:"
    assert source.read() is None
    source.close()


def test_paced_by_a_clock_the_times_are_kept(uri):
    if uri.isdecimal():
        pytest.skip("camera: it is paced by itself")
    clock = ManualClock(7.0)
    source = _open(uri, clock=clock, pace=True)
    frames = [source.read() for _ in range(4)]
    for frame in frames:
        assert frame.captured_seconds - 7.0 == pytest.approx(frame.time_seconds)
    source.close()


def test_behind_the_capture_thread_frames_keep_their_order_and_end(uri):
    if uri.isdecimal():
        pytest.skip("camera: it does not end by itself")
    opened = _open(uri)
    with NewestFrame(DeferredSource(lambda: opened)) as newest:
        indexes = [frame.index for frame in iter(newest.read, None)]
    assert indexes == sorted(set(indexes))
    if uri != "demo:":
        assert indexes[-1] == len(COLOURS) - 1


def test_the_fake_keeps_the_same_contract():
    source = FakeSource([blank_frame(0), blank_frame(1)])
    first, second = source.read(), source.read()
    assert (first.index, second.index) == (0, 1)
    assert first.time_seconds == 0.0
    assert second.time_seconds > 0.0
    assert source.read() is None
    assert source.read() is None
    source.close()
    source.close()
