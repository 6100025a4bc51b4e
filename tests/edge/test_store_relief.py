"""A memory that has to give something up, and what must never go with it."""

import os
import sqlite3
import threading
from dataclasses import replace

import numpy as np
import pytest
from small_disk import mounted
from store_parts import at, open_recorder, picture, tell, wait_for
from test_store_retention import Store

import edge.store.keeper
from edge.errors import OutputError, SettingError, StoreError
from edge.snapshot import Snapshot
from edge.store.database import DATABASE
from edge.store.export import export_snapshots
from edge.store.inbox import Filmed, Inbox, Started
from edge.store.media import SNAPSHOTS, MediaFolder
from edge.store.pruning import prune
from edge.store.reading import EventReader
from edge.store.relief import SPARED, drop_oldest
from edge.store.reserve import RESERVE
from edge.store.settings import StoreSettings
from edge.store.tables import EventRecord


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(edge.store.keeper, "_RETRY_SECONDS", 0.05)


def record(name="", **changes):
    made = EventRecord(
        event_id="ab" * 16,
        label="cat",
        scores={},
        wall_seconds=1_800_000_000.0,
        monotonic_seconds=1.0,
        boot_id="boot",
        is_trusted=True,
        snapshot=name,
        snapshot_state="kept",
    )
    return replace(made, **changes)


def test_store_started_on_a_full_disk_frees_itself(tmp_path):
    with mounted(tmp_path / "disk", "size=2m") as disk:
        folder = disk.folder / "memory"
        recorder = open_recorder(folder, reserve_mb=0.3)
        first = tell(recorder, snapshot=picture())
        assert recorder.flush(timeout_seconds=10)
        assert wait_for((folder / RESERVE).exists)
        recorder.close()
        disk.fill()
        recorder = open_recorder(folder, reserve_mb=0.3)
        second = tell(recorder, snapshot=picture())
        assert recorder.flush(timeout_seconds=10), recorder.status()
        assert recorder.status().trouble == ""
        assert not (folder / RESERVE).exists()
        recorder.close()
        with EventReader(folder) as reader:
            assert [event.event_id for event in reader.find()] == [second, first]


def test_store_damaged_on_a_full_disk_goes_on_writing(tmp_path):
    with mounted(tmp_path / "disk", "size=3m") as disk:
        folder = disk.folder / "memory"
        recorder = open_recorder(folder, reserve_mb=0.3)
        made = {tell(recorder) for _ in range(400)}
        assert recorder.flush(timeout_seconds=10)
        assert wait_for((folder / RESERVE).exists)
        recorder.close()
        with (folder / DATABASE).open("r+b") as file:
            file.seek(10 * 4096)
            file.write(os.urandom(4096))
        disk.fill()
        recorder = open_recorder(folder, reserve_mb=0.3)
        later = tell(recorder)
        assert recorder.flush(timeout_seconds=15), recorder.status()
        assert "has ended" not in recorder.status().trouble
        recorder.close()
        with EventReader(folder) as reader:
            found = [event.event_id for event in reader.find()]
        assert found[0] == later
        assert len(made & set(found)) > 300


