"""`edge events`, for people and for machines."""

import csv
import io
import json
import sys
import uuid
from dataclasses import replace
from itertools import takewhile

import pytest
from store_parts import NOON, appearance, at, open_recorder, picture, tell

from edge import cli
from edge.cli import event_tables, events
from edge.occurrence import Outcome
from edge.store.reading import EventReader

HOUR_SECONDS = 3600.0


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(events, "_now_seconds", lambda: NOON + 10 * HOUR_SECONDS)


@pytest.fixture
def folder(tmp_path):
    """A memory: cat, cat, dog without a picture, a cat whose time is not known, a door."""
    folder = tmp_path / "memory"
    recorder = open_recorder(folder)
    first = tell(recorder, moment=at(NOON), snapshot=picture())
    recorder.note_outcome(Outcome(first, "let the cat in", "door", "done", "open 4 s", at(NOON)))
    tell(recorder, moment=at(NOON + 300), snapshot=picture())
    tell(recorder, "dog", moment=at(NOON + 2 * HOUR_SECONDS))
    tell(recorder, moment=at(NOON + 9 * HOUR_SECONDS, is_trusted=False), snapshot=picture())
    recorder.note_door("door: lock", at=at(NOON + 9 * HOUR_SECONDS))
    recorder.close()
    return folder


def run(capfd, *arguments, code=0):
    assert cli.main(["events", *map(str, arguments)]) == code
    return capfd.readouterr()


def run_json(capfd, *arguments):
    return [json.loads(line) for line in run(capfd, *arguments, "--json").out.splitlines()]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ((), [5, 4, 3, 2, 1]),
        (("--label", "cat"), [4, 2, 1]),
        (("--since", "9h"), [5, 4, 3]),
        (("--since", "1.5h", "--label", "dog"), []),
        (("--limit", "2"), [5, 4]),
        (("--since", "2000-01-01"), [5, 4, 3, 2, 1]),
        (("--since", "2100-01-01T07:30"), []),
    ],
)
def test_events_list_filters(capfd, folder, options, numbers):
    records = run_json(capfd, "list", "--folder", folder, *options)
    assert [record["sequence"] for record in records] == numbers


def test_events_list_for_people(capfd, folder):
    lines = run(capfd, "list", "--folder", folder).out.strip().splitlines()
    assert lines[0].split()[:4] == ["number", "time", "what", "score"]
    assert "door: lock" in lines[2]
    assert "?" in lines[3]  # not to be trusted
    assert "dog" in lines[4]
    assert lines[6].rstrip().endswith("door done")


def test_events_list_as_csv(capfd, folder):
    rows = list(csv.DictReader(io.StringIO(run(capfd, "list", "--folder", folder, "--csv").out)))
    assert [row["label"] for row in rows] == ["", "cat", "dog", "cat", "cat"]
    assert rows[-1]["snapshot_state"] == "kept"


def test_events_list_as_csv_keeps_a_row_whole(capfd, folder):
    recorder = open_recorder(folder)
    tell(recorder, "wild\u2028boar")  # which Python takes for the end of a line
    recorder.close()
    rows = list(csv.DictReader(io.StringIO(run(capfd, "list", "--folder", folder, "--csv").out)))
    assert len(rows) == 6
    assert {len(row) for row in rows} == {len(rows[0])}
    assert None not in rows[0]


def test_events_show(capfd, folder):
    (record,) = run_json(capfd, "show", "1", "--folder", folder)
    assert record["outcomes"][0]["action"] == "door"
    assert record["scores"] == {"cat": 0.93, "none": 0.07}
    text = run(capfd, "show", record["event_id"][:8], "--folder", folder).out
    assert "let the cat in" in text
    assert "open 4 s" in text


def test_events_show_for_people(capfd, folder):
    text = run(capfd, "show", "1", "--folder", folder).out
    head = list(takewhile(str.strip, text.splitlines()))
    lines = dict(line.split(maxsplit=1) for line in head)
    assert lines["score"] == "0.93"
    assert lines["scores"] == "cat 0.93, none 0.07"
    assert lines["is_trusted"] == "yes"
    assert "None" not in text
    starts = {len(line) - len(line.split(maxsplit=1)[1]) for line in head}
    assert len(starts) == 1  # every value begins in the same column


@pytest.mark.parametrize("name", ["77", "zzz", "", "-1"])
def test_events_show_of_what_is_not_there(capfd, folder, name):
    message = run(capfd, "show", "--folder", folder, "--", name, code=1).err
    assert f"An event is named by its number or its id. Received: {name!r}: there is no" in message


def test_events_list_writes_scores_with_two_digits(capfd, tmp_path):
    recorder = open_recorder(tmp_path / "memory")
    recorder.start(
        uuid.uuid4().hex, replace(appearance("cat"), score=0.9996), scores={}, at=at(NOON)
    )
    recorder.close()
    assert " 1.00 " in run(capfd, "list", "--folder", tmp_path / "memory").out


def test_events_list_without_any_says_so(capfd, folder):
    assert run(capfd, "list", "--folder", folder, "--label", "caat").out == "no event\n"


