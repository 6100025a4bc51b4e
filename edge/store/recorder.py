"""Remembers events without ever holding up the loop: a queue, and a thread that writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.occurrence import Instant, Outcome
from edge.records import Clock, Event, Look
from edge.snapshot import Snapshot
from edge.status import StoreStatus
from edge.store.settings import StoreSettings
from edge.wallclock import WallClock


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
        StoreError: The memory is that of a newer catseye; it is left untouched.
    """

    def __init__(
        self,
        settings: StoreSettings,
        folder: Path,
        *,
        clock: Clock,
        wall: WallClock,
        model: ModelIdentity,
        evidence: str,
    ) -> None:
        raise NotImplementedError

    def see(self, look: Look) -> None:
        """Take in a look, for the clips; copies a small picture at most five times a second."""
        raise NotImplementedError

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
        raise NotImplementedError

    def end(self, event_id: str, event: Event, *, at: Instant) -> None:
        """Remember that an event has ended."""
        raise NotImplementedError

    def note_outcome(self, outcome: Outcome) -> None:
        """Remember what came of a rule or an action."""
        raise NotImplementedError

    def note_door(self, text: str, *, at: Instant) -> None:
        """Remember that somebody has put an output into a mode by hand."""
        raise NotImplementedError

    def status(self) -> StoreStatus:
        """Say how the memory fares, as of the latest write."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what waits, for at most two seconds; a second call does nothing."""
        raise NotImplementedError
