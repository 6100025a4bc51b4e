"""Which layouts of photos are understood, and what is said about the others."""

import pytest

from edge.errors import DataError
from train.folder import find_photos


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def test_find_photos_takes_a_folder_per_label(tmp_path):
    touch(
        tmp_path, "Dog/b.jpg", "cat/inside/a.PNG", "cat/notes.txt", ".git/x.jpg", "__MACOSX/y.jpg"
    )
    found = find_photos(tmp_path)
    assert found.labels == ("cat", "Dog")  # sorted without regard to case
    assert [file.path for file in found.files] == ["Dog/b.jpg", "cat/inside/a.PNG"]
    assert found.parts == frozenset()


def test_find_photos_steps_into_the_folder_of_an_archive(tmp_path):
    touch(tmp_path, "PetImages/Cat/0.jpg", "PetImages/Dog/0.jpg", "readme.txt")
    found = find_photos(tmp_path)
    assert found.labels == ("Cat", "Dog")
    assert found.files[0].path == "PetImages/Cat/0.jpg"
    assert found.root == tmp_path


@pytest.mark.parametrize(
    ("folders", "parts"),
    [
        (("train", "val", "test"), {"train", "validation", "test"}),
        (("train", "validation"), {"train", "validation"}),  # the test part will be drawn
        (("Training", "TEST"), {"train", "test"}),  # upper and lower case do not matter
    ],
)
def test_find_photos_keeps_given_parts(tmp_path, folders, parts):
    for folder in folders:
        touch(tmp_path, f"{folder}/cat/a.jpg", f"{folder}/dog/b.jpg")
    found = find_photos(tmp_path)
    assert found.parts == parts
    assert found.labels == ("cat", "dog")


def test_find_photos_takes_test_for_a_label_where_there_is_no_train(tmp_path):
    touch(tmp_path, "test/a.jpg", "rest/b.jpg")
    assert find_photos(tmp_path).labels == ("rest", "test")


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ((), "Received: 0 in"),  # an empty folder
        (("a.jpg", "b.jpg"), "at least two labels"),  # pictures without folders
        (("cat/a.jpg",), "Received: 1 in .*: cat"),
        (("cat/a.jpg", "dog/notes.txt"), "no picture in .*dog"),
        (("cat/a.jpg", "unknown/b.jpg"), "'unknown' is reserved"),
        (("cat /a.jpg", "dog/b.jpg"), r"one line of text, .*'cat '.*folder of that name, to 'cat'"),
        (("train/cat /a.jpg", "val/cat/a.jpg", "train/dog/b.jpg"), "one line of text"),
        (("a\u2028b/a.jpg", "dog/b.jpg"), r"one line of text, .*'a\\u2028b'.*to 'a b'"),
        (("cat/a.jpg", "Cat/b.jpg"), "differ in more than upper and lower case"),
        (
            ("train/cat/a.jpg", "train/dog/a.jpg", "val/cat/a.jpg"),
            "no folder dog in the part validation",
        ),
        (
            ("train/cat/a.jpg", "train/dog/a.jpg", "val/cats/a.jpg", "val/dog/a.jpg"),
            "no folder cats? in the part (train|validation)",
        ),
    ],
)
def test_find_photos_refuses(tmp_path, paths, message):
    touch(tmp_path, *paths)
    with pytest.raises(DataError, match=message):
        find_photos(tmp_path)


def test_find_photos_names_a_missing_folder_and_a_file(tmp_path):
    with pytest.raises(DataError, match="not there"):
        find_photos(tmp_path / "missing")
    touch(tmp_path, "photo.jpg")
    with pytest.raises(DataError, match=r"photo\.jpg, which is a file"):
        find_photos(tmp_path / "photo.jpg")
