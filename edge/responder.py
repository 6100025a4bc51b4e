"""The follower that turns looks into occurrences, and hands them to memory and actions."""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from edge.actions.dispatch import Dispatcher
from edge.occurrence import Instant, Occurrence, Outcome
from edge.records import Clock, Event, Look
from edge.rules import FIRED, SUSPECT_BLOCKS, RuleBook, Verdict
from edge.snapshot import Snapshot
from edge.store.recorder import Recorder
from edge.wallclock import WallClock

logger = logging.getLogger(__name__)


class Pulse:
    """A follower that knows how long ago the loop last looked at something; ask from any thread.

    Args:
        clock: Monotonic.
        period_seconds: How long the loop rests by itself after a look, which is no hanging.

    Example:
        >>> from edge.testing import ManualClock
        >>> clock = ManualClock()
        >>> pulse = Pulse(clock)
        >>> clock.advance(3.0)
        >>> pulse.idle_seconds()
        3.0
    """

    def __init__(self, clock: Clock, *, period_seconds: float = 0.0) -> None:
        self._clock = clock
        self._period_seconds = period_seconds
        self._looked_seconds = clock.monotonic()

    def handle(self, look: Look) -> None:
        """Note that the loop goes on."""
        self._looked_seconds = self._clock.monotonic()

    def close(self) -> None:
        """Hold nothing."""

    def idle_seconds(self) -> float:
        """Return how long it has looked at nothing although it could have."""
        idle_seconds = self._clock.monotonic() - self._looked_seconds - self._period_seconds
        return max(idle_seconds, 0.0)


class Teller(Protocol):
    """Tells people or programs what rules do; both methods must be overridden."""

    def tell_verdict(self, verdict: Verdict, event_id: str) -> None:
        """Tell what has become of a rule."""

    def tell_outcome(self, outcome: Outcome) -> None:
        """Tell what has come of an action."""


@dataclass(frozen=True, slots=True)
class Sight:
    """By what is seen.

    Attributes:
        labels: Of the model, in its order.
        evidence: The rules of evidence, as text.
        model_sha256: Of the model file.
    """

    labels: Sequence[str]
    evidence: str
    model_sha256: str


class Responder:
    """A follower that lets the rules judge each look, and sees to what follows from it.

    Nothing here waits: the memory and every action have threads of their own. What rules and
    actions do is told from the thread of the loop.

    Args:
        rules: Judge each look; from this thread only.
        sight: By what is seen.
        wall: Says when.
        teller: Tells what rules and actions do.
        dispatcher: Has the actions; `None` in a dry run. Not closed.
        recorder: Remembers; `None` in a dry run. Not closed.
    """

    def __init__(
        self,
        rules: RuleBook,
        sight: Sight,
        *,
        wall: WallClock,
        teller: Teller,
        dispatcher: Dispatcher | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._rules = rules
        self._sight = sight
        self._wall = wall
        self._teller = teller
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._event_id = ""
        self._suspect: frozenset[str] = frozenset()
        self._outcomes: deque[Outcome] = deque(maxlen=10_000)

    def handle(self, look: Look) -> None:
        """Take a look in, and do what follows from it."""
        at = self._wall.now()
        if self._recorder is not None:
            self._recorder.see(look)
        moment = _Moment(look, at, self._sight.labels)
        ended = [event for event in look.events if event.end_seconds is not None]
        for event in ended:
            self._end(event, at)
        for event in look.events:
            if event.end_seconds is None:
                self._start(event, moment)
        for verdict in self._rules.update(look, at):
            self._respond(verdict, moment)
        self._warn_of_suspects()
        self._tell_outcomes()

    def note_outcome(self, outcome: Outcome) -> None:
        """Take in what has come of an action; from any thread."""
        if self._recorder is not None:
            self._recorder.note_outcome(outcome)
        self._outcomes.append(outcome)

    def close(self) -> None:
        """Tell what came last; a second call does nothing."""
        self._tell_outcomes()

    def _start(self, event: Event, moment: "_Moment") -> None:
        self._event_id = uuid4().hex
        if self._recorder is not None:
            scores, snapshot = moment.scores, moment.snapshot
            self._recorder.start(
                self._event_id, event, scores=scores, at=moment.at, snapshot=snapshot
            )

    def _end(self, event: Event, at: Instant) -> None:
        if self._recorder is not None and self._event_id:
            self._recorder.end(self._event_id, event, at=at)
        self._event_id = ""

    def _respond(self, verdict: Verdict, moment: "_Moment") -> None:
        event_id = self._event_id or uuid4().hex  # a background label is no event, but may fire
        self._teller.tell_verdict(verdict, event_id)
        if verdict.result != FIRED:
            outcome = Outcome(event_id, verdict.rule.name, "", verdict.result, "", moment.at)
            if self._recorder is not None:
                self._recorder.note_outcome(outcome)
            return
        if self._dispatcher is None:
            return
        occurrence = Occurrence(
            event_id,
            rule=verdict.rule.name,
            label=verdict.label,
            score=verdict.score,
            scores=moment.scores,
            evidence=self._sight.evidence,
            at=moment.at,
            model_sha256=self._sight.model_sha256,
            snapshot=moment.snapshot,
        )
        for name in verdict.rule.actions:
            self._dispatcher.submit(name, occurrence)

    def _warn_of_suspects(self) -> None:
        before, self._suspect = self._suspect, self._rules.suspect()
        for name in sorted(self._suspect - before):
            logger.warning(
                "rule %s: held back by its veto or its limit %d times in a row, "
                "see edge events list",
                *(name, SUSPECT_BLOCKS),
            )
        for name in sorted(before - self._suspect):
            logger.info("rule %s: fires again", name)

    def _tell_outcomes(self) -> None:
        while self._outcomes:
            self._teller.tell_outcome(self._outcomes.popleft())


class _Moment:
    """A look, with what is made of it only if somebody needs it."""

    def __init__(self, look: Look, at: Instant, labels: Sequence[str]) -> None:
        self.at = at
        self._look = look
        self._labels = labels
        self._snapshot: Snapshot | None = None

    @property
    def scores(self) -> Mapping[str, float]:
        """Scores of the frame per label; none where the model was not asked."""
        prediction = self._look.prediction
        if prediction is None:
            return {}
        return dict(zip(self._labels, map(float, prediction.scores), strict=True))

    @property
    def snapshot(self) -> Snapshot | None:
        """The frame, copied once."""
        if self._snapshot is None and self._look.frame is not None:
            self._snapshot = Snapshot(self._look.frame.pixels_bgr)
        return self._snapshot
