"""Too few descriptors, too little memory, no processor time, a supply that sags."""

import os
import resource
import shutil
import signal
import subprocess
import time

import pytest
from whole_run import CAMERA, DOOR, EVIDENCE, energised, is_off, wait_until

from edge.hardware import read_temperature

MB = 1_000_000
PULSE_SECONDS = 1.0
LATE_SECONDS = 0.5  # that an output may be on beyond its time
RELEASE_SECONDS = 1.0  # after the death of the main process

CONFIG = """
[[rules]]
name = "let in"
labels = ["red"]
when = "present"
at_most_every_seconds = 0
actions = ["door", "tell"]
[actions.tell]
kind = "file"
path = "told.jsonl"
[store]
folder = "memory"
"""
WIRING = f"pulse_seconds = {PULSE_SECONDS}\nlongest_seconds = {PULSE_SECONDS}\nduty_percent = 50\n"


@pytest.fixture
def config(tmp_path, colours, stage):
    path = tmp_path / "edge.toml"
    text = (CAMERA + CONFIG).format(address=stage.server.url("/video"), model=colours)
    path.write_text(text + EVIDENCE + DOOR + WIRING)
    return path


def limited(kind, most):
    return lambda: resource.setrlimit(kind, (most, most))


# what may be had, and how much of it; the first of each is enough
LIMITS = [
    (resource.RLIMIT_NOFILE, 64),
    (resource.RLIMIT_NOFILE, 24),
    (resource.RLIMIT_NOFILE, 14),
    (resource.RLIMIT_AS, 4000 * MB),
    (resource.RLIMIT_AS, 700 * MB),
    (resource.RLIMIT_AS, 400 * MB),
]


@pytest.mark.parametrize(("kind", "most"), LIMITS, ids=str)
def test_a_run_with_too_little_goes_on_or_ends_with_an_error(
    kind, most, config, stage, whole_run, request
):
    pin = config.parent / "pin.csv"
    stage.colour = "red"
    run = whole_run(config, preexec_fn=limited(kind, most))
    wait_until(lambda: not run.is_alive() or run.records("outcome", action="tell"))
    has_worked = run.is_alive()
    time.sleep(PULSE_SECONDS)
    code = run.end()
    complaint = "".join(run.complained)
    assert code in ((0, 1) if has_worked else (1, 2)), complaint
    assert "Traceback" not in complaint
    if not has_worked:
        assert complaint.splitlines()[-1].startswith("edge: "), complaint
    if (kind, most) in ((resource.RLIMIT_NOFILE, 64), (resource.RLIMIT_AS, 4000 * MB)):
        assert has_worked, complaint
    if pin.exists():
        wait_until(lambda: is_off(pin), seconds=2 * RELEASE_SECONDS)
        assert max(energised(pin), default=0.0) <= PULSE_SECONDS + LATE_SECONDS


@pytest.fixture
def busy_cores():
    """Keep all cores busy, four times over."""
    program = shutil.which("stress-ng")
    if program is None:
        pytest.skip("no stress-ng on this machine")
    command = [program, "--cpu", str(4 * (os.cpu_count() or 1)), "--timeout", "120s"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        yield process
        os.killpg(process.pid, signal.SIGTERM)


def test_an_output_is_released_in_time_while_all_cores_are_busy(
    config, stage, whole_run, busy_cores
):
    pin = config.parent / "pin.csv"
    stage.colour = "red"
    run = whole_run(config)
    run.wait_for("outcome", action="door", result="done", count=3)
    wait_until(lambda: is_off(pin))
    wait_until(lambda: not is_off(pin))
    assert busy_cores.poll() is None
    run.process.kill()
    killed_seconds = time.monotonic()
    wait_until(lambda: is_off(pin))
    assert time.monotonic() - killed_seconds <= RELEASE_SECONDS + LATE_SECONDS
    assert max(energised(pin)) <= PULSE_SECONDS + LATE_SECONDS


LOW = ["supply voltage too low", "processor throttled"]
# what the tool of the firmware does, and what is shown
TOOLS = {
    "low now and earlier": ("echo throttled=0x50005", LOW),
    "well": ("echo throttled=0x0", []),
    "low earlier": ("echo throttled=0x50000", []),
    "fails": ("echo VCHI initialization failed; exit 255", []),
    "babbles": ("echo throttled=often", []),
    "hangs": ("sleep 60", []),
}


@pytest.fixture
def firmware(tmp_path):
    """Put a tool `vcgencmd` that does something into the path; return the variables for it."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(command):
        fresh = folder / "new"
        fresh.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/asked\n{command}\n')
        fresh.chmod(0o755)
        fresh.replace(folder / "vcgencmd")
        return {"PATH": f"{folder}:{os.environ['PATH']}"}

    return put


@pytest.mark.parametrize(("command", "troubles"), TOOLS.values(), ids=TOOLS)
def test_status_shows_what_the_firmware_says_and_the_run_goes_on(
    command, troubles, config, stage, whole_run, firmware
):
    run = whole_run(config, environment=firmware(command))
    run.wait_picture("live")
    wait_until(lambda: (config.parent / "asked").exists())
    wait_until(lambda: run.status()["troubles"] == troubles)
    status = run.status()
    assert (status["celsius"] is None) == (read_temperature() is None)
    stage.colour = "red"
    run.wait_for("outcome", action="door", result="done")
    assert run.end() == 0
    assert (config.parent / "asked").read_text().split()[0] == "get_throttled"


def test_without_the_tool_nothing_is_known_and_the_run_goes_on(config, whole_run):
    folder = config.parent / "empty"
    folder.mkdir()
    run = whole_run(config, environment={"PATH": str(folder)})
    run.wait_picture("live")
    assert run.status()["troubles"] == []
    assert run.end() == 0


def test_a_supply_that_sags_and_recovers_is_logged_on_change(config, whole_run, firmware):
    run = whole_run(config, environment=firmware("echo throttled=0x50005"))
    run.wait_picture("live")
    wait_until(lambda: run.status()["troubles"] == LOW)
    firmware("echo throttled=0x50000")
    wait_until(lambda: run.status()["troubles"] == [])
    assert run.end() == 0
    said = [line.strip() for line in run.complained if "machine: " in line]
    assert said == [
        "edge: WARNING: machine: supply voltage too low, processor throttled",
        "edge: WARNING: machine: supply and heat are well again",
    ]
