"""What is removed, and in which order: by size, age and number, and from a full disk."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from edge.occurrence import Instant
from edge.store.database import DATABASE, files_of, transaction
from edge.store.media import CLIPS, SNAPSHOTS, MediaFolder
from edge.store.reserve import Reserve
from edge.store.settings import StoreSettings

logger = logging.getLogger(__name__)

_DAY_SECONDS = 86_400.0
_STEP_SECONDS = 3600.0  # a wall clock that moves by more has been set
_MARGIN_BYTES = 1_000_000  # the log of the database grows by itself up to this
_LONG_LOG_BYTES = 65_536
_AT_ONCE = 8  # files that a full disk loses in one step
_SPARED = 20  # newest events that a full disk does not touch
_MEDIA = {CLIPS: "clip", SNAPSHOTS: "snapshot"}


class Housekeeping:
    """Keeps the memory within its limits; the newest stays. Used by one thread.

    Args:
        connection: Of the database.
        folder: Of the memory.
        settings: The limits.

    Attributes:
        events: Events that are kept.
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
        self.events = 0
        self.media = MediaFolder(folder)
        self.reserve = Reserve(folder / "reserve", int(settings.reserve_mb * 1e6))
        self.measure()

    def measure(self) -> None:
        """Count anew, as after another process has removed something."""
        row = self._connection.execute(
            "SELECT count(*), coalesce(sum(snapshot_bytes + clip_bytes), 0) FROM events"
        ).fetchone()
        self.events, self._media_bytes = int(row[0]), int(row[1])
        self._version = self._read_version()

    def has_changed(self) -> bool:
        """Whether another process has written to the database since `measure`."""
        return self._read_version() != self._version

    def total_bytes(self) -> int:
        """Return what the memory takes on the disk, in bytes."""
        own = [*files_of(self._folder / DATABASE), self._folder / "reserve"]
        return (
            self._media_bytes
            + self._unnamed_bytes
            + sum(self.media.size(path.name) for path in own)
        )

    def note_media(self, size_bytes: int) -> None:
        """Take in that a file of that size was written, and that its row follows."""
        self._unnamed_bytes += size_bytes

    def settle(self) -> None:
        """Take in that the row of what was written is there."""
        self._unnamed_bytes = 0
        self.measure()

    def make_room(self, size_bytes: int) -> None:
        """Remove the oldest pictures until a file of that size fits, then the oldest rows.

        Raises:
            sqlite3.Error: The database cannot be written.
        """
        limit_bytes = int(self._settings.keep_mb * 1e6) - _MARGIN_BYTES - size_bytes
        while self.total_bytes() > limit_bytes:
            if self._prune_media(1, spared=1):
                continue
            if self._drop_leftovers():
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
        if self._drop_leftovers() or self._shorten_log() or self._drop_files():
            return True
        if for_picture:
            return False
        if self.reserve.release():
            logger.warning("memory: the disk is full, the reserve is given up")
            return True
        with contextlib.suppress(sqlite3.Error):
            return self.remove_oldest(min(self.events // 10, self.events - _SPARED)) > 0
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
            f"SELECT sequence, event_id, snapshot, clip FROM events {which}", (value,)
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
        self.measure()
        return len(rows)

    def _prune_media(self, number: int, *, spared: int) -> bool:
        """Remove the pictures of the oldest events that have some; say whether there were any."""
        rows = self._connection.execute(
            "SELECT sequence, snapshot, clip FROM events "
            "WHERE (snapshot_state = 'kept' OR clip_state = 'kept') "
            "AND sequence <= (SELECT max(sequence) FROM events) - ? ORDER BY sequence LIMIT ?",
            (spared, number),
        ).fetchall()
        for column, name in enumerate(_MEDIA.values()):
            names = [row[2 - column] for row in rows]
            self._mark(
                name, "pruned", [row[0] for row, path in zip(rows, names, strict=True) if path]
            )
            for path in names:
                self.media.remove(path)
        if rows:
            self.measure()
        return bool(rows)

    def _drop_files(self) -> bool:
        """Remove the oldest clips or, without any, snapshots; the rows follow once they can."""
        newest = self._connection.execute("SELECT max(sequence) FROM events").fetchone()[0] or 0
        for kind, name in _MEDIA.items():
            files = sorted(path for path, _ in self.media.files() if path.parent.name == kind)
            old = [path for path in files if _sequence_of(path) <= newest - _SPARED][:_AT_ONCE]
            if old:
                for path in old:
                    path.unlink(missing_ok=True)
                with contextlib.suppress(sqlite3.Error):
                    self._mark(name, "pruned", map(_sequence_of, old))
                    self.measure()
                return True
        return False

    def _drop_leftovers(self) -> bool:
        """Remove databases that were put aside, and copies from before a migration."""
        is_any = False
        for mark in ("corrupt", "before"):
            for path in self._folder.glob(f"{DATABASE}.{mark}-*"):
                path.unlink(missing_ok=True)
                is_any = True
        return is_any

    def _shorten_log(self) -> bool:
        """Move what the log of the database holds to its place; say whether that freed much."""
        before_bytes = self.media.size(f"{DATABASE}-wal")
        if before_bytes < _LONG_LOG_BYTES:
            return False
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return self.media.size(f"{DATABASE}-wal") < before_bytes

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


def _sequence_of(path: Path) -> int:
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isdecimal() else 0
