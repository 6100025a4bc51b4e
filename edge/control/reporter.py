"""Keeps the status of the whole, and tells it to those who follow it."""

import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.clock import RateMeter
from edge.occurrence import Instant
from edge.records import UNKNOWN, Clock, Look, Picture
from edge.status import ActionStatus, EventStatus, OutputStatus, Status, StoreStatus

_PERIOD_SECONDS = 1.0
_AGES = 101  # of the latest decisions, of which the median is told


@dataclass(frozen=True, slots=True)
class Heat:
    """What the machine says of itself.

    Attributes:
        celsius: Its highest temperature; `None` where it does not say.
        troubles: What its firmware notices about supply and heat now.
    """

    celsius: float | None = None
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Informants:
    """Where a status comes from; each is asked about once a second and must answer at once.

    Attributes:
        now: What time it is.
        vetoed: Names of the rules that a veto holds back at a moment.
        suspect: Names of the rules that are held back again and again.
        outputs: Outputs that guards own.
        actions: All actions.
        store: The memory.
        heat: The machine.
    """

    now: Callable[[], Instant]
    vetoed: Callable[[Instant], frozenset[str]] = lambda at: frozenset()
    suspect: Callable[[], frozenset[str]] = frozenset
    outputs: Callable[[], tuple[OutputStatus, ...]] = tuple
    actions: Callable[[], tuple[ActionStatus, ...]] = tuple
    store: Callable[[], StoreStatus | None] = lambda: None
    heat: Callable[[], Heat] = Heat


class Reporter:
    """A follower that keeps the status, and tells it once a second and when something changes.

    What counts as a change: the picture's state, an event that starts or ends, a veto, a rule
    that becomes suspect, and an output's mode, position or trouble.

    Args:
        identity: A status of which the place, the source and the model are kept.
        informants: Where the rest comes from.
        clock: Monotonic.
        listeners: Get every new status, in this order, in the thread of the loop.

    Attributes:
        status: The newest; may be read from any thread.

    Example:
        >>> from edge.testing import ManualClock, blank_frame
        >>> now = lambda: Instant(1_800_000_000.0, 5.0, "boot", is_trusted=True)
        >>> reporter = Reporter(Status("porch", "live"), Informants(now), clock=ManualClock())
        >>> reporter.handle(Look(Picture.DARK, blank_frame(), reason="too dark"))
        >>> reporter.status.picture, reporter.status.reason
        ('dark', 'too dark')
    """

    def __init__(
        self,
        identity: Status,
        informants: Informants,
        *,
        clock: Clock,
        listeners: tuple[Callable[[Status], None], ...] = (),
    ) -> None:
        self.status = identity
        self._informants = informants
        self._clock = clock
        self._listeners = listeners
        self._start_seconds = clock.monotonic()
        self._told_seconds: float | None = None
        self._rate = RateMeter()
        self._ages_ms: deque[float] = deque(maxlen=_AGES)
        self._label = UNKNOWN
        self._event: EventStatus | None = None

    def handle(self, look: Look) -> None:
        """Take a look in, and tell the status if it is time or something has changed."""
        now_seconds = self._clock.monotonic()
        at = self._informants.now()
        self._take(look, now_seconds, at)
        told = replace(
            self.status,
            picture=look.picture.value,
            vetoed=self._informants.vetoed(at),
            suspect=self._informants.suspect(),
            outputs=self._informants.outputs(),
        )
        is_changed = told != self.status or bool(look.events)
        is_due = self._told_seconds is None or now_seconds - self._told_seconds >= _PERIOD_SECONDS
        if not is_changed and not is_due:
            return
        self._told_seconds = now_seconds
        self.status = self._complete(replace(told, reason=look.reason), now_seconds, at)
        for listener in self._listeners:
            listener(self.status)

    def close(self) -> None:
        """Hold nothing."""

    def _take(self, look: Look, now_seconds: float, at: Instant) -> None:
        if look.frame is not None:
            self._rate.add(now_seconds)
        if look.decision is not None:
            self._label = look.decision.label
            if look.prediction is not None:
                self._ages_ms.append(look.decision.age_ms)
        elif look.picture is Picture.OFFLINE:
            self._label = UNKNOWN
        for event in look.events:
            if event.end_seconds is None:
                self._event = EventStatus(event.label, event.score, at.wall_seconds, is_over=False)
            elif self._event is not None:
                self._event = replace(self._event, score=event.score, is_over=True)

    def _complete(self, status: Status, now_seconds: float, at: Instant) -> Status:
        heat = self._informants.heat()
        return replace(
            status,
            uptime_seconds=round(now_seconds - self._start_seconds, 1),
            fps=round(self._rate.rate_hz(now_seconds), 2),
            age_ms=round(statistics.median(self._ages_ms), 1) if self._ages_ms else None,
            label=self._label,
            event=self._event,
            actions=self._informants.actions(),
            store=self._informants.store(),
            celsius=heat.celsius,
            troubles=heat.troubles,
            is_clock_trusted=at.is_trusted,
        )
