"""`edge data explore`: what is measured, what stands out, and the page."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from edge.cli import main
from edge.errors import RunFolderError
from edge.modelfile import default_model_path
from train.data.exploration import find_giveaways
from train.data.explore_cli import explore
from train.data.feature_map import measure_agreement, project
from train.data.measures import MEASURED_SIDE, PhotoMeasures, measure_frame, measure_photos
from train.data.mislabels import rank_mislabels
from train.data.opinion import find_mislabels
from train.folder import PhotoFile

COMMANDS = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def save(path, pixels_rgb, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels_rgb, np.uint8)).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Dark and bright noise, a copy among the others, a file that is no picture."""
    chance = np.random.default_rng(5)
    for label, level in (("dark <b>", 40), ("bright", 180)):
        for number in range(14):
            noise = chance.normal(level, 25, (40, 60, 3)).clip(0, 255)
            save(tmp_path / "photos" / label / f"{number:02d}.png", noise)
    copied = tmp_path / "photos/dark <b>/03.png"
    (tmp_path / "photos/bright/copy.png").write_bytes(copied.read_bytes())
    (tmp_path / "photos/bright/page.jpg").write_text("<html>")
    return tmp_path / "photos"


def measures(path, label, **traits):
    known = {"brightness": 0.5, "contrast": 0.2, "saturation": 0.1, "sharpness": 0.1}
    return PhotoMeasures(path, label, 100, 100, **{**known, **traits})


def test_measures_of_plain_pictures_are_known():
    file = PhotoFile("a.png", "a", None)
    black = measure_frame(file, np.zeros((30, 40, 3), np.uint8), (40, 30))
    assert (black.brightness, black.contrast, black.saturation, black.sharpness) == (0, 0, 0, 0)
    red = measure_frame(file, np.full((30, 40, 3), (0, 0, 255), np.uint8), (40, 30))
    assert red.saturation == 1
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, 32:] = 255
    split = measure_frame(file, halves, (64, 64))
    assert (split.brightness, split.contrast) == (0.5, 0.5)


def test_sharpness_falls_with_blur_and_not_with_size():
    file = PhotoFile("a.png", "a", None)
    small = np.random.default_rng(1).integers(0, 255, (64, 64, 1), np.uint8).repeat(3, axis=2)
    sharp = np.kron(small, np.ones((4, 4, 1), np.uint8))
    large = np.kron(small, np.ones((16, 16, 1), np.uint8))
    assert sharp.shape[0] == MEASURED_SIDE
    soft = np.asarray(Image.fromarray(sharp).resize((32, 32)).resize((256, 256)))
    found = [measure_frame(file, one, (1, 1)).sharpness for one in (sharp, large, soft)]
    assert found[0] == pytest.approx(found[1], rel=0.02)
    assert found[2] < found[0] / 3


