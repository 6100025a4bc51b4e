"""The memory that two processes share: neither ever touches what the other one uses."""

import gc
import mmap
import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.capture.slot import (
    MOST_PIXELS,
    READING,
    SlotReader,
    SlotWriter,
    create_memory,
)
from edge.errors import SourceError
from edge.glance import glance
from edge.records import Frame
from edge.testing import blank_frame

FITTED_WH = (5, 4)
WAIT_SECONDS = 10


def open_slot():
    descriptor, memory = create_memory(FITTED_WH)
    os.close(descriptor)
    return SlotWriter(memory, FITTED_WH), SlotReader(memory, FITTED_WH)


class SteppedMemory(mmap.mmap):
    """Memory each touch of whose control bytes waits until the one who touches has the turn."""

    wait_for_turn = staticmethod(lambda: None)

    def __getitem__(self, place):
        if isinstance(place, int):
            self.wait_for_turn()
        return super().__getitem__(place)

    def __setitem__(self, place, value):
        if isinstance(place, int):
            self.wait_for_turn()
        super().__setitem__(place, value)


class Turns:
    """Lets two threads make a step each, in a given order; afterwards both run freely."""

    def __init__(self):
        self._go = {}
        self._has_stopped = threading.Semaphore(0)
        self._is_free = False

    def wait(self):
        go = self._go.get(threading.current_thread())
        if go is not None and not self._is_free:
            self._has_stopped.release()
            assert go.acquire(timeout=WAIT_SECONDS)

    def run(self, jobs, order):
        threads = [threading.Thread(target=self._work, args=(job,)) for job in jobs]
        self._go = {thread: threading.Semaphore(0) for thread in threads}
        for thread in threads:
            thread.start()
            assert self._has_stopped.acquire(timeout=WAIT_SECONDS)
        for number in order:
            if not threads[number].is_alive():
                continue
            self._go[threads[number]].release()
            assert self._has_stopped.acquire(timeout=WAIT_SECONDS)
        self._is_free = True
        for thread in threads:
            self._go[thread].release()
        for thread in threads:
            thread.join(WAIT_SECONDS)

    def _work(self, job):
        self.wait()
        job()
        self._has_stopped.release()


@settings(max_examples=150, deadline=None)
@given(order=st.lists(st.sampled_from([0, 1]), max_size=120))
def test_slot_is_never_torn_whoever_makes_how_many_steps(order):
    descriptor, plain = create_memory(FITTED_WH)
    memory = SteppedMemory(descriptor, 0)
    os.close(descriptor)
    plain.close()
    writer, reader = SlotWriter(memory, FITTED_WH), SlotReader(memory, FITTED_WH)
    published, taken, torn = [0], [], []

    def write():
        for index in range(1, 9):
            writer.put(blank_frame(index, grey=index), opening=1)
            published.append(index)

    def read():
        for _ in range(8):
            oldest_allowed = published[-1]
            found = reader.take()
            if found is None:
                continue
            frame = found.frame
            taken.append((frame.index, found.sequence, oldest_allowed))
            for _ in range(3):  # it stays whole until the next one is taken
                memory.wait_for_turn()
                if (frame.pixels_bgr != frame.index).any():
                    torn.append(frame.index)

    turns = Turns()
    memory.wait_for_turn = turns.wait
    turns.run([write, read], order)
    assert published[-1] == 8
    assert not torn
    indexes = [index for index, _, _ in taken]
    assert indexes == sorted(set(indexes))
    assert all(index == sequence for index, sequence, _ in taken)
    assert all(index >= oldest for index, _, oldest in taken), "an older frame than the newest"


def test_reader_gets_the_newest_frame_once():
    writer, reader = open_slot()
    assert reader.take() is None
    for index in range(7):
        writer.put(blank_frame(index), opening=2)
    found = reader.take()
    assert (found.frame.index, found.sequence, found.opening) == (6, 7, 2)
    assert reader.take() is None


