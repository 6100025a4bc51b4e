"""The same cases over every source, and over each of them read by a capture process."""

import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import mjpegd
import numpy as np
import pytest
from clips import BLUE, GREEN, RED, write_clip, write_picture
from rtsp_camera import RtspCamera

from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
from edge.clock import SystemClock
from edge.errors import MissingExtraError, SourceError
from edge.records import Frame, Offline, SkippingSource
from edge.sources import SourceOptions, is_live, open_source
from edge.sources.camera import list_cameras
from edge.sources.pacing import PacedSource
from edge.testing import FakeSource, ManualClock, blank_frame

COLOURS = (RED, GREEN, BLUE, RED, GREEN)
OPTIONS = SourceOptions(size_wh=(160, 120), snapshot_seconds=0.02)
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Given:
    """A source that is there while a test runs.

    Attributes:
        address: Of it.
        length: How many frames it has; `None` if it does not end by itself.
        is_exact: Whether each frame must have a later time than the one before, by any clock.
    """

    address: str
    length: int | None = None
    is_exact: bool = False


def _video(folder, opened):
    return Given(str(write_clip(folder / "clip.avi", COLOURS)), len(COLOURS), is_exact=True)


def _folder(folder, opened):
    for number, colour in enumerate(COLOURS):
        write_picture(folder / f"{number}.png", colour)
    return Given(str(folder), len(COLOURS), is_exact=True)


def _glob(folder, opened):
    _folder(folder, opened)
    write_picture(folder / "a.png")
    return Given(str(folder / "[0-9].png"), len(COLOURS), is_exact=True)


def _demo(folder, opened):
    try:
        open_source("demo:", clock=ManualClock()).close()
    except MissingExtraError as error:
        pytest.skip(f"demo: {error.received}")
    return Given("demo:", is_exact=True)


def _camera(folder, opened):
    if not (sys.platform.startswith("linux") and list_cameras()):
        pytest.skip("camera: this machine has none")
    return Given("0")


def _picamera(folder, opened):
    (folder / "picamera2.py").write_text("from edge.testing import FakePicamera2 as Picamera2\n")
    return Given("picamera2:")


def _mjpeg(folder, opened):
    server = mjpegd.Server(mjpegd.ok)
    opened.append(server)
    return Given(server.url("/video"))


def _snapshot(folder, opened):
    server = mjpegd.Server(mjpegd.snapshot)
    opened.append(server)
    return Given(server.url("/snapshot.jpg"))


def _rtsp(folder, opened):
    server = RtspCamera("jpeg")
    opened.append(server)
    return Given(server.url())


OWN = """
import numpy as np
from edge.sources.stamping import FrameStamper

class Door:
    def __init__(self, *, clock, options):
        self._clock, self._stamper, self._is_closed = clock, FrameStamper(clock), False
        self._size_wh = options.size_wh

    def read(self):
        if self._is_closed:
            return None
        self._clock.wait(0.02)
        width, height = self._size_wh
        return self._stamper.stamp(np.full((height, width, 3), self._stamper.count % 256, np.uint8))

    def close(self):
        self._is_closed = True
"""


def _own(folder, opened):
    (folder / "own_sources").mkdir()
    (folder / "own_sources" / "door.py").write_text(OWN)
    return Given("own_sources.door:Door")


MAKERS = [_video, _folder, _glob, _demo, _camera, _picamera, _mjpeg, _snapshot, _rtsp, _own]


@pytest.fixture(scope="module", params=MAKERS, ids=lambda make: make.__name__[1:])
def given(request, tmp_path_factory):
    """A source, and what of it must be found by this and other processes."""
    folder, opened = tmp_path_factory.mktemp("source"), []
    paths = f"{folder}:{Path(__file__).parents[2]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", paths)
        patch.setenv("LIBCAMERA_LOG_LEVELS", "*:ERROR")
        yield request.param(folder, opened)
        for name in ("picamera2", "own_sources", "own_sources.door"):
            sys.modules.pop(name, None)
    for server in opened:
        server.close()


def _open(given, *, clock=None):
    return open_source(given.address, clock=clock or SystemClock(), options=OPTIONS)


@pytest.fixture(scope="module")
def read_frames(given):
    """Return the first frames, each with a copy of its pixels made before the next was read."""
    source = _open(given, clock=ManualClock(1000.0))
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


def test_time_starts_at_zero_and_grows(given, frames):
    times = [frame.time_seconds for frame in frames]
    assert times[0] == 0.0
    assert times == sorted(times)
    assert len(set(times)) == len(times) or not given.is_exact  # a live one's is the clock's


