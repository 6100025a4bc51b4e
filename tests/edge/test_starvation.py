"""Whole runs that lose what they had: files, memory, processor time. The door stays safe."""

import fcntl
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from whole_run import CAMERA, DOOR, EVIDENCE, energised, is_off, wait_until

from edge.control import ask
from edge.errors import NotRunningError
from edge.guard.request import read_notes

PULSE_SECONDS = 0.5
LATE_SECONDS = 0.5
RESTART_SECONDS = 15.0
WATCHDOG_SECONDS = 5.0  # the unit has 30
MEBIBYTE = 1 << 20

CONFIG = """
threads = 1
[[rules]]
name = "let in"
labels = ["red"]
when = "present"
at_most_every_seconds = 1.5
actions = ["door"]
[store]
folder = "memory"
clips = false
"""
WIRING = f"pulse_seconds = {PULSE_SECONDS}\nlongest_seconds = 1\nduty_percent = 50\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and prlimit(2)")


@pytest.fixture
def config(tmp_path, colours, stage):
    path = tmp_path / "edge.toml"
    text = (CAMERA + CONFIG).format(address=stage.server.url("/video"), model=colours)
    path.write_text(text + EVIDENCE + DOOR + WIRING)
    stage.colour = "red"
    return path


def opened(run):
    return len(run.records("outcome", action="door", result="done"))


def check_pin(config):
    """Nothing was on for too long, and nothing is on."""
    pin = config.parent / "pin.csv"
    wait_until(lambda: is_off(pin), seconds=2.0)
    assert max(energised(pin)) < PULSE_SECONDS + LATE_SECONDS


def kill_guard(config):
    (pid, _), *_ = read_notes(config.parent / "memory")["door"].processes
    os.kill(pid, signal.SIGKILL)


def test_without_files_it_looks_on_with_the_door_off_until_there_are_again(config, whole_run):
    run = whole_run(config)
    wait_until(lambda: opened(run))
    pid = run.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    kill_guard(config)
    wait_until(lambda: any("cannot be started" in line for line in run.complained))
    check_pin(config)
    decisions = len(run.records("decision"))
    wait_until(lambda: len(run.records("decision")) > decisions + 5)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    openings = opened(run)
    wait_until(lambda: opened(run) > openings, seconds=RESTART_SECONDS)
    assert run.end() == 0
    check_pin(config)


@pytest.mark.parametrize("room", [0, 16 * MEBIBYTE])
def test_without_memory_the_door_is_off_and_a_new_start_opens_soon(room, config, whole_run):
    run = whole_run(config)
    wait_until(lambda: opened(run))
    pid = run.process.pid
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + room
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    kill_guard(config)  # what replaces it takes memory
    until_seconds = time.monotonic() + 4.0
    while run.is_alive() and time.monotonic() < until_seconds:
        time.sleep(0.05)
    run.process.kill()  # whether it has ended or not
    check_pin(config)
    run.close()
    began_seconds = time.monotonic()
    again = whole_run(config)
    wait_until(lambda: opened(again))
    assert time.monotonic() - began_seconds < RESTART_SECONDS
    assert again.end() == 0
    check_pin(config)


@pytest.fixture
def busy_cores():
    """Keep all cores busy, four times over."""
    program = shutil.which("stress-ng")
    if program is None:
        pytest.skip("no stress-ng on this machine")
    workers = str(4 * (os.cpu_count() or 1))
    command = [program, "--cpu", workers, "--timeout", "120s", "--quiet"]
    with subprocess.Popen(command, start_new_session=True) as process:
        yield
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def systemd(tmp_path):
    """Listen as systemd does; return the path of the socket, and what came with its time."""
    heard = []
    path = tmp_path / "notify"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(path))

    def listen():
        while datagram := listener.recv(4096):
            heard.append((time.monotonic(), datagram.decode()))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield path, heard
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
        last.sendto(b"", str(path))
    thread.join(5.0)
    listener.close()


def test_watchdog_is_fed_and_frames_are_fresh_on_busy_cores(config, whole_run, busy_cores, systemd):
    path, heard = systemd
    limit = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6))}
    run = whole_run(config, environment=limit)
    wait_until(lambda: opened(run))
    began = len(run.records("decision"))
    until_seconds = time.monotonic() + 3 * WATCHDOG_SECONDS
    wait_until(lambda: time.monotonic() > until_seconds)
    ages_ms = sorted(line["age_ms"] for line in run.records("decision")[began:])
    assert ages_ms[len(ages_ms) // 2] < 500.0  # frames are dropped, and do not wait
    fed = [seconds for seconds, text in heard if "WATCHDOG=1" in text]
    assert max(after - before for before, after in pairwise(fed)) < WATCHDOG_SECONDS
    assert run.end() == 0
    check_pin(config)


@pytest.fixture
def unread_run(config):
    """A run whose output goes into a small pipe, and the pipe's other end."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "edge", "run", "--config", str(config), "--json"]
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        yield process, reader
        process.kill()
        os.close(reader)


def test_a_reader_that_hangs_leaves_the_door_off_until_it_reads_on(config, unread_run):
    process, reader = unread_run
    pin = config.parent / "pin.csv"

    def idle_seconds():
        with suppress(NotRunningError):
            return ask(config.parent / "memory", "status").get("idle_seconds", 0.0)
        return 0.0

    wait_until(lambda: idle_seconds() > 2.5)  # the loop waits for its reader
    check_pin(config)
    openings = len(energised(pin))
    time.sleep(2.0)
    assert len(energised(pin)) == openings
    drain = iter(lambda: os.read(reader, 4096), b"")
    thread = threading.Thread(target=lambda: list(drain), daemon=True)
    thread.start()
    wait_until(lambda: len(energised(pin)) > openings)
    process.send_signal(signal.SIGTERM)
    assert process.wait(RESTART_SECONDS) == 0
    thread.join(RESTART_SECONDS)
    check_pin(config)
