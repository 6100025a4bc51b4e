"""Whole runs on machines whose clock is wrong at first, is set right, and steps all the time.

`sitecustomize` is read by every Python before its program: here it shifts the time of day, in all
processes of a run, by what a file says, and lets the kernel's clock have the status that another
one says: nobody sets the real one for a test. The monotonic clock stays, as in the real world.
"""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from whole_run import CAMERA, DOOR, EVIDENCE, energised, is_off, wait_until

from edge.store.reading import EventReader

DAY_SECONDS = 86_400.0
PULSE_SECONDS = 0.5
LATE_SECONDS = 0.5
JOIN_SECONDS = 2.2  # rules join what appears again within two
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"

CONFIG = """
[clock]
trust = "{trust}"
[[rules]]
name = "let in"
labels = ["red"]
at_most_every_seconds = 0
actions = ["door"]
{hours}
[store]
folder = "memory"
clips = false
keep_days = 1
"""
WIRING = f"pulse_seconds = {PULSE_SECONDS}\npause_seconds = 0.1\nduty_percent = 50\n"

SHIFT = """
import os, time
from pathlib import Path

_real, _folder = time.time, Path(os.environ["TEST_CLOCK"])

def _read(name):
    try:
        return float((_folder / name).read_text())
    except OSError:
        return 0.0

time.time = lambda: _real() + _read("offset")

import edge.wallclock

edge.wallclock._read_kernel_status = lambda: 0 if _read("is_set") else 0x40
"""


class Clock:
    """The clock of a machine, as a run on it sees it."""

    def __init__(self, folder):
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SHIFT)
        self._folder = folder
        paths = [str(folder), os.environ.get("PYTHONPATH", "")]
        self.environment = {"TEST_CLOCK": str(folder), "PYTHONPATH": os.pathsep.join(paths)}

    def shift(self, seconds):
        """Let it show so much more than the real time."""
        self._write("offset", seconds)

    def show(self, moment):
        """Let it show a moment."""
        self.shift(moment.timestamp() - time.time())

    def is_set(self, by_a_server):
        """Let the kernel say whether a time server has set it."""
        self._write("is_set", float(by_a_server))

    def _write(self, name, value):
        fresh = self._folder / f"{name}.new"
        fresh.write_text(repr(value))
        fresh.replace(self._folder / name)


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


@pytest.fixture
def write(tmp_path, colours, stage):
    def write_it(*, trust="synchronized", hours=""):
        path = tmp_path / "edge.toml"
        values = {"address": stage.server.url("/video"), "model": colours}
        text = (CAMERA + CONFIG).format(**values, trust=trust, hours=hours)
        path.write_text(text + EVIDENCE + DOOR + WIRING)
        return path

    return write_it


def appear(run, stage):
    """Let red appear, and return what its rule says."""
    told = len(run.records("rule"))
    stage.colour = "red"
    wait_until(lambda: len(run.records("rule")) > told)
    stage.colour = "green"
    time.sleep(JOIN_SECONDS)
    return run.records("rule")[told]["result"]


def remembered(config):
    with EventReader(config.parent / "memory") as reader:
        return sorted(reader.find(limit=1000), key=lambda event: event.sequence)


def began(run):
    return len(run.records("event", phase="start"))


def test_a_thousand_steps_of_a_second_change_no_opening(clock, write, stage, whole_run):
    config = write(trust="always")
    pin = config.parent / "pin.csv"
    run = whole_run(config, environment=clock.environment)
    run.wait_picture("live")
    steps = 0
    until_seconds = time.monotonic() + 10.0
    while time.monotonic() < until_seconds:
        steps += 1
        clock.shift((-1.0) ** steps)
        stage.colour = "red" if steps // 120 % 5 == 0 else "green"
        time.sleep(0.005)
    assert steps >= 1000
    wait_until(lambda: is_off(pin))
    assert run.end() == 0
    assert len(energised(pin)) >= 2
    assert min(energised(pin)) > PULSE_SECONDS - 0.1
    assert max(energised(pin)) < PULSE_SECONDS + LATE_SECONDS
    events = remembered(config)
    assert len(events) == began(run)
    moments = [event.monotonic_seconds for event in events]
    assert moments == sorted(moments)


# how far the clock is off at the start
STARTS = [
    60.0 - time.time(),  # 1970: a board without a battery
    -3 * DAY_SECONDS,  # the latest time that the disk knew
]


@pytest.mark.parametrize("offset_seconds", STARTS, ids=["1970", "three days ago"])
def test_a_clock_that_is_set_right_opens_hours_and_dates_events(
    offset_seconds, clock, write, stage, whole_run
):
    now = datetime.now(UTC)
    hours = f"{now - timedelta(hours=3):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    config = write(hours=f'hours = "{hours}"')
    environment = clock.environment | {"TZ": "UTC"}
    clock.is_set(True)
    run = whole_run(config, environment=environment)
    run.wait_picture("live")
    assert appear(run, stage) == "fired"
    assert run.end() == 0
    earlier = len(remembered(config))

    clock.shift(offset_seconds)
    clock.is_set(False)
    run = whole_run(config, environment=environment)
    run.wait_picture("live")
    assert appear(run, stage) == "clock not trusted"
    assert len(energised(config.parent / "pin.csv")) == 1
    clock.shift(0.0)
    clock.is_set(True)
    assert appear(run, stage) == "fired"
    wait_until(  # the memory looks for it every ten seconds
        lambda: all(event.is_trusted or event.corrected_seconds for event in remembered(config))
    )
    assert run.end() == 0
    events = remembered(config)
    assert len(events) == earlier + began(run)  # though a day is all that is kept
    doubted = [event for event in events if not event.is_trusted]
    assert doubted
    for event in doubted:
        assert event.wall_seconds < now.timestamp() - DAY_SECONDS
        assert now.timestamp() < event.corrected_seconds < time.time()


def test_an_hour_that_comes_twice_is_open_twice_to_one_run(clock, write, stage, whole_run):
    config = write(trust="always", hours='hours = "02:00-03:00"')
    start = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)  # 02:30 in summer time
    clock.show(start)
    run = whole_run(config, environment=clock.environment | {"TZ": BERLIN})
    run.wait_picture("live")
    assert appear(run, stage) == "fired"
    clock.show(start + timedelta(minutes=35))  # 02:05 again
    assert appear(run, stage) == "fired"
    clock.show(start - timedelta(minutes=35))  # 01:55
    assert appear(run, stage) == "outside hours"
    assert run.end() == 0
    assert max(energised(config.parent / "pin.csv")) < PULSE_SECONDS + LATE_SECONDS
