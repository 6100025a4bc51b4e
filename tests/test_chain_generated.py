"""The whole chain with the real commands and no outside data: train, convert, run."""

import csv
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip("tensorflow_model_optimization", reason="needs the extra 'desktop'")
pytestmark = pytest.mark.slow

RATE_HZ = 10.0
FRAMES_EACH = 20


def draw(label, chance, size_wh):
    """A frame of stripes or of spots in any colours, `(height, width, 3)`, BGR, with noise."""
    width, height = size_wh
    rows, columns = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    turns, shift = chance.uniform(3, 5), chance.uniform(0, 6)
    wave = np.sin(2 * np.pi * turns * columns + shift)
    if label == "spots":
        wave = wave * np.sin(2 * np.pi * turns * rows + shift)
    base, contrast = chance.uniform(90, 160, 3), chance.uniform(50, 80)
    noise = chance.normal(0, 8, (height, width, 3))
    return np.clip(base + contrast * wave[..., None] + noise, 0, 255).astype(np.uint8)


def edge(*arguments):
    """Run a command of the installed program; return its JSON lines."""
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder per label with 120 pictures each."""
    chance = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("photos")
    for label in ("spots", "stripes"):
        (folder / label).mkdir()
        for number in range(120):
            picture_bgr = draw(label, chance, (64, 48))
            cv2.imwrite(str(folder / label / f"{number}.png"), picture_bgr)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A recording that shows stripes first and spots after."""
    chance = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("clips") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE_HZ, (320, 240))
    for label in ("stripes", "spots"):
        for _ in range(FRAMES_EACH):
            writer.write(draw(label, chance, (320, 240)))
    writer.release()
    return path


def test_pictures_become_a_model_that_recognises_a_recording(photos, clip, tmp_path):
    run, model = tmp_path / "run", tmp_path / "textures.tflite"
    edge("train", photos, "-o", run, "--network", "cnn", "--size", "32", "--epochs", "12", "--json")
    with (run / "split.csv").open(encoding="utf-8", newline="") as file:
        parts = {row["part"] for row in csv.DictReader(file)}
    assert parts == {"train", "validation", "test"}

    (report,) = edge("convert", run, "-o", model, "--quantize", "qat", "--json")
    assert report["labels"] == ["spots", "stripes"]
    original, plain, qat = (report["models"][name] for name in ("float32", "int8", "qat"))
    assert qat["accuracy"] >= 0.9
    assert qat["accuracy"] >= min(plain["accuracy"], original["accuracy"])
    assert qat["agreement"] >= plain["agreement"]

    (judged,) = edge("evaluate", photos, "--model", model, "--json")
    assert judged["top1_accuracy"] >= 0.9

    *lines, summary = edge(
        *("run", "--source", clip, "--model", model, "--json", "--as-fast-as-possible"),
        "--no-motion-gate",
    )
    decisions = [line for line in lines if line["type"] == "decision"]
    assert summary["frames_classified"] == 2 * FRAMES_EACH
    assert summary["model_sha256"] == report["model_sha256"]
    settled = [
        (decision["label"], "stripes" if decision["frame"] < FRAMES_EACH else "spots")
        for decision in decisions
        if decision["frame"] % FRAMES_EACH >= 5  # five frames decide together
    ]
    right = sum(label == expected for label, expected in settled)
    assert len(settled) == 2 * (FRAMES_EACH - 5)
    assert right / len(settled) >= 0.9


def test_a_region_and_its_bars_go_with_the_model(tmp_path):
    """The left half of each picture shows the other label: whoever forgets the region is wrong."""
    chance = np.random.default_rng(2)
    photos, run, model = tmp_path / "photos", tmp_path / "run", tmp_path / "textures.tflite"
    for label, other in (("spots", "stripes"), ("stripes", "spots")):
        (photos / label).mkdir(parents=True)
        for number in range(100):
            halves = [draw(shown, chance, (64, 48)) for shown in (other, label)]
            cv2.imwrite(str(photos / label / f"{number}.png"), np.hstack(halves))
    framing = ("--resize", "letterbox", "--region", "0.5,0,1,1")
    small = ("--network", "cnn", "--size", "32", "--epochs", "12", "--json")
    *_, trained = edge("train", photos, "-o", run, *framing, *small)
    assert trained["input"]["resize"] == "letterbox"
    assert trained["metrics"]["test"]["top1_accuracy"] >= 0.9

    (report,) = edge("convert", run, "-o", model, "--quantize", "float32", "--json")
    assert report["models"]["float32"]["accuracy"] >= 0.9
    (found,) = edge("inspect", model, "--json")
    assert found["verdict"] == "intact"
    assert found["manifest"]["input"]["region"] == {"left": 0.5, "top": 0, "right": 1, "bottom": 1}
    (judged,) = edge("evaluate", photos, "--model", model, "--json")
    assert judged["top1_accuracy"] >= 0.9
