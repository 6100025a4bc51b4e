"""Label files as they come with models of others."""

import os

import pytest

from convert.label_file import parse_label_list, read_label_file
from edge.errors import DataError

TAKEN_OFF = "labels: line numbers were taken off"
ORDERED = "labels: put in the order of their numbers, which were taken off"


@pytest.mark.parametrize(
    ("text", "labels", "notes"),
    [
        ("cat\ndog\n", ("cat", "dog"), ()),
        ("0 cat\n1 dog\n", ("cat", "dog"), (TAKEN_OFF,)),
        ("1\tcat\n2\tdog\n", ("cat", "dog"), (TAKEN_OFF,)),
        ("0:cat\n1:dog\n", ("cat", "dog"), (TAKEN_OFF,)),
        ("0,cat\n1,dog\n", ("cat", "dog"), (TAKEN_OFF,)),
        ("0 ; cat\n1 ; dog\n", ("cat", "dog"), (TAKEN_OFF,)),
        ("1. cat\n2. dog\n", ("cat", "dog"), (TAKEN_OFF,)),
        ("1) cat\n2) dog\n", ("cat", "dog"), (TAKEN_OFF,)),
        ("1 dog\n0 cat\n", ("cat", "dog"), (ORDERED,)),
        ("2: dog\n3: none\n1: cat\n", ("cat", "dog", "none"), (ORDERED,)),
        # the line's number is the first; what follows is the label's
        ("0 5 euro\n1 10 euro\n", ("5 euro", "10 euro"), (TAKEN_OFF,)),
        # a number that is the label is no line number
        ("0\n1\n", ("0", "1"), ()),
        ("0.5 l\n1.5 l\n", ("0.5 l", "1.5 l"), ()),
        # one among others begins so
        (
            "cat\n3 kittens\ndog\n",
            ("cat", "3 kittens", "dog"),
            ("labels: '3 kittens' keeps its number; most have none",),
        ),
    ],
)
def test_numbers_before_labels(text, labels, notes):
    found = parse_label_list(text.encode(), name="labels.txt")
    assert (found.labels, found.notes) == (labels, notes)


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("5 euro\n10 euro\n20 euro\n", "3 of 3 lines begin with a number, and none with 1"),
        ("0 cat\n0 dog\n", "2 of 2 lines begin with a number, and none with 1"),
        ("1 cat\n2 dog\n4 none\n", "3 of 3 lines begin with a number, and none with 3"),
        ("none\n1 cat\n2 dog\n", "2 of 3 lines begin with a number"),
        ("cat\n1 dog\n", "1 of 2 lines begin with a number"),
    ],
)
def test_numbers_that_do_not_count_the_lines_are_refused(text, received):
    with pytest.raises(DataError, match="from 0 or from 1") as caught:
        parse_label_list(text.encode(), name="labels.txt")
    assert caught.value.received == f"labels.txt, where {received}"
    assert "'0 5 euro'" in caught.value.fix


def test_what_never_ends_or_is_too_large_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(4 * 1024 * 1024 + 1)
    for path, reason in [
        ("/dev/zero", "/dev/zero, which is no file"),
        (tmp_path / "pipe", "which is no file"),
        (large, "with 4194305 bytes"),
    ]:
        with pytest.raises(DataError, match=f"at most 4 MiB.*{reason}"):
            read_label_file(type(large)(path))


def test_absent_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent.txt"):
        with pytest.raises(DataError, match="must be readable"):
            read_label_file(path)