def test_all_that_belongs_to_a_frame_comes_with_it():
    writer, reader = open_slot()
    pixels_bgr = np.random.default_rng(1).integers(0, 256, (9, 7, 3), np.uint8)
    fitted = np.random.default_rng(2).integers(0, 256, (4, 5, 3), np.uint8)
    sent = Frame(pixels_bgr, 3, 1.25, 77.5, glance(pixels_bgr, pixels_bgr), fitted)
    writer.put(sent, opening=1)
    got = reader.take().frame
    assert (got.index, got.time_seconds, got.captured_seconds) == (3, 1.25, 77.5)
    assert (got.pixels_bgr == pixels_bgr).all()
    assert (got.fitted == fitted).all()
    assert (got.glance.thumbnail == sent.glance.thumbnail).all()
    assert got.glance.is_repeat
    writer.put(Frame(pixels_bgr, 4, 1.5, 78.0), opening=1)
    got = reader.take().frame
    assert got.glance is None
    assert got.fitted is None


def test_frames_may_grow_and_shrink_and_the_one_before_stays_readable():
    writer, reader = open_slot()
    for index, size_wh in enumerate([(8, 8), (1920, 1080), (4000, 3000), (2, 1)]):
        writer.put(blank_frame(index, size_wh=size_wh, grey=10 + index), opening=1)
        assert writer.previous_bgr.shape == (size_wh[1], size_wh[0], 3)
        frame = reader.take().frame
        assert frame.pixels_bgr.shape == (size_wh[1], size_wh[0], 3)
        assert (frame.pixels_bgr == 10 + index).all()


def test_too_large_a_frame_is_refused_with_its_size():
    writer, _ = open_slot()
    wide = np.broadcast_to(np.uint8(0), (1, MOST_PIXELS + 1, 3))
    with pytest.raises(SourceError, match=r"at most 50 megapixels.*50000001x1.*smaller size"):
        writer.put(Frame(wide, 0, 0.0, 0.0), opening=1)


def test_a_frame_outlives_its_slot():
    writer, reader = open_slot()
    writer.put(blank_frame(0, grey=99), opening=1)
    frame = reader.take().frame
    del writer, reader
    gc.collect()
    assert (frame.pixels_bgr == 99).all()


def test_pulse_counts_repeats_and_tells_times():
    writer, reader = open_slot()
    assert reader.pulse().beat_seconds == reader.newest_seconds == 0.0
    writer.set_phase(READING)
    writer.beat(5.0)
    picture = blank_frame(grey=3).pixels_bgr
    for index in range(4):
        seen = glance(picture, writer.previous_bgr)
        writer.put(Frame(picture, index, 0.0, 10.0 + index, seen), opening=1)
    pulse = reader.pulse()
    assert (pulse.phase, pulse.beat_seconds) == (READING, 5.0)
    assert (pulse.change_seconds, pulse.frame_seconds, pulse.repeats) == (10.0, 13.0, 3)
    assert reader.newest_seconds == 13.0


def test_writer_knows_what_the_reader_wants():
    writer, reader = open_slot()
    assert not writer.is_fitted_wanted
    assert not writer.is_waited_for
    reader.want(is_waiting=True, is_fitted=False)
    assert writer.is_waited_for
    assert not writer.is_fitted_wanted
    reader.want(is_waiting=False, is_fitted=True)
    assert writer.is_fitted_wanted
    assert not writer.is_waited_for


# (frames that go by for each that is taken, whether the reader counts as quick)
PACES = [(1, True), (4, True), (8, True), (12, False)]


@pytest.mark.parametrize(("frames", "is_quick"), PACES)
def test_reader_is_quick_if_few_frames_go_by(frames, is_quick):
    writer, reader = open_slot()
    seen = []
    for index in range(5 * frames):
        writer.put(blank_frame(index), opening=1)
        if index % frames == frames - 1:
            reader.take()
        seen.append(writer.is_read_quickly)
    assert set(seen[2 * frames :]) == {is_quick}


def test_reader_that_stops_is_no_longer_quick():
    writer, reader = open_slot()
    for index in range(3):
        writer.put(blank_frame(index), opening=1)
        reader.take()
    assert writer.is_read_quickly
    for index in range(3, 12):
        writer.put(blank_frame(index), opening=1)
    assert not writer.is_read_quickly
