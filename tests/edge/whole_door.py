"""A whole run at a door, whose camera shows red and green in turn, for tests of its faults."""

import json
import os
from itertools import count
from pathlib import Path

import cv2
import mjpegd
import numpy as np
import pytest
from clips import GREEN, RED
from colour_model import write_colour_model

from benchmarks.door_process import DoorProcess
from edge.classifier import open_classifier

PERIOD_SECONDS = 0.1
AWAY_FRAMES, RED_FRAMES = 25, 8  # longer away than an appearance is joined over
START_FRAMES = 10

CONFIG = """
place = "porch"
[source]
address = {{env = "CAMERA_URL"}}
[model]
file = "{model}"
threads = 1
[evidence]
period_seconds = 0
hysteresis = 0
[[rules]]
name = "let in"
labels = ["red"]
actions = {actions}
at_most_every_seconds = 0
{rule}
[actions.door]
kind = "gpio"
pin = "file:pin.csv"
pulse_seconds = 0.3
longest_seconds = 1
duty_percent = 50
pause_seconds = 0.2
[actions.tell]
kind = "file"
path = "told.jsonl"
[store]
folder = "memory"
clips = false
{rest}
"""


def _encode(colour_bgr, number):
    """Return a picture of a texture in a colour, which moves with its number."""
    cells = np.random.default_rng(number).uniform(0.3, 1.0, (12, 16))
    light = cv2.resize(cells, (160, 120), interpolation=cv2.INTER_NEAREST)
    picture = (light[:, :, None] * np.array(colour_bgr)).astype(np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def show_colours(server, connection, number):
    """Send pictures without end: green for a second, red for 0.8 s, green for 2.5 s, red..."""
    server.receive(connection)
    connection.sendall(mjpegd.STREAM_HEAD)
    for index in count(AWAY_FRAMES - START_FRAMES):
        is_away = index % (AWAY_FRAMES + RED_FRAMES) < AWAY_FRAMES
        connection.sendall(mjpegd.part(_encode(GREEN if is_away else RED, index)))
        if server.stop.wait(PERIOD_SECONDS):
            return


@pytest.fixture(scope="session")
def colours(tmp_path_factory):
    """A model that says red, green or blue."""
    return write_colour_model(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture
def door(tmp_path, colours):
    """Start whole runs, in the folder of the test; each with a camera unless one is given."""
    running, servers = [], []
    open_classifier(colours).close()  # verified now, so that no run waits for that

    def start(*, rule="", rest="", environment=None, before=None, actions=("door", "tell")):
        text = CONFIG.format(model=colours, rule=rule, rest=rest, actions=json.dumps(actions))
        (tmp_path / "edge.toml").write_text(text)
        environment = dict(environment or {})
        if "CAMERA_URL" not in environment:
            servers.append(mjpegd.Server(show_colours))
            environment["CAMERA_URL"] = servers[-1].url()
        run = DoorProcess(
            tmp_path / "edge.toml", tmp_path / "memory", environment=environment, before=before
        )
        running.append(run)
        return run

    yield start
    for run in running:
        run.close()
    for server in servers:
        server.close()


def search_path(*folders):
    """Return a `PYTHONPATH` in which these folders come first."""
    before = os.environ.get("PYTHONPATH", str(Path(__file__).parents[2]))
    return os.pathsep.join([*map(str, folders), before])
