"""The installs that the README promises, each in an environment of its own."""

import json
import shutil
import zipfile

import pytest

from tests.packaging.environments import THIS_PYTHON, run

pytestmark = pytest.mark.slow

# What the base install may bring, and why.
BASE = {
    "catseye",
    "numpy",
    "opencv-python-headless",  # resizes, decodes video
    "pillow",  # decodes pictures
    *("ai-edge-litert", "backports-strenum", "flatbuffers", "ml-dtypes", "protobuf", "tqdm"),
    *("typer", "annotated-doc", "shellingham", "typing-extensions"),
    *("rich", "markdown-it-py", "mdurl", "pygments"),
    *("pip", "setuptools"),  # venv's own
}
RUN_DOCTOR = "import sys; from edge.cli import main; sys.exit(main(['doctor']) not in (0, 1))"
SHOW_WINDOW = """
import cv2
import numpy as np
cv2.imshow("edge", np.zeros((60, 80, 3), np.uint8))
cv2.waitKey(50)
assert cv2.getWindowProperty("edge", cv2.WND_PROP_VISIBLE) == 1
"""


def read_lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_base_install_brings_nothing_without_a_reason(base_install, version):
    listed = run(base_install(version) / "python", "-m", "pip", "list", "--format=json")
    names = {
        entry["name"].lower().replace("_", "-").replace(".", "-")
        for entry in json.loads(listed.stdout)
    }
    assert names <= BASE


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_base_install_runs(base_install, default_model, pictures, version, tmp_path):
    edge = base_install(version) / "edge"
    assert "classify" in run(edge, "--help", cwd=tmp_path).stdout
    lines = read_lines(
        run(edge, "run", "--source", pictures, "--max-frames", 2, "--json", cwd=tmp_path)
    )
    assert [line["type"] for line in lines] == ["decision", "decision", "summary"]
    assert lines[-1]["frames_classified"] == 2
    lines = read_lines(run(edge, "classify", pictures / "first.png", "--json", cwd=tmp_path))
    assert lines[0]["scores"].keys() == {"cat", "dog", "none"}


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_base_install_names_the_extra_that_training_needs(base_install, version, tmp_path):
    edge = base_install(version) / "edge"
    done = run(edge, "train", tmp_path, "-o", tmp_path / "run", expected_code=1, cwd=tmp_path)
    assert "pip install '.[desktop]' (in your clone of catseye)" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_runs_on_the_base_install(base_install, tmp_path):
    done = run(base_install(THIS_PYTHON) / "python", "-c", RUN_DOCTOR, cwd=tmp_path)
    assert "litert" in done.stdout.lower()


def test_tflite_runtime_extra_classifies(
    make_environment, wheel, default_model, pictures, tmp_path
):
    edge = make_environment("3.11", (f"catseye[tflite-runtime] @ {wheel.as_uri()}",)) / "edge"
    answers = {}
    for runtime in ("tflite-runtime", "litert"):
        done = run(
            edge, "classify", pictures / "first.png", "--runtime", runtime, "--json", cwd=tmp_path
        )
        answers[runtime] = read_lines(done)[0]["scores"]
    assert answers["tflite-runtime"] == pytest.approx(answers["litert"], abs=0.02)


def test_window_extra_leaves_the_opencv_that_shows_windows(make_environment, wheel):
    # Both OpenCV packages own the folder cv2 and the one unpacked last wins. pip unpacks what the
    # base names first: it is further from the root, and the longer name wins among equals.
    if shutil.which("xvfb-run") is None:
        pytest.skip("no display: xvfb-run is not installed")
    environment = make_environment(THIS_PYTHON, (f"catseye[window] @ {wheel.as_uri()}",))
    run("xvfb-run", "--auto-servernum", environment / "python", "-c", SHOW_WINDOW)


def test_wheel_carries_the_packages_the_model_and_the_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "train",
        "convert",
        "edge",
        "catseye-0.1.0.dist-info",
    }
    assert "catseye-0.1.0.dist-info/licenses/LICENSE" in names
    assert "edge/models/pets.tflite" in names
    assert {f"{package}/py.typed" for package in ("train", "convert", "edge")} <= set(names)
