"""Which pictures a conversion reads: train to make, validation to judge, test not at all."""

import csv
import json
import shutil

import pytest
from PIL import Image

from convert.candidates import CALIBRATION_PICTURES, Workshop
from convert.gate import Limits
from convert.pictures import sample_pictures
from convert.progress import no_progress
from convert.qat import Recipe
from convert.run_folder import RunPicture, read_run


def open_workshop(run, **recipe):
    return Workshop(read_run(run), recipe=Recipe(**recipe), limits=Limits(), progress=no_progress)


@pytest.fixture
def moved_run(run_folder, textures, tmp_path):
    """A copy of the run whose pictures may be changed."""
    run = shutil.copytree(run_folder, tmp_path / "run")
    root = shutil.copytree(textures[0], tmp_path / "pictures")
    facts = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    facts["data"]["root"] = str(root)
    (run / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
    return run


def leave_out(run, part, keep):
    """Rewrite the split of a run with fewer pictures of a part, and delete the others."""
    with (run / "split.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    root = read_run(run).facts["data"]["root"]
    own = [row for row in rows if row["part"] == part]
    gone = [row for index, row in enumerate(own) if index % keep]
    for row in gone:
        (run.parent / "pictures" / row["path"]).unlink()
    assert str(run.parent) in root
    with (run / "split.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["path", "label", "part", "sha256"])
        table.writeheader()
        table.writerows(row for row in rows if row not in gone)


def test_test_part_is_not_read(moved_run):
    for picture in read_run(moved_run).part("test"):
        picture.path.unlink()
    for mode in ("int8", "qat"):
        open_workshop(moved_run, pictures=32).make(mode)


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_validation_part_judges_and_does_not_make(run_folder, moved_run, mode):
    leave_out(moved_run, "validation", keep=3)
    with_all, with_few = (open_workshop(run).make(mode) for run in (run_folder, moved_run))
    assert with_all.candidate.model_bytes == with_few.candidate.model_bytes
    assert len(with_all.candidate.measurement.scores) == 180
    assert len(with_few.candidate.measurement.scores) == 60


def test_train_part_makes_and_does_not_judge(run_folder, moved_run):
    """With one picture in eight the ranges are others, and the judges are the same."""
    leave_out(moved_run, "train", keep=8)
    whole, less = open_workshop(run_folder), open_workshop(moved_run)
    assert len(whole.calibration()) == 240
    assert len(less.calibration()) == 30
    assert less.make("int8").candidate.model_bytes != whole.make("int8").candidate.model_bytes
    assert (less.judge.original == whole.judge.original).all()


def test_ranges_and_learning_take_500_pictures_where_there_are_as_many(run_folder, moved_run):
    """The split is made to name every training picture three times: 720 of them."""
    with (moved_run / "split.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (moved_run / "split.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["path", "label", "part", "sha256"])
        table.writeheader()
        table.writerows(rows + [row for row in rows if row["part"] == "train"] * 2)
    assert CALIBRATION_PICTURES >= 500
    assert Recipe().settling_pictures >= 500
    assert Recipe().pictures >= 500
    workshop = open_workshop(moved_run, pictures=3)  # of which ranges take no notice
    calibration = workshop.calibration()
    assert len(calibration) == CALIBRATION_PICTURES
    counts = [(calibration.truth == index).sum() for index in range(3)]
    assert max(counts) - min(counts) <= 1  # stratified
    assert (calibration.truth[:240:3] != calibration.truth[1:240:3]).all()


def test_pictures_are_shuffled_within_a_label(tmp_path):
    pictures = [RunPicture(tmp_path / f"{i:03}", "a", "train", "") for i in range(100)]
    chosen = [picture.path.name for picture in sample_pictures(pictures, count=20)]
    assert chosen != sorted(chosen)
    assert max(chosen) > "050"


def test_auto_does_not_take_a_missing_photo_for_a_mode_that_cannot_be_made(moved_run, capfd):
    from edge.cli import main

    picture = read_run(moved_run).part("train")[0]
    Image.new("RGB", (40, 40)).save(picture.path)
    output = moved_run / "m.tflite"
    assert main(["convert", str(moved_run), "-o", str(output), "--quantize", "auto"]) == 1
    assert "changed since training" in capfd.readouterr().err
    assert not output.exists()
