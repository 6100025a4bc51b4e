"""What a guard, its understudy and `release_all` do when even the next step fails."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from benchmarks import guarded
from edge.errors import GuardError
from edge.guard import safety
from edge.guard.output import GuardedOutput
from edge.guard.request import OutputRequest, list_notes, read_note, start_time, write_note
from edge.guard.safety import release_all
from edge.hardware import board_name

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
PATIENCE_SECONDS = 20.0  # on a busy machine; where a time is promised, the test says so
GUARD = [sys.executable, "-m", "edge.guard"]
WITHOUT_WAITING = """
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # which a program that is started inherits
os.execv(sys.executable, [sys.executable, "-m", "edge.guard"])
"""
PIN_HAS_GONE = """
import os, signal
from edge.guard import understudy
def fail(): raise OSError(19, "No such device")
understudy._MOST_RETRIES = 3
print(understudy.Understudy(fail, is_left_on=True).pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
# A claim of this pin comes together with the note of the next guard.
TAKEN = """
import os
from pathlib import Path
from edge.guard.request import OutputRequest, write_note
class Pin:
    def __init__(self, *, active_low):
        write_note(OutputRequest("door", "taken:Pin", Path(__file__).parent), os.getpid())
    def close(self):
        pass
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the pin of `scripted` lies."""
    monkeypatch.setenv("EDGE_SCRIPTED_PIN", str(tmp_path / "pin.csv"))
    return tmp_path / "pin.csv"


@pytest.fixture
def scripted(path):
    return OutputRequest("door", "edge.guard.scripted:ScriptedPin", path.parent)


def wait_until(condition, seconds=PATIENCE_SECONDS):
    return guarded.wait_until(condition, seconds)


def fail(path, **steps):
    faults = path.with_name("pin.csv.faults")
    aside = faults.with_suffix(".aside")
    aside.write_text(json.dumps(steps))
    aside.replace(faults)  # who reads it meanwhile reads all of it


def is_released_once_it_works(path):
    """Whether the pin is off soon after its faults have ended."""

    def is_off():
        fail(path)  # again and again: who fails just now writes it anew
        return path.exists() and path.read_text().endswith(",0\n")

    return wait_until(is_off)


def start_guard(request, command=GUARD):
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    tell(guard, request.to_line())
    return guard


def tell(guard, line):
    guard.stdin.write(line + "\n")
    guard.stdin.flush()


def understudy_of(request):
    return read_note(request.note_path).processes[1][0]


def test_understudy_claims_a_pin_again_until_it_has_it(path, scripted):
    with start_guard(scripted) as guard:
        assert guard.stdout.readline() == "ready\n"
        understudy = understudy_of(scripted)
        tell(guard, f"energise 1 5 {time.monotonic()}")
        assert guard.stdout.readline() == "granted 1 5.000\n"
        fail(path, claim=3, error="EBUSY")
        guard.kill()
    assert wait_until(lambda: path.read_text().endswith(",0\n"))
    assert wait_until(lambda: not start_time(understudy))


def test_understudy_gives_up_on_a_pin_that_has_gone():
    done = subprocess.run(
        [sys.executable, "-c", PIN_HAS_GONE], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert wait_until(lambda: not start_time(int(done.stdout)))


def test_guard_whose_parent_waits_for_no_children_sees_its_understudy_die(path, scripted):
    with start_guard(scripted, [sys.executable, "-c", WITHOUT_WAITING]) as guard:
        assert guard.stdout.readline() == "ready\n"
        os.kill(understudy_of(scripted), signal.SIGKILL)
        assert guard.wait(PATIENCE_SECONDS) == 3
    assert path.read_text().endswith(",0\n")


def test_understudy_stays_where_the_guard_cannot_claim_what_another_left_on(path, scripted):
    write_note(scripted)  # of a guard that has died
    fail(path, claim=9999, error="EBUSY")
    with start_guard(scripted) as guard:
        assert guard.stdout.readline().startswith("unclaimed ")
        assert guard.wait(PATIENCE_SECONDS) == 1
    understudy = understudy_of(scripted)
    assert start_time(understudy)
    assert is_released_once_it_works(path)
    assert wait_until(lambda: not start_time(understudy))


def test_guard_gives_up_at_once_where_this_machine_has_no_such_pins(tmp_path):
    if importlib.util.find_spec("gpiozero") is None:
        pytest.skip("needs the extra gpio")
    if "Raspberry Pi" in board_name():
        pytest.skip("this machine has such pins")
    with start_guard(OutputRequest("door", "17", tmp_path)) as guard:
        told = guard.stdout.readline()
        assert guard.wait(PATIENCE_SECONDS) == 1
    assert told.startswith("unclaimed A pin by its number needs a Raspberry Pi")


def test_guard_that_cannot_switch_off_outlives_the_main_process(path, scripted):
    output = GuardedOutput(scripted, idle_seconds=lambda: 0.0)
    assert output.wait_ready(PATIENCE_SECONDS)
    fail(path, off=9999, claim=9999, error="EIO")
    output.energise(0.1)
    assert wait_until(lambda: output.is_stuck)
    pids = [pid for pid, _ in read_note(scripted.note_path).processes]
    output.close()
    assert any(map(start_time, pids))  # the understudy where the machine is too busy for the guard
    assert path.read_text().endswith(",1\n")
    assert is_released_once_it_works(path)
    assert wait_until(lambda: not any(map(start_time, pids)))


def test_output_is_released_when_that_is_asked_for(path, scripted):
    output = GuardedOutput(scripted, idle_seconds=lambda: 0.0)
    output.energise(5.0)
    began = time.monotonic()
    output.release()
    assert wait_until(lambda: not output.is_energised)
    assert time.monotonic() - began < 0.5
    assert path.read_text().endswith(",0\n")
    output.close()


def test_close_ends_a_guard_that_is_being_started(path, scripted):
    for _ in range(5):  # nearly every time it has just been started
        GuardedOutput(scripted, idle_seconds=lambda: 0.0).close()
        assert wait_until(lambda: "door" not in [t.name.split()[-1] for t in threading.enumerate()])
        assert list_notes(path.parent) == []


def test_output_is_released_when_the_loop_makes_no_progress(path, scripted):
    idle = [0.0]
    output = GuardedOutput(scripted, idle_seconds=lambda: idle[0])
    output.energise(5.0)
    idle[0] = 2.0
    began = time.monotonic()
    assert wait_until(lambda: not output.is_energised, 2)
    assert time.monotonic() - began < 1.2
    assert path.read_text().endswith(",0\n")
    output.close()


def test_guard_that_does_not_answer_is_replaced(path, scripted):
    output = GuardedOutput(scripted, idle_seconds=lambda: 0.0)
    assert output.wait_ready(PATIENCE_SECONDS)
    first = read_note(scripted.note_path).processes[0][0]
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(GuardError, match="does not answer, and is replaced"):
        output.energise(1.0)
    assert wait_until(lambda: read_note(scripted.note_path).processes[0][0] != first)
    assert not start_time(first)
    assert output.energise(0.1) == 0.1
    output.close()


def test_guard_that_cannot_be_started_is_told_and_tried_again(path, scripted, monkeypatch):
    with monkeypatch.context() as without_python:
        without_python.setattr(sys, "executable", str(path.parent / "no-python"))
        output = GuardedOutput(scripted, idle_seconds=lambda: 0.0)
        assert wait_until(lambda: "its guard cannot be started: [Errno 2]" in output.trouble)
    assert output.wait_ready(PATIENCE_SECONDS)
    assert wait_until(lambda: output.trouble == "")
    output.close()


def test_release_all_waits_for_a_pin_that_is_in_use_for_a_moment(path, scripted):
    write_note(scripted)
    fail(path, claim=2, error="EBUSY")
    assert release_all(path.parent) == ["door"]
    assert path.read_text().endswith(",0\n")
    assert list_notes(path.parent) == []


def test_release_all_names_what_stays_as_it_is_and_releases_the_others(path, scripted, monkeypatch):
    monkeypatch.setattr(safety, "_LONGEST_SECONDS", 0.2)
    away = OutputRequest("alley", f"file:{path.parent}/away/pin.csv", path.parent)
    write_note(away)
    write_note(scripted)
    with pytest.raises(
        GuardError, match=r"output alley must be set .*No such file.*Cut its supply"
    ):
        release_all(path.parent)
    assert path.read_text().endswith(",0\n")
    assert list_notes(path.parent) == [away.note_path]  # for the next attempt


def test_release_all_leaves_the_note_of_a_guard_that_has_begun_meanwhile(tmp_path, monkeypatch):
    (tmp_path / "taken.py").write_text(TAKEN)
    monkeypatch.syspath_prepend(tmp_path)
    request = OutputRequest("door", "taken:Pin", tmp_path)
    write_note(request)
    assert release_all(tmp_path) == ["door"]
    assert [pid for pid, _ in read_note(request.note_path).processes] == [os.getpid()]
