"""A wall clock that steps, starts in 1970 or has a night of 23 hours changes no duration."""

import json
import os
import signal
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from whole_run import CAMERA, DOOR, EVIDENCE, energised, is_off, run_edge, wait_until

from edge.wallclock import is_kernel_synchronized

DAY_SECONDS = 86_400.0
PULSE_SECONDS = 2.0
VETO_SECONDS = 4.0
LATE_SECONDS = 1.5  # that a process may be late on a busy machine

CONFIG = """
[clock]
trust = "{trust}"
[[rules]]
name = "let in"
labels = ["red"]
at_most_every_seconds = 0
vetoed_by = ["blue"]
veto_seconds = 4
actions = ["door"]
[[rules]]
name = "by day"
labels = ["red"]
at_most_every_seconds = 0
hours = "{hours}"
actions = ["tell"]
[actions.tell]
kind = "file"
path = "told.jsonl"
[store]
folder = "memory"
clips = false
keep_days = 30
"""

# What the interpreter runs before anything else: the wall clock is off by what a file says.
SITE = """
import os
import time

def _stepped(real, scale):
    def now():
        try:
            with open(os.environ["STEP_FILE"]) as file:
                return real() + type(real())(float(file.read() or 0) * scale)
        except OSError:
            return real()
    return now

time.time = _stepped(time.time, 1)
time.time_ns = _stepped(time.time_ns, 10**9)
"""


class Stepper:
    """Sets by how much the wall clock of the processes that have its variables is off."""

    def __init__(self, folder):
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(SITE)
        self._path = folder / "step.txt"
        self.environment = {
            "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
            "STEP_FILE": str(self._path),
        }

    def step(self, seconds):
        fresh = self._path.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self._path)


@pytest.fixture
def stepper(tmp_path):
    return Stepper(tmp_path)


@pytest.fixture
def write(tmp_path, colours, stage):
    def write_it(*, trust="always", hours="00:00-24:00"):
        path = tmp_path / "edge.toml"
        address = stage.server.url("/video")
        text = (CAMERA + CONFIG).format(address=address, model=colours, trust=trust, hours=hours)
        door = DOOR + f"pulse_seconds = {PULSE_SECONDS}\n"
        path.write_text(text + EVIDENCE + door)
        return path

    return write_it


def kept(config):
    """Return the events that are kept, in the order in which they were written."""
    done = run_edge("events", "list", "--config", config, "--json")
    assert done.returncode == 0, done.stderr
    return sorted(map(json.loads, done.stdout.splitlines()), key=lambda event: event["sequence"])


def appear(run, stage, label, *, count):
    """Let something appear and wait until its rule has judged it so often."""
    stage.colour = label
    run.wait_for("rule", rule="let in", count=count)


def let_go(run, stage, pin):
    """Show nothing of interest until the output is off and another appearance is another one."""
    stage.colour = "green"
    wait_until(lambda: is_off(pin))
    wait_until(lambda: run.status().get("label") == "green")
    time.sleep(2.5)  # rules join appearances less than two seconds apart


def seconds_to_1970():
    return 1000.0 - time.time()


# how far the wall clock steps, and whether it is doubted then
STEPS = [(-3599.0, False), (400 * DAY_SECONDS, True), (None, True)]


@pytest.mark.parametrize(("step", "is_doubted"), STEPS, ids=["hour back", "400 days", "to 1970"])
def test_a_step_changes_no_duration_and_deletes_nothing(
    step, is_doubted, stage, stepper, write, whole_run
):
    config = write()
    pin = config.parent / "pin.csv"
    stepper.step(0)
    run = whole_run(config, environment=stepper.environment)
    run.wait_picture("live")
    appear(run, stage, "red", count=1)
    wait_until(lambda: not is_off(pin))
    stepper.step(seconds_to_1970() if step is None else step)
    wait_until(lambda: is_off(pin))
    assert energised(pin)[0] == pytest.approx(PULSE_SECONDS, abs=0.5)
    stage.colour = "blue"
    wait_until(lambda: run.status()["vetoed"] == ["let in"])
    stage.colour = "green"
    started_seconds = time.monotonic()
    stepper.step(0)  # while a veto runs
    wait_until(lambda: run.status()["vetoed"] == [])
    lasted_seconds = time.monotonic() - started_seconds
    assert VETO_SECONDS - 0.5 < lasted_seconds < VETO_SECONDS + LATE_SECONDS + 1.0
    stepper.step(seconds_to_1970() if step is None else step)
    wait_until(lambda: run.status()["is_clock_trusted"] is not is_doubted)
    appear(run, stage, "red", count=2)
    let_go(run, stage, pin)
    run.process.send_signal(signal.SIGHUP)  # the memory is opened anew, and looked through
    appear(run, stage, "red", count=3)
    wait_until(lambda: len(kept(config)) >= 5)
    assert run.end() == 0
    assert max(energised(pin)) <= PULSE_SECONDS + 0.5
    events = kept(config)
    labels = [event["label"] for event in events if event["label"] in ("red", "blue")]
    assert labels == ["red", "blue", "red", "red"]  # in the order in which they were
    trusted = [event["is_trusted"] for event in events if event["label"] == "red"]
    assert trusted == [True, not is_doubted, not is_doubted]  # also after the change