def test_frames_are_stamped_by_the_clock(given, frames):
    """A recording is read at once; a live source's own time is the clock's."""
    for frame in frames:
        own_seconds = frame.time_seconds if is_live(given.address) else 0.0
        assert frame.captured_seconds - frames[0].captured_seconds == pytest.approx(own_seconds)
    assert 1000.0 <= frames[0].captured_seconds < 1001.0


def test_a_frame_keeps_its_pixels_when_the_next_is_read(read_frames):
    for frame, pixels_bgr in read_frames:
        np.testing.assert_array_equal(frame.pixels_bgr, pixels_bgr)


def test_a_frame_that_is_passed_over_counts(given, frames):
    source = _open(given, clock=ManualClock(1000.0))
    if not isinstance(source, SkippingSource):
        source.close()
        pytest.skip("this source reads every frame")
    assert source.read().index == 0
    skipped_seconds = source.skip()
    after = source.read()
    source.close()
    assert after.index == 2
    assert frames[0].time_seconds <= skipped_seconds <= after.time_seconds
    if given.is_exact:
        assert skipped_seconds == pytest.approx(frames[1].time_seconds)
        np.testing.assert_array_equal(after.pixels_bgr, frames[2].pixels_bgr)


def test_close_may_be_repeated_and_come_before_reading(given):
    source = _open(given)
    source.close()
    source.close()


def test_close_by_another_thread_ends_a_read(given):
    """It need not come at once, but soon: what is waited for is a frame or a time limit."""
    source = _open(given)
    source.read()
    ended = threading.Event()

    def read_on():
        try:
            while source.read() is not None:
                pass
        except SourceError:  # a camera may say that it was taken away
            pass
        ended.set()

    reader = threading.Thread(target=read_on, daemon=True)
    reader.start()
    source.close()
    assert ended.wait(PATIENCE_SECONDS)
    reader.join()


def test_a_recording_ends_and_stays_ended(given):
    if is_live(given.address):
        pytest.skip("a live source does not end by itself")
    source = _open(given)
    count = sum(1 for _ in iter(source.read, None))
    assert count == given.length or given.length is None
    assert source.read() is None
    source.close()


def test_paced_by_a_clock_the_times_are_kept(given):
    if is_live(given.address):
        pytest.skip("a live source is paced by itself")
    clock = ManualClock(7.0)
    source = PacedSource(_open(given, clock=clock), clock=clock)
    frames = [source.read() for _ in range(4)]
    for frame in frames:
        assert frame.captured_seconds - 7.0 == pytest.approx(frame.time_seconds)
    source.close()


def _read_captured(source, count):
    """Read so many frames, with copies of what lies in shared memory."""
    frames = []
    give_up_seconds = time.monotonic() + PATIENCE_SECONDS
    while len(frames) < count:
        frame = source.read()
        assert time.monotonic() < give_up_seconds
        assert frame is not None
        if not isinstance(frame, Offline):
            frames.append((frame, frame.pixels_bgr.copy()))
    return frames


def test_read_by_a_capture_process_frames_keep_their_order(given):
    address = given.address
    request = LensRequest(address, is_live=is_live(address), options=OPTIONS)
    with CaptureProcess(request, clock=(clock := SystemClock())) as source:
        frames = _read_captured(source, 3)
        now_seconds = clock.monotonic()
        source.close()
        source.close()
        assert source.read() is None
    indexes = [frame.index for frame, _ in frames]
    assert indexes == sorted(set(indexes))
    times = [frame.captured_seconds for frame, _ in frames]
    assert times == sorted(times)
    assert now_seconds - PATIENCE_SECONDS < times[0]
    assert times[-1] <= now_seconds
    for _, pixels_bgr in frames:
        assert pixels_bgr.dtype == np.uint8
        assert pixels_bgr.shape[2] == 3


def test_read_by_a_capture_process_each_frame_of_a_recording_comes_and_it_ends(given):
    if given.length is None:
        pytest.skip("a source without an end, or a long one")
    request = LensRequest(given.address, is_live=False, options=OPTIONS, every_frame=True)
    direct = _open(given)
    with CaptureProcess(request) as source:
        for expected in iter(direct.read, None):
            frame = source.read()
            assert (frame.index, frame.time_seconds) == (expected.index, expected.time_seconds)
            np.testing.assert_array_equal(frame.pixels_bgr, expected.pixels_bgr)
        assert source.read() is None
        assert source.read() is None
    direct.close()


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
