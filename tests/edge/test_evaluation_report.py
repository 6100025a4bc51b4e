"""`edge evaluate --report`: the page about a deployed file, made without TensorFlow."""

import json
import subprocess
import sys

import numpy as np
import pytest
from colour_model import picture_bgr, write_colour_model
from PIL import Image

from edge import cli
from edge.conditions import CONDITIONS


@pytest.fixture
def model(tmp_path):
    return write_colour_model(tmp_path / "colours.tflite", temperature=1.5)


@pytest.fixture
def folder(tmp_path):
    """Reds and blues, a green among the blues, and a file that is no picture."""
    folder = tmp_path / "pictures"
    shown = ("red/1", "red"), ("red/2", "red"), ("blue/1", "blue"), ("blue/<i>green", "green")
    for name, colour in shown:
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(picture_bgr(colour)[:, :, ::-1])).save(path)
    (folder / "red/page.jpg").write_text("<html>")
    return folder


def test_page_and_json_say_the_same(capfd, model, folder, tmp_path):
    page = tmp_path / "report.html"
    arguments = ["evaluate", str(folder), "-m", str(model), "--report", str(page), "--json"]
    assert cli.main(arguments) == 0
    record = json.loads(capfd.readouterr().out)
    report = record["report"]
    assert report["path"] == str(page)
    assert report["accuracy"] == record["accuracy"] == 0.75
    assert report["calibration"]["temperature"] == 1.5
    assert [one["name"] for one in report["conditions"]] == list(CONDITIONS)
    assert report["conditions"][0]["accuracy"] == 0.75
    (mistake,) = report["mistakes"]
    assert (mistake["label"], mistake["taken_for"]) == ("blue", "green")
    assert mistake["path"] == str(folder / "blue/<i>green.png")

    text = page.read_text()
    assert "75.00 %" in text
    assert "blue, taken for green" in text
    assert "blue/&lt;i&gt;green.png" in text
    assert "<i>green" not in text
    assert "it holds text (HTML or XML)" in text
    assert text.count("data:image/jpeg") == 2  # the mistake and what counted


def test_page_is_refused_before_the_work(capfd, model, folder):
    assert cli.main(["evaluate", str(folder), "-m", str(model), "--report", "report.pdf"]) == 2
    assert "ends in .html" in capfd.readouterr().err


def test_page_of_a_perfect_answer_has_no_gallery(capfd, model, folder, tmp_path):
    (folder / "blue/<i>green.png").unlink()
    page = tmp_path / "report.html"
    assert cli.main(["evaluate", str(folder), "-m", str(model), "--report", str(page)]) == 0
    assert capfd.readouterr().out.endswith(f"report: {page}\n")
    assert "None: every best answer was right." in page.read_text()


def test_page_needs_neither_tensorflow_nor_matplotlib(model, folder, tmp_path):
    code = (
        "import sys; sys.modules.update(tensorflow=None, matplotlib=None, tf_keras=None)\n"
        "from edge.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    page = tmp_path / "report.html"
    command = [sys.executable, "-c", code, "evaluate", folder, "-m", model, "--report", page]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert page.is_file()
