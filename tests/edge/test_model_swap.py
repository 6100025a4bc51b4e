"""A model file that changes under a running instance: nothing half is ever decided with."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from clips import RED, write_scene
from colour_model import LABELS, write_colour_model

from edge.classifier import open_classifier
from edge.cli import main
from edge.control import ask
from edge.modelfile import read_model_file

LONGEST_SECONDS = 60.0  # that an instance may take

CONFIG = """
place = "porch"

[source]
address = "clip.avi"

[model]
file = "colours.tflite"

[evidence]
period_seconds = 0
hysteresis = 0

[[rules]]
name = "let in"
labels = ["red"]
actions = ["tell"]
at_most_every_seconds = 0

[actions.tell]
kind = "file"
path = "told.jsonl"

[store]
folder = "memory"
clips = false
"""


@pytest.fixture
def place(tmp_path):
    """The folder of an installation: a configuration, a model that was tried, half a minute."""
    (tmp_path / "edge.toml").write_text(CONFIG)
    write_scene(tmp_path / "clip.avi", [RED] * 900)
    open_classifier(write_colour_model(tmp_path / "colours.tflite")).close()
    return tmp_path


@pytest.fixture
def instance(place):
    """`edge run` on it, once its rule has told somebody."""
    command = [sys.executable, "-m", "edge", "run", "--json", "--config", "edge.toml"]
    process = subprocess.Popen(
        command,
        cwd=place,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    timer = threading.Timer(LONGEST_SECONDS, process.kill)
    timer.start()
    wait_for_outcome(process)
    yield process
    timer.cancel()
    process.kill()
    process.communicate()


def wait_for_outcome(process):
    for line in process.stdout:
        if json.loads(line)["type"] == "outcome":
            return
    pytest.fail(f"nobody was told: {process.stderr.read()}")


def models_told(place):
    lines = (place / "told.jsonl").read_text().splitlines()
    return [json.loads(line)["model_sha256"] for line in lines]


def test_model_damaged_under_a_running_instance_is_not_taken_up(place, instance, capfd):
    """The instance goes on with what it has read; who starts anew is refused."""
    path = place / "colours.tflite"
    with path.open("r+b") as file:  # in place, as a worn card does
        file.seek(200)
        byte = file.read(1)[0]
        file.seek(200)
        file.write(bytes([byte ^ 1]))
    instance.send_signal(signal.SIGHUP)
    refusal = next(line for line in instance.stderr if "configuration:" in line)
    assert "not taken up, the old one stays: A model file must be intact" in refusal
    assert ask(place / "memory", "status")["picture"] == "live"
    instance.terminate()
    instance.communicate()
    assert instance.returncode == 0
    capfd.readouterr()
    assert main(["run", "--config", str(place / "edge.toml")]) == 1
    assert "A model file must be intact" in capfd.readouterr().err


def test_model_replaced_under_a_running_instance_is_taken_up_whole(place, instance):
    path = place / "colours.tflite"
    old = read_model_file(path).sha256
    other = write_colour_model(place / "new.tflite", thresholds=dict.fromkeys(LABELS, 0.6))
    new = read_model_file(other).sha256
    path.write_bytes(other.read_bytes())  # not even by a rename
    assert models_told(place) == [old]
    instance.send_signal(signal.SIGHUP)
    wait_for_outcome(instance)
    assert models_told(place) == [old, new]
    assert old != new
