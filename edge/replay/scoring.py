"""Events held against expectations: what was right, wrong, missed, false, and how late.

The counts are additive: those of a folder are the sums of those of its clips.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.records import Event
from edge.replay.expectations import Expectation

GRACE_SECONDS = 1.0
"""An event may start so long after an appearance has ended: evidence takes time to gather."""


class Verdict(StrEnum):
    """What is to be said of an appearance (the first two) or of an event (the others)."""

    RIGHT = "right"
    MISSED = "missed"
    WRONG = "wrong"
    REPEATED = "repeated"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: an appearance, or an event that should not have been.

    Attributes:
        clip: Where.
        verdict: `right`: an event of its label was reported; `missed`: none was; `wrong`: an event
            of another label than what was there; `repeated`: one more event for an appearance that
            had one; `false`: an event while nothing was there.
        label: What appeared, or what the event says.
        start_seconds: Of the appearance, or of the event.
        end_seconds: Likewise.
        late_seconds: From the start of the appearance to that of its first right event, at least
            0; `None` unless right.
    """

    clip: str
    verdict: Verdict
    label: str
    start_seconds: float
    end_seconds: float
    late_seconds: float | None = None

    def to_dict(self) -> dict[str, str | float | None]:
        """Return what it says as plain values."""
        return {
            "clip": self.clip,
            "verdict": self.verdict.value,
            "label": self.label,
            "start_seconds": self.start_seconds,
            "end_seconds": self.end_seconds,
            "late_seconds": self.late_seconds,
        }


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each verdict was given.

    Attributes:
        right: Appearances that were reported.
        missed: Appearances that were not, whether or not something else was said of them.
        wrong: Events of another label than what was there.
        repeated: Events for appearances that had one already.
        false: Events while nothing was there.
        late_seconds: Sum over the right ones.
        seconds: Length of the recording.
    """

    right: int = 0
    missed: int = 0
    wrong: int = 0
    repeated: int = 0
    false: int = 0
    late_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def false_per_hour(self) -> float:
        """False events per hour of recording; 0 without any recording."""
        return self.false / self.seconds * 3600 if self.seconds > 0 else 0.0

    def to_dict(self) -> dict[str, float]:
        """Return the counts, the appearances and the rate as plain values."""
        return {
            "appearances": self.right + self.missed,
            "right": self.right,
            "missed": self.missed,
            "wrong": self.wrong,
            "repeated": self.repeated,
            "false": self.false,
            "false_per_hour": self.false_per_hour,
            "late_seconds": self.late_seconds,
            "recorded_seconds": self.seconds,
        }


def score_clip(
    clip: str, events: Sequence[Event], expectations: Sequence[Expectation], *, seconds: float
) -> list[Finding]:
    """Say what is right and wrong about the events of one clip, sorted by time.

    An event belongs to an appearance that it overlaps, or that ended at most `GRACE_SECONDS`
    before the event starts. The earliest of the same label makes the appearance right, further
    ones of that label are repetitions; an event that goes on over two appearances makes both right.

    Args:
        clip: Its name.
        events: What was reported; an event without an end goes on to the end of the clip.
        expectations: What appears on this clip.
        seconds: Length of the clip.

    Example:
        >>> cat = Event("cat", 2.5, 6.0, score=0.9, frame=70, frame_seconds=3.0)
        >>> expected = Expectation("a.mp4", "cat", 2.0, 5.0)
        >>> [found] = score_clip("a.mp4", [cat], [expected], seconds=10.0)
        >>> print(found.verdict, found.late_seconds)
        right 0.5
    """
    findings = []
    for event in events:
        verdict = _judge(event, events, expectations)
        if verdict is not Verdict.RIGHT:
            end_seconds = seconds if event.end_seconds is None else event.end_seconds
            findings.append(Finding(clip, verdict, event.label, event.start_seconds, end_seconds))
    for row in expectations:
        first = _first_right(row, events)
        end_seconds = min(row.end_seconds, seconds)
        if first is None:
            verdict, late_seconds = Verdict.MISSED, None
        else:
            verdict = Verdict.RIGHT
            late_seconds = max(0.0, first.start_seconds - row.start_seconds)
        findings.append(
            Finding(clip, verdict, row.label, row.start_seconds, end_seconds, late_seconds)
        )
    return sorted(findings, key=lambda found: (found.start_seconds, found.verdict, found.label))


def count_findings(findings: Iterable[Finding], *, seconds: float) -> Counts:
    """Count the verdicts of recordings of that length together."""
    listed = list(findings)
    counts = Counter(found.verdict for found in listed)
    return Counts(
        right=counts[Verdict.RIGHT],
        missed=counts[Verdict.MISSED],
        wrong=counts[Verdict.WRONG],
        repeated=counts[Verdict.REPEATED],
        false=counts[Verdict.FALSE],
        late_seconds=math.fsum(found.late_seconds or 0.0 for found in listed),
        seconds=seconds,
    )


def add_counts(parts: Iterable[Counts]) -> Counts:
    """Add up the counts of several clips.

    Example:
        >>> add_counts([Counts(right=1, seconds=5.0), Counts(false=1, seconds=7.0)]).seconds
        12.0
    """
    listed = list(parts)
    return Counts(
        right=sum(part.right for part in listed),
        missed=sum(part.missed for part in listed),
        wrong=sum(part.wrong for part in listed),
        repeated=sum(part.repeated for part in listed),
        false=sum(part.false for part in listed),
        late_seconds=math.fsum(part.late_seconds for part in listed),
        seconds=math.fsum(part.seconds for part in listed),
    )


def _judge(event: Event, events: Sequence[Event], expectations: Sequence[Expectation]) -> Verdict:
    touched = [row for row in expectations if _belongs(event, row)]
    if not touched:
        return Verdict.FALSE
    own = [row for row in touched if row.label == event.label]
    if not own:
        return Verdict.WRONG
    is_first = any(_first_right(row, events) is event for row in own)
    return Verdict.RIGHT if is_first else Verdict.REPEATED


def _first_right(row: Expectation, events: Sequence[Event]) -> Event | None:
    fitting = [event for event in events if event.label == row.label and _belongs(event, row)]
    return min(fitting, key=lambda event: event.start_seconds, default=None)


def _belongs(event: Event, row: Expectation) -> bool:
    has_begun = event.start_seconds <= row.end_seconds + GRACE_SECONDS
    return has_begun and (event.end_seconds is None or event.end_seconds >= row.start_seconds)
