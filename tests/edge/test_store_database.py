"""The database file: versions, copies before a change, and reading beside the one who writes."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store_parts import BOOT, NOON, appearance, at, open_recorder, tell

from edge.clock import SystemClock
from edge.errors import NewerStoreError, StoreError
from edge.occurrence import Outcome
from edge.sqlite_file import put_aside
from edge.store.database import DATABASE, find_damage_on_disk, open_database, open_for_reading
from edge.store.pruning import prune
from edge.store.reading import EventReader
from edge.store.salvage import finish_replacement, replace_damaged
from edge.store.tables import MIGRATIONS, SELECT_EVENTS, check_outcome_row, read_record
from edge.testing import ManualClock

SECOND = ("ALTER TABLE events ADD COLUMN weather TEXT NOT NULL DEFAULT ''",)


def remember(folder, count=3):
    recorder = open_recorder(folder)
    made = [tell(recorder) for _ in range(count)]
    assert recorder.flush(timeout_seconds=60)
    recorder.close()
    return made


def roots(folder):
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        return [row[0] for row in connection.execute("SELECT rootpage FROM sqlite_master")]


def overwrite(path, *pages):
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(random.Random(page).randbytes(4096))


class EndingClock(ManualClock):
    """A clock at whose nth look the program ends."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    def monotonic(self):
        self.looks -= 1
        if not self.looks:
            raise KeyboardInterrupt
        return super().monotonic()


class SteppingClock(ManualClock):
    """A clock that goes on with every look at it."""

    def __init__(self, step_seconds):
        super().__init__()
        self.step_seconds = step_seconds

    def monotonic(self):
        self.advance(self.step_seconds)
        return super().monotonic()


def test_open_database_commits_to_the_disk(tmp_path):
    connection = open_database(tmp_path / DATABASE)
    settings = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "user_version")
    ]
    connection.close()
    assert settings == ["wal", 2, len(MIGRATIONS)]


def test_migration_keeps_a_copy_and_every_row(tmp_path):
    made = remember(tmp_path)
    connection = open_database(tmp_path / DATABASE, migrations=(*MIGRATIONS, SECOND))
    rows = connection.execute("SELECT event_id, weather FROM events").fetchall()
    assert rows == [(event_id, "") for event_id in made]
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS) + 1
    connection.close()
    copy = sqlite3.connect(tmp_path / f"{DATABASE}.before-2")
    assert copy.execute("SELECT count(*) FROM events").fetchone()[0] == 3
    assert copy.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    copy.close()


def test_migration_that_fails_changes_nothing(tmp_path):
    remember(tmp_path)
    broken = (*SECOND, "DELETE FROM nowhere")
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        open_database(tmp_path / DATABASE, migrations=(*MIGRATIONS, broken))
    with EventReader(tmp_path) as reader:
        assert len(reader.find()) == 3


def test_open_database_refuses_a_newer_one(tmp_path):
    open_database(tmp_path / DATABASE, migrations=(*MIGRATIONS, SECOND)).close()
    before = (tmp_path / DATABASE).read_bytes()
    for opening in (open_database, open_for_reading):
        with pytest.raises(NewerStoreError, match=r"version 1 or older\. Received: version 2 in"):
            opening(tmp_path / DATABASE)
    assert (tmp_path / DATABASE).read_bytes() == before


def test_reader_without_a_memory(tmp_path):
    with pytest.raises(StoreError, match=r"must exist\. Received: no events\.sqlite in .*edge run"):
        EventReader(tmp_path)
    with pytest.raises(StoreError, match="must exist"):
        prune(tmp_path / "missing", keep=1)
    assert not (tmp_path / "missing").exists()


def test_reader_of_something_else(tmp_path):
    (tmp_path / DATABASE).write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreError, match=r"must be readable\. Received: .*file is not a database"):
        EventReader(tmp_path)


def test_reader_of_damaged_rows_says_what_helps(tmp_path):
    remember(tmp_path)
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("UPDATE events SET scores = 'no json'")
    connection.commit()
    connection.close()
    with EventReader(tmp_path) as reader, pytest.raises(StoreError, match="Start edge run"):
        reader.find()


