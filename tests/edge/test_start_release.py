"""What a run that was killed left energised is made safe by the next one, whatever that is told."""

import os
import signal
import sys

import pytest
from whole_run import CAMERA, DOOR, EVIDENCE, is_off, wait_until

from edge.cli import run_actions
from edge.guard.request import read_notes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

CONFIG = """
[[rules]]
name = "let in"
labels = ["red"]
actions = ["{name}"]

[store]
folder = "memory"
clips = false
"""


def write_config(folder, stage, colours, *, name="door", pin="pin.csv", more=""):
    values = {"address": stage.server.url(), "model": colours, "name": name}
    door = DOOR.replace("door", name).replace("pin.csv", pin)
    path = folder / "edge.toml"
    path.write_text((CAMERA + CONFIG).format(**values) + EVIDENCE + door + more)
    return path


# What differs in the next run: the output has another pin, or another name too.
CHANGES = [{"pin": "other.csv"}, {"name": "gate", "pin": "other.csv"}]


@pytest.mark.parametrize("changes", CHANGES)
def test_next_run_releases_what_it_does_not_know_any_more(
    tmp_path, stage, colours, whole_run, changes
):
    stage.colour = "red"
    pin = tmp_path / "pin.csv"
    long = "longest_seconds = 30\npulse_seconds = 30\n"
    first = whole_run(write_config(tmp_path, stage, colours, more=long))
    wait_until(lambda: pin.exists() and not is_off(pin))
    pids = [pid for pid, _ in read_notes(tmp_path / "memory")["door"].processes]
    for pid in reversed(pids):
        os.kill(pid, signal.SIGSTOP)  # so that none of the three acts
    for pid in (*pids, first.process.pid):
        os.kill(pid, signal.SIGKILL)
    first.close()
    assert not is_off(pin)
    second = whole_run(write_config(tmp_path, stage, colours, **changes))
    second.wait_for("decision")
    assert is_off(pin)
    assert [line for line in second.complained if "output door: released" in line]
    assert second.end() == 0
    assert read_notes(tmp_path / "memory") == {}


def test_run_goes_on_beside_what_it_cannot_release(tmp_path, stage, colours, whole_run):
    config = write_config(tmp_path, stage, colours)
    notes = tmp_path / "memory" / "guard"
    notes.mkdir(parents=True)
    (notes / "gate.json").write_text("{")
    run = whole_run(config)
    run.wait_for("decision")
    (line,) = [line for line in run.complained if "gate.json must say which pin" in line]
    assert "Switch the output off by hand" in line
    assert run.end() == 0


def test_release_that_is_killed_is_told(tmp_path, monkeypatch, caplog):
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "gate.json").write_text("{")
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    run_actions._release_left(tmp_path)
    assert caplog.messages == ["outputs of an earlier run: they may be energised (exit code -9)"]
