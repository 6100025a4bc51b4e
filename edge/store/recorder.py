"""Remembers events without ever holding up the loop: a queue, and a thread that writes."""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.occurrence import Instant, Outcome
from edge.records import Clock, Event, Look
from edge.snapshot import Snapshot
from edge.sqlite_file import refuse_newer
from edge.status import StoreStatus
from edge.store.database import DATABASE
from edge.store.film import Film
from edge.store.inbox import Ended, Filmed, Inbox, Started
from edge.store.keeper import Keeper
from edge.store.settings import StoreSettings
from edge.store.tables import VERSION, EventRecord

if TYPE_CHECKING:
    from edge.wallclock import WallClock

_CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model has seen what is remembered.

    Attributes:
        name: Of the model.
        sha256: Of its file, 64 hexadecimal digits.
    """

    name: str
    sha256: str


class Recorder:
    """Remembers events, pictures of them and what came of them.

    No method but `close` waits for the disk. What cannot be written waits in memory, at most
    1,000 events, and is written once it can be; `status` says so.

    Args:
        settings: What is kept.
        folder: Where; made where it is missing. `settings.folder`, made absolute.
        clock: Monotonic.
        wall: Tells when a wall clock becomes trustworthy.
        model: Which model sees what is remembered.
        evidence: The rules of evidence, as text.

    Raises:
        NewerStoreError: The memory is that of a newer catseye; it is left untouched.
    """

    def __init__(
        self,
        settings: StoreSettings,
        folder: Path,
        *,
        clock: Clock,
        wall: "WallClock",
        model: ModelIdentity,
        evidence: str,
    ) -> None:
        refuse_newer(folder / DATABASE, newest=VERSION)
        self._settings = settings
        self._model = model
        self._evidence = evidence
        self._inbox = Inbox()
        self._keeper = Keeper(settings, folder, inbox=self._inbox, clock=clock, now=wall.now)
        self._film: Film | None = None
        if settings.clips:
            self._film = Film(
                settings.pre_roll_seconds,
                settings.clip_seconds,
                clock=clock,
                when_done=lambda event_id, avi: self._inbox.put(Filmed(event_id, avi)),
            )
        self._is_closed = False
        self._thread = threading.Thread(target=self._keeper.run, name="memory", daemon=True)
        self._thread.start()

    def see(self, look: Look) -> None:
        """Take in a look, for the clips; copies a small picture at most five times a second."""
        if self._film is not None and look.frame is not None:
            self._film.see(look.frame)

    def start(
        self,
        event_id: str,
        event: Event,
        *,
        scores: Mapping[str, float],
        at: Instant,
        snapshot: Snapshot | None = None,
        rule: str = "",
    ) -> None:
        """Remember that an event has started.

        Args:
            event_id: 32 hexadecimal digits.
            event: As the tracker tells it.
            scores: Of the frame, per label.
            at: When.
            snapshot: The frame; `None` where there is none.
            rule: Name of the rule that fired on it; empty if none did, or not yet: the outcomes
                name their rules.
        """
        has_picture = self._settings.snapshots and snapshot is not None
        record = EventRecord(
            event_id=event_id,
            label=event.label,
            score=event.score,
            scores=dict(scores),
            evidence=self._evidence,
            rule=rule,
            wall_seconds=at.wall_seconds,
            monotonic_seconds=at.monotonic_seconds,
            boot_id=at.boot_id,
            is_trusted=at.is_trusted,
            start_seconds=event.start_seconds,
            model=self._model.name,
            model_sha256=self._model.sha256,
        )
        self._inbox.put(Started(record, snapshot if has_picture else None))
        if self._film is not None:
            self._film.cut(event_id)

    def end(self, event_id: str, event: Event, *, at: Instant) -> None:
        """Remember that an event has ended."""
        self._inbox.put(
            Ended(event_id, event.score, event.end_seconds, at.wall_seconds, at.monotonic_seconds)
        )

    def note_outcome(self, outcome: Outcome) -> None:
        """Remember what came of a rule or an action."""
        self._inbox.put(outcome)

    def note_door(self, text: str, *, at: Instant) -> None:
        """Remember that somebody has put an output into a mode by hand."""
        record = EventRecord(
            event_id=uuid.uuid4().hex,
            kind="door",
            scores={},
            text=text,
            wall_seconds=at.wall_seconds,
            monotonic_seconds=at.monotonic_seconds,
            boot_id=at.boot_id,
            is_trusted=at.is_trusted,
        )
        self._inbox.put(Started(record))

    def status(self) -> StoreStatus:
        """Say how the memory fares, as of the latest write."""
        figures = self._keeper.figures
        trouble = figures.trouble
        if not self._thread.is_alive() and not self._is_closed:
            trouble = "the thread that writes has ended"
        elif self._film is not None and not self._film.is_alive and not self._is_closed:
            trouble = trouble or "the thread that makes the clips has ended"
        elif not trouble:
            trouble = self._tell_losses()
        return StoreStatus(
            events=figures.events,
            bytes=figures.bytes,
            free_bytes=figures.free_bytes,
            waiting=self._inbox.waiting,
            lost_snapshots=figures.lost_pictures + self._inbox.lost_pictures,
            trouble=trouble,
        )

    def _tell_losses(self) -> str:
        if self._inbox.lost_events:
            return f"{self._inbox.lost_events} events are lost: too many waited"
        if self._inbox.lost_others:
            return f"{self._inbox.lost_others} ends or outcomes are lost: too many waited"
        return ""

    def flush(self, *, timeout_seconds: float) -> bool:
        """Wait until all that was told so far is on the disk; say whether it is.

        Not for the loop.
        """
        return self._inbox.wait_empty(timeout_seconds)

    def close(self) -> None:
        """Write what waits, for at most two seconds; a second call does nothing."""
        self._is_closed = True
        if self._film is not None:
            self._film.close()
        self._inbox.close()
        self._thread.join(timeout=_CLOSE_SECONDS)
