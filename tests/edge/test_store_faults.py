"""The memory on disks that fill, break, vanish and refuse, and through deaths at any moment."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_disk import mounted
from store_parts import open_recorder, picture, tell, wait_for

import edge.store.keeper
from edge.snapshot import Snapshot
from edge.store.failures import Failure, classify_failure
from edge.store.reading import EventReader

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(edge.store.keeper, "_RETRY_SECONDS", 0.05)


def noisy(seed):
    """Return a snapshot whose JPEG is about 100 kB."""
    pixels = np.random.default_rng(seed).integers(0, 256, (240, 320, 3), np.uint8)
    return Snapshot(pixels)


def names(folder):
    with EventReader(folder) as reader:
        return {record.event_id for record in reader.find()}


def check(folder):
    """Return what quick_check says, and how many rows name a picture that is not whole."""
    connection = sqlite3.connect(folder / "events.sqlite")
    result = connection.execute("PRAGMA integrity_check").fetchone()[0]
    rows = connection.execute("SELECT snapshot FROM events WHERE snapshot_state = 'kept'")
    missing = [row[0] for row in rows if not (folder / row[0]).stat().st_size]
    connection.close()
    return result, missing


def test_store_full_disk_keeps_events_and_returns_by_itself(tmp_path):
    with mounted(tmp_path / "disk", "size=2m") as disk:
        folder = disk.folder / "memory"
        recorder = open_recorder(folder, reserve_mb=0.3)
        kept = [tell(recorder, snapshot=noisy(0))]
        assert recorder.flush(timeout_seconds=10)
        assert wait_for((folder / "reserve").exists)
        disk.fill()
        for seed in range(40):
            kept.append(tell(recorder, snapshot=noisy(seed)))
            assert recorder.flush(timeout_seconds=10), recorder.status()
        status = recorder.status()
        assert status.lost_snapshots > 0
        assert not any(path.stat().st_size == 0 for path in folder.rglob("*.jpg"))
        assert not list(folder.rglob("*.part"))
        assert names(folder) >= set(kept[-20:])
        for number in range(200):
            disk.fill(f"foreign-{number}")  # and takes whatever is freed
            kept.append(tell(recorder))
            if not recorder.flush(timeout_seconds=0.3):
                break
        assert recorder.status().trouble == "disk full"
        assert recorder.status().waiting >= 1
        for foreign in disk.folder.glob("foreign*"):
            foreign.unlink()
        started = time.monotonic()
        assert recorder.flush(timeout_seconds=30)
        assert wait_for(lambda: not recorder.status().trouble)
        assert time.monotonic() - started < 10
        assert wait_for((folder / "reserve").exists)
        kept.append(tell(recorder, snapshot=picture()))
        assert recorder.flush(timeout_seconds=10)
        with EventReader(folder) as reader:
            newest = reader.find(limit=1)[0]
        assert (newest.event_id, newest.snapshot_state) == (kept[-1], "kept")
        recorder.close()
        assert check(folder) == ("ok", [])
        assert kept[-1] in names(folder)


def test_store_full_disk_gives_up_the_oldest_pictures_first(tmp_path):
    with mounted(tmp_path / "disk", "size=3m") as disk:
        recorder = open_recorder(disk.folder / "memory", reserve_mb=0.3)
        for seed in range(60):
            tell(recorder, snapshot=noisy(seed))
            assert recorder.flush(timeout_seconds=10), recorder.status()
        assert recorder.status().trouble == ""
        with EventReader(disk.folder / "memory") as reader:
            states = [record.snapshot_state for record in reader.find()]
        assert len(states) == 60
        assert states[0] == "kept"
        assert states[-1] == "pruned"
        recorder.close()


def test_store_without_inodes_keeps_events_without_pictures(tmp_path):
    with mounted(tmp_path / "disk", "size=8m,nr_inodes=24") as disk:
        recorder = open_recorder(disk.folder / "memory")
        assert recorder.flush(timeout_seconds=10)
        assert wait_for((disk.folder / "memory/reserve").exists)
        kept = [tell(recorder, snapshot=picture()) for _ in range(1)]
        for _ in range(40):
            kept.append(tell(recorder, snapshot=picture()))
            assert recorder.flush(timeout_seconds=10), recorder.status()
        assert names(disk.folder / "memory") == set(kept)
        assert recorder.status().lost_snapshots > 0
        recorder.close()
        assert check(disk.folder / "memory") == ("ok", [])


def test_store_read_only_disk_goes_on_from_memory(tmp_path):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        recorder = open_recorder(disk.folder / "memory")
        tell(recorder)
        assert recorder.flush(timeout_seconds=10)
        recorder.close()
        disk.change("ro")
        recorder = open_recorder(disk.folder / "memory")
        event_id = tell(recorder, snapshot=picture())
        assert wait_for(lambda: "cannot be written" in recorder.status().trouble)
        assert recorder.status().waiting == 1
        disk.change("rw")
        assert recorder.flush(timeout_seconds=10)
        assert wait_for(lambda: not recorder.status().trouble)
        assert event_id in names(disk.folder / "memory")
        recorder.close()


def test_store_without_a_folder_that_can_be_made_goes_on_from_memory(tmp_path):
    (tmp_path / "file").write_text("")
    recorder = open_recorder(tmp_path / "file" / "memory")
    tell(recorder)
    assert wait_for(lambda: "cannot be written" in recorder.status().trouble)
    (tmp_path / "file").unlink()
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    assert len(names(tmp_path / "file" / "memory")) == 1


def write_events(folder, count):
    recorder = open_recorder(folder)
    made = [tell(recorder) for _ in range(count)]
    assert recorder.flush(timeout_seconds=20)
    recorder.close()
    return made


def damage(path, *pages, page_bytes=4096):
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * page_bytes)
            file.write(random.randbytes(page_bytes))


@pytest.mark.parametrize(
    ("pages", "least"),
    [
        ((1,), 300),  # the first page says where the tables are
        ((12,), 200),  # one with rows
        ((1, 12), 200),  # both
        ((3,), 300),  # the root of the table
        ((1, 3, 4, 5, 6, 7, 8), 250),  # all roots, and the first page
        (tuple(range(1, 200)), 0),  # nothing is left
    ],
)
def test_store_damaged_at_start_is_put_aside_and_salvaged(tmp_path, pages, least):
    made = write_events(tmp_path, 300)
    damage(tmp_path / "events.sqlite", *pages)
    started = time.monotonic()
    recorder = open_recorder(tmp_path)
    event_id = tell(recorder, snapshot=picture())
    assert recorder.flush(timeout_seconds=10)
    assert time.monotonic() - started < 10
    assert recorder.status().trouble == ""
    recorder.close()
    found = names(tmp_path)
    assert event_id in found
    assert len(found & set(made)) >= least
    assert found <= {*made, event_id}
    assert (tmp_path / "events.sqlite.corrupt-1").stat().st_size > 0
    assert check(tmp_path)[0] == "ok"


def test_store_damaged_on_a_full_disk_loses_nothing(tmp_path):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        folder = disk.folder / "memory"
        recorder = open_recorder(folder, reserve_mb=0.7)
        made = {tell(recorder) for _ in range(1000)}
        assert recorder.flush(timeout_seconds=60)
        assert wait_for((folder / "reserve").exists)
        recorder.close()
        damage(folder / "events.sqlite", 1)
        disk.fill()
        recorder = open_recorder(folder, reserve_mb=0.7)
        made.add(tell(recorder))
        assert recorder.flush(timeout_seconds=10)
        recorder.close()
        assert names(folder) == made
        assert check(folder)[0] == "ok"


def test_store_damaged_while_running_serves_on(tmp_path):
    made = write_events(tmp_path, 300)
    recorder = open_recorder(tmp_path)
    assert wait_for(lambda: recorder.status().events == 300)
    damage(tmp_path / "events.sqlite", *range(1, 60))
    started = time.monotonic()
    recorder._keeper._checked_seconds = recorder._keeper._looked_seconds = float("-inf")
    later = [tell(recorder) for _ in range(50)]
    assert recorder.flush(timeout_seconds=10)
    assert time.monotonic() - started < 10
    recorder.close()
    assert set(later) <= names(tmp_path) <= {*made, *later}
    assert check(tmp_path)[0] == "ok"


def test_store_keeps_two_damaged_databases_at_most(tmp_path):
    for _ in range(4):
        write_events(tmp_path, 3)
        damage(tmp_path / "events.sqlite", *range(1, 200))
    write_events(tmp_path, 1)
    assert sorted(path.name for path in tmp_path.glob("*.corrupt-?")) == [
        "events.sqlite.corrupt-3",
        "events.sqlite.corrupt-4",
    ]


def test_store_removed_while_running_begins_anew(tmp_path):
    recorder = open_recorder(tmp_path / "memory")
    tell(recorder)
    assert recorder.flush(timeout_seconds=10)
    shutil.rmtree(tmp_path / "memory")
    event_id = tell(recorder, snapshot=picture())
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    assert names(tmp_path / "memory") == {event_id}


def test_store_killed_at_any_moment_loses_no_acknowledged_event(tmp_path):
    acknowledged = set()
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/edge'}"}
    for round_ in range(6):
        child = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/edge/store_writer.py"), str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        first = child.stdout.readline()
        time.sleep(random.Random(round_).uniform(0, 0.1))
        os.kill(child.pid, signal.SIGKILL)
        acknowledged |= {first.strip(), *child.stdout.read().split()}
        child.stdout.close()
        child.wait()
    write_events(tmp_path, 1)
    assert acknowledged - names(tmp_path) == set()
    assert check(tmp_path) == ("ok", [])


def test_store_with_a_torn_log_loses_only_its_tail(tmp_path):
    recorder = open_recorder(tmp_path / "memory")
    made = [tell(recorder) for _ in range(40)]
    assert recorder.flush(timeout_seconds=10)
    shutil.copytree(tmp_path / "memory", tmp_path / "copy")
    recorder.close()
    size = (tmp_path / "copy/events.sqlite-wal").stat().st_size
    draw = random.Random(1)
    for number in range(30):
        folder = tmp_path / f"torn-{number}"
        shutil.copytree(tmp_path / "copy", folder)
        (folder / "events.sqlite-shm").unlink()
        offset = draw.randrange(size)
        with (folder / "events.sqlite-wal").open("r+b") as file:
            if number % 2:
                file.truncate(offset)
            else:
                file.seek(offset)
                file.write(bytes(size - offset))
        again = open_recorder(folder)
        event_id = tell(again)
        assert again.flush(timeout_seconds=10)
        again.close()
        found = names(folder) - {event_id}
        assert found == set(made[: len(found)])  # nothing is missing in between
        assert check(folder) == ("ok", [])


def test_store_whose_sync_fails_tries_again(tmp_path, monkeypatch):
    recorder = open_recorder(tmp_path)
    assert recorder.flush(timeout_seconds=10)
    failing = [True]
    true_fsync = os.fsync

    def fsync(descriptor):
        if failing[0]:
            raise OSError(5, "Input/output error")
        true_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    tell(recorder, snapshot=picture())
    assert recorder.flush(timeout_seconds=10)
    failing[0] = False
    recorder.close()
    with EventReader(tmp_path) as reader:
        (record,) = reader.find()
    assert record.snapshot_state == "lost"
    assert not list(tmp_path.glob("snapshots/*"))


@pytest.mark.parametrize(
    ("error", "free_bytes", "failure"),
    [
        (OSError(28, "full"), 0, Failure.FULL),
        (OSError(122, "quota"), 9**9, Failure.FULL),
        (OSError(30, "read-only"), 9**9, Failure.UNWRITABLE),
        (sqlite3.DatabaseError("damaged: page 7"), 9**9, Failure.DAMAGED),
        (sqlite3.DatabaseError("the database is not open"), 9**9, Failure.UNWRITABLE),
    ],
)
def test_classify_failure(error, free_bytes, failure):
    assert classify_failure(error, free_bytes=free_bytes) is failure


@pytest.mark.parametrize(
    ("code", "free_bytes", "failure"),
    [
        (sqlite3.SQLITE_FULL, 9**9, Failure.FULL),
        (sqlite3.SQLITE_IOERR_WRITE, 9**9, Failure.UNWRITABLE),  # the disk is broken
        (sqlite3.SQLITE_IOERR_SHMSIZE, 0, Failure.FULL),  # the map of the log does not fit
        (sqlite3.SQLITE_NOTADB, 9**9, Failure.DAMAGED),
        (sqlite3.SQLITE_ERROR, 9**9, Failure.DAMAGED),  # no such table
        (sqlite3.SQLITE_BUSY, 9**9, Failure.UNWRITABLE),
    ],
)
def test_classify_failure_of_sqlite(code, free_bytes, failure):
    error = sqlite3.OperationalError("it failed")
    error.sqlite_errorcode = code
    assert classify_failure(error, free_bytes=free_bytes) is failure
