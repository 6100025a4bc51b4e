"""What is removed, and in which order: by size, age and number, and from a full disk."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

from edge.occurrence import Instant
from edge.store.database import DATABASE, files_of, transaction
from edge.store.media import CLIPS, SNAPSHOTS, MediaFolder, size_of
from edge.store.relief import SPARED, drop_leftovers, drop_oldest
from edge.store.reserve import RESERVE, Reserve
from edge.store.settings import StoreSettings

logger = logging.getLogger(__name__)

_DAY_SECONDS = 86_400.0
_STEP_SECONDS = 3600.0  # a wall clock that moves by more has been set
_MARGIN_BYTES = 1_000_000  # the log of the database grows by itself up to this
_LONG_LOG_BYTES = 65_536
_LARGEST_SHARE = 0.5  # of the limit, for one picture
_AT_ONCE = 32  # events that lose their pictures in one transaction
_MEDIA = {CLIPS: "clip", SNAPSHOTS: "snapshot"}
_CHANGES = ", ".join(
    f"{name} = '', {name}_bytes = 0, "
    f"{name}_state = CASE {name}_state WHEN 'kept' THEN 'pruned' ELSE {name}_state END"
    for name in _MEDIA.values()
)
_PRUNE = f"UPDATE events SET {_CHANGES} WHERE sequence = ?"


class Housekeeping:
    """Keeps the memory within its limits; the newest stays. Used by one thread.

    Args:
        connection: Of the database.
        folder: Of the memory.
        settings: The limits.

    Attributes:
        events: Events that are kept.
        newest: Number of the newest event, when they were counted.
        media: Snapshots and clips.
        reserve: Room that is set aside.
    """

    def __init__(
        self, connection: sqlite3.Connection, folder: Path, settings: StoreSettings
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._settings = settings
        self._media_bytes = 0
        self._unnamed_bytes = 0  # of files whose row is not written yet
        self._version = -1
        self._offset_seconds: float | None = None
        self._paused_until_seconds = float("-inf")
        self.events = self.newest = 0
        self.media = MediaFolder(folder)
        self.reserve = Reserve(folder / RESERVE, int(settings.reserve_mb * 1e6))
        self.measure()

    def measure(self) -> None:
        """Count anew, as after another process has removed something."""
        row = self._connection.execute(
            "SELECT count(*), coalesce(sum(snapshot_bytes + clip_bytes), 0), "
            "coalesce(max(sequence), 0) FROM events"
        ).fetchone()
        self.events, self._media_bytes, self.newest = (int(value) for value in row)
        self._version = self._read_version()

    def has_changed(self) -> bool:
        """Whether another process has written to the database since `measure`."""
        return self._read_version() != self._version

    def is_taken(self, sequence: int) -> bool:
        """Whether there is an event of that number, though this one did not write it."""
        found = self._connection.execute("SELECT 1 FROM events WHERE sequence = ?", (sequence,))
        if found.fetchone() is None:
            return False
        self.measure()
        return True

    def total_bytes(self) -> int:
        """Return what the memory takes on the disk, in bytes."""
        own = [*files_of(self._folder / DATABASE), self._folder / RESERVE]
        return self._media_bytes + self._unnamed_bytes + sum(map(size_of, own))

    def can_hold(self, size_bytes: int) -> bool:
        """Whether a picture may be kept at all: one that takes the room of all others may not."""
        room_bytes = (self._settings.keep_mb - self._settings.reserve_mb) * 1e6 - _MARGIN_BYTES
        return size_bytes <= room_bytes * _LARGEST_SHARE

    def note_media(self, size_bytes: int) -> None:
        """Take in that a file of that size was written, and that its row follows."""
        self._unnamed_bytes += size_bytes

    def settle(self, *, events: int = 0, size_bytes: int = 0) -> None:
        """Take in that rows are written, without counting all of them anew.

        Args:
            events: How many events there are more than before.
            size_bytes: What the files of the rows take.
        """
        self._unnamed_bytes = 0
        self.events += events
        self._media_bytes += size_bytes

    def make_room(self, size_bytes: int) -> None:
        """Remove the oldest pictures until a file of that size fits, then the oldest rows.

        Raises:
            sqlite3.Error: The database cannot be written.
        """
        limit_bytes = int(self._settings.keep_mb * 1e6) - _MARGIN_BYTES - size_bytes
        while (excess_bytes := self.total_bytes() - limit_bytes) > 0:
            if self._prune_media(excess_bytes) or drop_leftovers(self._folder):
                continue
            removed = self.remove_oldest(min(max(self.events // 20, 1), self.events - 1))
            if not removed:
                return
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def limit_events(self) -> None:
        """Remove the oldest events beyond the number that is kept.

        Raises:
            sqlite3.Error: The database cannot be written.
        """
        self.remove_oldest(self.events - self._settings.keep_events)

    def remove_oldest(self, number: int) -> int:
        """Remove the oldest events with their pictures; return how many there were.

        Raises:
            sqlite3.Error: The database cannot be written.
        """
        return self._remove("ORDER BY sequence LIMIT ?", max(number, 0)) if number > 0 else 0

    def remove_before(self, wall_seconds: float) -> int:
        """Remove the events that are known to be older; return how many there were.

        Raises:
            sqlite3.Error: The database cannot be written.
        """
        return self._remove(
            "WHERE (is_trusted OR corrected_seconds IS NOT NULL) "
            "AND coalesce(corrected_seconds, wall_seconds) < ? "
            "AND sequence < (SELECT max(sequence) FROM events)",
            wall_seconds,
        )

    def remove_aged(self, now: Instant) -> int:
        """Remove what is too old, unless the clock cannot be trusted or was set within the hour.

        That it was set is known also of an earlier run of the same boot.

        Raises:
            sqlite3.Error: The database cannot be written.
        """
        if not now.is_trusted:
            return 0
        offset_seconds = now.wall_seconds - now.monotonic_seconds
        before, self._offset_seconds = self._offset_seconds, offset_seconds
        if before is None:
            before = self._remembered_offset(now)
        if before is not None and abs(offset_seconds - before) > _STEP_SECONDS:
            self._paused_until_seconds = now.monotonic_seconds + _STEP_SECONDS
        if now.monotonic_seconds < self._paused_until_seconds:
            return 0
        return self.remove_before(now.wall_seconds - self._settings.keep_days * _DAY_SECONDS)

    def _remembered_offset(self, now: Instant) -> float | None:
        """Return how the clocks stood when this boot last had a right one, as its events say."""
        row = self._connection.execute(
            "SELECT wall_seconds - monotonic_seconds FROM events WHERE boot_id = ? AND is_trusted "
            "ORDER BY sequence DESC LIMIT 1",
            (now.boot_id,),
        ).fetchone()
        return None if row is None else float(row[0])

    def correct_times(self, now: Instant) -> int:
        """Work out when events of this boot were that began before the clock was right.

        Raises:
            sqlite3.Error: The database cannot be written.
        """
        offset_seconds = now.wall_seconds - now.monotonic_seconds
        which = "WHERE boot_id = ? AND NOT is_trusted AND corrected_seconds IS NULL"
        values = (now.boot_id,)
        if not self._connection.execute(f"SELECT 1 FROM events {which} LIMIT 1", values).fetchone():
            return 0
        with transaction(self._connection):
            done = self._connection.execute(
                f"UPDATE events SET corrected_seconds = monotonic_seconds + ? {which}",
                (offset_seconds, *values),
            )
        return done.rowcount

    def free_disk(self, *, for_picture: bool = False) -> bool:
        """Take one step against a full disk: clips, snapshots, the reserve, rows, oldest first.

        What costs nothing comes before: damaged databases put aside, the log of the database.

        Args:
            for_picture: Whether it is only for a snapshot or clip; the reserve and rows stay.

        Returns:
            Whether something was freed.
        """
        if drop_leftovers(self._folder) or self._shorten_log() or self._drop_files():
            return True
        if for_picture:
            return False
        if self.reserve.release():
            logger.warning("memory: the disk is full, the reserve is given up")
            return True
        with contextlib.suppress(sqlite3.Error):
            return self.remove_oldest(min(self.events // 10, self.events - SPARED)) > 0
        return False

    def reconcile(self) -> None:
        """Bring rows and files together: a file without a row goes, a row without says so.

        Raises:
            sqlite3.Error: The database cannot be written.
        """
        found = {f"{path.parent.name}/{path.name}": size for path, size in self.media.files()}
        whole = {name for name, size in found.items() if size > 0}
        wanted: set[str] = set()
        for name in _MEDIA.values():
            rows = self._connection.execute(
                f"SELECT sequence, {name} FROM events WHERE {name}_state = 'kept'"
            ).fetchall()
            self._mark(name, "lost", [row[0] for row in rows if row[1] not in whole])
            wanted |= {row[1] for row in rows}
        for orphan in set(found) - (wanted & whole):
            self.media.remove(orphan)
        stray = "event_id NOT IN (SELECT event_id FROM events)"
        newest = "sequence <= (SELECT max(sequence) FROM outcomes) - 1000"
        self._execute_if_any("outcomes", f"WHERE {stray} AND {newest}")
        self.measure()

    def _execute_if_any(self, table: str, which: str) -> None:
        """Delete rows; a transaction about none would still write."""
        if self._connection.execute(f"SELECT 1 FROM {table} {which} LIMIT 1").fetchone():
            with transaction(self._connection):
                self._connection.execute(f"DELETE FROM {table} {which}")

    def _remove(self, which: str, value: float) -> int:
        """Remove rows first: a file that stays behind is found, a row without a file misleads."""
        rows = self._connection.execute(
            "SELECT sequence, event_id, snapshot, clip, snapshot_bytes + clip_bytes "
            f"FROM events {which}",
            (value,),
        ).fetchall()
        if not rows:
            return 0
        with transaction(self._connection):
            self._connection.executemany(
                "DELETE FROM events WHERE sequence = ?", [(row[0],) for row in rows]
            )
            self._connection.executemany(
                "DELETE FROM outcomes WHERE event_id = ?", [(row[1],) for row in rows]
            )
        for row in rows:
            self.media.remove(row[2])
            self.media.remove(row[3])
        self.settle(events=-len(rows), size_bytes=-sum(row[4] for row in rows))
        return len(rows)

    def _prune_media(self, size_bytes: int) -> bool:
        """Remove the pictures of the oldest events, about that much; say whether there were any."""
        rows = self._connection.execute(
            "SELECT sequence, snapshot, clip, snapshot_bytes + clip_bytes FROM events "
            "WHERE (snapshot_state = 'kept' OR clip_state = 'kept') "
            "AND sequence < (SELECT max(sequence) FROM events) ORDER BY sequence LIMIT ?",
            (_AT_ONCE,),
        ).fetchall()
        before_bytes = accumulate((row[3] for row in rows), initial=0)
        rows = [row for row, before in zip(rows, before_bytes, strict=False) if before < size_bytes]
        if not rows:
            return False
        with transaction(self._connection):
            self._connection.executemany(_PRUNE, [(row[0],) for row in rows])
        for row in rows:
            self.media.remove(row[1])
            self.media.remove(row[2])
        self._media_bytes -= sum(row[3] for row in rows)
        return True

    def _drop_files(self) -> bool:
        """Remove the oldest clips or, without any, snapshots; the rows follow once they can."""
        newest = self._connection.execute("SELECT max(sequence) FROM events").fetchone()[0] or 0
        kind, sequences = drop_oldest(self.media, newest=newest)
        if not sequences:
            return False
        with contextlib.suppress(sqlite3.Error):
            self._mark(_MEDIA[kind], "pruned", sequences)
            self.measure()
        return True

    def _shorten_log(self) -> bool:
        """Move what the log of the database holds to its place; say whether that freed much."""
        log = self._folder / f"{DATABASE}-wal"
        before_bytes = size_of(log)
        if before_bytes < _LONG_LOG_BYTES:
            return False
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return size_of(log) < before_bytes

    def _mark(self, name: str, state: str, sequences: Iterable[int]) -> None:
        """Write down that snapshots or clips are gone."""
        values = [(state, sequence) for sequence in sequences]
        if values:
            with transaction(self._connection):
                self._connection.executemany(
                    f"UPDATE events SET {name} = '', {name}_bytes = 0, {name}_state = ? "
                    f"WHERE sequence = ? AND {name}_state = 'kept'",
                    values,
                )

    def _read_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
