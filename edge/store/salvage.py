"""What to do about a damaged database: put it aside, and take over what can still be read."""

import contextlib
import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from edge.records import Clock
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
_KEPT_ASIDE = 2
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
    """Put a damaged database aside and open a new one that holds what was readable.

    Raises:
        sqlite3.Error: The new one cannot be written.
        OSError: The old one cannot be moved.
    """
    aside = _put_aside(path)
    connection = open_database(path)
    try:
        salvage = Salvage(aside, *_take_over(aside, connection, clock))
    except BaseException:
        connection.close()
        raise
    logger.warning(
        "memory: the database was damaged; %d events read from it, the rest is in %s",
        salvage.events,
        aside,
    )
    return connection, salvage


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


def _take_over(aside: Path, connection: sqlite3.Connection, clock: Clock) -> tuple[int, int]:
    """Copy the readable rows; return how many events and outcomes there were."""
    events = outcomes = 0
    deadline_seconds = clock.monotonic() + _LONGEST_SECONDS
    with PageFile(aside) as pages, transaction(connection):
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