def test_events_list_is_either_csv_or_json(capfd, folder):
    message = run(capfd, "list", "--folder", folder, "--csv", "--json", code=2).err
    assert "A list is written in one form. Received: --csv and --json. Leave out" in message


def test_events_counts_one_as_one(capfd, tmp_path):
    recorder = open_recorder(tmp_path / "memory")
    tell(recorder, snapshot=picture())
    recorder.close()
    assert (
        ": 1 event, 1 snapshot, 0 clips, "
        in run(capfd, "stats", "--folder", tmp_path / "memory").out
    )
    exported = run(capfd, "export", tmp_path / "photos", "--folder", tmp_path / "memory").out
    assert ": 1 photo; 0 events without a snapshot" in exported


def test_events_export_makes_a_folder_per_label(capfd, folder, tmp_path):
    (record,) = run_json(capfd, "export", tmp_path / "photos", "--folder", folder)
    assert record["labels"] == {"cat": 3}
    assert record["without"] == 1
    names = sorted(path.name for path in (tmp_path / "photos/cat").iterdir())
    assert [name[-14:] for name in names] == ["-b001-i001.jpg", "-b001-i002.jpg", "-b002-i001.jpg"]
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat"]
    message = run(capfd, "export", tmp_path / "photos", "--folder", folder, code=1).err
    assert "An export makes a new folder" in message
    assert "which exists" in message


def test_events_export_with_nothing_to_export_makes_no_folder(capfd, folder, tmp_path):
    text = run(capfd, "export", tmp_path / "p", "--folder", folder, "--label", "dog").out
    assert text == "nothing to export: no photo; 1 event without a snapshot\n"
    assert not (tmp_path / "p").exists()


def test_events_export_where_nothing_can_be_written(capfd, folder, tmp_path):
    (tmp_path / "file").write_text("")
    message = run(capfd, "export", tmp_path / "file/photos", "--folder", folder, code=1).err
    assert "An export needs room and a folder that can be written to" in message


def test_events_export_leaves_the_memory_out_of_names(capfd, tmp_path):
    recorder = open_recorder(tmp_path / "memory")
    tell(recorder, "../../etc", snapshot=picture())
    recorder.close()
    run(capfd, "export", tmp_path / "photos", "--folder", tmp_path / "memory")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["_.._.._etc"]


def test_events_prune_by_age_spares_what_has_no_date(capfd, folder):
    (record,) = run_json(capfd, "prune", "--older-than", "0.5h", "--yes", "--folder", folder)
    assert record["events"] == 3
    assert [row["sequence"] for row in run_json(capfd, "list", "--folder", folder)] == [5, 4]
    assert len(list((folder / "snapshots").iterdir())) == 1


def test_events_prune_by_number(capfd, folder):
    text = run(capfd, "prune", "--keep", "2", "--yes", "--folder", folder).out
    assert text.startswith("3 events removed, ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--yes",), "is said by age or by number. Received: neither"),
        (("--keep", "1", "--older-than", "1d"), "Received: --older-than and --keep"),
        (("--keep", "1"), "Nothing is removed without a yes. Received: no terminal"),
        (("--older-than", "soon", "--yes"), "number of minutes, hours or days. Received: 'soon'"),
    ],
)
def test_events_prune_refuses(capfd, folder, monkeypatch, options, message):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert message in run(capfd, "prune", "--folder", folder, *options, code=2).err
    with EventReader(folder) as reader:
        assert len(reader.find()) == 5


def test_events_prune_asks_at_a_terminal(capfd, folder, monkeypatch):
    terminal = io.StringIO("n\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    asked = run(capfd, "prune", "--keep", "1", "--folder", folder, code=1)
    assert "all but the newest 1, for good?" in asked.err
    with EventReader(folder) as reader:
        assert len(reader.find()) == 5


def test_events_stats(capfd, folder):
    (record,) = run_json(capfd, "stats", "--folder", folder)
    assert record["events"] == 5
    assert record["labels"] == {"cat": 3, "dog": 1}
    assert record["results"] == {"done": 1}
    assert record["undated"] == 1
    assert record["snapshots"] == {"kept": 3, "none": 2}
    text = run(capfd, "stats", "--folder", folder).out
    assert "5 events, 3 snapshots, 0 clips" in text
    assert "1 without a time to be trusted" in text


def test_events_since_of_no_time(capfd, folder):
    message = run(capfd, "list", "--since", "yesterday", "--folder", folder, code=2).err
    assert "--since must be a span or a date. Received: 'yesterday'" in message


def test_events_of_no_memory(capfd, tmp_path):
    message = run(capfd, "list", "--folder", tmp_path, code=1).err
    assert "The memory of events must exist" in message


def test_events_finds_the_memory_by_the_configuration(capfd, folder, tmp_path):
    pytest.importorskip("edge.config.reading")
    (tmp_path / "edge.toml").write_text('[store]\nfolder = "memory"\n')
    assert len(run_json(capfd, "list", "--config", tmp_path / "edge.toml")) == 5


def test_events_tells_a_time_that_is_none():
    assert event_tables.tell_time(1e20, is_dated=True) == "1e+20?"
