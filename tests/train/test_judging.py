"""The report of a training: where a network looks, and what its page says."""

import json
import re

import numpy as np
import pytest
import tf_keras

from edge.page.blocks import Row, Table
from edge.quality.judgement import Verdicts, judge
from edge.quality.sections import Exhibit
from train.artefacts import Outcome
from train.checkpoint import EpochRecord
from train.gradcam import GradCam
from train.preparation import Plan
from train.report import build_page, write_report
from train.run_folder import RunFolder
from train.scan import SkippedFile
from train.settings import TrainSettings
from train.sheet import SheetRow
from train.split import Split, SplitEntry

LABELS = ("größe <b>", "none")


@pytest.fixture(scope="module")
def bright_or_dark():
    """A network whose first label needs bright pixels, and whose second one dark ones."""
    layers = tf_keras.layers
    pixels = layers.Input((32, 32, 3))
    values = layers.Conv2D(2, 4, strides=4, use_bias=False, name="conv")(pixels)
    values = layers.ReLU(6.0)(values)
    values = layers.GlobalAveragePooling2D()(values)
    network = tf_keras.Model(pixels, layers.Dense(2, activation="softmax", name="s")(values))
    kernel = np.stack([np.full((4, 4, 3), 0.02), np.full((4, 4, 3), -0.02)], axis=-1)
    network.get_layer("conv").set_weights([kernel])
    network.get_layer("s").set_weights([np.eye(2) * 3, np.zeros(2)])
    return network


def test_gradcam_finds_what_speaks_for_each_label(bright_or_dark):
    picture = np.full((32, 32, 3), 127, np.uint8)
    picture[4:8, 20:24] = 255  # cell (1, 5)
    picture[24:28, 0:4] = 0  # cell (6, 0)
    explainer = GradCam(bright_or_dark)
    bright, dark = explainer.explain(picture, 0), explainer.explain(picture, 1)
    assert bright.shape == (8, 8)
    assert np.unravel_index(bright.argmax(), bright.shape) == (1, 5)
    assert np.unravel_index(dark.argmax(), dark.shape) == (6, 0)
    assert bright.max() == dark.max() == 1
    assert bright[6, 0] == dark[1, 5] == 0


def test_gradcam_of_a_picture_of_nothing_is_empty(bright_or_dark):
    heat = GradCam(bright_or_dark).explain(np.full((32, 32, 3), 127, np.uint8), 0)
    assert heat.max() == 0


@pytest.fixture
def outcome(tmp_path):
    entries = tuple(
        SplitEntry(f"{label}/{part}{n}.jpg", label, part, f"{label}{part}{n}")
        for label in LABELS
        for part in ("train", "validation", "test")
        for n in range(2)
    )
    settings = TrainSettings("cnn", 64, 3, batch_size=8, learning_rate=0.1, seed=1, patience=3)
    skipped = (SkippedFile("x/<script>.jpg", "the file is empty"),)
    plan = Plan(
        tmp_path / "photos", RunFolder(tmp_path), LABELS, settings, Split(entries), False, skipped
    )
    history = tuple(EpochRecord(n, 1 / n, 0.5, 1 / n, 0.6, 1e-4, 50.0, 6.0) for n in (1, 2, 3))
    result = judgement().evaluation
    return Outcome("complete", plan, history, 200_000, result, result)


def judgement():
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]], np.float32)
    paths = [f"{n}.jpg" for n in range(4)]
    return judge(Verdicts(paths, np.array([0, 0, 1, 1]), scores, LABELS, temperature=1.2))


def test_report_is_a_page_and_the_same_numbers(tmp_path, outcome):
    exhibits = {1: Exhibit("1.jpg", ["data:image/jpeg;base64,"])}
    sheet = [SheetRow(LABELS[0], [np.zeros((32, 32, 3), np.uint8)] * 9)]
    write_report(outcome, "test", judgement(), exhibits, sheet=sheet)
    record = json.loads((tmp_path / "report.json").read_text())
    assert (record["format"], record["part"], record["accuracy"]) == (
        "catseye-report",
        "test",
        0.75,
    )
    assert record["run"]["labels"] == list(LABELS)
    page = (tmp_path / "report.html").read_text()
    assert "größe &lt;b&gt;: the photo, and what it is in the first 8 epochs" in page
    assert page.count("<img ") == 1 + 9
    for said in (
        "75.00 %",
        "Model card",
        "--augment door changes every photo anew",
        "How it was trained",
        "Weakest label: größe &lt;b&gt;",
    ):
        assert said in page
    assert "größe &lt;b&gt;, taken for none" in page
    assert "x/&lt;script&gt;.jpg" in page
    assert not re.search(r"<(script|b)>größe", page)
    assert "Interrupted" not in page


def test_settings_that_the_network_chose_are_not_called_none(outcome):
    """A network that drops a fifth of its values must not be said to have no dropout."""
    rows = [
        row
        for block in build_page(outcome, "test", judgement(), {}, sheet=[]).blocks
        if isinstance(block, Row)
        for table in block.blocks
        if isinstance(table, Table) and table.columns[0] == "setting"
        for row in table.rows
    ]
    said = dict(rows)
    assert {said[name] for name in ("dropout", "weights", "width")} == {"the network's own"}
    assert (said["start"], said["tensorboard"], said["mixup"]) == ("none", "no", "0")


def test_page_of_an_interrupted_run_says_so(outcome):
    cut = Outcome("interrupted", outcome.plan, (), 200_000, outcome.validation, None)
    blocks = build_page(cut, "validation", judgement(), {}, sheet=[]).blocks
    assert "Interrupted after 0 of 3 epochs" in blocks[0].text
