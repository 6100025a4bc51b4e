"""What `edge run` shows while it runs and when it ends."""

import logging
import sys
from typing import TYPE_CHECKING, Any

from edge.cli import output
from edge.clock import RateMeter
from edge.records import UNKNOWN, Clock, Decision
from edge.runtime import RunSummary, Tally

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_REFRESHES_PER_SECOND = 8
_QUIET_SECONDS = 2.0  # without a frame for so long, the line says that it waits
_STATUS_SECONDS = 10.0
_BAR_CELLS = 10
_MOST_LABELS = 6


class JsonLines:
    """An action that writes each decision as a line of JSON to standard output."""

    def handle(self, decision: Decision) -> None:
        """Write the decision, at once."""
        output.emit_json(
            {
                "type": "decision",
                "label": decision.label,
                "score": round(decision.score, 6),
                "frame": decision.frame,
                "time_seconds": round(decision.time_seconds, 6),
                "age_ms": round(decision.age_ms, 3),
            }
        )

    def close(self) -> None:
        """Hold nothing."""


class PlainLines:
    """An action for logs and pipes: a line when the decision changes, and one now and then.

    Args:
        tally: The counts to report; it must stand before this one among the actions.
        clock: Says when the next status line is due.
    """

    def __init__(self, tally: Tally, *, clock: Clock) -> None:
        self._tally = tally
        self._clock = clock
        self._rate = RateMeter()
        self._label: str | None = None
        self._status_seconds = clock.monotonic()

    def handle(self, decision: Decision) -> None:
        """Write a line if there is something to tell."""
        now_seconds = self._clock.monotonic()
        self._rate.add(now_seconds)
        if decision.label != self._label:
            self._label = decision.label
            output.say(describe_change(decision))
        if now_seconds - self._status_seconds >= _STATUS_SECONDS:
            self._status_seconds = now_seconds
            output.say(
                f"{decision.time_seconds:8.2f} s  ({self._rate.rate_hz(now_seconds):.1f} frames "
                f"per second, {decision.age_ms:.0f} ms from frame to label, "
                f"{self._tally.frames_dropped} dropped)"
            )

    def close(self) -> None:
        """Hold nothing."""


class LiveLine:
    """An action for a terminal: one line that is always up to date.

    What was decided before stays above it, a line for each change, and so does what the log and
    `edge.cli.output.say` write.

    Args:
        tally: The counts to show; it must stand before this one among the actions.
        clock: Tells how fast frames come, and whether they come.
        console: Where the line is shown.
    """

    def __init__(self, tally: Tally, *, clock: Clock, console: "Console") -> None:
        from rich.live import Live

        self._tally = tally
        self._clock = clock
        self._rate = RateMeter()
        self._decision: Decision | None = None
        self._latest_seconds = 0.0
        self._live = Live(
            self, console=console, refresh_per_second=_REFRESHES_PER_SECOND, transient=True
        )
        stream = sys.stderr
        self._live.start()
        self._log_handlers = _redirect_log(stream)

    def handle(self, decision: Decision) -> None:
        """Take note of the decision; the line is drawn by a thread of its own."""
        self._latest_seconds = self._clock.monotonic()
        self._rate.add(self._latest_seconds)
        if self._decision is None or decision.label != self._decision.label:
            self._live.console.print(
                describe_change(decision), style="dim", markup=False, highlight=False
            )
        self._decision = decision

    def close(self) -> None:
        """Remove the line; a second call does nothing."""
        self._live.stop()
        for handler in self._log_handlers:
            handler.setStream(sys.stderr)
        self._log_handlers = []

    def __rich__(self) -> "Text":
        """Draw the line."""
        from rich.text import Text

        decision = self._decision
        line = Text(no_wrap=True, overflow="ellipsis")
        if decision is None:
            return line.append("starting", style="dim")
        now_seconds = self._clock.monotonic()
        is_live = now_seconds - self._latest_seconds < _QUIET_SECONDS
        line.append("● live   " if is_live else "○ waiting", style="green" if is_live else "yellow")
        style = "dim" if decision.label == UNKNOWN else "bold"
        line.append(f" {decision.label:<8} {decision.score:4.2f} ", style=style)
        full = round(decision.score * _BAR_CELLS)
        line.append("█" * full, style=style).append("░" * (_BAR_CELLS - full), style="dim")
        line.append(f"  {self._rate.rate_hz(now_seconds):5.1f} fps")
        line.append(f"  latency {decision.age_ms:4.0f} ms")
        line.append(f"  dropped {self._tally.frames_dropped}")
        line.append(f"  {_format_time(decision.time_seconds)}", style="dim")
        return line


def describe_change(decision: Decision) -> str:
    """Say what is believed from now on.

    Example:
        >>> print(describe_change(Decision("cat", 0.98, frame=40, time_seconds=1.6, age_ms=9.0)))
            1.60 s  cat 0.98
    """
    score = "" if decision.label == UNKNOWN else f" {decision.score:.2f}"
    return f"{decision.time_seconds:8.2f} s  {decision.label}{score}"


def describe_summary(summary: RunSummary) -> str:
    """Say in words what a run did.

    Example:
        >>> from edge.runtime import Percentiles
        >>> print(describe_summary(RunSummary(
        ...     frames_captured=300, frames_classified=240, frames_dropped=60, seconds=10.0,
        ...     fps=24.0, age_ms=Percentiles(p50=12.3, p99=40.1), decisions=240,
        ...     decided={"none": 180, "cat": 60})))
        240 of 300 frames classified in 10.0 s (24.0 frames per second), 60 dropped for newer ones
        frame to label: p50 12.3 ms, p99 40.1 ms
        240 decisions: none 180 (75 %), cat 60 (25 %)
    """
    if summary.age_ms is None:
        return "no frame was classified"
    counts = [
        f"{label} {count} ({100 * count / summary.decisions:.0f} %)"
        for label, count in list(summary.decided.items())[:_MOST_LABELS]
    ]
    if len(summary.decided) > _MOST_LABELS:
        counts.append(f"{len(summary.decided) - _MOST_LABELS} other labels")
    return (
        f"{summary.frames_classified} of {summary.frames_captured} frames classified in "
        f"{summary.seconds:.1f} s ({summary.fps:.1f} frames per second), "
        f"{summary.frames_dropped} dropped for newer ones\n"
        f"frame to label: p50 {summary.age_ms.p50:.1f} ms, p99 {summary.age_ms.p99:.1f} ms\n"
        f"{summary.decisions} decisions: {', '.join(counts)}"
    )


def emit_summary(summary: RunSummary, *, model_sha256: str | None) -> None:
    """Write the last line of `--json`."""
    ages = summary.age_ms
    output.emit_json(
        {
            "type": "summary",
            "frames_captured": summary.frames_captured,
            "frames_classified": summary.frames_classified,
            "frames_dropped": summary.frames_dropped,
            "seconds": round(summary.seconds, 3),
            "fps": round(summary.fps, 3),
            "age_ms": {
                "p50": None if ages is None else round(ages.p50, 3),
                "p99": None if ages is None else round(ages.p99, 3),
            },
            "decisions": summary.decisions,
            "decided": summary.decided,
            "model_sha256": model_sha256,
        }
    )


def _redirect_log(stream: object) -> list["logging.StreamHandler[Any]"]:
    """Let log handlers of that stream write above the live line; rich has replaced `stderr`."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream
    ]
    for handler in handlers:
        handler.setStream(sys.stderr)
    return handlers


def _format_time(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
