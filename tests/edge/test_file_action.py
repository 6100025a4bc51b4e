import errno
import json
import os

import pytest
from occurrences import make_context, make_occurrence

from edge.actions.file import FileAction, FileSettings
from edge.errors import ActionError


def open_file(folder, **settings):
    return FileAction(
        FileSettings(**{"path": folder / "events.jsonl"} | settings), make_context(folder)
    )


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_file_action_appends_a_line_for_each_occurrence(tmp_path):
    action = open_file(tmp_path)
    assert action.perform(make_occurrence(1)) == "406 bytes appended"
    action.perform(make_occurrence(2, label="Käsekuchen\n\ud800"))
    first, second = read_lines(tmp_path / "events.jsonl")
    assert first == {
        "event_id": f"{1:032x}",
        "place": "porch",
        "rule": "let in",
        "label": "cat",
        "score": 0.9877,
        "scores": {"cat": 0.9877, "none": 0.0123},
        "evidence": "3 of 5",
        "time": "2027-01-15T08:00:00.250Z",
        "unix_seconds": 1_800_000_000.25,
        "monotonic_seconds": 12.5,
        "boot_id": "boot",
        "is_clock_trusted": True,
        "model_sha256": "ab" * 32,
    }
    assert second["label"] == "Käsekuchen\n\ud800"


def test_file_action_makes_the_folder_and_keeps_others_from_reading(tmp_path):
    path = tmp_path / "a" / "b" / "events.jsonl"
    open_file(tmp_path, path=path).perform(make_occurrence())
    assert path.stat().st_mode & 0o007 == 0


def test_file_action_ends_a_torn_line_before_its_own(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"whole": 1}\n{"ha')
    open_file(tmp_path).perform(make_occurrence())
    whole, torn, new = path.read_text().splitlines()
    assert (whole, torn, json.loads(new)["label"]) == ('{"whole": 1}', '{"ha', "cat")


def test_file_action_rotates_once(tmp_path):
    action = open_file(tmp_path, most_mb=0.001)
    for number in range(7):
        action.perform(make_occurrence(number))
    sizes = {path.name: len(read_lines(path)) for path in tmp_path.iterdir()}
    assert sizes == {"events.jsonl": 1, "events.jsonl.1": 2}
    assert read_lines(tmp_path / "events.jsonl")[0]["event_id"] == f"{6:032x}"


def test_file_action_leaves_no_half_line_on_a_full_disk(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    action = open_file(tmp_path)
    action.perform(make_occurrence())
    before = path.read_bytes()
    write = os.write

    def write_some(descriptor, data):
        if len(data) < 200:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:300])

    monkeypatch.setattr(os, "write", write_some)
    with pytest.raises(ActionError, match=r"events\.jsonl: No space left on device"):
        action.perform(make_occurrence())
    assert path.read_bytes() == before


def _folder(path):
    path.mkdir()


def _pipe(path):
    os.mkfifo(path)


def _under_a_file(path):
    path.parent.rmdir()
    path.parent.write_text("")


# (what is in the way, what the error says)
UNFIT = [
    (_folder, "Is a directory"),
    (_pipe, "something else than a regular file"),  # opening it for writing could take for ever
    (_under_a_file, "File exists"),
]


@pytest.mark.parametrize(("spoil", "reason"), UNFIT)
def test_file_action_says_what_is_in_the_way(tmp_path, spoil, reason):
    path = tmp_path / "folder" / "events.jsonl"
    path.parent.mkdir()
    spoil(path)
    action = open_file(tmp_path, path=path)
    with pytest.raises(ActionError, match=reason):
        action.perform(make_occurrence())
    with pytest.raises(ActionError, match=r"must be one that can be written.*Check its folder"):
        list(action.check())


def test_file_action_check_leaves_no_file_behind(tmp_path):
    action = open_file(tmp_path)
    assert list(action.check()) == [f"{tmp_path / 'events.jsonl'} can be written"]
    assert not list(tmp_path.iterdir())
    action.perform(make_occurrence())
    list(action.check())
    assert len(read_lines(tmp_path / "events.jsonl")) == 1
