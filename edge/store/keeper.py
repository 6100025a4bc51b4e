"""The thread that writes: one job after the other, whatever becomes of the disk."""

import contextlib
import errno
import logging
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edge.errors import OutputError, StoreError
from edge.occurrence import Instant, Outcome
from edge.records import Clock
from edge.store.database import DATABASE, find_damage_on_disk, open_database, transaction
from edge.store.failures import SENSELESS, Failure, classify_failure
from edge.store.housekeeping import Housekeeping
from edge.store.inbox import Ended, Filmed, Inbox, Job, Started
from edge.store.media import CLIPS, SNAPSHOTS
from edge.store.relief import free_unopened
from edge.store.reserve import RESERVE, Reserve
from edge.store.salvage import finish_replacement, replace_damaged
from edge.store.settings import StoreSettings
from edge.store.tables import insert_event, insert_outcome

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 2.0
_LOOK_SECONDS = 10.0  # between looks at disk and clock
_AGE_SECONDS = 600.0
_CHECK_SECONDS = 3600.0
_LOG_SECONDS = 600.0  # until a failure of the same kind is logged again
_MOST_STEPS = 40  # of freeing a full disk for one job
_SALVAGE_SECONDS = 60.0  # from one salvage to the next, which puts aside what the first has made
_FOLDER_MODE = 0o750


@dataclass(frozen=True, slots=True)
class Figures:
    """How the memory fares, as of the latest write.

    Attributes:
        events: Events that are kept.
        bytes: What it takes.
        free_bytes: What is free on its disk.
        lost_pictures: Snapshots and clips that could not be written.
        trouble: What keeps it from working; else empty.
    """

    events: int = 0
    bytes: int = 0
    free_bytes: int = 0
    lost_pictures: int = 0
    trouble: str = ""


