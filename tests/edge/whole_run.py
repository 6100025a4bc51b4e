"""A whole `edge run --config` as a process, and a network camera whose scene the test chooses."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import BLUE, GREEN, RED
from colour_model import write_colour_model
from mjpegd import STREAM_HEAD, Server, part

from edge.classifier import open_classifier

PATIENCE_SECONDS = 30.0
SCENES = {"red": RED, "green": GREEN, "blue": BLUE}
_PERIOD_SECONDS = 0.1

CAMERA = """
place = "porch"
[source]
address = "{address}"
[model]
file = "{model}"
"""
EVIDENCE = """
[evidence]
period_seconds = 0
hysteresis = 0
"""
DOOR = """
[actions.door]
kind = "gpio"
pin = "file:pin.csv"
"""


class Stage:
    """What an HTTP camera shows; `colour` may be changed at any moment."""

    def __init__(self, colour="green"):
        self.colour = colour

    def __call__(self, server, connection, number):
        """Answer with a stream without end of a scene that moves."""
        server.receive(connection)
        connection.sendall(STREAM_HEAD)
        chance = np.random.default_rng(number)
        while not server.stop.wait(_PERIOD_SECONDS):
            connection.sendall(part(_draw(chance, SCENES[self.colour])))


def _draw(chance, colour_bgr):
    cells = chance.uniform(0.3, 1.0, (12, 16))
    light = cv2.resize(cells, (160, 120), interpolation=cv2.INTER_NEAREST)
    picture = light[:, :, None] * np.array(colour_bgr) + chance.normal(0, 2, (120, 160, 3))
    return cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8))[1].tobytes()


class WholeRun:
    """A process `edge run --config`, whose output is read as it comes.

    Attributes:
        process: May be killed.
        said: Lines of standard output.
        complained: Lines of standard error.
    """

    def __init__(self, config, *options, environment=None, preexec_fn=None):
        self.config = config
        self.said, self.complained = [], []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--config", str(config), "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            text=True,
            preexec_fn=preexec_fn,
        )
        self._readers = [
            threading.Thread(target=_read, args=pair, daemon=True)
            for pair in (
                (self.process.stdout, self.said),
                (self.process.stderr, self.complained),
            )
        ]
        for reader in self._readers:
            reader.start()

    def records(self, kind, **values):
        """Return the records of a type that have these values."""
        records = [json.loads(line) for line in list(self.said)]
        of_type = [record for record in records if record["type"] == kind]
        return [record for record in of_type if values.items() <= record.items()]

    def wait_for(self, kind, *, count=1, **values):
        """Wait for a record, and return the last of those that were asked for."""
        wait_until(
            lambda: len(self.records(kind, **values)) >= count or not self.is_alive(),
            self._describe,
        )
        assert len(self.records(kind, **values)) >= count, self._describe()
        return self.records(kind, **values)[count - 1]

    def status(self):
        """Return what `edge status --json` says, which needs none of the run's variables."""
        done = self.ask("status", "--json")
        return json.loads(done.stdout) if done.stdout else {}

    def wait_picture(self, *pictures):
        """Wait until the state of the picture, as `edge status` tells it, is one of these."""
        wait_until(lambda: self.status().get("picture") in pictures, self._describe)

    def ask(self, *arguments):
        """Run another command with the same configuration."""
        return run_edge(*arguments, "--config", self.config)

    def is_alive(self):
        """Whether the process has not ended."""
        return self.process.poll() is None

    def end(self):
        """Send SIGTERM and return the exit code."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_SECONDS)
        self.close()
        return code

    def close(self):
        """End it in any case."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE_SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()

    def _describe(self):
        return "\n".join([*self.said[-5:], *self.complained[-10:]])


def run_edge(*arguments, environment=None):
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "edge", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_SECONDS,
        env={**os.environ, **(environment or {})},
    )


def _read(stream, lines):
    lines.extend(stream)  # a line at a time, as they come


def wait_until(is_so, describe=lambda: "", seconds=PATIENCE_SECONDS):
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"it did not come to pass: {describe()}"
        time.sleep(0.05)


def family(pid):
    """Return the numbers of a process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def energised(pin):
    """Return how long a file pin was energised each time, in seconds; the last may go on."""
    spans, since = [], None
    for line in pin.read_text().splitlines():
        nanoseconds, level = map(int, line.split(","))
        if level and since is None:
            since = nanoseconds
        elif not level and since is not None:
            spans.append((nanoseconds - since) / 1e9)
            since = None
    return spans if since is None else [*spans, (time.monotonic_ns() - since) / 1e9]


def is_off(pin):
    """Whether a file pin is at its safe level."""
    return pin.read_text().splitlines()[-1].endswith(",0")


@pytest.fixture(scope="session")
def colours(tmp_path_factory):
    """A model of red, green and blue, which was verified."""
    path = write_colour_model(tmp_path_factory.mktemp("model") / "colours.tflite")
    open_classifier(path).close()
    return path


@pytest.fixture
def stage():
    """A camera: `stage.colour` is what it shows, `stage.server` where it is."""
    shown = Stage()
    shown.server = Server(shown)
    yield shown
    shown.server.close()


@pytest.fixture
def whole_run():
    """Start whole runs that end with the test."""
    runs = []

    def start(config, *options, **how):
        runs.append(WholeRun(config, *options, **how))
        return runs[-1]

    yield start
    for one in runs:
        one.close()
