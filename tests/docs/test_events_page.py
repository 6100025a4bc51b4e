"""Holds what is written about the memory of events against the program."""

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from store_parts import at, open_recorder, picture, tell

from edge import cli
from edge.occurrence import Outcome
from edge.store.settings import StoreSettings

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "commands.md").read_text()


def documented(heading):
    table = re.search(rf"^\| JSON of {heading} \|.*\n\|.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return {re.match(r"\| `([^`]+)`", row)[1] for row in table[1].splitlines()}


def names(record, whole=()):
    """Name the fields of a record as the page does: a mapping by one of its keys, in capitals."""
    capitals = {
        **dict.fromkeys(("scores", "labels"), "LABEL"),
        **{"results": "RESULT", "snapshots": "STATE", "clips": "STATE"},
    }
    return {
        f"{key}.{capitals[key]}" if isinstance(value, dict) else key
        for key, value in record.items()
        if key not in whole
    }


@pytest.fixture
def folder(tmp_path):
    recorder = open_recorder(tmp_path / "memory")
    event_id = tell(recorder, snapshot=picture())
    recorder.note_outcome(Outcome(event_id, "let the cat in", "door", "done", "", at()))
    recorder.close()
    return tmp_path / "memory"


def run(capfd, *arguments):
    assert cli.main(["events", *map(str, arguments), "--json"]) == 0
    return json.loads(capfd.readouterr().out)


def test_json_of_events_is_documented(capfd, folder, tmp_path):
    place = ("--folder", folder)
    assert names(run(capfd, "list", *place)) == documented("a remembered event")
    shown = run(capfd, "show", "1", *place)
    assert names(shown, ("outcomes",)) == documented("a remembered event")
    assert set(shown["outcomes"][0]) == documented("a remembered outcome")
    assert names(run(capfd, "export", tmp_path / "photos", *place)) == documented("an export")
    assert names(run(capfd, "stats", *place)) == documented("a memory")
    assert names(run(capfd, "prune", "--keep", 1, "--yes", *place)) == documented("a pruning")


def test_settings_on_the_page_are_the_defaults():
    table = re.search(r"```toml\n(.*?)```", (DOCS / "events.md").read_text(), re.DOTALL)[1]
    store = tomllib.loads(table)["store"]
    defaults = {field.name: field.default for field in fields(StoreSettings)}
    assert {**store, "folder": Path(store["folder"])} == defaults
