import logging
import math
import subprocess
import sys
from typing import ClassVar

import cv2
import pytest
from clips import BLUE, GREEN, RED, cut_file, write_clip

from edge.errors import SourceError
from edge.sources import video
from edge.sources.video import VideoFile
from edge.testing import ManualClock


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.avi", [RED, GREEN, BLUE, RED], rate_hz=8.0)


def read_all(source):
    frames = list(iter(source.read, None))
    source.close()
    return frames


class Settings(video.Capture):
    """A real capture whose settings the test has changed."""

    changed: ClassVar = {}

    def get(self, setting):
        return self.changed.get(setting, super().get(setting))


@pytest.fixture
def change(monkeypatch):
    monkeypatch.setattr(video, "Capture", Settings)
    monkeypatch.setattr(Settings, "changed", {})
    return lambda **settings: Settings.changed.update(
        {getattr(cv2, name): value for name, value in settings.items()}
    )


def test_frames_carry_number_and_time(clip):
    frames = read_all(VideoFile(clip, clock=ManualClock(5.0)))
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert [frame.time_seconds for frame in frames] == pytest.approx([0.0, 0.125, 0.25, 0.375])
    assert {frame.captured_seconds for frame in frames} == {5.0}


# Frame rates that containers really claim: none, broken, the timebase instead of the rate.
@pytest.mark.parametrize("rate_hz", [0.0, -1.0, math.nan, math.inf, 90_000.0])
def test_an_absurd_frame_rate_is_replaced_and_logged(clip, change, caplog, rate_hz):
    change(CAP_PROP_FPS=rate_hz, CAP_PROP_POS_MSEC=0.0)
    times = [frame.time_seconds for frame in read_all(VideoFile(clip))]
    assert times == pytest.approx([0.0, 0.04, 0.08, 0.12])
    assert "has no usable frame rate" in caplog.text
    assert "25 per second assumed" in caplog.text


# Positions that are no times of their own: frames then follow at the frame rate.
@pytest.mark.parametrize("position_ms", [0.0, -40.0, math.nan, math.inf])
def test_absurd_positions_are_replaced_by_the_frame_rate(clip, change, position_ms):
    change(CAP_PROP_POS_MSEC=position_ms)
    times = [frame.time_seconds for frame in read_all(VideoFile(clip))]
    assert times == pytest.approx([0.0, 0.125, 0.25, 0.375])


def test_a_clip_that_starts_late_starts_at_zero(clip, change):
    change(CAP_PROP_POS_MSEC=60_000.0)
    assert VideoFile(clip).read().time_seconds == 0.0


def test_a_cut_file_is_read_to_where_it_ends_and_says_so(tmp_path, caplog):
    whole = write_clip(tmp_path / "whole.avi", [RED, GREEN] * 40)
    with caplog.at_level(logging.WARNING):
        frames = read_all(VideoFile(cut_file(whole, tmp_path / "cut.avi", share=0.5)))
    assert 0 < len(frames) < 80
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_an_early_end_is_logged(clip, change, caplog):
    change(CAP_PROP_FRAME_COUNT=100.0)
    read_all(VideoFile(clip))
    assert "ended after 4 of 100 frames; the file may be damaged" in caplog.text


def test_a_complete_clip_logs_nothing(clip, caplog):
    read_all(VideoFile(clip))
    assert caplog.text == ""


# (content, what the message says)
BAD_FILES = [
    (b"", "an empty file"),
    (b"RIFF", "no video that OpenCV can decode"),
    (b"<html>404</html>", "no video that OpenCV can decode"),
    (bytes(range(256)) * 40, "no video that OpenCV can decode"),
]


@pytest.mark.parametrize(("content", "said"), BAD_FILES)
def test_a_file_without_video_is_refused(tmp_path, content, said):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=f"clip.mp4: {said}.*mp4"):
        VideoFile(path)


def test_a_video_without_frames_is_refused(tmp_path):
    header = write_clip(tmp_path / "clip.avi", [RED]).read_bytes()
    path = tmp_path / "header.avi"
    path.write_bytes(header[: header.index(b"movi") + 4])
    with pytest.raises(SourceError, match=r"header\.avi: (no video|a video without a frame)"):
        VideoFile(path).read()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"nothing\.mp4: No such file.*Check the path"):
        VideoFile(tmp_path / "nothing.mp4")


def test_close_may_come_first_and_twice(clip):
    source = VideoFile(clip)
    source.close()
    source.close()


def test_nothing_but_our_message_is_written(tmp_path):
    """OpenCV and FFmpeg write to standard error from native code; only a process shows it."""
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"\0\0\0\x20ftypisom" + bytes(500))
    code = (
        "import pathlib, sys; from edge.sources.video import VideoFile; "
        "VideoFile(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(noise)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("edge.errors.SourceError: A recording must be a video")
    assert not [line for line in lines if "WARN" in line or "moov" in line]


def test_a_gif_runs_at_its_own_speed(shared_data):
    frames = read_all(VideoFile(shared_data / "videos" / "intel-iot-devkit__people-detection.gif"))
    assert len(frames) == 23
    assert frames[-1].time_seconds == pytest.approx(1.83, abs=0.01)


# (clip, frames, time of the last one)
CLIPS = [
    ("Sanskar-J__dog.mp4", 235, 7.81),
    ("dafmontenegro__cat_pi-tensorflow-lite-object-detection.mp4", 33, 4.30),
]


@pytest.mark.parametrize(("name", "count", "last_seconds"), CLIPS)
def test_real_clips_are_read_whole(shared_data, name, count, last_seconds):
    frames = 0
    source = VideoFile(shared_data / "videos" / name)
    for frame in iter(source.read, None):
        frames += 1
        time_seconds = frame.time_seconds
    source.close()
    assert frames == count
    assert time_seconds == pytest.approx(last_seconds, abs=0.01)
