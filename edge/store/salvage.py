"""What to do about a damaged database: take over what can still be read, and put it aside."""

import contextlib
import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from edge.records import Clock
from edge.sqlite_file import put_aside, remove
from edge.store.database import open_database, transaction
from edge.store.failures import SENSELESS
from edge.store.pages import PageFile
from edge.store.tables import (
    EVENT_COLUMNS,
    OUTCOME_COLUMNS,
    check_outcome_row,
    insert_event,
    insert_outcome_row,
    read_record,
)

logger = logging.getLogger(__name__)

_LONGEST_SECONDS = 5.0  # of looking for rows; then service goes on with what was found
_HIGHEST = 1 << 40  # sequence that a memory may have come to


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
    """Write a new database that holds what is readable, then put the damaged one aside for it.

    Until the new one is whole, the damaged one stays where it is: whatever ends this before, such
    as a power cut or a full disk, the next attempt finds all of it again.

    Raises:
        sqlite3.Error: The new one cannot be written.
        OSError: Neither can it be read, written or moved.
    """
    new = _new_one(path)
    remove(new)
    try:
        with contextlib.closing(open_database(new)) as connection:
            # A log would take as much room again, and be left behind where it cannot be moved in.
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            events, outcomes = _take_over(path, connection, clock)
    except BaseException:
        with contextlib.suppress(OSError):
            remove(new)
        raise
    salvage = Salvage(put_aside(path), events, outcomes)
    new.replace(path)
    logger.warning(
        "memory: the database was damaged; %d events read from it, the rest is in %s",
        salvage.events,
        salvage.aside,
    )
    return open_database(path, is_checked=False), salvage


def finish_replacement(path: Path) -> None:
    """Move the new database in, if whatever ended `replace_damaged` came just before that.

    Args:
        path: Of the database; nothing happens if it is there.

    Raises:
        OSError: The new one cannot be moved.
    """
    new = _new_one(path)
    is_whole = not any(new.with_name(new.name + end).exists() for end in ("-journal", "-wal"))
    if new.exists() and is_whole and not path.exists():
        remove(path)  # the log of the damaged one must not meet it
        new.replace(path)


def _new_one(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _take_over(damaged: Path, connection: sqlite3.Connection, clock: Clock) -> tuple[int, int]:
    """Copy the readable rows; return how many events and outcomes there were."""
    events = outcomes = 0
    deadline_seconds = clock.monotonic() + _LONGEST_SECONDS
    with PageFile(damaged) as pages, transaction(connection):
        for rows in pages.leaves({EVENT_COLUMNS, OUTCOME_COLUMNS}):
            if clock.monotonic() >= deadline_seconds:
                break
            for sequence, values in rows:
                if not 0 < sequence < _HIGHEST:
                    continue
                row = (sequence, *values[1:])
                with contextlib.suppress(*SENSELESS):
                    if len(row) == EVENT_COLUMNS:
                        events += insert_event(connection, read_record(row))
                    else:
                        insert_outcome_row(connection, check_outcome_row(row))
                        outcomes += 1
    return events, outcomes
