"""The memory as the responder uses it."""

import math
import sqlite3
import threading
import time

import pytest
from store_parts import (
    BOOT,
    MODEL,
    NOON,
    Wall,
    appearance,
    at,
    open_recorder,
    picture,
    tell,
    wait_for,
)

from edge.errors import NewerStoreError
from edge.occurrence import Outcome
from edge.records import Look, Picture
from edge.store.reading import EventReader
from edge.testing import blank_frame


def read_all(folder):
    with EventReader(folder) as reader:
        return reader.find()


def test_recorder_remembers_an_event_with_all_that_belongs_to_it(tmp_path):
    recorder = open_recorder(tmp_path)
    event_id = "a1" * 16
    recorder.start(
        event_id,
        appearance(),
        scores={"cat": 0.93, "none": math.nan},
        at=at(),
        snapshot=picture(),
        rule="let the cat in",
    )
    recorder.note_outcome(Outcome(event_id, "let the cat in", "door", "done", "open", at()))
    recorder.end(event_id, appearance(end_seconds=5.0), at=at(NOON + 4))
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    with EventReader(tmp_path) as reader:
        (record,) = reader.find()
        outcomes = reader.outcomes(event_id)
    assert (record.event_id, record.label, record.score) == (event_id, "cat", 0.93)
    assert record.scores == {"cat": 0.93}
    assert (record.rule, record.evidence) == ("let the cat in", "3 of 5")
    assert (record.model, record.model_sha256) == (MODEL.name, MODEL.sha256)
    assert (record.wall_seconds, record.boot_id, record.is_trusted) == (NOON, BOOT, True)
    assert record.end_monotonic_seconds - record.monotonic_seconds == 4
    assert (record.start_seconds, record.end_seconds) == (1.0, 5.0)
    assert record.snapshot == f"snapshots/00000001-{event_id}.jpg"
    assert (tmp_path / record.snapshot).read_bytes()[:2] == b"\xff\xd8"
    assert [(one["action"], one["result"]) for one in outcomes] == [("door", "done")]


def test_recorder_remembers_a_door_moved_by_hand(tmp_path):
    recorder = open_recorder(tmp_path)
    recorder.note_door("door: lock", at=at())
    recorder.close()
    (record,) = read_all(tmp_path)
    assert (record.kind, record.text, record.label) == ("door", "door: lock", "")


def test_recorder_without_snapshots_keeps_none(tmp_path):
    recorder = open_recorder(tmp_path, snapshots=False)
    tell(recorder, snapshot=picture())
    recorder.close()
    assert read_all(tmp_path)[0].snapshot_state == "none"
    assert not (tmp_path / "snapshots").exists()


def test_recorder_status_tells_what_is_there(tmp_path):
    recorder = open_recorder(tmp_path)
    for _ in range(3):
        tell(recorder, snapshot=picture())
    assert wait_for(lambda: recorder.status().events == 3)
    status = recorder.status()
    assert (status.waiting, status.lost_snapshots, status.trouble) == (0, 0, "")
    on_disk = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert status.bytes == pytest.approx(on_disk, abs=100_000)
    assert status.free_bytes > 0
    recorder.close()


def test_recorder_goes_on_counting_where_it_ended(tmp_path):
    for _ in range(2):
        recorder = open_recorder(tmp_path)
        tell(recorder)
        recorder.close()
        recorder.close()
    assert [record.sequence for record in read_all(tmp_path)] == [2, 1]


def test_recorder_stores_texts_that_are_no_text(tmp_path):
    recorder = open_recorder(tmp_path)
    event_id = tell(recorder, "ca\udcfft")
    recorder.note_outcome(Outcome(event_id, "", "run", "failed", "\udc80\x00", at()))
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    assert read_all(tmp_path)[0].label == "ca?t"


def test_recorder_gives_up_what_no_database_takes(tmp_path, caplog):
    recorder = open_recorder(tmp_path)
    recorder.start("b" * 32, appearance(), scores={}, at=at(), rule=None)
    tell(recorder)
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    assert len(read_all(tmp_path)) == 1
    assert "a record cannot be stored (NOT NULL constraint failed: events.rule)" in caplog.text


