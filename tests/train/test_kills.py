"""A kill at any moment, and a full disk: real `edge train` processes on textures."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from textures import write_textures

from train.checkpoint import load_state, path_before
from train.run_folder import RunFolder

pytestmark = pytest.mark.slow

KILLS = 10
SMALL = ("--network", "cnn", "--size", "32", "--batch-size", "8", "--epochs", "24")
END_SECONDS = 600  # on a busy machine


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_textures(tmp_path_factory.mktemp("data") / "photos", count=20)


def command(photos, run, *options):
    return [sys.executable, "-m", "edge", "train", str(photos), "-o", str(run), *options]


def train(photos, run, *options):
    """Run to the end; return exit code and standard error."""
    done = subprocess.run(
        command(photos, run, *options),
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def train_and_kill(photos, run, *options, delay_seconds, after):
    """Kill a training some time after it has said a word; return whether it was still running."""
    with subprocess.Popen(
        command(photos, run, *options), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        timer = threading.Timer(delay_seconds, process.kill)
        for line in process.stderr:
            assert "Traceback" not in line
            if line.startswith(after) and timer.ident is None:  # not yet started
                timer.start()
        timer.cancel()
    return process.returncode < 0


def is_finished(run):
    """Whether there is nothing to resume, although there was a training."""
    return run.manifest.is_file() and not run.settings.is_file()


def read_network(run):
    """Return the weights of the finished network."""
    import tf_keras

    return tf_keras.models.load_model(run.model, compile=False).get_weights()


@pytest.fixture(scope="module")
def uninterrupted(photos, tmp_path_factory):
    """The same training, left alone."""
    run = RunFolder(tmp_path_factory.mktemp("whole") / "run")
    code, said = train(photos, run.path, *SMALL)
    assert code == 0, said
    return run


def test_killed_training_ends_bit_for_bit_as_one_left_alone(photos, tmp_path, uninterrupted):
    chance = np.random.default_rng(7)
    run, kills = RunFolder(tmp_path / "run"), 0
    epochs_before = 0
    while kills < KILLS:
        is_resumable = run.settings.is_file()
        options = ("--resume",) if is_resumable else (*SMALL, "--overwrite")
        # most kills while it trains or writes, some before, when it looks at the photos
        after = ("epoch", "epoch", "cnn at", "epoch", "hashing")[kills % 5]
        delay = float(chance.uniform(0.0, 0.25))
        was_killed = train_and_kill(photos, run.path, *options, delay_seconds=delay, after=after)
        kills += was_killed
        if is_finished(run):
            break  # it was quicker than the kill
        state = load_state(run.state)
        epochs = 0 if state is None else len(state.history)
        assert epochs >= epochs_before or not is_resumable  # nothing that was kept is lost
        epochs_before = epochs
    if not is_finished(run):
        code, said = train(photos, run.path, "--resume")
        assert code == 0, said
    assert kills >= 3
    assert json.loads(run.manifest.read_text())["status"] == "complete"
    for one, two in zip(read_network(run), read_network(uninterrupted), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not [path for path in run.path.rglob("*") if path.name.endswith(".new")]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk_is_said_and_the_run_goes_on_after_making_room(photos, small_disk, uninterrupted):
    run = RunFolder(small_disk / "run")
    ballast = small_disk / "ballast"

    with subprocess.Popen(
        command(photos, run.path, *SMALL, "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if json.loads(line).get("epoch") == 2:
                fill(ballast)
        said = process.stderr.read()
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "must be writable and have room" in said
    assert "No space left on device" in said
    assert "--resume" in said
    assert len(load_state(run.state).history) >= 2
    assert path_before(run.state).is_file()

    ballast.unlink()
    code, said = train(photos, run.path, "--resume")
    assert code == 0, said
    for one, two in zip(read_network(run), read_network(uninterrupted), strict=True):
        np.testing.assert_array_equal(one, two)


def fill(path):
    """Take all the room that is left."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass


def test_training_on_a_disk_that_is_full_from_the_beginning_says_so(photos, small_disk):
    fill(small_disk / "ballast")
    code, said = train(photos, small_disk / "run", *SMALL)
    assert code == 1
    assert "No space left on device" in said
