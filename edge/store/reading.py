"""Reading the memory of events, also beside the instance that writes to it."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from edge.errors import StoreError
from edge.store.database import DATABASE, files_of, open_for_reading
from edge.store.media import MediaFolder, size_of
from edge.store.reserve import RESERVE
from edge.store.tables import EventRecord, read_outcomes, read_records

_TIME = "coalesce(corrected_seconds, wall_seconds)"


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """What a memory holds.

    Attributes:
        events: Events, doors moved by hand included.
        labels: Events per label, the most frequent first.
        results: Outcomes per result, the most frequent first.
        first_seconds: Unix time of the oldest event; `None` without any.
        last_seconds: Unix time of the newest event; `None` without any.
        undated: Events whose time is not to be trusted.
        snapshots: Snapshots per state.
        clips: Clips per state.
        bytes: What all files take.
    """

    events: int
    labels: Mapping[str, int]
    results: Mapping[str, int]
    first_seconds: float | None
    last_seconds: float | None
    undated: int
    snapshots: Mapping[str, int]
    clips: Mapping[str, int]
    bytes: int


class EventReader:
    """Reads a memory; nothing in it is changed. To be closed, or used with `with`.

    Args:
        folder: Of the memory.

    Raises:
        StoreError: There is none, or it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection = open_for_reading(folder / DATABASE)

    def __enter__(self) -> "EventReader":
        """Return the reader."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
        self._connection.close()

    def find(
        self, *, label: str | None = None, since_seconds: float | None = None, limit: int = -1
    ) -> list[EventRecord]:
        """Return events, the newest first.

        Args:
            label: Only those of this label.
            since_seconds: Only those that began at this Unix time or later.
            limit: At most so many; all when negative.

        Raises:
            StoreError: The memory is damaged.
        """
        conditions: list[str] = []
        values: list[object] = []
        if label is not None:
            conditions.append("label = ? AND kind = 'event'")
            values.append(label)
        if since_seconds is not None:
            conditions.append(f"{_TIME} >= ?")
            values.append(since_seconds)
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        with self._translating():
            return list(
                read_records(
                    self._connection, where + "ORDER BY sequence DESC LIMIT ?", (*values, limit)
                )
            )

    def get(self, name: str) -> EventRecord:
        """Return one event.

        Args:
            name: Its number, or its id, of which the first six digits or more are enough.

        Raises:
            StoreError: There is none, or more than one, or the memory is damaged.
        """
        is_id = len(name) >= 6 and set(name) <= set("0123456789abcdef")
        found: list[EventRecord] = []
        with self._translating():
            if name.isdecimal() and len(name) < 16:
                found = list(read_records(self._connection, "WHERE sequence = ?", (int(name),)))
            if not found and is_id:
                condition = "WHERE substr(event_id, 1, ?) = ? LIMIT 2"
                found = list(read_records(self._connection, condition, (len(name), name)))
        if len(found) != 1:
            raise StoreError(
                "An event is named by its number or its id",
                received=f"{name!r}: {'more than one' if found else 'there is none'}",
                fix="Look at edge events list",
            )
        return found[0]

    def outcomes(self, event_id: str) -> list[dict[str, Any]]:
        """Return what came of an event, in order: rule, action, result, detail, time.

        Raises:
            StoreError: The memory is damaged.
        """
        with self._translating():
            return read_outcomes(self._connection, event_id)

    def results(self, records: Sequence[EventRecord]) -> dict[str, str]:
        """Return what came of events in short, such as "door done, tell failed", by event.

        Raises:
            StoreError: The memory is damaged.
        """
        found: dict[str, list[str]] = {}
        for record in records:
            for outcome in self.outcomes(record.event_id):
                said = f"{outcome['action'] or outcome['rule']} {outcome['result']}".strip()
                if said not in found.setdefault(record.event_id, []):
                    found[record.event_id].append(said)
        return {event_id: ", ".join(said) for event_id, said in found.items()}

    def stats(self) -> MemoryStats:
        """Sum up the memory.

        Raises:
            StoreError: It is damaged.
        """
        own = (*files_of(self._folder / DATABASE), self._folder / RESERVE)
        with self._translating():
            media = sum(size for _, size in MediaFolder(self._folder).files())
            count, first, last, undated = self._connection.execute(
                f"SELECT count(*), min({_TIME}), max({_TIME}), "
                "coalesce(sum(NOT is_trusted AND corrected_seconds IS NULL), 0) FROM events"
            ).fetchone()
            return MemoryStats(
                events=count,
                labels=self._count("label", "events WHERE kind = 'event'"),
                results=self._count("result", "outcomes"),
                first_seconds=first,
                last_seconds=last,
                undated=undated,
                snapshots=self._count("snapshot_state", "events"),
                clips=self._count("clip_state", "events"),
                bytes=media + sum(map(size_of, own)),
            )

    def _count(self, column: str, table: str) -> dict[str, int]:
        rows: Sequence[tuple[str, int]] = self._connection.execute(
            f"SELECT {column}, count(*) FROM {table} GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        return dict(rows)

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        """Let a database that cannot be read be an error for people."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                "The memory of events must be readable",
                received=f"{error.filename or self._folder}: {error.strerror or error}",
                fix="Read it as the user of the service, or one of its group",
            ) from error
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(
                "The memory of events must be readable",
                received=f"{self._folder / DATABASE}: {error}",
                fix="Start edge run: it puts a damaged one aside and keeps what is readable",
            ) from error
