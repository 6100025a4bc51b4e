"""What the memory removes, and above all what it does not."""

import random
from dataclasses import replace

import pytest
from store_parts import NOON, Wall, at, open_recorder, picture, tell, wait_for

import edge.store.keeper
from edge.occurrence import Instant, Outcome
from edge.store.database import DATABASE, open_database
from edge.store.housekeeping import Housekeeping
from edge.store.media import CLIPS, SNAPSHOTS
from edge.store.pruning import prune
from edge.store.reading import EventReader
from edge.store.settings import StoreSettings
from edge.store.tables import EventRecord, insert_event, read_records

DAY_SECONDS = 86_400.0


class Store:
    """A database and its housekeeping, without threads."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.connection = open_database(folder / DATABASE)
        chosen = {"reserve_mb": 0, **settings}
        self.house = Housekeeping(self.connection, folder, StoreSettings(**chosen))
        self.number = 0

    def add(self, wall_seconds=NOON, *, is_trusted=True, snapshot=b"", clip=b""):
        self.number += 1
        event_id = f"{self.number:032x}"
        media = self.house.media
        record = EventRecord(
            sequence=self.number,
            event_id=event_id,
            label="cat",
            scores={},
            wall_seconds=wall_seconds,
            monotonic_seconds=float(self.number),
            boot_id="boot",
            is_trusted=is_trusted,
        )
        for name, kind, content in (("snapshot", SNAPSHOTS, snapshot), ("clip", CLIPS, clip)):
            if content:
                self.house.make_room(len(content))
                path = media.write(kind, self.number, event_id, content)
                self.house.note_media(len(content))
                changed = {name: path, f"{name}_state": "kept", f"{name}_bytes": len(content)}
                record = replace(record, **changed)
        insert_event(self.connection, record)
        self.house.settle(events=1, size_bytes=len(snapshot) + len(clip))

    def records(self):
        return list(read_records(self.connection, "ORDER BY sequence"))

    def numbers(self):
        return [record.sequence for record in self.records()]

    def on_disk(self):
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def make_store(tmp_path):
    opened = []

    def make(**settings):
        opened.append(Store(tmp_path, **settings))
        return opened[-1]

    yield make
    for store in opened:
        store.connection.close()


def now(wall_seconds, monotonic_seconds=0.0, *, is_trusted=True):
    return Instant(wall_seconds, monotonic_seconds, "boot", is_trusted)


def test_limit_events_keeps_the_newest(make_store):
    store = make_store(keep_events=10)
    for _ in range(15):
        store.add(snapshot=b"x")
        store.house.limit_events()
    assert store.numbers() == list(range(6, 16))
    assert len(list((store.folder / SNAPSHOTS).iterdir())) == 10


def test_make_room_removes_the_oldest_pictures_and_never_exceeds(make_store):
    store = make_store(keep_mb=5)
    for _ in range(60):
        store.add(snapshot=bytes(50_000), clip=bytes(200_000))
        assert store.on_disk() <= 5_000_000
    records = store.records()
    assert len(records) == 60
    assert records[-1].snapshot_state == records[-1].clip_state == "kept"
    states = [record.clip_state for record in records]
    assert states == sorted(states, reverse=True)  # pruned ones are the oldest
    assert store.house.total_bytes() == store.on_disk()


def test_make_room_removes_rows_where_pictures_are_not_enough(make_store):
    store = make_store(keep_mb=5)
    text = "x" * 20_000
    for _ in range(400):
        store.add()
        store.connection.execute(
            "UPDATE events SET evidence = ? WHERE sequence = ?", (text, store.number)
        )
        store.house.make_room(0)
        assert store.on_disk() <= 5_000_000
    assert store.numbers()[-1] == 400
    assert len(store.numbers()) > 50


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        (now(NOON + 91 * DAY_SECONDS), [2, 3, 4]),  # the first is known to be older than 90 days
        (now(NOON + 89 * DAY_SECONDS), [1, 2, 3, 4]),  # not yet
        (now(NOON + 91 * DAY_SECONDS, is_trusted=False), [1, 2, 3, 4]),  # who knows
        (now(NOON + 400 * DAY_SECONDS), [2, 4]),  # 1970 is not believed, the newest stays
    ],
)
def test_remove_aged(make_store, moment, left):
    store = make_store(keep_days=90)
    store.add(NOON)
    store.add(0.0, is_trusted=False)
    store.add(NOON + 10 * DAY_SECONDS)
    store.add(NOON + 10 * DAY_SECONDS)
    store.house.remove_aged(replace(moment, boot_id="a later one"))
    assert store.numbers() == left


def test_remove_aged_waits_an_hour_after_the_clock_was_set(make_store):
    store = make_store(keep_days=90)
    store.add(NOON)
    store.add(NOON)
    assert store.house.remove_aged(now(NOON, 0.0)) == 0
    jumped_seconds = NOON + 400 * DAY_SECONDS
    assert store.house.remove_aged(now(jumped_seconds + 600, 600.0)) == 0
    assert store.house.remove_aged(now(NOON + 1200, 1200.0)) == 0  # it was wrong, and is back
    assert store.numbers() == [1, 2]
    store.house.remove_aged(now(jumped_seconds + 1800, 1800.0))
    assert store.house.remove_aged(now(jumped_seconds + 5500, 5500.0)) == 1  # right after all


def test_remove_aged_knows_of_an_earlier_run_that_the_clock_was_set(make_store):
    store = make_store(keep_days=90)
    store.add(NOON)
    store.add(NOON)
    monotonic_seconds = store.records()[-1].monotonic_seconds
    jumped = now(NOON + 400 * DAY_SECONDS, monotonic_seconds + 60.0)
    assert store.house.remove_aged(jumped) == 0
    assert store.numbers() == [1, 2]


def test_reconcile_brings_rows_and_files_together(make_store):
    store = make_store()
    for _ in range(3):
        store.add(snapshot=b"picture", clip=b"film")
    first, second, _ = store.records()
    (store.folder / first.snapshot).unlink()  # by hand
    (store.folder / second.clip).write_bytes(b"")  # by a file system after a power cut
    (store.folder / SNAPSHOTS / "00000099-ff.jpg").write_bytes(b"no row")
    (store.folder / CLIPS / "00000003-aa.part").write_bytes(b"half")
    store.house.reconcile()
    states = [(record.snapshot_state, record.clip_state) for record in store.records()]
    assert states == [("lost", "kept"), ("kept", "lost"), ("kept", "kept")]
    assert sorted(path.parent.name for path, _ in store.house.media.files()) == [
        *("clips", "clips", "snapshots", "snapshots")
    ]


def test_reconcile_forgets_old_outcomes_without_their_event(tmp_path):
    recorder = open_recorder(tmp_path)
    for number in range(1200):
        recorder.note_outcome(Outcome("gone", "", "", "vetoed", str(number), at()))
    assert recorder.flush(timeout_seconds=20)
    recorder.close()
    recorder = open_recorder(tmp_path)
    assert recorder.flush(timeout_seconds=10)
    wait_for(lambda: recorder._keeper._house is not None)
    recorder.close()
    with EventReader(tmp_path) as reader:
        assert len(reader.outcomes("gone")) == 1000


def test_removed_events_take_their_outcomes_with_them(tmp_path):
    recorder = open_recorder(tmp_path, keep_events=10)
    first = tell(recorder)
    recorder.note_outcome(Outcome(first, "rule", "door", "done", "", at()))
    for _ in range(10):
        tell(recorder)
    assert recorder.flush(timeout_seconds=10)
    recorder.close()
    with EventReader(tmp_path) as reader:
        assert reader.stats().events == 10
        assert reader.outcomes(first) == []


def test_recorder_keeps_its_limit_through_90_days(tmp_path):
    wall = Wall(NOON)
    recorder = open_recorder(tmp_path, wall=wall, keep_mb=5, keep_days=30, keep_events=900)
    worst = 0
    draw = random.Random(3)
    for day in range(90):
        wall.set(NOON + day * DAY_SECONDS)
        for _ in range(15):
            size = draw.choice((32, 200, 500))
            tell(recorder, moment=wall.now(), snapshot=picture((size, size)))
        assert recorder.flush(timeout_seconds=20)
        worst = max(worst, recorder.status().bytes)
    recorder.close()
    assert worst <= 5_000_000
    with EventReader(tmp_path) as reader:
        stats = reader.stats()
    assert stats.events <= 900
    assert stats.bytes <= 5_000_000


def test_recorder_notices_what_another_process_has_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(edge.store.keeper, "_LOOK_SECONDS", 0.02)
    recorder = open_recorder(tmp_path)
    for _ in range(5):
        tell(recorder, snapshot=picture())
    assert wait_for(lambda: recorder.status().events == 5)
    assert prune(tmp_path, keep=2).events == 3
    assert wait_for(lambda: recorder.status().events == 2)
    recorder.close()


def test_recorder_jumping_clock_deletes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(edge.store.keeper, "_AGE_SECONDS", 0.0)
    monkeypatch.setattr(edge.store.keeper, "_LOOK_SECONDS", 0.0)
    wall = Wall(NOON)
    recorder = open_recorder(tmp_path, wall=wall, keep_days=1)
    for index in range(40):
        wall.set(NOON + random.Random(index).choice((-3600, 1, -1, 400 * DAY_SECONDS, -NOON)))
        tell(recorder, moment=wall.now())
        assert recorder.flush(timeout_seconds=10)
    assert wait_for(lambda: recorder.status().events == 40)
    recorder.close()


def test_reserve_comes_back_with_the_room(tmp_path, monkeypatch):
    monkeypatch.setattr(edge.store.keeper, "_LOOK_SECONDS", 0.02)
    recorder = open_recorder(tmp_path, reserve_mb=1)
    assert wait_for((tmp_path / "reserve").exists)
    (tmp_path / "reserve").unlink()
    assert wait_for((tmp_path / "reserve").exists)
    assert (tmp_path / "reserve").stat().st_size == 1_000_000
    recorder.close()