class Keeper:
    """Writes what the inbox holds, keeps within the limits, and mends what breaks.

    Args:
        settings: The limits.
        folder: Of the memory.
        inbox: What is to be written.
        clock: Monotonic.
        now: Says what time it is.

    Attributes:
        figures: How the memory fares; may be read by any thread.
    """

    def __init__(
        self,
        settings: StoreSettings,
        folder: Path,
        *,
        inbox: Inbox,
        clock: Clock,
        now: Callable[[], Instant],
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._path = folder / DATABASE
        self._inbox = inbox
        self._clock = clock
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._house: Housekeeping | None = None
        self._inode = 0
        self._next = 1
        self._looked_seconds = self._aged_seconds = self._checked_seconds = float("-inf")
        self._salvage_from_seconds = float("-inf")
        self._told_seconds: dict[str, float] = {}
        self.figures = Figures()

    def run(self) -> None:
        """Work until the inbox is closed and empty, or cannot be emptied."""
        self._attempt(self._look_around)
        while True:
            job = self._inbox.peek(timeout_seconds=_LOOK_SECONDS)
            is_done = job is None or self._attempt(self._write_next)
            if self._inbox.is_closed and (job is None or not is_done):
                break
            if not is_done:
                self._inbox.pause(_RETRY_SECONDS)
            has_trouble = bool(self.figures.trouble)
            if has_trouble or self._clock.monotonic() - self._looked_seconds >= _LOOK_SECONDS:
                self._attempt(self._look_around, is_proof=is_done)
        self._close()

    def _attempt(self, work: Callable[[], None], *, is_proof: bool = True) -> bool:
        """Do something, mending what can be mended; say whether it is done.

        Args:
            work: What to do.
            is_proof: Whether there is no trouble if it can be done.
        """
        for step in range(_MOST_STEPS):
            try:
                self._open()
                work()
            except (sqlite3.Error, OSError) as error:
                failure = classify_failure(error, free_bytes=self._free_bytes())
                if not self._try_to_mend(failure, error) or step == _MOST_STEPS - 1:
                    self._set_trouble(failure, error)
                    return False
            else:
                break
        self._tell(trouble="" if is_proof else self.figures.trouble)
        return True

    def _write_next(self) -> None:
        """Write the oldest job and take it out; one that can never be written is given up."""
        job = self._inbox.peek(timeout_seconds=0)
        if job is None:
            return
        try:
            job = self._write(job)
        except SENSELESS as error:
            logger.warning("memory: a record cannot be stored (%s)", error)
        self._inbox.pop(job)

    def _try_to_mend(self, failure: Failure, error: sqlite3.Error | OSError) -> bool:
        """Do what helps, where that may fail as well; say whether it is worth another attempt."""
        try:
            return self._mend(failure, error)
        except (sqlite3.Error, OSError) as another:
            if self._is_news("mending"):
                logger.warning("memory: it cannot be mended (%s)", another)
            self._close()
            return False

    def _mend(self, failure: Failure, error: sqlite3.Error | OSError) -> bool:
        """Do what helps; say whether it is worth another attempt."""
        if failure is Failure.FULL:
            return self._free_unopened() if self._house is None else self._house.free_disk()
        self._close()  # whatever it is, it may be another file the next time
        now_seconds = self._clock.monotonic()
        if failure is not Failure.DAMAGED or now_seconds < self._salvage_from_seconds:
            return False
        self._salvage_from_seconds = now_seconds + _SALVAGE_SECONDS
        logger.warning("memory: the database is damaged (%s)", " ".join(str(error).split()))
        try:
            connection, _ = replace_damaged(self._path, clock=self._clock)
        except (sqlite3.Error, OSError) as another:  # so the damaged one is still there
            if classify_failure(another, free_bytes=self._free_bytes()) is not Failure.FULL:
                raise
            is_freed = self._free_unopened()
            self._salvage_from_seconds = now_seconds + (0 if is_freed else _LOOK_SECONDS)
            return is_freed
        self._take(connection)
        return True

    def _free_unopened(self) -> bool:
        return free_unopened(self._folder, Reserve(self._folder / RESERVE, size_bytes=0))

    def _open(self) -> None:
        """Open the database if it is not, or if the file is another one now."""
        if self._connection is not None:
            with contextlib.suppress(FileNotFoundError):
                if self._path.stat().st_ino == self._inode:
                    return
            logger.warning("memory: %s was removed, it begins anew", self._path)
            self._close()
        self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        finish_replacement(self._path)
        self._take(open_database(self._path))

    def _take(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._inode = self._path.stat().st_ino
        self._house = Housekeeping(connection, self._folder, self._settings)
        self._next = self._house.newest + 1
        self._checked_seconds = self._clock.monotonic()
        self._house.reconcile()

    def _close(self) -> None:
        connection, self._connection, self._house = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _write(self, job: Job) -> Job:
        """Write a job; return what stands for it in the inbox now."""
        if isinstance(job, Started):
            return self._write_event(job)
        if isinstance(job, Ended):
            self._execute(
                "UPDATE events SET score = max(score, ?), end_seconds = ?, end_wall_seconds = ?, "
                "end_monotonic_seconds = ? WHERE event_id = ?",
                (
                    *(job.score, job.end_seconds, job.wall_seconds),
                    *(job.monotonic_seconds, job.event_id),
                ),
            )
        elif isinstance(job, Outcome):
            connection, _ = self._parts()
            with transaction(connection):
                insert_outcome(connection, job)
        else:
            self._write_clip(job)
        return job

    def _write_event(self, job: Started) -> Started:
        """Write the picture, then the row that names it."""
        connection, house = self._parts()
        if house.has_changed():  # another process has pruned, or is about to end
            house.measure()
            self._next = max(self._next, house.newest + 1)
        record = replace(job.record, sequence=max(job.record.sequence, self._next))
        if record.snapshot and not house.media.size(record.snapshot):  # the database is a new one
            record = replace(record, snapshot="", snapshot_state="lost", snapshot_bytes=0)
        if job.snapshot is not None:
            name, size_bytes = "", 0
            try:
                jpeg = job.snapshot.jpeg()
            except OutputError as error:
                logger.warning("memory: a snapshot cannot be kept (%s)", error)
            else:
                name = self._write_picture(SNAPSHOTS, record.sequence, record.event_id, jpeg)
                size_bytes = len(jpeg) if name else 0
            record = replace(
                record,
                snapshot=name,
                snapshot_bytes=size_bytes,
                snapshot_state="kept" if name else "lost",
            )
            done = Started(record)
            self._inbox.exchange(job, done)  # the picture is not written again if the row fails
            job = done
        house.make_room(0)
        with transaction(connection):
            if house.is_taken(record.sequence):  # by the one that is about to end
                record = replace(record, sequence=house.newest + 1)
            is_new = insert_event(connection, record)
        self._next = record.sequence + 1
        house.settle(events=int(is_new), size_bytes=record.snapshot_bytes if is_new else 0)
        house.limit_events()
        return job

    def _write_clip(self, job: Filmed) -> None:
        connection, house = self._parts()
        row = connection.execute(
            "SELECT sequence FROM events WHERE event_id = ?", (job.event_id,)
        ).fetchone()
        if row is None:
            return
        name = self._write_picture(CLIPS, row[0], job.event_id, job.avi) if job.avi else ""
        size_bytes = house.media.size(name)
        self._execute(
            "UPDATE events SET clip = ?, clip_state = ?, clip_bytes = ? WHERE sequence = ?",
            (name, "kept" if name else "lost", size_bytes, row[0]),
        )
        house.settle(size_bytes=size_bytes)

    def _write_picture(self, kind: str, sequence: int, event_id: str, content: bytes) -> str:
        """Write a file and return its name; empty if the disk does not take it."""
        _, house = self._parts()
        is_small = house.can_hold(len(content))
        if is_small:
            house.make_room(len(content))
        elif self._is_news("size"):
            logger.warning("memory: a picture of %d bytes is too large to keep", len(content))
        for _ in range(_MOST_STEPS if is_small else 0):
            try:
                if not house.reserve.leaves_room(len(content)):
                    raise OSError(errno.ENOSPC, "the disk is full")
                name = house.media.write(kind, sequence, event_id, content)
            except OSError as error:
                is_full = classify_failure(error, free_bytes=0) is Failure.FULL
                if is_full and house.free_disk(for_picture=True):
                    continue
                if self._is_news("picture"):
                    logger.warning("memory: a picture is lost (%s)", error.strerror or error)
                break
            house.note_media(len(content))
            return name
        self.figures = replace(self.figures, lost_pictures=self.figures.lost_pictures + 1)
        return ""

    def _look_around(self) -> None:
        """Look at what changes by itself: disk, clock, age, and what others have removed."""
        _, house = self._parts()
        now_seconds = self._looked_seconds = self._clock.monotonic()
        if house.has_changed():
            house.measure()
        if self._settings.reserve_mb and not house.reserve.is_whole:
            house.make_room(int(self._settings.reserve_mb * 1e6))
            house.reserve.restore()
        now = self._now()
        if now.is_trusted:
            house.correct_times(now)
        if now_seconds - self._aged_seconds >= _AGE_SECONDS:
            house.remove_aged(now)
            self._aged_seconds = now_seconds
        if now_seconds - self._checked_seconds >= _CHECK_SECONDS:
            self._checked_seconds = now_seconds
            damage = find_damage_on_disk(self._path)
            if damage:
                raise sqlite3.DatabaseError(f"damaged: {damage}")
            house.reconcile()

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        connection, _ = self._parts()
        with transaction(connection):
            connection.execute(statement, values)

    def _parts(self) -> tuple[sqlite3.Connection, Housekeeping]:
        if self._connection is None or self._house is None:
            raise sqlite3.OperationalError("the database is not open")
        return self._connection, self._house

    def _free_bytes(self) -> int:
        try:
            room = os.statvfs(self._folder)
        except OSError:
            return 0
        return room.f_bavail * room.f_frsize

    def _set_trouble(self, failure: Failure, error: Exception) -> None:
        if isinstance(error, StoreError):
            trouble = str(error)
        elif failure is Failure.FULL:
            trouble = failure.value
        else:
            trouble = f"{failure.value}: {' '.join(str(error).split())}"
        if trouble != self.figures.trouble and self._is_news(failure):
            logger.warning("memory: %s; events wait until it can be written", trouble)
        self._tell(trouble=trouble)

    def _is_news(self, what: str) -> bool:
        """Whether nothing of that kind was logged just now."""
        now_seconds = self._clock.monotonic()
        if now_seconds - self._told_seconds.get(what, float("-inf")) < _LOG_SECONDS:
            return False
        self._told_seconds[what] = now_seconds
        return True

    def _tell(self, *, trouble: str) -> None:
        if self.figures.trouble and not trouble:
            logger.info("memory: works again")
        house = self._house
        self.figures = replace(
            self.figures,
            events=self.figures.events if house is None else house.events,
            bytes=self.figures.bytes if house is None else house.total_bytes(),
            free_bytes=self._free_bytes(),
            trouble=trouble,
        )
