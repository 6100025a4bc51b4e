"""Clips: what is on them, when, and that everything that reads films reads them."""

import time

import cv2
import numpy as np
import pytest
from store_parts import appearance, at, open_recorder, wait_for

from edge.records import Frame, Look, Picture
from edge.replay.clips import find_clips
from edge.sources import open_source
from edge.store.film import RATE_HZ, Film, fill_gaps, shrink
from edge.store.reading import EventReader
from edge.testing import ManualClock, blank_frame


class FilmStudio:
    """A film whose time is moved by hand, and the clips that came of it."""

    def __init__(self, pre_roll_seconds=3.0, clip_seconds=4.0):
        self.clock = ManualClock(100.0)
        self.clips = {}
        self.film = Film(
            pre_roll_seconds, clip_seconds, clock=self.clock, when_done=self.clips.__setitem__
        )

    def show(self, seconds, *, rate_hz=30.0, size_wh=(640, 480), grey=None):
        """Show frames whose brightness tells the second, or is `grey`."""
        for _ in range(round(seconds * rate_hz)):
            now_seconds = self.clock.monotonic()
            shade = round((now_seconds - 100.0) * 10) if grey is None else grey
            self.film.see(
                blank_frame(captured_seconds=now_seconds, size_wh=size_wh, grey=min(shade, 255))
            )
            assert wait_for(lambda: not self.film._raw)
            self.clock.advance(1 / rate_hz)

    def frames(self, event_id, folder):
        """Write a clip and read it with OpenCV: time and brightness of each picture."""
        path = folder / f"{event_id}.avi"
        path.write_bytes(self.clips[event_id])
        capture = cv2.VideoCapture(str(path))
        shown = []
        while True:
            is_read, picture = capture.read()
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not is_read:
                return shown
            shown.append((len(shown) / RATE_HZ, float(np.mean(picture))))
            assert seconds == pytest.approx(shown[-1][0], abs=0.2)


@pytest.fixture
def studio():
    studio = FilmStudio()
    yield studio
    studio.film.close()


def test_film_clip_shows_the_time_before_and_after(studio, tmp_path):
    studio.show(6.0)
    studio.film.cut("e1")
    studio.show(5.0)
    assert wait_for(lambda: "e1" in studio.clips)
    shown = studio.frames("e1", tmp_path)
    assert len(shown) == pytest.approx(7.0 * RATE_HZ, abs=2)
    for seconds, grey in shown:  # begins 3 s before the cut, at second 3
        assert grey == pytest.approx((3.0 + seconds) * 10, abs=3.5)


def test_film_clip_keeps_time_over_a_gap(studio, tmp_path):
    studio.show(1.0)
    studio.film.cut("e1")
    studio.clock.advance(2.0)  # the source is away
    studio.show(3.0)
    assert wait_for(lambda: "e1" in studio.clips)
    shown = studio.frames("e1", tmp_path)
    for seconds, grey in shown:
        if not 0.8 < seconds < 3.2:
            assert grey == pytest.approx(seconds * 10, abs=3.5)


def test_film_several_events_get_their_own_clips(studio):
    studio.show(1.0)
    studio.film.cut("e1")
    studio.show(1.0)
    studio.film.cut("e2")
    studio.show(5.0)
    assert wait_for(lambda: set(studio.clips) == {"e1", "e2"})
    assert len(studio.clips["e2"]) > len(studio.clips["e1"])


def test_film_without_pictures_gives_none(studio):
    studio.film.cut("e1")
    studio.film.close()
    assert studio.clips == {"e1": None}
    studio.film.close()


def test_film_memory_is_bounded(studio, monkeypatch):
    monkeypatch.setattr("edge.store.film._MOST_BYTES", 20_000)
    studio.show(8.0, rate_hz=5)
    assert studio.film._ring_bytes <= 20_000
    assert sum(len(picture.jpeg) for picture in studio.film._ring) == studio.film._ring_bytes


def test_film_takes_five_pictures_a_second_whatever_the_source_has(studio):
    studio.show(4.0, rate_hz=30)
    assert len(studio.film._ring) == pytest.approx(20, abs=1)


def test_film_of_a_source_that_changes_its_size_shows_the_newer(studio, tmp_path):
    studio.show(1.0, size_wh=(640, 480), grey=50)
    studio.show(1.0, size_wh=(640, 360), grey=200)
    studio.film.cut("e1")
    studio.film.close()
    assert all(grey > 190 for _, grey in studio.frames("e1", tmp_path))


def test_film_leaves_out_a_picture_that_cannot_be_encoded(studio, caplog):
    studio.film._keep(1.0, np.zeros((0, 4, 3), np.uint8))
    assert "cannot be kept" in caplog.text
    assert not studio.film._ring


def test_fill_gaps_shows_the_newest_of_two_that_fall_together(studio):
    studio.show(1.0, rate_hz=5)
    pictures = list(studio.film._ring)
    assert len(fill_gaps([pictures[0], pictures[0], pictures[2]])) == 3


@pytest.mark.parametrize(
    ("size_wh", "small"),
    [
        ((640, 480), (240, 320, 3)),
        ((480, 640), (320, 240, 3)),  # upright
        ((160, 120), (120, 160, 3)),  # small as it is
        ((3000, 2), (1, 320, 3)),
    ],
)
def test_shrink(size_wh, small):
    assert shrink(blank_frame(size_wh=size_wh).pixels_bgr).shape == small


def test_shrink_of_a_small_picture_is_a_copy():
    pixels = blank_frame().pixels_bgr
    assert not np.shares_memory(shrink(pixels), pixels)


def test_recorder_keeps_a_clip_that_edge_replay_reads(tmp_path):
    recorder = open_recorder(tmp_path, clips=True, clip_seconds=1.0)
    rng = np.random.default_rng(1)
    started = time.monotonic()

    def see():
        pixels = rng.integers(0, 256, (480, 640, 3), np.uint8)
        recorder.see(Look(Picture.LIVE, Frame(pixels, 0, 0.0, time.monotonic())))

    see()
    wait_for(lambda: time.monotonic() > started + 0.25)
    see()
    recorder.start("c" * 32, appearance(), scores={}, at=at())
    recorder.close()
    with EventReader(tmp_path) as reader:
        (record,) = reader.find()
    assert record.clip_state == "kept"
    assert record.clip_bytes == (tmp_path / record.clip).stat().st_size
    assert [clip.path for clip in find_clips(tmp_path / "clips")] == [tmp_path / record.clip]
    source = open_source(str(tmp_path / record.clip), clock=ManualClock())
    assert source.read().pixels_bgr.shape == (240, 320, 3)
    source.close()


def test_recorder_clip_of_an_event_that_is_gone_is_left_out(tmp_path):
    recorder = open_recorder(tmp_path, clips=True)
    recorder._film.cut("d" * 32)
    recorder.see(Look(Picture.LIVE, blank_frame(captured_seconds=time.monotonic())))
    recorder.close()
    assert not (tmp_path / "clips").exists()
