"""`edge evaluate --report`: the page about a deployed file, made without TensorFlow."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from colour_model import picture_bgr, write_colour_model
from PIL import Image

from edge import cli, evaluation_report
from edge.classifier import open_classifier
from edge.conditions import CONDITIONS
from edge.evaluation import evaluate_pictures, find_labelled_pictures
from edge.evaluation_report import ReportSubject, build_page, judge_folder
from edge.manifest import Region


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


@pytest.mark.parametrize(
    ("framing", "shown_wh"),
    [
        ({}, (896, 224)),  # a squashed frame gets its proportions back
        ({"region": Region(0.5, 0.0, 1.0, 1.0)}, (448, 224)),
        ({"resize": "crop", "region": Region(0.5, 0.0, 1.0, 1.0)}, (8, 6)),
        ({"resize": "letterbox", "region": Region(0.5, 0.0, 1.0, 1.0)}, (8, 6)),
    ],
)
def test_page_shows_and_judges_what_the_model_sees(tmp_path, monkeypatch, framing, shown_wh):
    """The left half of each picture is of another colour; judged again, it must stay cut off."""
    path = write_colour_model(tmp_path / "half.tflite", golden=(), **framing)
    for label, right in (("red", "red"), ("blue", "green")):
        picture = picture_bgr(right, size_wh=(400, 100))
        if "region" in framing:
            picture[:, :200] = picture_bgr("blue", size_wh=(200, 100))
        (tmp_path / "photos" / label).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "photos" / label / "1.png"), picture)
    laid = []
    monkeypatch.setattr(
        evaluation_report, "lay_heat", lambda seen, heat: laid.append(seen.shape[1::-1]) or seen
    )
    with open_classifier(path) as classifier:
        pictures = find_labelled_pictures(tmp_path / "photos", labels=classifier.labels)
        found = evaluate_pictures(classifier, pictures)
        judgement = judge_folder(classifier, found)
        subject = ReportSubject(folder=str(tmp_path / "photos"), model="half.tflite")
        build_page(classifier, found, judgement, subject)
    assert found.result.accuracy == 0.5
    as_it_is = judgement.to_dict()["conditions"][0]
    assert (as_it_is["name"], as_it_is["accuracy"]) == ("as it is", 0.5)
    assert laid == [shown_wh]
