"""What to do about a damaged database: put it aside, and take over what can still be read."""

import contextlib
import logging
import shutil
import sqlite3
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.records import Clock
from edge.store.database import open_database, transaction
from edge.store.tables import (
    SELECT_EVENTS,
    SELECT_OUTCOMES,
    insert_event,
    insert_outcome_row,
    read_record,
)

logger = logging.getLogger(__name__)

_LONGEST_SECONDS = 5.0  # of looking for rows; then service goes on with what was found
_KEPT_ASIDE = 2
_BEYOND = 1 << 22  # highest sequence that is looked for where the table does not tell
_PAGE_BYTES = 4096
_SIZE_AND_FREE = slice(28, 40)  # of the header: pages of the file, first free page, free pages


@dataclass(frozen=True, slots=True)
class Salvage:
    """What became of a damaged database.

    Attributes:
        aside: Where it is now.
        events: Events that could be read.
        outcomes: Outcomes that could be read.
    """

    aside: Path
    events: int
    outcomes: int


def replace_damaged(path: Path, *, clock: Clock) -> tuple[sqlite3.Connection, Salvage]:
    """Put a damaged database aside and open a new one that holds what was readable.

    Raises:
        sqlite3.Error: The new one cannot be written.
        OSError: The old one cannot be moved.
    """
    aside = _put_aside(path)
    connection = open_database(path)
    try:
        salvage = Salvage(aside, *_fill(connection, path, aside, clock))
    except BaseException:
        connection.close()
        raise
    logger.warning(
        "memory: the database was damaged; %d events read from it, the rest is in %s",
        salvage.events,
        aside,
    )
    return connection, salvage


def _fill(connection: sqlite3.Connection, path: Path, aside: Path, clock: Clock) -> tuple[int, int]:
    """Take over what is readable; return how many events and outcomes there were."""
    deadline_seconds = clock.monotonic() + _LONGEST_SECONDS
    counts = _take_over(aside, connection, clock, deadline_seconds)
    if counts == (0, 0):  # perhaps only the first page is gone, which says where the tables are
        repaired = _replace_first_page(aside, path)
        if repaired is not None:
            counts = _take_over(repaired, connection, clock, deadline_seconds)
            _remove(repaired)
    return counts


def _put_aside(path: Path) -> Path:
    """Move a database with its log; the newest two stay."""
    number = 1 + max(map(_number_of, path.parent.glob(f"{path.name}.corrupt-*")), default=0)
    aside = path.with_name(f"{path.name}.corrupt-{number}")
    path.replace(aside)
    with contextlib.suppress(FileNotFoundError):
        path.with_name(path.name + "-wal").replace(aside.with_name(aside.name + "-wal"))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    for old in range(1, number - _KEPT_ASIDE + 1):
        _remove(path.with_name(f"{path.name}.corrupt-{old}"))
    return aside


def _number_of(path: Path) -> int:
    digits = path.name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _take_over(
    source: Path, connection: sqlite3.Connection, clock: Clock, deadline_seconds: float
) -> tuple[int, int]:
    """Copy the readable rows; return how many events and outcomes there were."""
    events = outcomes = 0
    damaged = sqlite3.connect(source)
    damaged.text_factory = lambda data: data.decode("utf-8", "replace")
    with contextlib.closing(damaged), transaction(connection):
        for row in _readable_rows(damaged, SELECT_EVENTS, "events", clock, deadline_seconds):
            with contextlib.suppress(ValueError, TypeError, sqlite3.IntegrityError):
                insert_event(connection, read_record(row))
                events += 1
        for row in _readable_rows(damaged, SELECT_OUTCOMES, "outcomes", clock, deadline_seconds):
            with contextlib.suppress(sqlite3.IntegrityError):
                insert_outcome_row(connection, row)
                outcomes += 1
    return events, outcomes


def _readable_rows(
    damaged: sqlite3.Connection, select: str, table: str, clock: Clock, deadline_seconds: float
) -> Iterator[Any]:
    """Yield what can be read, halving each range in which something cannot.

    The widest ranges come first: time that runs out is lost on the damage, not on what is whole.
    """
    ranges = deque([(0, _find_last(damaged, table))])
    while ranges and clock.monotonic() < deadline_seconds:
        low, high = ranges.popleft()
        try:
            rows = damaged.execute(f"{select} WHERE sequence BETWEEN ? AND ?", (low, high))
            found = rows.fetchall()
        except sqlite3.DatabaseError as error:
            if "no such" in str(error) or error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                return
            if high > low:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
            continue
        yield from found


def _find_last(damaged: sqlite3.Connection, table: str) -> int:
    try:
        last = damaged.execute(f"SELECT max(sequence) FROM {table}").fetchone()[0]
    except sqlite3.DatabaseError:
        return _BEYOND
    return min(int(last or 0), _BEYOND)


def _replace_first_page(aside: Path, new: Path) -> Path | None:
    """Copy a damaged database and give it the first page of a new one.

    The tables are made by the same statements in the same order, so that they begin on the same
    pages; a row that is none after all is told by its form.
    """
    repaired = aside.with_name(f"{aside.name}-repaired")
    try:
        shutil.copyfile(aside, repaired)
        log = aside.with_name(aside.name + "-wal")
        if log.exists():
            shutil.copyfile(log, repaired.with_name(repaired.name + "-wal"))
        with new.open("rb") as file:
            page = bytearray(file.read(_PAGE_BYTES))
        page[_SIZE_AND_FREE] = bytes(12)  # zero: as many pages as the file has
        with repaired.open("r+b") as file:
            file.write(page)
    except OSError as error:
        logger.warning("memory: the damaged database cannot be copied (%s)", error)
        _remove(repaired)
        return None
    return repaired
