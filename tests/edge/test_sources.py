"""Which source an address opens, and how recordings are paced."""

import os

import pytest
from clips import BLUE, RED, write_clip, write_picture

from edge.errors import SettingError, SourceError
from edge.sources import SourceOptions, open_source
from edge.sources.folder import PictureFolder
from edge.sources.pacing import PacedSource
from edge.sources.video import VideoFile
from edge.testing import FakeSource, ManualClock, blank_frame


def open_unpaced(address):
    return open_source(str(address), clock=ManualClock())


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


def test_a_pattern_opens_the_pictures_it_names_by_their_names(tmp_path):
    for name, colour in (("b1.png", BLUE), ("a2.png", RED), ("a1.png", BLUE), ("a.txt", RED)):
        write_picture(tmp_path / f"{name}.png", colour).rename(tmp_path / name)
    source = open_unpaced(tmp_path / "a*")
    assert isinstance(source, PictureFolder)
    assert [int(frame.pixels_bgr[0, 0].argmax()) for frame in iter(source.read, None)] == [0, 2]


def test_a_pattern_reaches_into_subfolders(tmp_path):
    write_picture(tmp_path / "day" / "hour" / "a.png")
    source = open_unpaced(tmp_path / "**" / "*.png")
    assert len(list(iter(source.read, None))) == 1


def test_a_pattern_of_one_video_opens_it(tmp_path):
    write_clip(tmp_path / "clip.avi", [RED])
    source = open_unpaced(tmp_path / "*.avi")
    assert isinstance(source, VideoFile)
    source.close()


def test_a_file_whose_name_is_a_pattern_is_opened_as_it_is(tmp_path):
    write_picture(tmp_path / "a.png")
    source = open_unpaced(write_picture(tmp_path / "[a].png", BLUE))
    assert source.read().pixels_bgr[0, 0].argmax() == 0


@pytest.mark.parametrize(
    ("pattern", "said"), [("*.jpg", "no file matches"), ("*.avi", "2 files, none of them a pic")]
)
def test_a_pattern_that_names_nothing_of_use_is_refused(tmp_path, pattern, said):
    for name in ("a.avi", "b.avi"):
        write_clip(tmp_path / name, [RED])
    with pytest.raises(SourceError, match=said):
        open_unpaced(tmp_path / pattern)


# (address, kind of error, what the message says)
BAD_ADDRESSES = [
    ("", SettingError, "an empty text"),
    ("demo", SourceError, "demo: No such file"),
    ("camera:", SettingError, "camera:"),
    ("camera:front", SettingError, "camera:"),
    ("gopher://me:sesame@door/", SettingError, "starts with gopher:"),
    ("picamera2:x", SettingError, "picamera2:"),
    ("picamera2", SourceError, "picamera2: No such file"),
    ("day/*.jpg", SourceError, "day/*.jpg: no file matches"),
    ("nowhere.mp4", SourceError, "nowhere.mp4: No such file"),
    ("a" * 300, SourceError, "File name too long"),
    ("clip\0.mp4", SourceError, "null byte"),
]


@pytest.mark.parametrize(("address", "kind", "said"), BAD_ADDRESSES)
def test_a_bad_address_is_refused_with_the_choices(address, kind, said):
    with pytest.raises(kind, match="a video file, a folder of pictures, or demo:") as refused:
        open_unpaced(address)
    assert said in str(refused.value)


# Addresses of streams that are no URL of use; each holds a password.
@pytest.mark.parametrize(
    "address",
    [
        "rtsp:me:sesame@door",  # no //
        "rtsp://me:sesame@",  # no host
        "http://me:sesame@:80/",
        "http://me:sesame@door:99999/",
        "http://me:sesame@door:0/",
        "http://me:sesame@[::1/",
        "http://me:sesame@door/a b",
        "http://me:ses ame@door/",
        "rtsp://me:sesame@door/\x00",
        "rtsp://me:sesame\udcff@door/",  # bytes of the command line that are not UTF-8
    ],
)
def test_an_address_that_is_no_url_is_refused_without_its_password(address):
    with pytest.raises(SettingError, match=r"must be a URL.*percent") as refused:
        open_unpaced(address)
    assert "sesame" not in str(refused.value)
    assert "ses ame" not in str(refused.value)


@pytest.mark.parametrize(
    ("implementation", "said"),
    [("nowhere.at_all:Source", "No module named 'nowhere'"), ("edge.clock:Nothing", "Nothing")],
)
def test_a_class_of_ones_own_that_is_not_there_is_refused(implementation, said):
    with pytest.raises(SettingError, match=f"package.module:Class.*{said}.*PYTHONPATH"):
        open_unpaced(implementation)


def test_a_class_of_ones_own_is_called_with_clock_and_options(tmp_path, monkeypatch):
    (tmp_path / "own_things").mkdir()
    (tmp_path / "own_things" / "door.py").write_text("def Door(**settings): return settings")
    monkeypatch.syspath_prepend(tmp_path)
    clock, options = ManualClock(), SourceOptions(size_wh=(8, 8))
    made = open_source("own_things.door:Door", clock=clock, options=options)
    assert made == {"clock": clock, "options": options}


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


def test_the_first_frames_of_a_clip_come_as_bgr(tmp_path):
    source = open_unpaced(write_clip(tmp_path / "clip.avi", [RED, BLUE]))
    red, blue = source.read(), source.read()
    assert red.pixels_bgr[24, 32].argmax() == 2
    assert blue.pixels_bgr[24, 32].argmax() == 0
    source.close()
