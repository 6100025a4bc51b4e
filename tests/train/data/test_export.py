"""`edge data split` lays out what `edge train` would draw, and never separates a group."""

import csv
import json
import shutil

import pytest
from textures import write_textures

from edge.cli import main
from train.folder import find_photos


@pytest.fixture
def photos(tmp_path):
    folder = write_textures(tmp_path / "photos", count=40, labels=("dots", "stripes"))
    shutil.copy(folder / "dots/000.png", folder / "dots/copy.png")
    (folder / "dots/page.jpg").write_text("<html>")
    (folder / "dots/inner").mkdir()
    shutil.move(folder / "dots/001.png", folder / "dots/inner/001.png")
    return folder


def split(capfd, *arguments):
    code = main(["data", "split", *map(str, arguments)])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def read_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_split_links_every_photo_into_its_part(photos, tmp_path, capfd):
    target = tmp_path / "deep/parts"
    code, out, err = split(capfd, photos, "-o", target, "--group-by", r"stripes/(01\d)", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["counts"]["test"].keys() == {"dots", "stripes"}
    assert result["skipped"] == [{"path": "dots/page.jpg", "reason": "it holds text (HTML or XML)"}]
    rows = read_rows(target / "split.csv")
    assert len(rows) == 81
    parts = {row["path"]: row["part"] for row in rows}
    assert parts["dots/000.png"] == parts["dots/copy.png"]
    links = [path for path in target.rglob("*") if path.is_symlink()]
    assert len(links) == 81
    assert all(not link.readlink().is_absolute() for link in links)
    linked = {link.resolve().relative_to(photos).as_posix() for link in links}
    assert linked == parts.keys()
    assert list(target.rglob("inner__001.png"))
    assert find_photos(target).parts == {"train", "validation", "test"}  # edge train takes it


def test_split_copies_and_follows_the_seed(photos, tmp_path, capfd):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        code, _, err = split(capfd, photos, "-o", tmp_path / name, "--copy", "--seed", seed)
        assert code == 0, err
    tables = [(tmp_path / name / "split.csv").read_text() for name in "abc"]
    assert tables[0] == tables[1] != tables[2]
    copies = [path for path in (tmp_path / "a").rglob("*.png")]
    assert len(copies) == 81
    assert not any(path.is_symlink() for path in copies)


def test_split_never_separates_what_the_pattern_names(photos, tmp_path, capfd):
    code, _, err = split(capfd, photos, "-o", tmp_path / "o", "--group-by", r"/(?:\d)(\d)\d\.png")
    assert code == 0, err
    parts = {}
    for row in read_rows(tmp_path / "o/split.csv"):
        if row["group"]:
            parts.setdefault(row["group"], set()).add(row["part"])
    assert len(parts) == 4
    assert all(len(found) == 1 for found in parts.values())


def test_split_warns_of_groups_that_the_folder_tears(tmp_path, capfd):
    photos = tmp_path / "photos"
    for part, seed in (("train", 1), ("val", 2), ("test", 3)):
        write_textures(photos / part, count=12, labels=("dots", "stripes"), seed=seed)
    code, out, err = split(
        capfd, photos, "-o", tmp_path / "o", "--group-by", r"dots/(003)", "--json"
    )
    assert code == 0
    assert "warning: 1 groups of photos that belong together lie in two parts" in err
    assert "test/dots/003.png (test) and train/dots/003.png (train)" in err
    assert json.loads(out)["torn"] == [["test/dots/003.png", "train/dots/003.png"]]


@pytest.mark.parametrize(
    ("target", "options", "code", "message"),
    [
        ("full", (), 1, "a new or empty folder"),
        ("photos/parts", (), 1, "must not lie among the photos"),
        ("free", ("--group-by", "("), 2, "--group-by takes a regular expression"),
        ("free", ("--group-by", "dots"), 1, "separate groups of dots, too few"),
        ("free", ("--group-by", "hosue"), 1, "Received: 'hosue', which finds nothing in any of"),
        ("free", ("--seed", "-1"), 2, "seed"),
        ("/proc/parts", (), 1, "must be writable"),
    ],
)
def test_split_refuses(photos, tmp_path, capfd, target, options, code, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    found, out, err = split(capfd, photos, "-o", tmp_path / target, *options)
    assert found == code
    assert message in err
    assert out == ""
    assert not (tmp_path / "free").exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