def test_reader_reads_beside_the_one_who_writes(tmp_path):
    recorder = open_recorder(tmp_path)
    tell(recorder)
    assert recorder.flush(timeout_seconds=10)
    with EventReader(tmp_path) as reader:
        assert len(reader.find()) == 1
        tell(recorder)
        assert recorder.flush(timeout_seconds=10)
        assert len(reader.find()) == 2
        assert reader.stats().events == 2
    recorder.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("99", "there is none"),
        ("abc", "there is none"),  # too short for an id
        ("00000000", "there is none"),
        ("'; DROP TABLE events", "there is none"),
        ("9" * 40, "there is none"),
    ],
)
def test_reader_get_what_is_not_there(tmp_path, name, reason):
    remember(tmp_path)
    with EventReader(tmp_path) as reader, pytest.raises(StoreError, match=reason):
        reader.get(name)


def test_reader_get_by_number_and_by_id(tmp_path):
    made = remember(tmp_path)
    with EventReader(tmp_path) as reader:
        assert reader.get("2").event_id == made[1]
        assert reader.get(made[2][:8]).sequence == 3
        assert reader.get("1").time_seconds == NOON


def test_prune_of_a_memory_that_cannot_be_written(tmp_path, monkeypatch):
    remember(tmp_path)

    def refuse(*_, **__):
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("edge.store.pruning.open_database", refuse)
    with pytest.raises(StoreError, match=r"must be writable.*readonly.*as the user that runs edge"):
        prune(tmp_path, keep=1)


def test_find_damage_on_disk_looks_past_what_is_remembered(tmp_path):
    remember(tmp_path, 200)
    assert find_damage_on_disk(tmp_path / DATABASE) == ""
    with (tmp_path / DATABASE).open("r+b") as file:
        file.seek(4096 * 4)
        file.write(b"\xa5" * 8192)
    assert find_damage_on_disk(tmp_path / DATABASE)
    assert find_damage_on_disk(tmp_path / "missing") == ""


def test_salvage_leaves_the_damaged_database_as_it_is(tmp_path):
    made = remember(tmp_path, 200)
    with (tmp_path / DATABASE).open("r+b") as file:
        file.write(bytes(4096))
    before = (tmp_path / DATABASE).read_bytes()
    connection, salvage = replace_damaged(tmp_path / DATABASE, clock=SystemClock())
    connection.close()
    assert (salvage.events, salvage.outcomes) == (len(made), 0)
    assert salvage.aside.read_bytes() == before


def test_salvage_takes_outcomes_and_the_newest_state_of_events(tmp_path):
    recorder = open_recorder(tmp_path)
    made = [tell(recorder) for _ in range(100)]
    for event_id in made:
        recorder.note_outcome(Outcome(event_id, "let in", "door", "done", "x" * 9000, at()))
        recorder.end(event_id, appearance(end_seconds=9.0), at=at(NOON + 8))
    assert recorder.flush(timeout_seconds=60)
    recorder.close()
    overwrite(tmp_path / DATABASE, 1, *roots(tmp_path))
    connection, salvage = replace_damaged(tmp_path / DATABASE, clock=SystemClock())
    connection.close()
    assert (salvage.events, salvage.outcomes) == (100, 100)
    with EventReader(tmp_path) as reader:
        assert {record.end_wall_seconds for record in reader.find()} == {NOON + 8}
        assert reader.outcomes(made[0])[0]["detail"] == "x" * 9000


@pytest.mark.parametrize("pages", ["first", "first and roots"])
def test_salvage_brings_nothing_back_that_was_pruned(tmp_path, pages):
    made = remember(tmp_path, 400)
    assert prune(tmp_path, keep=150).events == 250
    overwrite(tmp_path / DATABASE, 1, *(roots(tmp_path) if pages == "first and roots" else ()))
    connection, _ = replace_damaged(tmp_path / DATABASE, clock=SystemClock())
    connection.close()
    with EventReader(tmp_path) as reader:
        assert {record.event_id for record in reader.find()} == set(made[250:])


