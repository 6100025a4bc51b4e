"""Three parts: in proportion, repeatable, and never the same bytes on two sides."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.errors import DataError, RunFolderError
from train.folder import FEWEST_PICTURES, PhotoFile, PhotoFolder
from train.split import Split, SplitEntry, draw_split, read_split, write_split

FRACTIONS = (0.7, 0.15, 0.15)


def make_folder(hashes, *, part=None):
    """A folder of files from {label: [content, ...]}; returns it and the hash of each path."""
    files, sha256 = [], {}
    for label, contents in hashes.items():
        for number, content in enumerate(contents):
            path = f"{label}/{number:04d}.jpg"
            files.append(PhotoFile(path, label, part))
            sha256[path] = f"{content}"
    return PhotoFolder(Path("/photos"), tuple(sorted(hashes)), tuple(files)), sha256


def draw(folder, sha256, seed=1):
    return draw_split(folder, sha256, fractions=FRACTIONS, seed=seed)


@settings(max_examples=30, deadline=None)
@given(
    different=st.tuples(st.integers(10, 90), st.integers(10, 90)),
    copies=st.lists(st.integers(0, 9), max_size=30),
    seed=st.integers(0, 99),
)
def test_split_is_in_proportion_and_copies_stay_together(different, copies, seed):
    cats, dogs = different
    folder, sha256 = make_folder({"cat": [*range(cats), *copies], "dog": range(100, 100 + dogs)})
    split = draw(folder, sha256, seed)
    assert [entry.path for entry in split.entries] == sorted(sha256)  # every file, once
    sides = defaultdict(set)
    for entry in split.entries:
        sides[entry.sha256].add((entry.part, entry.label))
    assert all(len(side) == 1 for side in sides.values())
    counts = Counter(side for (side,) in sides.values())
    for label, count in (("cat", cats), ("dog", dogs)):
        for part in ("validation", "test"):
            assert counts[part, label] == max(1, round(0.15 * count))


def test_split_follows_the_seed():
    folder, sha256 = make_folder({"cat": range(50), "dog": range(100, 150)})
    assert draw(folder, sha256, 1) == draw(folder, sha256, 1)
    assert draw(folder, sha256, 1) != draw(folder, sha256, 2)


def test_split_of_the_fewest_pictures_has_some_in_every_part():
    folder, sha256 = make_folder({"cat": range(10), "dog": range(100, 110)})
    counts = draw(folder, sha256).counts
    assert counts["train"] == {"cat": 6, "dog": 6}
    assert counts["validation"] == counts["test"] == {"cat": 2, "dog": 2}


def test_split_leaves_out_files_without_a_hash():
    folder, sha256 = make_folder({"cat": range(20), "dog": range(100, 120)})
    del sha256["cat/0003.jpg"]
    assert "cat/0003.jpg" not in {entry.path for entry in draw(folder, sha256).entries}


def test_split_names_pictures_that_carry_two_labels():
    folder, sha256 = make_folder({"cat": [*range(20), 7], "dog": [*range(100, 120), 7]})
    split = draw(folder, sha256)
    reasons = {file.path: file.reason for file in split.skipped}
    assert reasons == {
        "cat/0007.jpg": "same bytes under another label: dog/0020.jpg",
        "cat/0020.jpg": "same bytes under another label: dog/0020.jpg",
        "dog/0020.jpg": "same bytes under another label: cat/0007.jpg",
    }
    assert not reasons.keys() & {entry.path for entry in split.entries}


def test_split_keeps_given_parts_and_draws_the_missing_one():
    files, sha256 = [], {}
    for part, start, count in (("train", 0, 60), ("validation", 100, 20)):
        for label in ("cat", "dog"):
            for number in range(count):
                path = f"{part}/{label}/{number}.jpg"
                files.append(PhotoFile(path, label, part))
                sha256[path] = f"{label}{start + number}"
    split = draw(PhotoFolder(Path("/p"), ("cat", "dog"), tuple(files)), sha256)
    assert split.counts["validation"] == {"cat": 20, "dog": 20}
    assert split.counts["test"] == {"cat": 9, "dog": 9}  # 15 % of what train held
    assert all(entry.path.startswith("train/") for entry in split.part("test"))


def test_split_leaves_a_leaked_picture_with_the_part_that_judges():
    files = [
        PhotoFile(f"{part}/{label}/{number}.jpg", label, part)
        for part in ("train", "validation", "test")
        for label in ("cat", "dog")
        for number in range(12)
    ]
    sha256 = {file.path: file.path for file in files}
    for part in ("train", "validation", "test"):
        sha256[f"{part}/cat/3.jpg"] = "leaked"
    split = draw(PhotoFolder(Path("/p"), ("cat", "dog"), tuple(files)), sha256)
    assert [entry.part for entry in split.entries if entry.sha256 == "leaked"] == ["test"]
    assert {file.path for file in split.skipped} == {"train/cat/3.jpg", "validation/cat/3.jpg"}
    assert split.skipped[0].reason == "same bytes in the part test: test/cat/3.jpg"


def test_split_refuses_a_label_with_too_few_different_pictures():
    folder, sha256 = make_folder({"cat": range(20), "dog": [100] * 30})
    with pytest.raises(DataError, match=f"at least {FEWEST_PICTURES} .* Received: 1 of dog"):
        draw(folder, sha256)


def test_split_survives_the_table(tmp_path):
    entries = (
        SplitEntry('cat/a, "b".jpg', "cat", "train", "aa"),
        SplitEntry("größe/ü.jpg", "größe", "test", "bb", "haus 7"),
    )
    write_split(tmp_path / "split.csv", Split(entries))
    assert read_split(tmp_path / "split.csv").entries == entries
    assert (tmp_path / "split.csv").read_text().startswith("path,label,part,sha256,group\n")


def test_read_split_takes_the_table_of_a_run_without_groups(tmp_path):
    (tmp_path / "split.csv").write_text("path,label,part,sha256\na.jpg,cat,train,aa\n")
    entries = read_split(tmp_path / "split.csv").entries
    assert entries == (SplitEntry("a.jpg", "cat", "train", "aa", ""),)


@settings(max_examples=40, deadline=None)
@example(sizes=[11] * 20, is_mixed=True, seed=3)  # hardly a photo is alone
@given(
    sizes=st.lists(st.integers(1, 12), min_size=6, max_size=30),
    is_mixed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_split_never_separates_a_group(sizes, is_mixed, seed):
    folder, sha256 = make_folder({"cat": range(120), "dog": range(200, 320)})
    cats = iter([file.path for file in folder.files if file.label == "cat"])
    dogs = iter([file.path for file in folder.files if file.label == "dog"])
    groups = {}
    for number, size in enumerate(sizes):
        for index in range(size):
            path = next(dogs if is_mixed and index % 2 else cats, None)
            groups |= {path: str(number)} if path else {}
    split = draw_split(folder, sha256, fractions=FRACTIONS, seed=seed, groups=groups)
    sides = defaultdict(set)
    for entry in split.entries:
        if entry.group:
            sides[entry.group].add(entry.part)
    assert all(len(side) == 1 for side in sides.values())
    assert split.torn == []
    assert {entry.path: entry.group for entry in split.entries if entry.group} == groups
    counts = split.counts
    # Within half of the largest group; where groups hold both labels, what one lacks may not be
    # there without too much of the other.
    fewest = 1 if is_mixed else 18 - 6
    for part in ("validation", "test"):
        for label in ("cat", "dog"):
            assert fewest <= counts[part][label] <= 18 + 6


def test_split_of_a_single_group_is_refused():
    folder, sha256 = make_folder({"cat": range(20), "dog": range(100, 120)})
    groups = {file.path: "burst" for file in folder.files if file.label == "cat"}
    with pytest.raises(DataError, match="1 separate groups of cat, too few"):
        draw_split(folder, sha256, fractions=FRACTIONS, seed=1, groups=groups)


def test_split_without_groups_is_the_one_of_old():
    """Runs begun before groups were known can be repeated from their seed."""
    folder, sha256 = make_folder({"cat": range(40), "dog": range(100, 140)})
    drawn = [entry.path for entry in draw(folder, sha256, 7).part("test")]
    assert drawn == [
        "cat/0000.jpg",
        "cat/0012.jpg",
        "cat/0018.jpg",
        "cat/0027.jpg",
        "cat/0034.jpg",
        "cat/0036.jpg",
        "dog/0000.jpg",
        "dog/0024.jpg",
        "dog/0025.jpg",
        "dog/0026.jpg",
        "dog/0027.jpg",
        "dog/0030.jpg",
    ]


def test_split_keeps_given_parts_and_says_which_groups_they_tear():
    files = [
        PhotoFile(f"{part}/{label}/{number}.jpg", label, part)
        for part in ("train", "validation")
        for label in ("cat", "dog")
        for number in range(20)
    ]
    sha256 = {file.path: file.path for file in files}
    groups = {"train/cat/1.jpg": "g", "train/cat/2.jpg": "g", "validation/cat/3.jpg": "g"}
    photos = PhotoFolder(Path("/p"), ("cat", "dog"), tuple(files))
    split = draw_split(photos, sha256, fractions=FRACTIONS, seed=1, groups=groups)
    ((one, other),) = split.torn
    assert (one.path, one.part) == ("train/cat/1.jpg", "train")
    assert (other.path, other.part) == ("validation/cat/3.jpg", "validation")
    parts = {entry.path: entry.part for entry in split.entries}
    assert parts["train/cat/2.jpg"] == "train"  # a third side would not mend it


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("", "no table of path, label"),
        ("path,label\n", "no table of path, label"),
        ("path,label,part,sha256\na,b,c\n", "no table of path, label"),
        ("path,label,part,sha256\na,b,c,d\n", "part c"),
    ],
)
def test_read_split_refuses_another_table(tmp_path, content, reason):
    path = tmp_path / "split.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RunFolderError, match=reason):
        read_split(path)


def test_fingerprint_depends_on_content_and_not_on_names():
    one = Split(
        (SplitEntry("a.jpg", "cat", "train", "aa"), SplitEntry("b.jpg", "cat", "test", "bb"))
    )
    renamed = Split(
        (SplitEntry("z.jpg", "cat", "train", "aa"), SplitEntry("b.jpg", "cat", "test", "bb"))
    )
    moved = Split(
        (SplitEntry("a.jpg", "cat", "test", "aa"), SplitEntry("b.jpg", "cat", "test", "bb"))
    )
    assert one.fingerprint == renamed.fingerprint
    assert one.fingerprint != moved.fingerprint
