"""Folders of pictures that others give with their network."""

import shutil

import pytest
from PIL import Image

from convert.picture_folder import find_pictures, read_parts
from edge.errors import DataError

LABELS = ("cat", "dog")


@pytest.fixture
def root(tmp_path):
    """Ten pictures of either label."""
    for label in ("Cat", "dog"):
        for number in range(10):
            draw(tmp_path / "photos" / label / f"{number}.png", number, label)
    return tmp_path / "photos"


def draw(path, number, label):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 20), (number * 20, 200 if label == "dog" else 0, 7)).save(path)


def read(root):
    return read_parts(find_pictures(root, labels=LABELS), size_wh=(32, 32))


def names(parts, part):
    return sorted(
        f"{picture.label}/{picture.path.name}" for picture in parts.pictures if picture.part == part
    )


def test_three_in_ten_of_each_label_are_put_aside(root):
    parts = read(root)
    assert parts.counts == {"train": {"cat": 7, "dog": 7}, "validation": {"cat": 3, "dog": 3}}
    assert parts.notes == ()
    assert read(root) == parts


def test_what_is_put_aside_depends_on_content_and_not_on_names(root, tmp_path):
    before = {picture.sha256 for picture in read(root).pictures if picture.part == "validation"}
    for path in list(root.rglob("*.png")):
        path.rename(path.with_name(f"other-{path.name}"))
    moved = shutil.move(root, tmp_path / "elsewhere")
    after = read(moved)
    assert before == {p.sha256 for p in after.pictures if p.part == "validation"}
    assert after.fingerprint == read(moved).fingerprint


@pytest.mark.parametrize("name", ["val", "Validation", "valid"])
def test_parts_of_the_folder_are_used_and_its_test_part_is_not_opened(root, tmp_path, name):
    split = tmp_path / "split"
    shutil.move(root, split / "train")
    for number in range(2):
        for label in LABELS:
            draw(split / name / label / f"v{number}.png", 11 + number, label)
    (split / "test" / "cat").mkdir(parents=True)
    (split / "test" / "cat" / "damaged.png").write_bytes(b"no picture")
    parts = read(split)
    assert parts.counts == {"train": {"cat": 10, "dog": 10}, "validation": {"cat": 2, "dog": 2}}
    assert parts.notes == ()


def test_validation_part_that_is_missing_is_put_aside_from_the_training_part(root, tmp_path):
    shutil.move(root, tmp_path / "split" / "train")
    shutil.copytree(tmp_path / "split" / "train", tmp_path / "split" / "test")
    parts = read(tmp_path / "split")
    assert parts.counts == {"train": {"cat": 7, "dog": 7}, "validation": {"cat": 3, "dog": 3}}
    assert not any("test" in picture.path.parts for picture in parts.pictures)


def test_labels_may_be_called_like_parts(tmp_path):
    for label in ("train", "test"):
        for number in range(4):
            draw(tmp_path / label / f"{number}.png", number, "dog" if label == "test" else label)
    found = find_pictures(tmp_path, labels=("train", "test"))
    counts = read_parts(found, size_wh=(32, 32)).counts
    assert counts == {"train": {"train": 3, "test": 3}, "validation": {"train": 1, "test": 1}}


def test_copies_stay_together(root):
    for number in range(10):
        shutil.copy(root / "dog" / f"{number}.png", root / "dog" / f"copy-{number}.png")
    parts = read(root)
    sides = {part: {p.sha256 for p in parts.pictures if p.part == part} for part in parts.counts}
    assert not sides["train"] & sides["validation"]
    assert parts.counts["validation"] == {"cat": 3, "dog": 6}


def test_what_cannot_be_used_is_left_out_and_named(root):
    (root / "dog" / "broken.jpg").write_bytes((root / "dog" / "1.png").read_bytes()[:60])
    shutil.copy(root / "dog" / "2.png", root / "Cat" / "also.png")
    parts = read(root)
    assert len(parts.pictures) == 19
    decode, torn = parts.notes
    assert "cannot be decoded are left out (1): " in decode
    assert "broken.jpg" in decode
    assert "under two labels are left out (2): " in torn


def test_of_copies_in_two_parts_the_one_to_judge_by_stays(root, tmp_path):
    shutil.copytree(root, tmp_path / "split" / "train")
    for label in ("Cat", "dog"):
        draw(tmp_path / "split" / "val" / label / "copy.png", 3, label)
    parts = read(tmp_path / "split")
    assert names(parts, "validation") == ["cat/copy.png", "dog/copy.png"]
    assert len(names(parts, "train")) == 18
    assert "are not learned from (2): " in parts.notes[0]


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"must be readable.*No such file"):
        find_pictures(tmp_path / "none", labels=LABELS)


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds a subfolder per label"):
        find_pictures(tmp_path, labels=LABELS)


def test_label_without_pictures_is_refused(root):
    shutil.rmtree(root / "dog")
    (root / "dog").mkdir()
    with pytest.raises(DataError, match=r"Every label .* needs pictures.*Received: none of dog in"):
        find_pictures(root, labels=LABELS)


def test_label_with_one_picture_is_refused(root):
    for number in range(1, 10):
        (root / "dog" / f"{number}.png").write_bytes((root / "dog" / "0.png").read_bytes())
    with pytest.raises(DataError, match=r"two different pictures at least.*Received: 1 of dog"):
        read(root)


@pytest.mark.parametrize("place", [".", "train"])
def test_folder_of_no_label_is_refused_in_the_words_of_the_conversion(root, place):
    if place == "train":
        for part in ("val", "train"):
            for label in LABELS:
                draw(root.parent / "parts" / part / label / "1.png", 1, label)
        root = root.parent / "parts"
    draw(root / place / "bird" / "1.png", 1, "dog")
    with pytest.raises(
        DataError, match=r"^Each subfolder of --data must be named .*: cat, dog\. Received: bird in"
    ) as caught:
        find_pictures(root, labels=LABELS)
    assert "evaluate" not in str(caught.value)


def test_missing_folder_is_not_called_one_to_evaluate(tmp_path):
    with pytest.raises(DataError, match=r"^A folder of labelled pictures must be readable"):
        find_pictures(tmp_path / "none", labels=LABELS)