def test_store_whose_mending_fails_tells_and_goes_on(tmp_path, monkeypatch):
    recorder = open_recorder(tmp_path)
    tell(recorder)
    assert recorder.flush(timeout_seconds=10)
    failing = [True]
    true_write = edge.store.keeper.insert_event

    def insert(connection, row):
        if failing[0]:
            raise OSError(28, "No space left on device")
        return true_write(connection, row)

    def free_disk(_house, **_settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(edge.store.keeper, "insert_event", insert)
    monkeypatch.setattr(edge.store.keeper.Housekeeping, "free_disk", free_disk)
    event_id = tell(recorder)
    assert wait_for(lambda: recorder.status().trouble == "disk full")
    failing[0] = False
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    with EventReader(tmp_path) as reader:
        assert reader.find(limit=1)[0].event_id == event_id


def test_store_that_no_freeing_helps_says_so(tmp_path, monkeypatch):
    def insert(_connection, _row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(edge.store.keeper, "insert_event", insert)
    monkeypatch.setattr(edge.store.keeper.Housekeeping, "free_disk", lambda _house: True)
    recorder = open_recorder(tmp_path)
    tell(recorder)
    assert wait_for(lambda: recorder.status().trouble == "disk full")
    assert recorder.status().waiting == 1
    recorder.close()


def test_store_does_not_put_aside_again_and_again(tmp_path, monkeypatch):
    def insert(_connection, _row):
        raise sqlite3.DatabaseError("damaged: each time")

    monkeypatch.setattr(edge.store.keeper, "insert_event", insert)
    recorder = open_recorder(tmp_path)
    tell(recorder)
    assert wait_for(lambda: "damaged" in recorder.status().trouble)
    assert not recorder.flush(timeout_seconds=0.5)  # it has tried some times more
    recorder.close()
    assert [path.name for path in tmp_path.glob("*.corrupt-?")] == [f"{DATABASE}.corrupt-1"]


def test_store_gives_up_a_value_that_has_no_form(tmp_path):
    recorder = open_recorder(tmp_path)
    recorder.note_door("1" * 10, at=replace(at(), wall_seconds=10**400))  # no double
    later = tell(recorder, snapshot=picture())
    assert recorder.flush(timeout_seconds=10)
    assert recorder.status().trouble == ""
    recorder.close()
    with EventReader(tmp_path) as reader:
        assert [event.event_id for event in reader.find()] == [later]


def test_snapshot_that_opencv_refuses(tmp_path):
    wrong = Snapshot(np.zeros((0, 0, 3), np.uint8))
    with pytest.raises(OutputError, match="fit for a JPEG file"):
        wrong.jpeg()
    recorder = open_recorder(tmp_path)
    tell(recorder, snapshot=Snapshot(np.zeros((0, 0, 3), np.uint8)))
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    with EventReader(tmp_path) as reader:
        assert reader.find()[0].snapshot_state == "lost"


def test_snapshot_size_shrinks_with_its_jpeg():
    snapshot = picture((64, 48))
    assert snapshot.size_bytes == 64 * 48 * 3
    assert snapshot.size_bytes > len(snapshot.jpeg()) == snapshot.size_bytes


def test_two_recorders_for_a_moment_lose_no_event(tmp_path):
    """One that is being closed still writes while the next one has begun, as after a SIGHUP."""
    before, after = open_recorder(tmp_path), open_recorder(tmp_path)
    assert wait_for(lambda: (tmp_path / DATABASE).exists())
    made = []
    for _ in range(20):
        for recorder in (before, after):
            made.append(tell(recorder, snapshot=picture()))
            assert recorder.flush(timeout_seconds=10)
    before.close()
    after.close()
    with EventReader(tmp_path) as reader:
        assert [event.event_id for event in reversed(reader.find())] == made


def test_recorder_status_tells_that_its_thread_has_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _arguments: None)

    def stop(_keeper, _job):
        raise KeyError("a mistake in the program")

    monkeypatch.setattr(edge.store.keeper.Keeper, "_write", stop)
    recorder = open_recorder(tmp_path)
    tell(recorder)
    assert wait_for(lambda: recorder.status().trouble == "the thread that writes has ended")
    recorder.close()


def test_recorder_status_tells_that_the_film_has_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _arguments: None)
    recorder = open_recorder(tmp_path, clips=True)

    def stop(_film, _seconds, _small):
        raise KeyError("a mistake in the program")

    monkeypatch.setattr("edge.store.film.Film._keep", stop)
    recorder._film._raw.append((0.0, np.zeros((8, 8, 3), np.uint8)))
    said = "the thread that makes the clips has ended"
    assert wait_for(lambda: recorder.status().trouble == said)
    recorder.close()


def test_picture_larger_than_its_share_is_lost_and_nothing_goes_for_it(tmp_path):
    recorder = open_recorder(tmp_path, keep_mb=5)
    kept = [tell(recorder, snapshot=picture()) for _ in range(5)]
    assert recorder.flush(timeout_seconds=10)
    recorder._inbox.put(Filmed(kept[-1], bytes(4_500_000)))
    assert recorder.flush(timeout_seconds=10)
    assert recorder.status().bytes < 5_000_000
    recorder.close()
    with EventReader(tmp_path) as reader:
        found = reader.find()
    assert [event.snapshot_state for event in found] == ["kept"] * 5
    assert found[0].clip_state == "lost"


def test_settings_refuse_a_reserve_that_leaves_no_room():
    with pytest.raises(SettingError, match="reserve_mb = 600 with keep_mb = 500"):
        StoreSettings(reserve_mb=600)


def test_inbox_bounds_the_bytes_of_pictures_that_wait():
    inbox = Inbox()
    for number in range(6):
        inbox.put(Filmed(f"e{number}", bytes(8_000_000)))
    assert inbox.lost_pictures == 2
    inbox.put(Started(record(), Snapshot(np.zeros((8, 8, 3), np.uint8))))
    assert inbox.lost_pictures == 3


def test_inbox_counts_outcomes_that_are_too_many(tmp_path):
    recorder = open_recorder(tmp_path)
    recorder._inbox.close()
    recorder._thread.join(timeout=10)
    for number in range(6002):
        recorder._inbox.put(Filmed(f"e{number}", None))
    recorder.close()
    assert recorder.status().trouble == "2 ends or outcomes are lost: too many waited"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",  # beside the folder
        "/etc/hostname",  # anywhere
        "snapshots/../../secret",  # through one of ours
        "snapshots/sub/file.jpg",  # not made by us
        "events.sqlite",  # the database itself
        "snapshots/..",  # the folder
        "snapshots/a\0b",  # no name at all
        "",  # none
    ],
)
def test_media_names_nothing_outside_its_folders(tmp_path, name):
    (tmp_path / "secret").write_text("secret")
    media = MediaFolder(tmp_path / "memory")
    media.write(SNAPSHOTS, 1, "e1", b"picture")
    assert media.find(name) is None
    assert media.size(name) == 0
    media.remove(name)
    assert (tmp_path / "secret").exists()


