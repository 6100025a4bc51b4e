"""What `edge run` writes while it runs and when it ends, as JSON and as lines; see also `panel`."""

import math
from collections.abc import Callable

from edge.cli import output
from edge.cli.journal import is_journal
from edge.clock import RateMeter
from edge.records import UNKNOWN, Clock, Decision, Event, Follower, Look, Picture
from edge.runtime import RunSummary, Tally

_STATUS_SECONDS = 10.0
_MOST_LABELS = 6


class Display:
    """What shows a run; it ends the run once its reader has gone (`edge run | head -1`).

    Args:
        display: Writes the lines; closed with this.
        when_unread: Called when nobody reads them any more.
    """

    def __init__(self, display: Follower, *, when_unread: Callable[[], None]) -> None:
        self._display = display
        self._when_unread = when_unread

    def handle(self, look: Look) -> None:
        """Pass the look on."""
        try:
            self._display.handle(look)
        except BrokenPipeError:
            self._when_unread()

    def close(self) -> None:
        """Close the display; a second call does nothing."""
        self._display.close()


class JsonLines:
    """A follower that writes what it is told as lines of JSON to standard output, at once.

    A line of type "picture" when the state of the picture changes, one of type "decision" for
    each decision, and one of type "event" for each start and end of an appearance.
    """

    def __init__(self) -> None:
        self._picture = Picture.LIVE

    def handle(self, look: Look) -> None:
        """Write what the look brings."""
        if look.picture is not self._picture:
            self._picture = look.picture
            seconds = None if look.frame is None else round(look.frame.time_seconds, 6)
            output.emit_json(
                {
                    "type": "picture",
                    "picture": look.picture.value,
                    "time_seconds": seconds,
                    "reason": look.reason,
                }
            )
        if look.decision is not None:
            _emit_decision(look.decision)
        for event in look.events:
            _emit_event(event)

    def close(self) -> None:
        """Hold nothing."""


class PlainLines:
    """A follower for logs and pipes: a line when something changes, and one now and then.

    The journal of systemd gets the first kind only: what repeats itself wears out a memory card.

    Args:
        tally: The counts to report; it must stand before this one among the followers.
        clock: Says when the next status line is due.
    """

    def __init__(self, tally: Tally, *, clock: Clock) -> None:
        self._tally = tally
        self._clock = clock
        self._rate = RateMeter()
        self._changes = Changes()
        self._status_seconds = math.inf if is_journal() else clock.monotonic()

    def handle(self, look: Look) -> None:
        """Write a line if there is something to tell."""
        now_seconds = self._clock.monotonic()
        for line in self._changes.describe(look):
            output.say(line)
        if look.frame is None:
            return
        self._rate.add(now_seconds)
        if now_seconds - self._status_seconds >= _STATUS_SECONDS:
            self._status_seconds = now_seconds
            state = ", nothing moves" if look.is_resting else ""
            if look.picture is not Picture.LIVE:
                state = f", picture: {look.picture.value}, {look.reason}".removesuffix(", ")
            age_ms = (now_seconds - look.frame.captured_seconds) * 1000
            output.say(
                f"{look.frame.time_seconds:8.2f} s  ({self._rate.rate_hz(now_seconds):.1f} frames "
                f"per second, {age_ms:.0f} ms from frame to label, "
                f"{self._tally.frames_dropped} dropped{state})"
            )

    def close(self) -> None:
        """Hold nothing."""


class Changes:
    """Says in a line each what a look changes.

    Example:
        >>> from edge.testing import blank_frame
        >>> changes = Changes()
        >>> decision = Decision("cat", 0.98, frame=40, time_seconds=1.6, age_ms=9.0)
        >>> for line in changes.describe(Look(Picture.LIVE, blank_frame(40), decision=decision)):
        ...     print(line)
            1.60 s  cat 0.98
        >>> for line in changes.describe(Look(Picture.OFFLINE, reason="unplugged")):
        ...     print(line)
                    offline: waiting for it, Ctrl-C ends
    """

    def __init__(self) -> None:
        self._picture = Picture.LIVE
        self._label: str | None = None

    def describe(self, look: Look) -> list[str]:
        """Return the lines that a look deserves, mostly none."""
        lines = [describe_end(event) for event in look.events if event.end_seconds is not None]
        if look.picture is not self._picture:
            self._picture = look.picture
            lines.append(_describe_picture(look))
        if look.picture is not Picture.LIVE:
            self._label = None
        elif look.decision is not None and look.decision.label != self._label:
            self._label = look.decision.label
            lines.append(describe_change(look.decision))
        return lines


def describe_change(decision: Decision) -> str:
    """Say what is believed from now on.

    Example:
        >>> print(describe_change(Decision("cat", 0.98, frame=40, time_seconds=1.6, age_ms=9.0)))
            1.60 s  cat 0.98
    """
    score = "" if decision.label == UNKNOWN else f" {decision.score:.2f}"
    return f"{decision.time_seconds:8.2f} s  {decision.label}{score}"


