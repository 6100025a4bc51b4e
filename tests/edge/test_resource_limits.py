"""Whole runs that are short of files, memory, processor time and supply; the door stays safe."""

import itertools
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.guarded import read_pin, wait_until
from edge.guard.request import read_notes

LONGEST_SECONDS = 1.0  # of the output of these tests
SLACK_SECONDS = 0.5
RESTART_SECONDS = 15.0
GIBIBYTE = 1 << 30

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and prlimit(2)")


def fired(run):
    return len(run.of_type("outcome", action="door", result="done"))


def check_pin(folder):
    """Nothing was on for too long, and nothing is on."""
    wait_until(lambda: all(span.end_seconds for span in read_pin(folder / "pin.csv")), 3.0)
    for span in read_pin(folder / "pin.csv"):
        assert span.end_seconds is not None
        assert span.end_seconds - span.start_seconds < LONGEST_SECONDS + SLACK_SECONDS


def guard_pids(folder):
    return [pid for pid, _ in read_notes(folder / "memory")["door"].processes]


def size_of(pid):
    """Return the bytes of its address space."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def test_64_open_files_are_enough(door, tmp_path):
    run = door(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    run.wait_for(lambda: fired(run) >= 2)
    files = [len(os.listdir(f"/proc/{pid}/fd")) for pid in run.processes()]  # noqa: PTH208
    assert max(files) < 50
    assert run.end() == 0
    check_pin(tmp_path)


def test_no_more_files_keeps_the_door_safe_until_there_are_again(door, tmp_path):
    run = door()
    run.wait_for(lambda: fired(run))
    pid = run.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    os.kill(guard_pids(tmp_path)[0], signal.SIGKILL)  # another cannot be started
    run.wait_for(lambda: any("cannot be started" in line for line in run.errors))
    check_pin(tmp_path)
    decisions = len(run.of_type("decision"))
    run.wait_for(lambda: len(run.of_type("decision")) > decisions + 5)  # it looks on
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    openings = fired(run)
    run.wait_for(lambda: fired(run) > openings, RESTART_SECONDS)
    assert run.end() == 0
    check_pin(tmp_path)


@pytest.mark.parametrize("room", [0, GIBIBYTE // 64])
def test_no_more_memory_ends_or_goes_on_with_the_door_off(door, tmp_path, room):
    run = door()
    run.wait_for(lambda: fired(run))
    pid = run.process.pid
    limit = size_of(pid) + room
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    os.kill(guard_pids(tmp_path)[0], signal.SIGKILL)  # what replaces it takes memory
    wait_until(lambda: run.process.poll() is not None, 4.0)
    check_pin(tmp_path)
    run.close()
    began_seconds = time.monotonic()
    again = door()
    again.wait_for(lambda: fired(again), RESTART_SECONDS)
    assert time.monotonic() - began_seconds < RESTART_SECONDS
    assert again.end() == 0
    check_pin(tmp_path)


def test_too_little_memory_to_start_is_an_error_with_the_door_off(door, tmp_path):
    limit = 120 << 20
    run = door(before=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert run.process.wait(60) not in (0, None)
    assert not (tmp_path / "pin.csv").exists() or not read_pin(tmp_path / "pin.csv")


@pytest.fixture
def busy_cores():
    """All cores are busy, four times over."""
    program = shutil.which("stress-ng")
    if program is None:
        pytest.skip("no stress-ng on this machine")
    workers = str(4 * (os.cpu_count() or 1))
    process = subprocess.Popen(
        [program, "--cpu", workers, "--timeout", "120s", "--quiet"], start_new_session=True
    )
    yield
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def systemd(tmp_path):
    """Listen as systemd does; return the socket's path and what came, with the time."""
    heard = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))

    def listen():
        while datagram := listener.recv(4096):
            heard.append((time.monotonic(), datagram.decode()))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield tmp_path / "notify", heard
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
        last.sendto(b"", str(tmp_path / "notify"))
    thread.join(5)
    listener.close()


def test_guard_and_watchdog_meet_their_deadlines_on_busy_cores(door, tmp_path, busy_cores, systemd):
    path, heard = systemd
    run = door(environment={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "5000000"})
    run.wait_for(lambda: fired(run) >= 3)
    ages = [line["age_ms"] for line in run.of_type("decision")]
    assert sorted(ages)[len(ages) // 2] < 500.0  # frames are dropped, not queued
    fed = [seconds for seconds, text in heard if "WATCHDOG=1" in text]
    gaps = [after - before for before, after in itertools.pairwise(fed)]
    assert max(gaps) < 5.0
    spans = len(read_pin(tmp_path / "pin.csv"))
    run.wait_for(lambda: len(read_pin(tmp_path / "pin.csv")) > spans)
    run.process.kill()
    killed_seconds = time.monotonic()
    check_pin(tmp_path)
    assert read_pin(tmp_path / "pin.csv")[-1].end_seconds - killed_seconds < 1.0


# what `vcgencmd get_throttled` does, what the status tells
FIRMWARE = [
    ("echo throttled=0x50005", ["supply voltage too low", "processor throttled"]),
    ("echo throttled=0x0", []),
    ("echo throttled=0x50000", []),  # it was so earlier: told by edge doctor
    ("exit 1", []),
    ("echo rubbish", []),
    ("sleep 600", []),
    (None, []),  # there is no such program
]


@pytest.mark.parametrize(("firmware", "troubles"), FIRMWARE)
def test_supply_and_heat_are_told_and_delay_nothing(door, tmp_path, firmware, troubles):
    folder = tmp_path / "bin"
    folder.mkdir()
    if firmware is not None:
        (folder / "vcgencmd").write_text(f"#!/bin/sh\n{firmware}\n")
        (folder / "vcgencmd").chmod(0o755)
    run = door(environment={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"})
    run.wait_for(lambda: fired(run))
    run.wait_for(lambda: run.status()["troubles"] == troubles, 5.0)
    assert run.end() == 0
    assert not any("vcgencmd" in line for line in run.errors)
    check_pin(tmp_path)


def test_supply_that_recovers_is_told_again(door, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "vcgencmd"
    program.write_text("#!/bin/sh\necho throttled=0x50005\n")
    program.chmod(0o755)
    run = door(environment={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"})
    run.wait_for(lambda: run.status().get("troubles"))
    program.write_text("#!/bin/sh\necho throttled=0x50000\n")
    run.wait_for(lambda: run.status()["troubles"] == [], 15.0)
    assert run.end() == 0