def test_size_is_that_of_the_upright_photo(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    save(tmp_path / "a/turned.jpg", np.zeros((900, 1600, 3)), exif=exif)
    found = measure_photos(tmp_path, [PhotoFile("a/turned.jpg", "a", None)])
    (photo,) = found.photos
    assert (photo.width, photo.height) == (900, 1600)


def test_mean_picture_is_the_mean(tmp_path):
    for number, level in enumerate((0, 100, 200)):
        save(tmp_path / f"a/{number}.png", np.full((8, 8, 3), level))
    files = [PhotoFile(f"a/{number}.png", "a", None) for number in range(3)]
    means = measure_photos(tmp_path, files).means_bgr
    assert (means["a"] == 100).all()


def test_striking_differences_are_named():
    chance = np.random.default_rng(2)
    photos = [
        measures(f"{label}{n}", label, brightness=level + chance.normal(0, 0.05))
        for label, level in (("cat", 0.3), ("dog", 0.6))
        for n in range(30)
    ]
    found = find_giveaways(photos)
    assert {(one.label, one.trait) for one in found} == {
        ("cat", "brightness"),
        ("dog", "brightness"),
    }
    assert min(one.distance for one in found) < -4
    assert find_giveaways([measures("a", "cat"), measures("b", "dog")]) == []


def test_map_shows_the_directions_of_most_difference():
    chance = np.random.default_rng(3)
    features = chance.normal(0, 0.1, (15, 20))
    features[:8, 7] += 10
    features[:, 3] += chance.normal(0, 1, 15)
    for some in (features, features.repeat(3, axis=0)):  # fewer and more photos than features
        places, share = project(some.astype(np.float32))
        assert places.shape == (len(some), 2)
        assert abs(np.corrcoef(places[:, 0], some[:, 7])[0, 1]) > 0.99
        assert abs(np.corrcoef(places[:, 1], some[:, 3])[0, 1]) > 0.9
        assert 0.95 < share < 1
    assert project(np.ones((3, 4), np.float32))[1] == 0


def test_neighbours_agree_where_labels_are_apart():
    chance = np.random.default_rng(4)
    apart = np.concatenate([chance.normal(0, 0.1, (20, 8)) + centre for centre in np.eye(8)[:2]])
    labels = ["cat"] * 20 + ["dog"] * 20
    assert measure_agreement(apart.astype(np.float32), labels) == {"cat": 1.0, "dog": 1.0}
    mixed = measure_agreement(chance.normal(0, 1, (40, 8)).astype(np.float32), labels)
    assert max(mixed.values()) < 0.9
    assert measure_agreement(np.ones((1, 3), np.float32), ["cat"]) == {"cat": 1.0}


def test_planted_wrong_labels_come_first():
    chance = np.random.default_rng(6)
    truth = chance.integers(0, 3, 600)
    logits = chance.normal(0, 0.7, (600, 3)) + 4 * np.eye(3)[truth]
    scores = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    planted = chance.choice(600, 30, replace=False)
    told = truth.copy()
    told[planted] = (truth[planted] + 1) % 3
    paths = [str(row) for row in range(600)]
    found = rank_mislabels(paths, told, scores, labels=("a", "b", "c"))
    first = {int(one.path) for one in found[:30]}
    assert len(first & set(planted.tolist())) >= 25
    assert all(one.label != one.suggested for one in found)
    margins = [one.score - one.own_score for one in found]
    assert margins == sorted(margins, reverse=True)


def test_doubts_of_a_folder_that_is_no_run_are_refused(tmp_path):
    with pytest.raises(RunFolderError, match="folder of a run or a model file"):
        find_mislabels(tmp_path, [measures("a", "cat")], tmp_path)


def test_page_and_json_from_the_command(folder, tmp_path, capfd):
    page = tmp_path / "report.html"
    code = main(["data", "explore", str(folder), "-o", str(page), "--no-map", "--json"])
    said = capfd.readouterr()
    assert code == 0, said.err
    record = json.loads(said.out)
    assert record["check"]["bad"] == 1
    assert record["labels"]["bright"]["width"]["median"] == 60
    assert record["extremes"]["darkest"][0].startswith(("dark <b>", "bright/copy"))
    assert {one["trait"] for one in record["giveaways"]} >= {"brightness"}
    assert record["map"] is record["mislabels"] is None

    text = page.read_text()
    assert "dark &lt;b&gt;" in text
    assert "dark <b>" not in text
    assert "no picture inside: it holds text (HTML or XML)" in text
    assert "These cannot be used." in text
    assert "and they disagree: bright, dark &lt;b&gt;" in text
    assert "than the rest, by" in text
    assert text.count("data:image/jpeg") > 60


def test_extremes_say_which_photo_and_how_extreme(folder, tmp_path, capfd):
    save(folder / "bright/wide.png", np.full((30, 300, 3), 180))
    (folder / "void").mkdir()
    page = tmp_path / "report.html"
    assert main(["data", "explore", str(folder), "-o", str(page), "--no-map", "--json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["extremes"]["widest"] == ["bright/wide.png"]
    assert record["extremes"]["tallest"] == []  # the others are alike
    text = page.read_text()
    assert 'alt="bright/wide.png"' in text
    assert "<small>300 \N{MULTIPLICATION SIGN} 30</small>" in text
    assert "Tallest" not in text
    assert "void \N{EN DASH}" in text  # no brightness, instead of none of it


@pytest.mark.parametrize("model", ["absent.tflite", "page.html", "empty", "pets.tflite"])
def test_command_looks_at_the_model_before_the_photos(folder, tmp_path, capfd, model):
    (tmp_path / "empty").mkdir()
    (tmp_path / "page.html").write_text("<html>")
    shutil.copy(default_model_path(), tmp_path / "pets.tflite")  # which knows other labels
    options = ("--json", "--no-map", "--model", str(tmp_path / model))
    assert main(["data", "explore", str(folder), *options]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert "hashing photos" not in said.err
    assert "Received: " in said.err


def test_command_refuses_a_folder_without_labels(folder, tmp_path, capfd):
    for inside in (folder / "bright", tmp_path / "empty"):
        inside.mkdir(exist_ok=True)
        assert main(["data", "explore", str(inside), "--json", "--no-map"]) == 1
        said = capfd.readouterr()
        assert said.out == ""
        assert f"Received: {inside}, without one that holds photos" in said.err


def test_command_wants_something_to_write(folder, capfd):
    assert main(["data", "explore", str(folder)]) == 2
    assert "neither -o nor --json" in capfd.readouterr().err
    assert main(["data", "explore", str(folder), "-o", "page.pdf"]) == 2


@pytest.mark.slow
def test_map_is_drawn_by_real_weights(folder, tmp_path, capfd):
    code = main(["data", "explore", str(folder), "-o", str(tmp_path / "m.html"), "--json"])
    said = capfd.readouterr()
    assert code == 0, said.err
    record = json.loads(said.out)
    assert len(record["map"]["points"]) == 29
    assert record["map"]["agreement"]["dark <b>"] > 0.9
    assert "What looks alike" in (tmp_path / "m.html").read_text()


def test_options_and_fields_are_documented(folder, capfd):
    section = COMMANDS.read_text().split("## edge data explore\n")[1].split("\n## ")[0]
    app = typer.Typer(add_completion=False)
    app.command()(explore)
    offered = {
        name
        for option in typer.main.get_command(app).params
        for name in option.opts
        if name.startswith("--")
    }
    assert set(re.findall(r"^\| `(--[a-z-]+)", section, re.M)) == offered
    assert main(["data", "explore", str(folder), "--no-map", "--json"]) == 0
    fields = set(json.loads(capfd.readouterr().out))
    assert set(re.findall(r"^\| `([a-z]+)", section, re.M)) == fields