def describe_end(event: Event) -> str:
    """Say what an appearance was, once it has ended.

    Example:
        >>> print(describe_end(Event("cat", 1.6, 4.8, score=0.99, frame=55, frame_seconds=2.2)))
            4.80 s  cat was there for 3.2 s, best at 2.20 s with 0.99
    """
    end_seconds = event.start_seconds if event.end_seconds is None else event.end_seconds
    return (
        f"{end_seconds:8.2f} s  {event.label} was there for "
        f"{end_seconds - event.start_seconds:.1f} s, best at {event.frame_seconds:.2f} s "
        f"with {event.score:.2f}"
    )


def describe_summary(summary: RunSummary) -> str:
    """Say in words what a run did.

    Example:
        >>> from edge.runtime import Percentiles
        >>> print(describe_summary(RunSummary(
        ...     frames_captured=300, frames_classified=140, frames_dropped=60, frames_resting=90,
        ...     frames_unusable=10, seconds=10.0, fps=14.0, age_ms=Percentiles(p50=12.3, p99=40.1),
        ...     decisions=150, decided={"none": 120, "cat": 30}, events=1, outages=0)))
        140 of 300 frames classified in 10.0 s (14.0 frames per second), 60 dropped for newer ones
        90 frames spared because nothing moved, 10 unusable
        frame to label: p50 12.3 ms, p99 40.1 ms
        150 decisions: none 120 (80 %), cat 30 (20 %); 1 event
    """
    lines = []
    if summary.frames_captured == 0 or (summary.age_ms is None and not summary.decisions):
        lines.append("no frame was classified")
    else:
        lines.append(
            f"{summary.frames_classified} of {summary.frames_captured} frames classified in "
            f"{summary.seconds:.1f} s ({summary.fps:.1f} frames per second), "
            f"{summary.frames_dropped} dropped for newer ones"
        )
    spared = [f"{summary.frames_resting} frames spared because nothing moved"]
    if summary.frames_resting or summary.frames_unusable:
        lines.append(", ".join([*spared, f"{summary.frames_unusable} unusable"]))
    if summary.age_ms is not None:
        lines.append(
            f"frame to label: p50 {summary.age_ms.p50:.1f} ms, p99 {summary.age_ms.p99:.1f} ms"
        )
    if summary.decisions:
        lines.append(
            f"{output.number_of(summary.decisions, 'decision')}: {_list_decided(summary)}; "
            f"{output.number_of(summary.events, 'event')}"
        )
    if summary.outages:
        lines.append(f"the source was away {output.number_of(summary.outages, 'time')}")
    if summary.failures:
        lines.append(
            f"actions failed {output.number_of(summary.failures, 'time')}; the log says why"
        )
    return "\n".join(lines)


def emit_summary(summary: RunSummary, *, model_sha256: str | None) -> None:
    """Write the last line of `--json`."""
    ages = summary.age_ms
    output.emit_json(
        {
            "type": "summary",
            "frames_captured": summary.frames_captured,
            "frames_classified": summary.frames_classified,
            "frames_dropped": summary.frames_dropped,
            "frames_resting": summary.frames_resting,
            "frames_unusable": summary.frames_unusable,
            "seconds": round(summary.seconds, 3),
            "fps": round(summary.fps, 3),
            "age_ms": {
                "p50": None if ages is None else round(ages.p50, 3),
                "p99": None if ages is None else round(ages.p99, 3),
            },
            "decisions": summary.decisions,
            "decided": summary.decided,
            "events": summary.events,
            "outages": summary.outages,
            "failures": summary.failures,
            "model_sha256": model_sha256,
        }
    )


def _emit_decision(decision: Decision) -> None:
    output.emit_json(
        {
            "type": "decision",
            "label": decision.label,
            "score": round(decision.score, 6),
            "frame": decision.frame,
            "time_seconds": round(decision.time_seconds, 6),
            "age_ms": round(decision.age_ms, 3),
            "picture": decision.picture.value,
        }
    )


def _emit_event(event: Event) -> None:
    end_seconds = event.end_seconds
    output.emit_json(
        {
            "type": "event",
            "phase": "start" if end_seconds is None else "end",
            "label": event.label,
            "score": round(event.score, 6),
            "start_seconds": round(event.start_seconds, 6),
            "end_seconds": None if end_seconds is None else round(end_seconds, 6),
            "frame": event.frame,
            "frame_seconds": round(event.frame_seconds, 6),
        }
    )


def _describe_picture(look: Look) -> str:
    if look.frame is None:
        return f"{'':8}    {look.picture.value}: waiting for it, Ctrl-C ends"  # the log says why
    why = f" ({look.reason})" if look.reason else ""
    ending = "" if look.picture is Picture.LIVE else f"{why}, nothing is decided"
    return f"{look.frame.time_seconds:8.2f} s  picture: {look.picture.value}{ending}"


def _list_decided(summary: RunSummary) -> str:
    counts = [
        f"{label} {count} ({100 * count / summary.decisions:.0f} %)"
        for label, count in list(summary.decided.items())[:_MOST_LABELS]
    ]
    if len(summary.decided) > _MOST_LABELS:
        counts.append(f"{len(summary.decided) - _MOST_LABELS} other labels")
    return ", ".join(counts)
