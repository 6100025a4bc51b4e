"""Small files of which a power cut leaves the old or the new one, and its name."""

import os
from pathlib import Path

import pytest

from edge.durable import write_durably


@pytest.fixture
def synced(monkeypatch):
    """What reached the disk, in order: a file's content, or the names in a folder."""
    seen = []
    true_fsync = os.fsync

    def fsync(descriptor):
        true_fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        seen.append(sorted(one.name for one in path.iterdir()) if path.is_dir() else path.name)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_write_durably_syncs_the_file_and_then_its_name(tmp_path, synced):
    for text in ("first", "second"):
        write_durably(tmp_path / "note.json", text)
        assert (tmp_path / "note.json").read_text() == text
        assert synced == ["note.new", ["note.json"]]
        synced.clear()


def test_write_durably_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    write_durably(tmp_path / "note.json", "first")

    def fsync(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        write_durably(tmp_path / "note.json", "second")
    assert (tmp_path / "note.json").read_text() == "first"
