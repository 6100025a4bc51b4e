"""`edge run` as a process: what ends it, and what must not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import BLUE, GREEN, RED, write_scene
from colour_model import write_colour_model

from edge.classifier import open_classifier

END_SECONDS = 20  # a second on an idle machine; this one may be busy


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    return write_colour_model(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(autouse=True)
def _uses_colours(monkeypatch, colours):
    monkeypatch.setenv("EDGE_MODEL", str(colours))
    open_classifier(colours).close()  # verified now, so that no first frame gets old meanwhile


@pytest.fixture
def clip(tmp_path):
    return str(write_scene(tmp_path / "clip.avi", [RED] * 3 + [GREEN] * 4 + [BLUE] * 3))


@pytest.fixture
def slow_run(tmp_path):
    """Start `edge run` on a recording whose second frame is due in minutes."""
    slow = write_scene(tmp_path / "slow.avi", [RED, GREEN], rate_hz=0.005)
    processes = []

    def start(*options):
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--source", str(slow), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ),
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_waiting_run_with_its_summary(slow_run, number):
    process = slow_run("--json")
    first = json.loads(process.stdout.readline())
    process.send_signal(number)
    out, error = process.communicate(timeout=END_SECONDS)
    assert (first["label"], process.returncode, error) == ("red", 0, "")
    assert json.loads(out.splitlines()[-1])["frames_classified"] == 1


def test_a_reader_that_leaves_ends_the_run_without_a_traceback(tmp_path, clip):
    command = f"{sys.executable} -m edge run -s {clip} --as-fast-as-possible --json | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["label"] == "red"
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_and_does_not_end_the_run(clip):
    command = [sys.executable, "-m", "edge", "run", "-s", clip, "--as-fast-as-possible", "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    told, last = done.stderr.splitlines()
    assert told.startswith("edge: WARNING: Display: failed, the run goes on (OutputError: ")
    assert last.startswith("edge: Standard output must be writable. Received: No space left")
    assert done.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_that_waits_for_its_camera_within_a_second(number):
    command = [sys.executable, "-m", "edge", "run", "--source", "http://127.0.0.1:9/", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first = json.loads(process.stdout.readline())
        process.send_signal(number)
        sent_seconds = time.monotonic()
        out, _ = process.communicate(timeout=END_SECONDS)
        ended_seconds = time.monotonic() - sent_seconds
    assert (first["type"], first["picture"]) == ("picture", "offline")
    assert json.loads(out.splitlines()[-1])["frames_classified"] == 0
    assert ended_seconds < 1.0
