"""`edge train` as a user calls it, on textures: end to end, refused, cut short, resumed."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile

import pytest
from textures import LABELS, write_textures

from edge.cli import main, output

SMALL = ("--network", "cnn", "--size", "32", "--batch-size", "8")
END_SECONDS = 120  # on a busy machine


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos with what real folders have: a copy, and files that are no pictures."""
    folder = write_textures(tmp_path_factory.mktemp("data") / "photos", count=60)
    shutil.copy(folder / "dots/000.png", folder / "dots/copy.png")
    (folder / "plain/page.jpg").write_text("<html>not found</html>")
    (folder / "stripes/cut.png").write_bytes((folder / "stripes/001.png").read_bytes()[:500])
    return folder


def call(capfd, *arguments):
    """Run the command line in this process; return exit code, standard output and error."""
    code = main(["train", *map(str, arguments)])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def read_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_train_learns_textures_and_explains_itself(photos, tmp_path, capfd):
    run = tmp_path / "run"
    code, out, err = call(capfd, photos, "-o", run, *SMALL, "--epochs", 10, "--json")
    assert code == 0, err

    records = [json.loads(line) for line in out.splitlines()]
    *epochs, summary = records
    assert [record["epoch"] for record in epochs] == list(range(1, len(epochs) + 1))
    assert {record["type"] for record in epochs} == {"epoch"}
    assert summary["type"] == "summary"
    assert summary["metrics"]["test"]["accuracy"] > 0.9

    assert "left out plain/page.jpg: it holds text (HTML or XML)" in err
    assert "left out stripes/cut.png" in err
    assert "decoding photos: 183 in" in err
    assert "epoch 1/10: loss" in err

    facts = json.loads((run / "manifest.json").read_text())
    assert facts == {
        "format": "catseye-run",
        "format_version": 1,
        **{key: value for key, value in summary.items() if key not in ("type", "run")},
    }
    assert facts["labels"] == list(LABELS)
    assert facts["status"] == "complete"
    assert facts["data"]["skipped"] == 2

    report = json.loads((run / "report.json").read_text())
    assert report["part"] == "test"
    assert report["accuracy"] == facts["metrics"]["test"]["accuracy"]
    assert len(report["history"]) == len(epochs)
    page = (run / "report.html").read_text()
    assert "Model card" in page
    assert "What the network saw" in page
    assert "plain/page.jpg" in page

    split = read_rows(run / "split.csv")
    assert len(split) == 181
    part = {row["path"]: row["part"] for row in split}
    assert part["dots/000.png"] == part["dots/copy.png"]
    assert {row["path"] for row in read_rows(run / "skipped.csv")} == {
        "plain/page.jpg",
        "stripes/cut.png",
    }
    assert len(read_rows(run / "history.csv")) == len(epochs)
    assert zipfile.is_zipfile(run / "model.keras")
    assert sorted(path.name for path in run.iterdir()) == [
        "augmentation.png",
        "confusion.png",
        "curves.png",
        "history.csv",
        "manifest.json",
        "model.keras",
        "report.html",
        "report.json",
        "skipped.csv",
        "split.csv",
        "summary.md",
    ]


