"""Whole runs whose clock on the wall steps, starts in 1970, or changes to summer time.

`sitecustomize` is read by every Python before its program: here it shifts the time of day, in all
processes of a run, by what a file says. The monotonic clock is left alone, as in the real world.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from whole_door import search_path

from benchmarks.guarded import read_pin
from edge.store.reading import EventReader

SLACK_SECONDS = 0.5
DAY = 86_400.0
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"

# The status of the kernel's clock stands in a file, too: nobody sets the real one for a test.
SHIFT = """
import os, time
from pathlib import Path

_real, _folder = time.time, Path(os.environ["TEST_CLOCK"])

def _read(name, otherwise):
    try:
        return float((_folder / name).read_text())
    except (OSError, ValueError):  # being written
        return otherwise

def _shifted():
    return _real() + _read("offset", 0.0)

time.time = _shifted

import edge.wallclock

edge.wallclock._read_kernel_status = lambda: 0 if _read("is_set", 0.0) else 0x40
"""


class WallClock:
    """The clock of a machine, as a run on it sees it."""

    def __init__(self, folder):
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SHIFT)
        self._folder = folder
        self.environment = {"TEST_CLOCK": str(folder), "PYTHONPATH": search_path(folder)}
        self.shift(0.0)

    def shift(self, seconds):
        """Let it show so much more than the real time."""
        self._write("offset", seconds)

    def show(self, moment):
        """Let it show a moment."""
        self.shift(moment.timestamp() - time.time())

    def set_by_a_server(self, is_set=True):
        """Let the kernel say whether a time server has set it."""
        self._write("is_set", float(is_set))

    def _write(self, name, value):
        (self._folder / f"{name}.new").write_text(repr(value))
        os.replace(self._folder / f"{name}.new", self._folder / name)  # noqa: PTH105 - as one


@pytest.fixture
def clock(tmp_path):
    return WallClock(tmp_path / "clock")


def fired(run):
    return len(run.of_type("rule", result="fired"))


def results(run):
    return {line["result"] for line in run.of_type("rule")}


def remembered(tmp_path):
    with EventReader(tmp_path / "memory") as reader:
        return sorted(reader.find(limit=1000), key=lambda event: event.sequence)


def appear(run, times=1, seconds=30.0):
    """Wait until red has appeared so many more times, whatever follows from it."""
    wanted = len(run.of_type("event", phase="start", label="red")) + times
    run.wait_for(lambda: len(run.of_type("event", phase="start", label="red")) >= wanted, seconds)
    time.sleep(0.2)  # until its rule has spoken


def test_steps_of_the_wall_clock_change_no_duration_and_delete_nothing(door, clock, tmp_path):
    run = door(rest="keep_days = 1\n[clock]\ntrust = 'always'\n", environment=clock.environment)
    run.wait_for(lambda: fired(run))
    for step in (-3600.0, 400 * DAY, 0.0):  # as soon as the pin is energised
        before = fired(run)
        run.wait_for(lambda before=before: fired(run) > before)
        clock.shift(step)
    before = fired(run)
    end = time.monotonic() + 6.0
    steps = 0
    while time.monotonic() < end:  # a thousand steps to and fro
        steps += 1
        clock.shift((-1.0) ** steps)
        time.sleep(0.005)
    assert steps > 500
    run.wait_for(lambda: fired(run) > before)
    assert run.end() == 0
    spans = read_pin(tmp_path / "pin.csv")
    assert len(spans) >= 5
    lengths = [span.end_seconds - span.start_seconds for span in spans]
    assert max(lengths) < 0.3 + SLACK_SECONDS
    assert min(lengths[:-1]) > 0.25  # the end of the run may have cut the last
    events = remembered(tmp_path)
    assert len(events) == len(run.of_type("event", phase="start"))
    monotonic = [event.monotonic_seconds for event in events]
    assert monotonic == sorted(monotonic)
    for event in events:
        assert (tmp_path / "memory" / event.snapshot).is_file()
        if event.end_monotonic_seconds is not None:
            assert 0.0 <= event.end_monotonic_seconds - event.monotonic_seconds < 10.0


@pytest.mark.parametrize(
    "offset_seconds",
    [
        -(time.time() - 60.0),  # a board without a battery: 1970
        -3 * DAY,  # the latest time that the disk knew
    ],
    ids=["1970", "three days ago"],
)
def test_boot_without_a_clock_opens_no_hours_and_deletes_nothing(
    door, clock, tmp_path, offset_seconds
):
    now = datetime.now(UTC)
    hours = f"{now - timedelta(hours=3):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    choices = {
        "rule": f'hours = "{hours}"',
        "rest": "keep_days = 1",
        "environment": clock.environment | {"TZ": "UTC"},
    }
    clock.set_by_a_server()
    run = door(**choices)
    run.wait_for(lambda: fired(run))
    assert run.end() == 0
    earlier = len(remembered(tmp_path))
    openings = len(read_pin(tmp_path / "pin.csv"))

    clock.shift(offset_seconds)
    clock.set_by_a_server(False)
    run = door(**choices)
    appear(run, 2)
    assert results(run) == {"clock not trusted"}
    assert len(read_pin(tmp_path / "pin.csv")) == openings
    assert not run.status()["is_clock_trusted"]
    clock.shift(0.0)
    clock.set_by_a_server()
    run.wait_for(lambda: fired(run))
    run.wait_for(  # which the memory looks for every ten seconds
        lambda: all(event.is_trusted or event.corrected_seconds for event in remembered(tmp_path))
    )
    assert run.end() == 0
    events = remembered(tmp_path)
    assert len(events) == earlier + len(run.of_type("event", phase="start"))
    doubted = [event for event in events if not event.is_trusted]
    assert len(doubted) >= 2
    for event in doubted:
        assert now.timestamp() < event.corrected_seconds < time.time()


# what the night is, the rule's schedule, when it starts, what follows after so many minutes
NIGHTS = [
    # 02:00 to 03:00 is left out: the hour never comes
    (
        *("spring", 'hours = "02:00-03:00"', datetime(2027, 3, 28, 0, 50, tzinfo=UTC)),
        ((0, "outside hours"), (11, "outside hours")),
    ),
    # 02:00 to 03:00 comes twice, and is open twice
    (
        *("autumn", 'hours = "02:00-03:00"', datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        ((0, "fired"), (35, "fired"), (-35, "outside hours")),  # within the step that is trusted
    ),
    # the 29th of February 2028 is a Tuesday
    (
        *("leap day", 'days = ["tue"]', datetime(2028, 2, 28, 22, 50, tzinfo=UTC)),
        ((0, "outside hours"), (20, "fired")),
    ),
]


@pytest.mark.parametrize(
    ("schedule", "start", "expected"), [night[1:] for night in NIGHTS], ids=[n[0] for n in NIGHTS]
)
def test_night_of_change_goes_by_the_clock_on_the_wall(
    door, clock, tmp_path, schedule, start, expected
):
    clock.show(start)
    run = door(
        rule=schedule,
        rest="[clock]\ntrust = 'always'\n",
        environment=clock.environment | {"TZ": BERLIN},
    )
    for minutes, result in expected:
        clock.show(start + timedelta(minutes=minutes))
        told = len(run.of_type("rule"))
        run.wait_for(
            lambda told=told, result=result: any(
                line["result"] == result for line in run.of_type("rule")[told:]
            )
        )
    told = [line["result"] for line in run.of_type("rule")]
    assert [one for one, _ in groupby(told)] == [one for one, _ in groupby(r for _, r in expected)]
    assert run.end() == 0
    assert len(remembered(tmp_path)) == len(run.of_type("event", phase="start"))
    for span in read_pin(tmp_path / "pin.csv"):
        assert span.end_seconds - span.start_seconds < 0.3 + SLACK_SECONDS
