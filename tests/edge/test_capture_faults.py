"""Each fault of a camera once, in a real process: noticed, told once, healed, and time goes on."""

import logging
import os
import signal
import sys
import time

import pytest
from capture_sources import LIMITS, WAIT_SECONDS

from edge.capture.child import LensChild
from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
from edge.capture.rhythm import Rhythm
from edge.records import Frame, Offline
from edge.scripted import read_time, write_mode
from edge.sources.options import SourceOptions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@pytest.fixture
def script(tmp_path):
    return tmp_path / "camera.txt"


@pytest.fixture
def source(script):
    write_mode(script, "ok")
    request = LensRequest(
        str(script),
        is_live=True,
        options=SourceOptions(size_wh=(64, 48), rate_hz=50.0),
        opener="edge.scripted:ScriptedSource",
    )
    with CaptureProcess(request, limits=LIMITS) as opened:
        yield opened


def wait_for(source, is_it):
    end_seconds = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end_seconds:
        seen = source.read()
        if is_it(seen):
            return seen
    pytest.fail("it did not come in time")


def is_offline(seen):
    return isinstance(seen, Offline)


def is_frame(seen):
    return isinstance(seen, Frame)


def levels(caplog):
    return [record.levelno for record in caplog.records if record.name.startswith("edge.capture")]


# (mode of the source, what is said of it, whether a new process is needed)
FAULTS = [
    ("block", "does not answer", True),
    ("stop", "does not answer", True),
    ("crash", "SIGSEGV", True),
    ("abort", "SIGABRT", True),
    ("bug", "ZeroDivisionError", True),
    ("repeat", "one and the same picture", True),
    ("end", "its stream has ended", False),
    ("missing", "its stream has ended", False),
    ("raise", "unplugged", False),
]


@pytest.mark.parametrize(("mode", "reason", "is_new_process"), FAULTS)
def test_fault_is_noticed_told_once_and_healed(
    source, script, caplog, mode, reason, is_new_process
):
    last = wait_for(source, is_frame)
    pid = source.pid
    caplog.clear()
    caplog.set_level(logging.INFO, logger="edge.capture")
    write_mode(script, mode)
    failed_seconds = time.monotonic()
    offline = wait_for(source, is_offline)
    assert reason in offline.reason
    assert time.monotonic() - failed_seconds < LIMITS.stall_seconds + 2.0
    assert offline.since_seconds >= last.captured_seconds
    for _ in range(3):  # it stays away, however often it is opened again
        assert is_offline(source.read())
    write_mode(script, "ok")
    back_seconds = time.monotonic()
    frame = wait_for(source, is_frame)
    assert time.monotonic() - back_seconds < LIMITS.open_seconds + 5.0
    assert read_time(frame.pixels_bgr) > failed_seconds
    assert frame.index > last.index
    assert frame.time_seconds - last.time_seconds == pytest.approx(
        frame.captured_seconds - last.captured_seconds, abs=0.05
    )
    assert (source.pid != pid) == is_new_process
    wait_for(source, is_frame)
    assert levels(caplog) == [logging.WARNING, logging.WARNING]
    told, returned = (record.getMessage() for record in caplog.records)
    assert f"{script}: no picture (" in told
    assert reason in told
    assert "delivers again after" in returned


def test_frame_from_before_a_fault_does_not_pass_for_the_return(
    source, script, caplog, monkeypatch
):
    last = wait_for(source, is_frame)
    monkeypatch.setattr(Rhythm, "is_fast", False)  # the reader waits for a fresher frame, always
    monkeypatch.setattr(Rhythm, "worth_waiting_seconds", lambda *_: 0.2)
    caplog.clear()
    end_seconds = time.monotonic() + WAIT_SECONDS
    while source._newest_seconds() <= last.captured_seconds:
        assert time.monotonic() < end_seconds
    write_mode(script, "raise")  # with a frame in the slot that nobody has taken
    wait_for(source, is_offline)
    assert all(is_offline(source.read()) for _ in range(3))
    assert levels(caplog) == [logging.WARNING]


def test_offline_is_told_a_few_times_a_second(source, script):
    wait_for(source, is_frame)
    write_mode(script, "end")
    wait_for(source, is_offline)
    started_seconds = time.monotonic()
    assert all(is_offline(source.read()) for _ in range(4))
    assert 0.7 < time.monotonic() - started_seconds < 2.5


def test_source_that_is_not_there_yet_is_waited_for(script):
    request = LensRequest(str(script), is_live=True, opener="edge.scripted:ScriptedSource")
    with CaptureProcess(request, limits=LIMITS) as source:
        assert "closed" in wait_for(source, is_offline).reason or is_offline(source.read())
        write_mode(script, "ok")
        assert wait_for(source, is_frame).index == 0


def test_frozen_picture_is_not_handed_over_until_another_one_comes(source, script):
    wait_for(source, is_frame)
    write_mode(script, "repeat")
    wait_for(source, is_offline)
    end_seconds = time.monotonic() + 2 * LIMITS.frozen_seconds
    while time.monotonic() < end_seconds:
        assert is_offline(source.read())
    write_mode(script, "ok")
    wait_for(source, is_frame)


def test_process_that_is_killed_is_started_again_at_once(source):
    wait_for(source, is_frame)
    os.kill(source.pid, signal.SIGKILL)
    assert "SIGKILL" in wait_for(source, is_offline).reason
    assert wait_for(source, is_frame).index > 0


def test_processes_that_cannot_be_ended_do_not_pile_up(source, script, monkeypatch):
    stuck = []

    def end(child, *, grace_seconds=0.0):
        stuck.append(child)  # as the system does with one that waits for a driver
        return False

    wait_for(source, is_frame)
    with monkeypatch.context() as patched:
        patched.setattr(LensChild, "end", end)
        write_mode(script, "block")
        end_seconds = time.monotonic() + 3 * (LIMITS.open_seconds + 2.0)
        while len(stuck) < 3 and time.monotonic() < end_seconds:
            source.read()
        for _ in range(6):
            assert is_offline(source.read())
        assert source.pid is None
    assert len(stuck) == 3
    write_mode(script, "ok")
    for child in stuck:
        child.end()
    wait_for(source, is_frame)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_nursery_that_is_lost_is_replaced(source, number):
    wait_for(source, is_frame)
    os.kill(source._nursery._pid, number)
    os.kill(source.pid, signal.SIGKILL)
    wait_for(source, is_offline)
    assert wait_for(source, is_frame).index > 0