def test_salvage_ends_in_time(tmp_path):
    remember(tmp_path, 400)
    overwrite(tmp_path / DATABASE, 1)
    clock = SteppingClock(0.5)
    connection, salvage = replace_damaged(tmp_path / DATABASE, clock=clock)
    connection.close()
    assert 0 < salvage.events < 400
    assert clock.monotonic() < 10


def test_salvage_that_is_cut_short_leaves_all_to_the_next(tmp_path):
    made = remember(tmp_path, 400)
    overwrite(tmp_path / DATABASE, 1)
    before = (tmp_path / DATABASE).read_bytes()
    for suffix in ("", "-wal", "-journal"):
        (tmp_path / f"{DATABASE}.new{suffix}").write_bytes(b"of one that was killed")
    with pytest.raises(KeyboardInterrupt):
        replace_damaged(tmp_path / DATABASE, clock=EndingClock(10))
    assert [path.name for path in tmp_path.glob(f"{DATABASE}*")] == [DATABASE]
    assert (tmp_path / DATABASE).read_bytes() == before
    connection, salvage = replace_damaged(tmp_path / DATABASE, clock=SystemClock())
    connection.close()
    assert salvage.events == len(made)


def test_salvage_that_ends_between_its_two_renames_is_finished_by_the_next_start(
    tmp_path, monkeypatch
):
    made = remember(tmp_path, 400)
    overwrite(tmp_path / DATABASE, 1)
    rename = Path.replace

    def cut(path, target):
        if path.name.endswith(".new"):
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            replace_damaged(tmp_path / DATABASE, clock=SystemClock())
    (tmp_path / f"{DATABASE}-wal").write_bytes(b"of the damaged one")
    remember(tmp_path, 1)
    with EventReader(tmp_path) as reader:
        assert len(reader.find(limit=1000)) == len(made) + 1


def test_half_of_a_salvage_is_not_moved_in(tmp_path):
    for suffix in ("", "-journal"):
        (tmp_path / f"{DATABASE}.new{suffix}").write_bytes(b"of one that was killed")
    finish_replacement(tmp_path / DATABASE)
    assert not (tmp_path / DATABASE).exists()


def test_put_aside_keeps_the_newest_whatever_their_numbers(tmp_path):
    for number in ("1", "20261130", "20261130-wal", "x"):
        (tmp_path / f"a.db.corrupt-{number}").write_bytes(b"")
    for number in (20261131, 20261132):
        (tmp_path / "a.db").write_bytes(b"")
        assert put_aside(tmp_path / "a.db").name == f"a.db.corrupt-{number}"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a.db.corrupt-20261131", "a.db.corrupt-20261132", "a.db.corrupt-x"]


def test_outcome_row_that_is_none_is_refused():
    row = [7, "ab" * 16, "let in", "door", "done", "", NOON, 3, BOOT, 1]
    assert check_outcome_row(row) == row
    for column, value in ((1, "short"), (2, None), (5, b""), (6, "noon"), (9, None)):
        with pytest.raises(ValueError, match="no outcome"):
            check_outcome_row([*row[:column], value, *row[column + 1 :]])


def test_salvage_passes_over_scores_that_lie_too_deep(tmp_path):
    made = remember(tmp_path, 3)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("UPDATE events SET scores = ? WHERE sequence = 2", ("[" * 99_000,))
    overwrite(tmp_path / DATABASE, 1)
    connection, _ = replace_damaged(tmp_path / DATABASE, clock=SystemClock())
    connection.close()
    with EventReader(tmp_path) as reader:
        assert {record.event_id for record in reader.find()} == {made[0], made[2]}


def test_read_record_refuses_what_is_no_event(tmp_path):
    remember(tmp_path, 1)
    connection = open_for_reading(tmp_path / DATABASE)
    row = list(connection.execute(SELECT_EVENTS).fetchone())
    connection.close()
    assert read_record(row).sequence == 1
    row[1] = "short"
    with pytest.raises(ValueError, match="no event"):
        read_record(row)


def test_database_in_a_folder_that_cannot_be_asked_is_an_error(tmp_path):
    with pytest.raises(StoreError, match=r"must be readable\. Received: .*File name too long"):
        open_for_reading(tmp_path / ("x" * 300) / DATABASE)