@pytest.mark.slow
def test_train_ends_in_order_on_a_signal_and_goes_on(photos, tmp_path, capfd, monkeypatch):
    run = tmp_path / "run"
    emit = output.emit_json

    def interrupt(record):
        emit(record)
        if record["type"] == "epoch" and record["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(output, "emit_json", interrupt)
    code, out, err = call(capfd, photos, "-o", run, *SMALL, "--epochs", 4, "--json")
    assert code == 1
    assert "--resume" in err.splitlines()[-1]
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    facts = json.loads((run / "manifest.json").read_text())
    assert facts["status"] == "interrupted"
    assert facts["metrics"]["test"] == {}  # the test part is for the end
    assert json.loads((run / "report.json").read_text())["part"] == "validation"
    assert "Interrupted after 2 of 4 epochs" in (run / "report.html").read_text()
    assert facts["metrics"]["validation"]["images"] > 0
    assert zipfile.is_zipfile(run / "model.keras")

    before = (run / "split.csv").read_bytes()
    code, out, err = call(capfd, photos, "-o", run, "--resume")
    assert code == 0, err
    assert "going on after epoch 2" in err
    assert "test pictures right" in out
    assert (run / "split.csv").read_bytes() == before  # never drawn again
    assert [row["epoch"] for row in read_rows(run / "history.csv")] == ["1", "2", "3", "4"]
    assert not (run / "checkpoint").exists()

    code, _, err = call(capfd, photos, "-o", run, "--resume")
    assert code == 1
    assert "which is complete" in err


@pytest.mark.slow
def test_train_resumes_after_a_kill(photos, tmp_path, capfd):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "edge", "train", photos, "-o", run, *SMALL]
    with subprocess.Popen(
        [*map(str, command), "--epochs", "500", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        for line in process.stdout:
            if json.loads(line)["epoch"] == 2:
                process.kill()  # somewhere in the third epoch, or while a file is written
    assert sorted(path.name for path in run.iterdir()) == [
        "augmentation.png",
        "checkpoint",
        "history.csv",
        "skipped.csv",
        "split.csv",
    ]
    settings = json.loads((run / "checkpoint" / "settings.json").read_text())
    (run / "checkpoint" / "settings.json").write_text(json.dumps({**settings, "epochs": 5}))
    code, _, err = call(capfd, photos, "-o", run, "--resume")
    assert code == 0, err
    epochs = [int(row["epoch"]) for row in read_rows(run / "history.csv")]
    assert epochs == list(range(1, len(epochs) + 1))
    assert f"going on after epoch {epochs[-1]}" in err or "epoch 3/5" in err
    assert json.loads((run / "manifest.json").read_text())["status"] == "complete"


def test_train_stopped_before_the_first_epoch_keeps_a_model(photos, tmp_path, capfd, monkeypatch):
    from train.progress import TrainProgress

    monkeypatch.setattr(
        TrainProgress, "begin_epoch", lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)
    )
    run = tmp_path / "run"
    code, _, err = call(capfd, photos, "-o", run, *SMALL)
    assert code == 1
    assert "interrupted" in err
    assert (run / "model.keras").is_file()
    assert (run / "summary.md").read_text().count("Interrupted after 0 of") == 1


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("-o", "{run}", "--size", "100"), 2, "--size must be a multiple of 32"),
        (("-o", "{run}", "--network", "vgg"), 2, "--network must be one of"),
        (("-o", "{run}", "--resume", "--overwrite"), 2, "Use one of them"),
        (("-o", "{run}", "--resume"), 1, "which holds none"),
        (("-o", "{photos}"), 1, "holds something else"),
        (("-o", "{photos}/run"), 1, "must not lie among the photos"),
        (("-o", "{photos}/dots/000.png/run"), 1, "must not lie among the photos"),
        (("-o", "/proc/run"), 1, "must be writable"),
    ],
)
def test_train_refuses(photos, tmp_path, capfd, options, code, message):
    values = {"photos": photos, "run": tmp_path / "run"}
    found, out, err = call(capfd, photos, *(option.format(**values) for option in options))
    assert found == code
    assert message in err
    assert "Received: " in err
    assert out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--network", "cnn", "--from", "nowhere"), 1, "--from names the folder of an earlier run"),
        (("--network", "mobilenet-v2", "--weights", "nowhere.h5"), 1, "--weights names a file"),
        (("--network", "nowhere:build"), 2, "--network package.module:function must build"),
    ],
)
def test_train_names_what_is_not_there_before_it_looks_at_the_photos(
    photos, tmp_path, capfd, options, code, message
):
    run = tmp_path / "run"
    found, _, err = call(capfd, photos, "-o", run, "--size", 32, *options)
    assert found == code
    assert message in err
    assert "hashing photos" not in err
    assert not run.exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--network", "own_networks:build_logits"), 2, "end with a softmax"),
        (("--network", "mobilenet-v2", "--weights", __file__), 1, "--weights must be those of"),
        (("--network", "mobilenet-v2", "--width", 0.6), 2, "must be one that has ImageNet"),
        (("--network", "lenet5", "--dropout", 0.1), 2, "needs a network with a Dropout layer"),
    ],
)
def test_train_names_what_it_cannot_begin_with_before_it_decodes(
    photos, tmp_path, capfd, options, code, message
):
    run = tmp_path / "run"
    found, _, err = call(capfd, photos, "-o", run, "--size", 32, *options)
    assert found == code
    assert message in err
    assert "hashing photos" in err
    assert "decoding photos" not in err
    assert not run.exists()


