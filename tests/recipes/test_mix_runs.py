"""The recipe that lays two runs over each other: its weights lie between theirs."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from edge import cli

tf_keras = pytest.importorskip("tf_keras", reason="needs the extra 'desktop'")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a run and another that began with its weights."""
    root = tmp_path_factory.mktemp("mixed")
    draw(root / "photos")
    train(root / "photos", root / "run")
    train(root / "photos", root / "later", "--from", root / "run")
    return root


def draw(photos):
    """Draw bright and dark noise."""
    chance = np.random.default_rng(1)
    for label, light in (("bright", 100), ("dark", 0)):
        (photos / label).mkdir(parents=True)
        for number in range(30):
            pixels = chance.integers(light, light + 156, (32, 32, 3)).astype(np.uint8)
            cv2.imwrite(str(photos / label / f"{number}.png"), pixels)


def train(photos, run, *options):
    shared = ("--network", "cnn", "--size", "32", "--epochs", "1", "--width", "0.25")
    assert cli.main(["train", *map(str, (photos, "-o", run, *shared, *options))]) == 0


def mix(repository, *arguments):
    command = [sys.executable, repository / "recipes" / "mix_runs.py", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def weights(run):
    return tf_keras.models.load_model(str(run / "model.keras"), compile=False).get_weights()


def test_weights_lie_between_those_of_the_runs(runs, repository):
    mixed = runs / "mixed"
    said = mix(repository, runs / "run", runs / "later", "--share", "0.25", "-o", mixed)
    assert said.returncode == 0, said.stderr
    for own, other, found in zip(*map(weights, (runs / "run", runs / "later", mixed)), strict=True):
        np.testing.assert_allclose(found, 0.75 * own + 0.25 * other, rtol=1e-5, atol=1e-7)
    facts = json.loads((mixed / "manifest.json").read_text())
    assert "metrics" not in facts  # those of the run hold for its own weights only
    assert facts["training"]["mixed_with"]["share"] == 0.25


def test_mixed_run_can_be_mixed_again(runs, repository):
    mixed, again = runs / "mixed-once", runs / "mixed-twice"
    share = ("--share", "0.5", "-o")
    assert not mix(repository, runs / "run", runs / "later", *share, mixed).returncode
    said = mix(repository, mixed, runs / "later", *share, again)
    assert said.returncode == 0, said.stderr
    for own, other, found in zip(*map(weights, (mixed, runs / "later", again)), strict=True):
        np.testing.assert_allclose(found, (own + other) / 2, rtol=1e-5, atol=1e-7)


def test_mixed_run_converts(runs, repository):
    mixed = runs / "to-convert"
    assert not mix(
        repository, runs / "run", runs / "later", "--share", "0.5", "-o", mixed
    ).returncode
    limits = ("--max-drop", "100", "--min-agreement", "0")
    options = ("-o", runs / "mixed.tflite", "--quantize", "int8", *limits)
    assert cli.main(["convert", *map(str, (mixed, *options))]) == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("run", "later", "--share", "1.5", "-o", "new"), "from 0 to 1"),
        (("run", "nothing", "--share", "0.5", "-o", "new"), "no run folder"),
        (("run", "later", "--share", "0.5", "-o", "run"), "exists"),
    ],
)
def test_what_cannot_be_mixed_is_named(runs, repository, arguments, reason):
    paths = [runs / item if item[0].isalpha() and "-" not in item else item for item in arguments]
    said = mix(repository, *paths)
    assert (said.returncode, reason in said.stderr) == (2, True), said.stderr
    assert not (runs / "new").exists()
