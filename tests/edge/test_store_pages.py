"""Rows read page by page are those that SQLite reads, whatever has become of other pages."""

import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from edge.store.pages import PageFile

PAGE_BYTES = 4096


def draw_value(draw):
    """Return a value of any type and size that SQLite stores."""
    bits = draw.choice((0, 1, 7, 8, 15, 23, 31, 47, 62))
    kinds = {
        "null": lambda: None,
        "integer": lambda: draw.randrange(-(1 << bits), 1 << bits),
        "float": lambda: draw.uniform(-1e9, 1e9),
        "text": lambda: "".join(draw.choices("aé\N{CAT FACE}\0", k=draw.choice((0, 9, 90)))),
        "blob": lambda: draw.randbytes(draw.choice((0, 1, 500, 4050, 4061, 4062, 9000))),
    }
    return kinds[draw.choice(list(kinds))]()


def write(path, *, rows=400, seed=0):
    """Make a database of two tables, some of whose rows are only in its log; leave it as it is."""
    draw = random.Random(seed)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("CREATE TABLE wide (number INTEGER PRIMARY KEY, a, b, c)")
    connection.execute("CREATE TABLE other (number INTEGER PRIMARY KEY, a)")
    connection.execute("CREATE INDEX by_a ON other (a, number)")
    connection.execute("INSERT INTO wide VALUES (3, ?, NULL, ?)", ("long" * 30_000, "\0"))
    for number in range(rows):
        values = [draw_value(draw) for _ in range(3)]
        connection.execute("INSERT INTO wide VALUES (?, ?, ?, ?)", (number * 7, *values))
        connection.execute("INSERT INTO other (a) VALUES (?)", (number,))
        if number == rows // 2:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if number % 5 == 4:
            connection.execute("DELETE FROM wide WHERE number = ?", (draw.randrange(number) * 7,))
    return connection


def read(path, columns=frozenset((4,))):
    with PageFile(path) as pages:
        return [row for leaf in pages.leaves(columns) for row in leaf]


def expected(connection):
    found = connection.execute("SELECT * FROM wide").fetchall()
    return {(number, (None, *values)) for number, *values in found}


@pytest.mark.parametrize("seed", range(5))
def test_leaves_hold_every_row_once_the_log_included(tmp_path, seed):
    with closing(write(tmp_path / "a.db", seed=seed)) as connection:
        assert (tmp_path / "a.db-wal").stat().st_size > PAGE_BYTES
        rows = read(tmp_path / "a.db")
        assert set(rows) == expected(connection)
        assert len(rows) == len(set(rows))
        both = read(tmp_path / "a.db", columns={2, 4})
        assert len(both) == len(rows) + 400


def test_leaves_without_first_page_and_roots_hold_every_row(tmp_path):
    with closing(write(tmp_path / "a.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = expected(connection)
        query = "SELECT rootpage FROM sqlite_master"
        roots = [row[0] for row in connection.execute(query)]
    with (tmp_path / "a.db").open("r+b") as file:
        for page in (1, *roots):
            file.seek((page - 1) * PAGE_BYTES)
            file.write(random.Random(page).randbytes(PAGE_BYTES))
    assert set(read(tmp_path / "a.db")) == rows


def test_leaves_with_other_pages_overwritten_are_rows_that_were_there(tmp_path):
    with closing(write(tmp_path / "a.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = expected(connection)
    pages = (tmp_path / "a.db").stat().st_size // PAGE_BYTES
    draw = random.Random(1)
    for _ in range(20):
        shutil.copyfile(tmp_path / "a.db", tmp_path / "b.db")
        with (tmp_path / "b.db").open("r+b") as file:
            for page in draw.sample(range(pages), 10):
                file.seek(page * PAGE_BYTES)
                file.write(draw.choice((bytes(PAGE_BYTES), draw.randbytes(PAGE_BYTES))))
        found = {number for number, _ in read(tmp_path / "b.db")}
        assert found <= {number for number, _ in rows}
        assert len(found) > len(rows) // 3


def test_leaves_of_a_torn_log_are_those_of_a_commit(tmp_path):
    states = []
    with closing(write(tmp_path / "a.db", rows=20)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(1000, 1030):
            states.append(expected(connection))
            connection.execute("INSERT INTO wide VALUES (?, ?, ?, ?)", (number, "x" * 900, 1, 2))
        states.append(expected(connection))
        for name in ("a.db", "a.db-wal"):
            shutil.copyfile(tmp_path / name, tmp_path / name.replace("a", "b", 1))
    log = (tmp_path / "b.db-wal").read_bytes()
    draw = random.Random(2)
    for number in range(40):
        at = draw.randrange(len(log))
        torn = log[:at] if number % 2 else log[:at] + draw.randbytes(len(log) - at)
        (tmp_path / "b.db-wal").write_bytes(torn)
        assert set(read(tmp_path / "b.db")) in states


def test_leaves_beyond_the_end_that_the_log_tells_are_not_read(tmp_path):
    """Pages that a vacuum has cut off are still in the file and in the log, as they once were."""
    with closing(write(tmp_path / "a.db", rows=5)) as connection:
        connection.execute("BEGIN")
        rows = [(number, "x" * 300) for number in range(100, 500)]
        connection.executemany("INSERT INTO wide VALUES (?, ?, 0, 0)", rows)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = (tmp_path / "a.db").stat().st_size // PAGE_BYTES
        connection.execute("DELETE FROM wide WHERE number < 400")
        connection.execute("PRAGMA incremental_vacuum").fetchall()
        connection.execute("UPDATE wide SET c = 1")
        connection.execute("DELETE FROM wide WHERE number > 450")
        assert connection.execute("PRAGMA page_count").fetchone()[0] < before
        assert set(read(tmp_path / "a.db")) == expected(connection)


def test_leaves_of_bytes_that_are_wrong_anywhere_end_in_order(tmp_path):
    write(tmp_path / "a.db", rows=60).close()
    content = (tmp_path / "a.db").read_bytes()
    draw = random.Random(3)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(200):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        (tmp_path / "b.db").write_bytes(damaged[: draw.randrange(len(damaged))])
        assert all(len(values) == 4 for _, values in read(tmp_path / "b.db"))


def test_leaves_of_what_is_no_database(tmp_path):
    for content in (b"", b"text", bytes(10 * PAGE_BYTES), b"\x0d" * 10 * PAGE_BYTES):
        (tmp_path / "a.db").write_bytes(content)
        (tmp_path / "a.db-wal").write_bytes(content)
        assert read(tmp_path / "a.db") == []