def test_train_that_cannot_begin_overwrites_nothing(photos, tmp_path, capfd):
    run = tmp_path / "run"
    run.mkdir()
    (run / "split.csv").write_text("kept")
    nowhere = ("--from", tmp_path / "nowhere")
    code, _, err = call(capfd, photos, "-o", run, *SMALL, "--overwrite", *nowhere)
    assert code == 1
    assert "--from names the folder of an earlier run" in err
    assert (run / "split.csv").read_text() == "kept"


def test_train_refuses_a_label_whose_pictures_are_all_bad(tmp_path, capfd):
    photos = write_textures(tmp_path / "photos", count=12, labels=("dots",))
    (photos / "bad").mkdir()
    for number in range(12):
        (photos / "bad" / f"{number}.jpg").write_text(f"no picture {number}")
    code, _, err = call(capfd, photos, "-o", tmp_path / "run", *SMALL)
    assert code == 1
    assert "none of bad in the part train; 12 files cannot be decoded" in err
    assert "left out 7 more, listed in" in err


def test_train_names_a_folder_that_can_be_no_label_at_the_start(tmp_path, capfd):
    photos = write_textures(tmp_path / "photos", count=12, labels=("dots", "plain"))
    (photos / "dots").rename(photos / "dots ")
    code, out, err = call(capfd, photos, "-o", tmp_path / "run", *SMALL)
    assert (code, out) == (1, "")
    assert "without blanks around it or control characters. Received: 'dots '." in err
    assert "Rename it, or the folder of that name, to 'dots'" in err
    assert "hashing" not in err
    assert not (tmp_path / "run").exists()


def test_train_keeps_a_run_when_the_photos_are_not_there(photos, tmp_path, capfd):
    run = tmp_path / "run"
    run.mkdir()
    (run / "split.csv").write_text("kept")
    code, _, err = call(capfd, tmp_path / "absent", "-o", run, "--overwrite")
    assert code == 1
    assert "which is not there" in err
    assert (run / "split.csv").read_text() == "kept"


def test_train_on_changed_photos_is_not_resumed(photos, tmp_path, capfd):
    from train.networks import find_network
    from train.run_folder import RunFolder, clear, write_settings
    from train.settings import TrainOptions, settle
    from train.split import Split, SplitEntry, write_split
    from train.tables import write_skipped

    run = RunFolder(tmp_path / "run")
    clear(run)
    write_split(run.split, Split((SplitEntry("dots/000.png", "dots", "train", "0" * 64),)))
    write_skipped(run.skipped, ())
    write_settings(run, settle(TrainOptions(), find_network("cnn"), pictures=100))
    code, _, err = call(capfd, photos, "-o", run.path, "--resume")
    assert code == 1
    assert "1 changed or missing, the first " in err
    assert err.count("dots/000.png") == 1


@pytest.mark.slow
def test_train_keeps_groups_together_and_reads_them_again(photos, tmp_path, capfd, monkeypatch):
    run, pattern = tmp_path / "run", r"stripes/(\d\d)\d"
    emit = output.emit_json

    def interrupt(record):
        emit(record)
        if record["type"] == "epoch":
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(output, "emit_json", interrupt)
    options = (*SMALL, "--epochs", 2, "--group-by", pattern)
    code, _, err = call(capfd, photos, "-o", run, *options, "--json")
    assert code == 1
    assert "photos in 7 groups" in err  # six of stripes, and a copy of dots
    parts = {}
    for row in read_rows(run / "split.csv"):
        if row["group"]:
            parts.setdefault(row["group"], set()).add(row["part"])
    assert len(parts) == 7
    assert all(len(found) == 1 for found in parts.values())
    before = (run / "split.csv").read_bytes()
    code, _, err = call(capfd, photos, "-o", run, "--resume", "--group-by", "other")
    assert code == 2
    assert "--group-by other, begun with " in err
    code, _, err = call(capfd, photos, "-o", run, "--resume", "--group-by", pattern)
    assert code == 0, err
    assert (run / "split.csv").read_bytes() == before
