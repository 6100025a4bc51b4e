"""Which source an address opens, and how recordings are paced."""

import os

import pytest
from clips import BLUE, RED, write_clip, write_picture

from edge.errors import SettingError, SourceError
from edge.sources import DeferredSource, open_source
from edge.sources.folder import PictureFolder
from edge.sources.pacing import PacedSource
from edge.sources.video import VideoFile
from edge.testing import FakeSource, ManualClock, blank_frame


def open_unpaced(address):
    return open_source(str(address), clock=ManualClock(), pace=False)


def test_a_folder_opens_its_pictures(tmp_path):
    write_picture(tmp_path / "a.png")
    assert isinstance(open_unpaced(tmp_path), PictureFolder)


@pytest.mark.parametrize("name", ["a.png", "A.JPG"])
def test_a_picture_opens_as_a_folder_of_one(tmp_path, name):
    source = open_unpaced(write_picture(tmp_path / name))
    assert source.read().pixels_bgr.shape == (48, 64, 3)
    assert source.read() is None


@pytest.mark.parametrize("name", ["clip.avi", "clip.unknown-suffix", "odd:name.avi"])
def test_any_other_file_opens_as_a_video(tmp_path, name):
    clip = write_clip(tmp_path / "clip.avi", [RED]).rename(tmp_path / name)
    source = open_unpaced(clip)
    assert isinstance(source, VideoFile)
    source.close()


def test_recordings_are_paced_unless_told_otherwise(tmp_path):
    write_picture(tmp_path / "a.png")
    assert isinstance(open_source(str(tmp_path), clock=ManualClock()), PacedSource)


# (address, kind of error, what the message says)
BAD_ADDRESSES = [
    ("", SettingError, "an empty text"),
    ("demo", SourceError, "demo: No such file"),
    ("camera:", SettingError, "camera:"),
    ("camera:front", SettingError, "camera:"),
    ("rtsp://door/stream", SettingError, "starts with rtsp:"),
    ("http://door/stream", SettingError, "starts with http:"),
    ("nowhere.mp4", SourceError, "nowhere.mp4: No such file"),
    ("a" * 300, SourceError, "File name too long"),
    ("clip\0.mp4", SourceError, "null byte"),
]


@pytest.mark.parametrize(("address", "kind", "said"), BAD_ADDRESSES)
def test_a_bad_address_is_refused_with_the_choices(address, kind, said):
    with pytest.raises(kind, match="a video file, a folder of pictures, or demo:") as refused:
        open_unpaced(address)
    assert said in str(refused.value)


def test_a_refused_address_does_not_show_its_password():
    with pytest.raises(SettingError, match="rtsp") as refused:
        open_unpaced("rtsp://user:secret@door/stream")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("address", ["0", "camera:2", "/dev/video0"])
def test_a_camera_cannot_run_as_fast_as_possible(address):
    with pytest.raises(SettingError, match=r"Only a recording .*--as-fast-as-possible"):
        open_unpaced(address)


def test_a_pipe_is_no_source(tmp_path):
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        open_unpaced(pipe)


def test_paced_source_waits_for_each_frame():
    clock = ManualClock(50.0)
    times = (3.0, 3.1, 3.5)  # a recording may start at any time
    frames = [blank_frame(index, time_seconds=time) for index, time in enumerate(times)]
    paced = PacedSource(FakeSource(frames), clock=clock)
    captured = [frame.captured_seconds for frame in iter(paced.read, None)]
    assert captured == pytest.approx([50.0, 50.1, 50.5])
    assert clock.waits == pytest.approx([0.1, 0.4])


def test_paced_source_that_is_late_does_not_wait():
    clock = ManualClock()

    def slow_frames():
        for index in range(3):
            clock.advance(1.0)
            yield blank_frame(index, time_seconds=index / 10)

    paced = PacedSource(FakeSource(slow_frames()), clock=clock)
    assert [frame.captured_seconds for frame in iter(paced.read, None)] == [1.0, 2.0, 3.0]
    assert clock.waits == []


def test_paced_source_closes_its_recording():
    recording = FakeSource([])
    PacedSource(recording, clock=ManualClock()).close()
    assert recording.is_closed


def test_deferred_source_opens_with_the_first_read():
    opened = []

    def open_it():
        opened.append(FakeSource([blank_frame(0), blank_frame(1)]))
        return opened[0]

    source = DeferredSource(open_it)
    assert opened == []
    assert [source.read().index, source.read().index, source.read()] == [0, 1, None]
    assert len(opened) == 1
    source.close()
    assert opened[0].is_closed
    assert source.read() is None


def test_deferred_source_that_was_closed_opens_nothing():
    source = DeferredSource(lambda: pytest.fail("opened"))
    source.close()
    assert source.read() is None


def test_deferred_source_closed_while_opening_closes_what_it_opened():
    inner = FakeSource([blank_frame(0)])

    def open_it():
        source.close()
        return inner

    source = DeferredSource(open_it)
    source.read()
    assert inner.is_closed


def test_the_first_frames_of_a_clip_come_as_bgr(tmp_path):
    source = open_unpaced(write_clip(tmp_path / "clip.avi", [RED, BLUE]))
    red, blue = source.read(), source.read()
    assert red.pixels_bgr[24, 32].argmax() == 2
    assert blue.pixels_bgr[24, 32].argmax() == 0
    source.close()
