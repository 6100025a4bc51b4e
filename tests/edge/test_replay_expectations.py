"""What is written down about clips: read, or refused with every mistake named."""

import math

import pytest

from edge.errors import DataError
from edge.replay.expectations import (
    Expectation,
    check_against_clips,
    parse_expectations,
    read_expectations,
)

HEADER = "clip,label,start_seconds,end_seconds\n"
LABELS = ("cat", "dog", "none")
CLIPS = ("porch.mp4", "room.mp4")


def parse(rows, **settings):
    return parse_expectations(HEADER + rows, labels=LABELS, clips=CLIPS, **settings)


def refusal(rows):
    with pytest.raises(DataError) as caught:
        parse(rows)
    return str(caught.value)


def test_parse_sorts_by_clip_and_time_and_takes_several_rows_per_clip():
    found = parse("room.mp4,cat,7,9.5\nporch.mp4,dog,3,\n\nroom.mp4,cat, 1 ,2\n")
    assert [(row.clip, row.start_seconds, row.end_seconds) for row in found] == [
        ("porch.mp4", 3.0, math.inf),
        ("room.mp4", 1.0, 2.0),
        ("room.mp4", 7.0, 9.5),
    ]


def test_parse_takes_columns_in_any_order_and_names_with_commas():
    text = 'label,clip,start_seconds,end_seconds\ncat,"a, b.mp4",0,1\n'
    [found] = parse_expectations(text, labels=LABELS)
    assert found == Expectation("a, b.mp4", "cat", 0.0, 1.0, line=2)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        # a typing error in the name of a clip
        ("porhc.mp4,cat,0,1", "line 2, clip: a row names one of the 2 clips in the folder, not "
         "'porhc.mp4'. Did you mean 'porch.mp4'."),
        # a label of another model
        ("room.mp4,horse,0,1", "line 2, label: what appears is one of cat, dog, not 'horse'."),
        ("room.mp4,cta,0,1", "Did you mean 'cat'."),
        # nothing to be seen is no appearance
        ("room.mp4,none,0,1", "not 'none'. Leave the row out: where nothing is written"),
        # times
        ("room.mp4,cat,soon,1", "line 2, start_seconds: a time is a number of seconds from 0 on, "
         "not 'soon'. Write seconds with a point: 12.5."),
        ("room.mp4,cat,-1,1", "not '-1'"),
        ("room.mp4,cat,nan,1", "not 'nan'"),
        ("room.mp4,cat,0,inf", "line 2, end_seconds: a time is a number"),
        ("room.mp4,cat,,3", "line 2, start_seconds: a time is a number"),
        ("room.mp4,cat,3,3", "line 2, end_seconds: an appearance ends after its start, 3, not 3."),
        # a comma as decimal point makes a cell too many
        ("room.mp4,cat,0,1,5", "line 2: a row has 4 cells, not 5."),
        ("room.mp4,cat,1", "line 2: a row has 4 cells, not 3."),
        # two rows for one appearance
        ("room.mp4,cat,0,5\nroom.mp4,cat,4,6", "line 3, start_seconds: appearances of one label "
         "on one clip do not overlap, not 4, before line 2 has ended. Make one row of both."),
    ],
)  # fmt: skip
def test_parse_names_line_column_rule_and_fix(row, said):
    assert said in refusal(row)


def test_parse_names_all_mistakes_at_once():
    said = refusal("porhc.mp4,horse,soon,1\nroom.mp4,cat,0,1\nroom.mp4,dog,2,1\n")
    assert "4 mistakes:" in said
    assert [line.split(":")[0].strip() for line in said.splitlines()[1:-1]] == [
        "line 2, clip",
        "line 2, label",
        "line 2, start_seconds",
        "line 4, end_seconds",
    ]


@pytest.mark.parametrize("header", ["", "clip,label,start,end", "clip,label,start_seconds"])
def test_parse_wants_the_four_columns(header):
    with pytest.raises(DataError, match=r"line 1: the columns are clip, label, start_seconds"):
        parse_expectations(f"{header}\nroom.mp4,cat,0,1\n", labels=LABELS)


def test_parse_knows_the_separator_of_other_spreadsheets():
    with pytest.raises(DataError, match="Save the table with commas between its cells"):
        parse_expectations(HEADER.replace(",", ";") + "room.mp4;cat;0;1\n", labels=LABELS)


def test_appearances_of_two_labels_may_overlap():
    assert len(parse("room.mp4,cat,0,5\nroom.mp4,dog,4,6\n")) == 2


def test_read_takes_what_a_spreadsheet_saves(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + "a.mp4,cat,0,1\n").replace("\n", "\r\n").encode())
    assert read_expectations(path, labels=LABELS)[0].end_seconds == 1.0


def test_read_names_a_file_that_is_missing_or_no_text(tmp_path):
    with pytest.raises(DataError, match=r"labels\.csv: No such file"):
        read_expectations(tmp_path / "labels.csv", labels=LABELS)
    (tmp_path / "table.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"UTF-8.*table\.csv"):
        read_expectations(tmp_path / "table.csv", labels=LABELS)


def test_read_refuses_a_quote_that_swallows_the_table(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text('clip,label,start_seconds,end_seconds\n"' + "a.mp4,cat,0,\n" * 20_000)
    with pytest.raises(DataError, match=r"CSV file.*field larger than.*Check the path and the qu"):
        read_expectations(path, labels=["cat"])


def test_an_appearance_after_the_end_of_its_clip_is_refused(tmp_path):
    rows = parse("porch.mp4,cat,4,\nroom.mp4,cat,4,\n")
    seconds = {"porch.mp4": 4.0, "room.mp4": 4.5}
    with pytest.raises(DataError, match=r"1 mistake:\s+line 2, start_seconds: .* after 4 s, not 4"):
        check_against_clips(rows, seconds, name=tmp_path)
    check_against_clips(rows, {"room.mp4": 4.5}, name=tmp_path)
