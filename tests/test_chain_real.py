"""The whole chain on a sample of real photos, where they exist: train, convert, evaluate, run."""

import json
import random
import subprocess
import sys
import zipfile

import pytest

pytest.importorskip("tensorflow_model_optimization", reason="needs the extra 'desktop'")
pytestmark = pytest.mark.slow

TRAINED = 200  # photos of each label
UNSEEN = 60
LABELS = {"Cat": "cat", "Dog": "dog"}


def edge(*arguments):
    """Run a command of the installed program; return its JSON lines."""
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def photos(shared_data, tmp_path_factory):
    """Folders `seen` and `unseen` with a folder per label."""
    folder = tmp_path_factory.mktemp("photos")
    with zipfile.ZipFile(shared_data / "cats-vs-dogs.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        random.Random(0).shuffle(names)
        for source, label in LABELS.items():
            own = [name for name in names if f"/{source}/" in name][: TRAINED + UNSEEN]
            for number, name in enumerate(own):
                part = "seen" if number < TRAINED else "unseen"
                path = folder / part / label / f"{number}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
    return folder


def test_photos_become_a_model_that_recognises_others(photos, shared_data, tmp_path):
    run, model = tmp_path / "run", tmp_path / "pets.tflite"
    edge("train", photos / "seen", "-o", run, "--size", "96", "--epochs", "8", "--json")

    limits = ("--max-drop", "4", "--min-agreement", "0.95")  # one of a label's 30 is 3.33 points
    (report,) = edge("convert", run, "-o", model, "--pictures", "200", "--json", *limits)
    original, plain, qat = (report["models"][name] for name in ("float32", "int8", "qat"))
    assert qat["accuracy"] >= min(plain["accuracy"], original["accuracy"])
    assert qat["accuracy"] >= original["accuracy"] - 0.02  # 1 of 60 photos
    assert qat["agreement"] >= 0.95

    (judged,) = edge("evaluate", photos / "unseen", "--model", model, "--json")
    assert judged["images"] == 2 * UNSEEN
    assert judged["top1_accuracy"] >= 0.85  # chance is 0.5; 0.93 to 0.96 were seen

    clip = shared_data / "videos" / "Sanskar-J__dog.mp4"
    *lines, summary = edge(
        *("run", "--source", clip, "--model", model, "--json", "--as-fast-as-possible"),
        *("--max-frames", "100", "--no-motion-gate"),
    )
    decisions = [line for line in lines if line["type"] == "decision"]
    assert summary["decisions"] == len(decisions) == 100
