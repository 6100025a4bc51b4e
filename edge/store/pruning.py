"""Removing events by hand, also beside the instance that writes to the memory."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import StoreError
from edge.store.database import DATABASE, open_database
from edge.store.housekeeping import Housekeeping
from edge.store.reading import EventReader
from edge.store.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed.

    Attributes:
        events: Events.
        bytes: What the memory takes less than before.
    """

    events: int
    bytes: int


def prune(folder: Path, *, keep: int | None = None, before_seconds: float | None = None) -> Pruned:
    """Remove the oldest events with their pictures; the newest event stays.

    Args:
        folder: Of the memory.
        keep: Leave so many, at least 1.
        before_seconds: Remove those that are known to have begun before this Unix time.

    Raises:
        StoreError: There is no memory, or it cannot be written.
    """
    EventReader(folder).close()  # of which it says what is wrong, and makes none
    with _open(folder) as (connection, house):
        before_bytes = house.total_bytes()
        events = 0
        if before_seconds is not None:
            events += house.remove_before(before_seconds)
        if keep is not None:
            events += house.remove_oldest(house.events - max(keep, 1))
        if events:
            connection.execute("PRAGMA incremental_vacuum").fetchall()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return Pruned(events, max(before_bytes - house.total_bytes(), 0))


@contextlib.contextmanager
def _open(folder: Path) -> Iterator[tuple[sqlite3.Connection, Housekeeping]]:
    try:
        connection = open_database(folder / DATABASE, is_checked=False)
        with contextlib.closing(connection):
            yield connection, Housekeeping(connection, folder, StoreSettings(folder=folder))
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            "The memory of events must be writable",
            received=f"{folder / DATABASE}: {error}",
            fix="Prune as the user that runs edge, with room on the disk",
        ) from error
