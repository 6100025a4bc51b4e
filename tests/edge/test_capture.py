"""The capture thread; nothing here sleeps, the threads are led by events and conditions."""

import logging
import queue
import threading

import pytest

from edge import capture
from edge.capture import NewestFrame
from edge.errors import SettingError, SourceError
from edge.testing import FakeSource, blank_frame

LOST = SourceError("A camera must stay", received="nothing", fix="Plug it in")
WAIT_SECONDS = 10


class Steered:
    """A source that delivers a frame each time the test lets it."""

    def __init__(self, frames):
        self._frames = iter(frames)
        self._allowed = threading.Semaphore(0)
        self._asked = threading.Semaphore(0)
        self.is_closed = threading.Event()

    def read(self):
        self._asked.release()
        self._allowed.acquire(timeout=WAIT_SECONDS)
        return next(self._frames, None)

    def close(self):
        self.is_closed.set()

    def wait_until_asked(self, times=1):
        for _ in range(times):
            assert self._asked.acquire(timeout=WAIT_SECONDS)

    def allow(self, frames=1):
        self._allowed.release(frames)


def test_read_returns_the_newest_frame_and_drops_the_others():
    source = Steered(blank_frame(index) for index in range(10))
    newest = NewestFrame(source)
    source.allow(5)
    source.wait_until_asked(6)  # asked for the sixth: five were handed over
    assert newest.read().index == 4
    source.allow(3)
    source.wait_until_asked(3)
    assert newest.read().index == 7
    source.allow(10)
    newest.close()


def test_read_waits_for_a_frame_that_nobody_has_read():
    source = Steered([blank_frame(0), blank_frame(1)])
    newest = NewestFrame(source)
    read = queue.Queue()
    reader = threading.Thread(target=lambda: [read.put(newest.read()) for _ in range(2)])
    reader.start()
    source.allow(1)
    assert read.get(timeout=WAIT_SECONDS).index == 0
    source.wait_until_asked(2)
    assert read.empty()
    source.allow(2)
    assert read.get(timeout=WAIT_SECONDS).index == 1
    reader.join(WAIT_SECONDS)
    newest.close()


def test_the_last_frame_is_delivered_before_the_end():
    newest = NewestFrame(FakeSource([blank_frame(index) for index in range(100)]))
    indexes = [frame.index for frame in iter(newest.read, None)]
    assert indexes[-1] == 99
    assert indexes == sorted(set(indexes))
    assert newest.read() is None


def test_the_source_is_closed_when_it_ends():
    source = Steered([])
    with NewestFrame(source) as newest:
        source.allow()
        assert newest.read() is None
        assert source.is_closed.wait(WAIT_SECONDS)


@pytest.mark.parametrize("error", [LOST, SettingError("A", received="b", fix="C")], ids=repr)
def test_an_error_of_the_source_reaches_the_reader_after_the_last_frame(error):
    newest = NewestFrame(FakeSource([blank_frame(0), error]))
    assert newest.read().index == 0
    for _ in range(2):
        with pytest.raises(type(error), match="Received"):
            newest.read()
    newest.close()


def test_an_unexpected_error_is_not_taken_for_the_end(monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    newest = NewestFrame(FakeSource([ZeroDivisionError("a bug")]))
    with pytest.raises(SourceError, match="must not end by itself"):
        newest.read()
    newest.close()
    assert seen[0].exc_type is ZeroDivisionError


def test_close_ends_the_thread_and_closes_the_source_once():
    source = Steered(blank_frame(index) for index in range(3))
    newest = NewestFrame(source)
    source.allow(2)
    source.wait_until_asked(2)
    source.allow()
    newest.close()
    newest.close()
    assert source.is_closed.is_set()
    assert newest.read() is None
    assert "capture" not in [thread.name for thread in threading.enumerate()]


def test_stop_wakes_a_reader_although_the_source_is_stuck(monkeypatch, caplog):
    monkeypatch.setattr(capture, "JOIN_SECONDS", 0.01)
    stuck, stop = threading.Event(), threading.Event()
    source = FakeSource([stuck])
    newest = NewestFrame(source, stop=stop)
    stop.set()
    assert newest.read() is None
    with caplog.at_level(logging.WARNING):
        newest.close()
        newest.close()
    assert caplog.messages == ["capture: the source does not answer; it is left to the system"]
    stuck.set()  # the thread goes on, sees that it is to stop, and closes the source
    next(thread for thread in threading.enumerate() if thread.name == "capture").join(WAIT_SECONDS)
    assert source.is_closed
