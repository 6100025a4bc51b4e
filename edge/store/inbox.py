"""What waits to be written: in order, in bounded memory, and nobody waits for it."""

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TypeAlias

from edge.occurrence import Outcome
from edge.snapshot import Snapshot
from edge.store.tables import EventRecord

_MOST_EVENTS = 1000
_MOST_OTHERS = 5000
_MOST_PICTURES = 16  # snapshots and clips
_MOST_PICTURE_BYTES = 32_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Started:
    """An event to be written, with its picture."""

    record: EventRecord
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an event to be written."""

    event_id: str
    score: float
    end_seconds: float | None
    wall_seconds: float
    monotonic_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Filmed:
    """The clip of an event to be written; `None` where there were no pictures."""

    event_id: str
    avi: bytes | None


Job: TypeAlias = Started | Ended | Filmed | Outcome


class Inbox:
    """Jobs for one thread that writes; what is too much for the memory is left out and counted.

    Attributes:
        lost_events: Events that were left out because 1,000 waited.
        lost_others: Ends and outcomes that were left out because 5,000 waited.
        lost_pictures: Snapshots and clips that were left out because 16, or 32 MB, waited.

    Example:
        >>> inbox = Inbox()
        >>> inbox.put(Filmed("e1", b"..."))
        >>> job = inbox.peek(timeout_seconds=0)
        >>> inbox.pop(job)
        >>> inbox.peek(timeout_seconds=0) is None, inbox.wait_empty(0)
        (True, True)
    """

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self.lost_events = 0
        self.lost_others = 0
        self.lost_pictures = 0

    @property
    def waiting(self) -> int:
        """Events that wait to be written."""
        with self._changed:
            return self._count_events()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is to come."""
        return self._is_closed

    def put(self, job: Job) -> None:
        """Add a job at the end."""
        with self._changed:
            job = self._lighten(job)
            if isinstance(job, Started):
                if self._count_events() >= _MOST_EVENTS:
                    self._drop_oldest(is_event=True)
                    self.lost_events += 1
            elif len(self._jobs) >= _MOST_EVENTS + _MOST_OTHERS:
                self._drop_oldest(is_event=False)
                self.lost_others += 1
            self._jobs.append(job)
            self._changed.notify_all()

    def peek(self, *, timeout_seconds: float) -> Job | None:
        """Wait for a job and return it without removing it; `None` if there is none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._is_closed, timeout_seconds)
            return self._jobs[0] if self._jobs else None

    def pop(self, job: Job) -> None:
        """Remove a job that is done, unless it was left out meanwhile."""
        with self._changed:
            if self._jobs and self._jobs[0] is job:
                self._jobs.popleft()
            self._changed.notify_all()

    def exchange(self, job: Job, by: Job) -> None:
        """Put a job that is partly done in the place of what it was."""
        with self._changed:
            if self._jobs and self._jobs[0] is job:
                self._jobs[0] = by

    def pause(self, seconds: float) -> None:
        """Wait that long, or until nothing more is to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed, seconds)

    def wait_empty(self, timeout_seconds: float) -> bool:
        """Wait until all jobs are done; say whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs, timeout_seconds)

    def close(self) -> None:
        """Say that nothing more is to come."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _count_events(self) -> int:
        return sum(isinstance(job, Started) for job in self._jobs)

    def _lighten(self, job: Job) -> Job:
        """Leave a picture out if too many wait."""
        size_bytes = _picture_bytes(job)
        if not size_bytes:
            return job
        waiting = [size for size in map(_picture_bytes, self._jobs) if size]
        if len(waiting) < _MOST_PICTURES and sum(waiting) + size_bytes <= _MOST_PICTURE_BYTES:
            return job
        self.lost_pictures += 1
        if isinstance(job, Started):
            return Started(replace(job.record, snapshot_state="lost"))
        return replace(job, avi=None) if isinstance(job, Filmed) else job

    def _drop_oldest(self, *, is_event: bool) -> None:
        for index, job in enumerate(self._jobs):
            if isinstance(job, Started) is is_event:
                del self._jobs[index]
                return


def _picture_bytes(job: Job) -> int:
    if isinstance(job, Started):
        return 0 if job.snapshot is None else job.snapshot.size_bytes
    return len(job.avi or b"") if isinstance(job, Filmed) else 0
