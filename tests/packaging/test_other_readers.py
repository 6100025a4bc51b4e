"""Our files in the programs of others, each in an environment of its own: nothing is changed."""

import ctypes.util
import json
import re
import shutil
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from colour_model import LABELS, build_colour_model, picture_bgr
from PIL import Image

from benchmarks.environments import (
    MEDIAPIPE,
    TASK_LIBRARY,
    Environment,
    is_made,
    make_environment,
)
from edge.classifier import Classifier
from edge.cli import main
from edge.images import read_picture
from edge.interpreter import open_interpreter
from edge.modelfile import read_model_file
from tests.packaging.environments import find_python, run

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PHOTOS = {"/Cat/": 70, "/Dog/": 70, "": 60}  # the last of them neither

# Their resize is another: bilinear throughout, where ours averages first when it shrinks a lot.
LARGEST_SHIFT = 0.10
USUAL_SHIFT = 0.01


@dataclass(frozen=True)
class Reader:
    """A program that reads TFLite files, and what its documentation example begins with."""

    name: str
    script: str
    environment: Environment
    example: str


READERS = {
    "mediapipe": Reader("mediapipe", "read_with_mediapipe.py", MEDIAPIPE, "import mediapipe"),
    "task-library": Reader(
        "task-library",
        "read_with_task_library.py",
        TASK_LIBRARY,
        "from tflite_support.task",
    ),
}


@pytest.fixture(scope="module")
def environments(pytestconfig, tmp_path_factory):
    """Where environments are kept from one run to the next."""
    cache = getattr(pytestconfig, "cache", None)
    return cache.mkdir("environments") if cache else tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="module", params=list(READERS))
def reader(request):
    if request.param == "task-library" and ctypes.util.find_library("usb-1.0") is None:
        pytest.skip("the Task Library needs Debian's libusb-1.0-0")
    return READERS[request.param]


@pytest.fixture(scope="module")
def python(reader, environments, request):
    """The interpreter of the reader's environment, made once."""
    find_python(reader.environment.version)
    if not is_made(reader.environment, environments):
        request.getfixturevalue("network")
    return make_environment(reader.environment, environments)


@pytest.fixture(scope="module")
def ask(reader, python):
    """Return a function that lets the reader classify pictures; the scores of each by label."""

    def ask(model, pictures):
        done = run(python, "-I", HERE / reader.script, model, *pictures)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


@pytest.fixture(scope="module")
def photos(shared_data, tmp_path_factory):
    """200 real photos, evenly drawn from all."""
    folder = tmp_path_factory.mktemp("photos")
    for part, count in PHOTOS.items():
        archive = "cats-vs-dogs.zip" if part else "negatives.zip"
        with zipfile.ZipFile(shared_data / archive) as opened:
            suffixes = (".jpg", ".jpeg", ".png")
            names = sorted(
                name
                for name in opened.namelist()
                if part in name and name.lower().endswith(suffixes)
            )
            for number, name in enumerate(names[:: len(names) // count][:count]):
                path = folder / f"{part.strip('/') or 'none'}-{number}{Path(name).suffix}"
                path.write_bytes(opened.read(name))
    return sorted(folder.iterdir())


def our_scores(path, pictures):
    """Raw scores of our own code: what others know nothing of, the temperature, is left out."""
    model = read_model_file(path)
    decision = replace(model.manifest.decision, temperature=1.0)
    model = replace(model, manifest=replace(model.manifest, decision=decision))
    with Classifier(model, open_interpreter(model.model_bytes)) as classifier:
        return [
            dict(zip(model.manifest.labels, scores.tolist(), strict=True))
            for scores in (classifier.classify(read_picture(path)).scores for path in pictures)
        ]


def compare(found, expected, capsys, name):
    """Return the share of equal labels; print what the model file's page says of it."""
    shifts = [
        max(abs(theirs[label] - ours[label]) for label in ours)
        for theirs, ours in zip(found, expected, strict=True)
    ]
    pairs = zip(found, expected, strict=True)
    same = sum(max(theirs, key=theirs.get) == max(ours, key=ours.get) for theirs, ours in pairs)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{name}: {same} of {len(shifts)} labels the same; a score differs by "
            f"{np.median(shifts):.4f} in the median, {max(shifts):.4f} at most\n"
        )
    assert np.median(shifts) <= USUAL_SHIFT
    assert max(shifts) <= LARGEST_SHIFT
    return same / len(shifts)


def test_shipped_file_says_the_same_of_real_photos(ask, reader, photos, default_model, capsys):
    assert len(photos) == 200
    expected = our_scores(default_model, photos)
    assert compare(ask(default_model, photos), expected, capsys, reader.name) >= 0.99


def test_edge_classify_gives_the_label_of_the_best_raw_score(photos, default_model, capsys):
    """The temperature changes no order, so that comparing raw scores compares labels."""
    assert main(["classify", *map(str, photos[::10]), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    raw = our_scores(default_model, photos[::10])
    assert [line["top_label"] for line in lines] == [max(row, key=row.get) for row in raw]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("is_soft", [True, False])
def test_packaged_file_is_read_with_its_labels_and_its_scaling(ask, tmp_path, dtype, is_soft):
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    foreign, packaged = tmp_path / "foreign.tflite", tmp_path / "packaged.tflite"
    foreign.write_bytes(build_colour_model(dtype=dtype, is_soft=is_soft))
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    scaling = ("--mean", "127", "--std", "128") if dtype == "float32" else ()
    words = (foreign, "--labels", tmp_path / "labels.txt", "-o", packaged, *scaling)
    assert main(["package", *map(str, words)]) == 0
    pictures = [tmp_path / f"{label}.png" for label in LABELS]
    for label, picture in zip(LABELS, pictures, strict=True):
        Image.fromarray(np.ascontiguousarray(picture_bgr(label)[:, :, ::-1])).save(picture)
    for found, ours in zip(ask(packaged, pictures), our_scores(packaged, pictures), strict=True):
        assert found == pytest.approx(ours, abs=0.005)


def test_program_of_the_documentation_runs(reader, python, photos, default_model, tmp_path):
    shutil.copy(default_model, tmp_path / "pets.tflite")
    shutil.copy(next(path for path in photos if "Cat" in path.name), tmp_path / "cat.jpg")
    page = (HERE.parents[1] / "docs/model-file.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    (program,) = [block for block in blocks if block.startswith(reader.example)]
    done = run(python, "-I", "-c", program, cwd=tmp_path)
    assert done.stdout.split()[0] == "cat"