def test_recorder_a_picture_that_is_none_is_lost_and_the_event_kept(tmp_path):
    recorder = open_recorder(tmp_path)
    tell(recorder, snapshot=picture((70_000, 1)))
    recorder.close()
    (record,) = read_all(tmp_path)
    assert (record.snapshot_state, record.snapshot) == ("lost", "")
    assert not list(tmp_path.glob("snapshots/*"))


def test_recorder_corrects_times_of_this_boot_once_the_clock_is_right(tmp_path):
    wall = Wall(0.0, is_trusted=False)  # 1970
    recorder = open_recorder(tmp_path, wall=wall)
    tell(recorder, moment=wall.now())
    tell(recorder, moment=at(5.0, is_trusted=False, boot="another boot"))
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    first = read_all(tmp_path)[-1]
    assert (first.is_trusted, first.corrected_seconds, first.is_dated) == (False, None, False)
    wall.set(NOON)
    wall.is_trusted = True
    recorder = open_recorder(tmp_path, wall=wall)
    recorder.flush(timeout_seconds=10)
    assert wait_for(lambda: read_all(tmp_path)[-1].corrected_seconds is not None)
    recorder.close()
    other, first = read_all(tmp_path)
    assert first.time_seconds == pytest.approx(NOON, abs=60)
    assert first.wall_seconds < 100  # as it was
    assert not first.is_trusted
    assert first.is_dated
    assert other.corrected_seconds is None  # nothing is known of another boot's clock


def test_recorder_refuses_the_memory_of_a_newer_version_and_leaves_it(tmp_path):
    recorder = open_recorder(tmp_path)
    tell(recorder)
    recorder.close()
    path = tmp_path / "events.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(
        NewerStoreError, match=r"must be of version 1 or older.*version 99.*newer catseye"
    ):
        open_recorder(tmp_path)
    assert path.read_bytes() == before


def test_recorder_never_makes_the_loop_wait_for_a_disk_that_hangs(tmp_path):
    recorder = open_recorder(tmp_path)
    held = sqlite3.connect(tmp_path / "events.sqlite", isolation_level=None)
    assert wait_for(lambda: (tmp_path / "events.sqlite-wal").exists())
    held.execute("BEGIN EXCLUSIVE")
    worst_seconds = 0.0
    for _ in range(1100):
        started = time.monotonic()
        tell(recorder, snapshot=picture())
        worst_seconds = max(worst_seconds, time.monotonic() - started)
    assert worst_seconds < 0.1
    status = recorder.status()
    assert status.waiting == 1000
    assert status.lost_snapshots >= 1000
    held.execute("COMMIT")
    held.close()
    assert recorder.flush(timeout_seconds=20)
    assert "events are lost" in recorder.status().trouble
    recorder.close()
    assert len(read_all(tmp_path)) in (1000, 1001)  # one was being written as it was left out


def test_recorder_film_costs_the_loop_little(tmp_path):
    recorder = open_recorder(tmp_path, clips=True)
    costs = []
    for index in range(60):
        seconds = time.monotonic() + index * 0.2
        frame = blank_frame(index, captured_seconds=seconds, size_wh=(640, 480))
        started = time.thread_time()
        recorder.see(Look(Picture.LIVE, frame))
        costs.append(time.thread_time() - started)
    recorder.see(Look(Picture.OFFLINE))
    recorder.close()
    assert sorted(costs)[len(costs) // 2] < 0.001


def test_recorder_says_when_its_thread_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr("edge.store.keeper.Keeper.run", lambda self: 1 / 0)
    recorder = open_recorder(tmp_path)
    assert wait_for(lambda: recorder.status().trouble == "the thread that writes has ended")
    recorder.close()


def test_recorder_writes_nothing_while_nothing_happens(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.store.keeper._LOOK_SECONDS", 0.02)
    recorder = open_recorder(tmp_path, clips=True)
    tell(recorder, snapshot=picture())
    assert recorder.flush(timeout_seconds=10)
    assert wait_for(lambda: recorder.status().events == 1)

    def look():
        files = sorted(file for file in tmp_path.rglob("*") if file.is_file())
        return [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]

    before = look()
    looked_seconds = recorder._keeper._looked_seconds
    assert wait_for(lambda: recorder._keeper._looked_seconds > looked_seconds + 0.1)
    assert look() == before
    recorder.close()