def test_export_of_a_foreign_memory_reads_only_its_pictures(tmp_path):
    folder = tmp_path / "memory"
    media = MediaFolder(folder)
    (tmp_path / "secret").write_text("secret")
    link = folder / SNAPSHOTS / "link.jpg"
    name = media.write(SNAPSHOTS, 1, "e1", b"picture")
    link.symlink_to(tmp_path / "secret")
    names = ("../secret", str(tmp_path / "secret"), f"{SNAPSHOTS}/link.jpg", f"{SNAPSHOTS}/gone")
    records = [record(one, label=f"l{index}") for index, one in enumerate(names)]
    exported = export_snapshots(
        [*records, record(name, wall_seconds=1e300)], folder, target=tmp_path / "photos"
    )
    assert (dict(exported.labels), exported.without) == ({"cat": 1}, 4)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat"]


def test_prune_leaves_a_picture_whose_row_is_about_to_be_written(tmp_path):
    recorder = open_recorder(tmp_path)
    for _ in range(3):
        tell(recorder, snapshot=picture())
    assert recorder.flush(timeout_seconds=10)
    name = MediaFolder(tmp_path).write(SNAPSHOTS, 4, "ff", b"its row follows")
    part = tmp_path / SNAPSHOTS / "00000005-ee.part"
    part.write_bytes(b"is being written")
    assert prune(tmp_path, keep=1).events == 2
    assert (tmp_path / name).exists()
    assert part.exists()
    recorder.close()


def test_prune_of_a_foreign_memory_removes_only_its_pictures(tmp_path):
    store = Store(tmp_path / "memory") if (tmp_path / "memory").mkdir() is None else None
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for _ in range(3):
        store.add(snapshot=b"picture")
    store.connection.execute("UPDATE events SET snapshot = ?, clip = '../secret'", (str(secret),))
    store.connection.close()
    assert prune(tmp_path / "memory", keep=1).events == 2
    assert secret.exists()


def test_drop_oldest_spares_the_newest(tmp_path):
    media = MediaFolder(tmp_path)
    for number in range(1, SPARED + 4):
        media.write(SNAPSHOTS, number, "e", b"picture")
    assert drop_oldest(media) == (SNAPSHOTS, [1, 2, 3])
    assert drop_oldest(media) == ("", [])


def test_housekeeping_does_not_count_anew_for_each_event(tmp_path):
    store = Store(tmp_path, keep_mb=5)
    statements = []
    store.connection.set_trace_callback(statements.append)
    for _ in range(40):
        store.add(snapshot=bytes(200_000))
    assert not [said for said in statements if "count(*)" in said]
    events, size_bytes = store.house.events, store.house.total_bytes()
    store.house.measure()
    assert (store.house.events, store.house.total_bytes()) == (events, size_bytes)
    store.connection.close()


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (
            "SELECT sequence FROM events WHERE (snapshot_state = 'kept' OR clip_state = 'kept') "
            "AND sequence < (SELECT max(sequence) FROM events) ORDER BY sequence LIMIT 32",
            "events_with_media",
        ),
        (
            "SELECT 1 FROM events WHERE boot_id = 'b' AND NOT is_trusted "
            "AND corrected_seconds IS NULL LIMIT 1",
            "events_without_date",
        ),
    ],
)
def test_what_is_asked_often_looks_through_an_index(tmp_path, statement, index):
    store = Store(tmp_path)
    plan = store.connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    store.connection.close()
    assert index in plan[0][3]


def test_event_whose_number_another_process_has_just_taken_gets_the_next(tmp_path, monkeypatch):
    before, after = open_recorder(tmp_path), open_recorder(tmp_path)
    made = [tell(before)]
    assert before.flush(timeout_seconds=10)
    monkeypatch.setattr(edge.store.keeper.Housekeeping, "has_changed", lambda _house: False)
    made.append(tell(after))  # does not know of the first
    assert after.flush(timeout_seconds=10)
    before.close()
    after.close()
    with EventReader(tmp_path) as reader:
        found = [(event.sequence, event.event_id) for event in reversed(reader.find())]
    assert found == [(1, made[0]), (2, made[1])]


def test_memory_whose_pictures_are_somebody_elses_says_so(tmp_path, monkeypatch):
    folder = tmp_path / "memory"
    recorder = open_recorder(folder)
    tell(recorder, snapshot=picture())
    assert recorder.flush(timeout_seconds=10)
    recorder.close()

    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(folder / SNAPSHOTS))

    monkeypatch.setattr("edge.store.media.os.scandir", refuse)
    monkeypatch.setattr("edge.store.export.shutil.copyfile", refuse)
    with EventReader(folder) as reader:
        records = reader.find()
        with pytest.raises(StoreError, match=r"snapshots: Permission denied.*user of the service"):
            reader.stats()
    with pytest.raises(OutputError, match=r"snapshots: Permission denied.*user of the service"):
        export_snapshots(records, folder, target=tmp_path / "photos")
    assert not (tmp_path / "photos").exists()