def test_rules_with_hours_rest_while_the_clock_is_doubted(stage, stepper, write, whole_run):
    config = write(hours="00:00-12:00, 12:00-23:59")
    stepper.step(0)
    run = whole_run(config, environment=stepper.environment)
    run.wait_picture("live")
    stepper.step(400 * DAY_SECONDS)
    wait_until(lambda: not run.status()["is_clock_trusted"])
    stage.colour = "red"
    assert run.wait_for("rule", rule="by day")["result"] == "clock not trusted"
    assert run.wait_for("rule", rule="let in")["result"] == "fired"  # it needs no clock
    run.end()
    assert not (config.parent / "told.jsonl").exists()


@pytest.mark.skipif(is_kernel_synchronized(), reason="a time server keeps this clock right")
def test_a_start_in_1970_or_in_the_future_flags_events_and_deletes_none(
    stage, stepper, write, whole_run
):
    config = write(trust="synchronized", hours="00:00-23:59")
    for count, step in enumerate([0, seconds_to_1970(), -3 * DAY_SECONDS, 400 * DAY_SECONDS], 1):
        stepper.step(step)
        stage.colour = "green"
        run = whole_run(config, environment=stepper.environment)
        run.wait_picture("live")
        appear(run, stage, "red", count=1)
        assert run.wait_for("rule", rule="by day")["result"] == "clock not trusted"
        wait_until(lambda count=count: len(reds(config)) == count)
        assert not run.status()["is_clock_trusted"]
        assert run.end() == 0
    assert not any(event["is_trusted"] for event in reds(config))
    assert all(event["time"].endswith("?") for event in reds(config))
    assert max(energised(config.parent / "pin.csv")) <= PULSE_SECONDS + 0.5


def reds(config):
    return [event for event in kept(config) if event["label"] == "red"]


def local(text):
    return datetime.fromisoformat(text)


# A rule from 02:30 to 04:00: the local time, and whether it acts then
NIGHTS = [
    # spring: 02:30 does not exist, the hour after it does
    ("2026-03-29T01:59:00+01:00", False),
    ("2026-03-29T03:00:00+02:00", True),
    ("2026-03-29T03:59:00+02:00", True),
    ("2026-03-29T04:00:00+02:00", False),
    # autumn: 02:30 comes twice, and counts twice
    ("2026-10-25T02:29:00+02:00", False),
    ("2026-10-25T02:30:00+02:00", True),
    ("2026-10-25T02:29:00+01:00", False),
    ("2026-10-25T02:30:00+01:00", True),
    # a leap day is a day
    ("2028-02-29T02:29:00+01:00", False),
    ("2028-02-29T03:00:00+01:00", True),
]


@pytest.mark.skipif(not Path("/usr/share/zoneinfo/Europe/Berlin").exists(), reason="no time zones")
@pytest.mark.parametrize(("moment", "acts"), NIGHTS, ids=str)
def test_nights_of_another_length_through_the_schedule(
    moment, acts, stage, stepper, write, whole_run
):
    config = write(hours="02:30-04:00")
    stage.colour = "red"
    # the moment is 40 s old at most when the run judges, so that each minute is a minute
    stepper.step((local(moment) + timedelta(seconds=5)).timestamp() - time.time())
    environment = {**stepper.environment, "TZ": "Europe/Berlin"}
    run = whole_run(config, "--duration", "20", environment=environment)
    judged = run.wait_for("rule", rule="by day")
    assert judged["result"] == ("fired" if acts else "outside hours")
    run.end()
