"""Curves and confusion matrix as pictures, and the page around them."""

import numpy as np
import pytest
from PIL import Image

from edge.metrics import evaluate_scores
from train import charts, summary
from train.artefacts import Outcome
from train.checkpoint import EpochRecord
from train.preparation import Plan
from train.run_folder import RunFolder
from train.scan import SkippedFile
from train.settings import TrainSettings
from train.split import Split, SplitEntry

LABELS = ("cat", "größe $x_1$", "none")


@pytest.fixture
def history():
    return tuple(
        EpochRecord(n, 1 / n, 1 - 0.3 / n, 0.8 / n, 1 - 0.2 / n, 1e-4, 50.0, 60.0)
        for n in range(1, 6)
    )


@pytest.fixture
def evaluation():
    scores = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 0]]
    return evaluate_scores(scores, np.array([0, 0, 1, 1, 2, 2]), labels=LABELS)


@pytest.fixture
def outcome(tmp_path, history, evaluation):
    entries = tuple(
        SplitEntry(f"{label}/{part}.jpg", label, part, f"{label}{part}")
        for label in LABELS
        for part in ("train", "validation", "test")
    )
    settings = TrainSettings("cnn", 64, 5, batch_size=8, learning_rate=0.1, seed=1, patience=3)
    skipped = (SkippedFile("cat/bad.jpg", "the file is empty"),)
    plan = Plan(
        tmp_path / "photos", RunFolder(tmp_path), LABELS, settings, Split(entries), False, skipped
    )
    return Outcome("complete", plan, history, 200_000, evaluation, evaluation)


def test_curves_are_a_picture(tmp_path, history):
    charts.draw_curves(history, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 800
        assert np.asarray(picture.convert("L")).std() > 5  # something is drawn


def test_curves_of_no_epoch_are_drawn_too(tmp_path):
    charts.draw_curves((), tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_confusion_is_a_picture_whatever_the_labels(tmp_path, evaluation):
    charts.draw_confusion(evaluation, tmp_path / "confusion.png", title="Test part")
    with Image.open(tmp_path / "confusion.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 20


def test_confusion_of_labels_that_the_font_lacks_is_drawn(tmp_path):
    labels = ("猫", "犬")
    result = evaluate_scores(np.eye(2, dtype=np.float32), np.array([0, 1]), labels=labels)
    charts.draw_confusion(result, tmp_path / "confusion.png", title="Test part")


def test_summary_tells_the_outcome(tmp_path, outcome):
    summary.write_summary(tmp_path / "summary.md", outcome)
    text = (tmp_path / "summary.md").read_text()
    assert "Test part: 83.33% of 6 pictures right" in text
    assert "| cat | 2 | 66.67% | 100.00% |" in text
    assert "- cat/bad.jpg: the file is empty" in text
    assert "5 epochs in 5.0 minutes (50 images/s), weights of epoch 5 kept" in text
    assert "curves.png" in text
    assert "Interrupted" not in text


def test_manifest_says_what_convert_needs(outcome):
    facts = outcome.to_dict()
    assert facts["labels"] == list(LABELS)
    assert facts["input"] == {
        "width": 64,
        "height": 64,
        "colour_order": "RGB",
        "resize": "squash",
        "interpolation": "bilinear",
        "region": {"left": 0, "top": 0, "right": 1, "bottom": 1},
        "mean": 127.0,
        "scale": 128.0,
    }
    assert facts["data"]["counts"]["test"] == dict.fromkeys(LABELS, 1)
    assert facts["training"]["best_epoch"] == 5
    assert facts["metrics"]["test"]["accuracy"] == pytest.approx(5 / 6)
    assert {"catseye", "python", "tensorflow"} <= facts["versions"].keys()
