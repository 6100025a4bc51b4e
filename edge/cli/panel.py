"""The panel of `edge run` in a terminal: always up to date, at most 16 lines."""

import logging
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.panel import Panel as Border
from rich.text import Text

from edge.cli.live import Changes
from edge.cli.vitals import Health, Vitals
from edge.clock import RateMeter
from edge.records import UNKNOWN, Clock, Decision, Event, Look, Picture, Prediction
from edge.runtime import Tally

_REFRESHES_PER_SECOND = 4
_QUIET_SECONDS = 2.0  # without a frame for so long, the panel says that it waits
_MOST_BARS = 5
_MOST_EVENTS = 3
_MOST_STATE_LINES = 3
_LONGEST_LABEL = 16
_LONGEST_BAR = 40
_EDGES = 4  # columns of the frame around the text
_REASONS = {
    Picture.FROZEN: "the same picture again and again",
    Picture.DARK: "too dark to see",
    Picture.BRIGHT: "too bright to see",
    Picture.COVERED: "nothing to see, is it covered?",
    Picture.BLURRED: "out of focus",
    Picture.MOVED: "the camera was moved",
}
"""What is wrong with a picture, in words."""


class Panel:
    """A follower for a terminal: state, scores, rates, events and the machine's heat.

    What changed before stays above it, a line each, and so does what the log and
    `edge.cli.output.say` write.

    Args:
        tally: The counts to show; it must stand before this one among the followers.
        clock: Tells how fast frames come, and whether they come.
        console: Where the panel is shown.
        title: What runs, such as the source and the model.
        thresholds: Score from which a label wins a frame, in the order of the model's labels.
        vitals: What the machine says of itself; closed with the panel.
    """

    def __init__(
        self,
        tally: Tally,
        *,
        clock: Clock,
        console: Console,
        title: str,
        thresholds: Mapping[str, float],
        vitals: Vitals,
    ) -> None:
        self._tally = tally
        self._clock = clock
        self._title = title
        self._thresholds = thresholds
        self._vitals = vitals
        self._rate = RateMeter()
        self._changes = Changes()
        self._look: Look | None = None
        self._decision: Decision | None = None
        self._prediction: Prediction | None = None
        self._events: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._latest_seconds = 0.0
        self._live = Live(
            self, console=console, refresh_per_second=_REFRESHES_PER_SECOND, transient=True
        )
        stream = sys.stderr
        self._live.start()
        self._log_handlers = _redirect_log(stream)

    def handle(self, look: Look) -> None:
        """Take note of the look; the panel is drawn by a thread of its own."""
        for line in self._changes.describe(look):
            self._live.console.print(line, style="dim", markup=False, highlight=False)
        for event in look.events:
            if event.end_seconds is not None and self._events:
                self._events.pop()  # its start
            self._events.append(event)
        if look.frame is None and look.picture is not Picture.OFFLINE:
            return
        if look.frame is not None:
            self._latest_seconds = self._clock.monotonic()
            self._rate.add(self._latest_seconds)
        if look.decision is not None:
            self._decision = look.decision
        if not look.is_resting:
            self._prediction = look.prediction
        self._look = look

    def close(self) -> None:
        """Remove the panel; a second call does nothing."""
        self._vitals.close()
        self._live.stop()
        for handler in self._log_handlers:
            handler.setStream(sys.stderr)
        self._log_handlers = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the panel."""
        width = max(1, options.max_width - _EDGES)
        lines: list[Text] = []
        for part in _pack(filter(None, self._state(options.ascii_only)), width):
            lines += part.wrap(console, width)[:_MOST_STATE_LINES]
        lines += self._bars(width, options.ascii_only)
        lines += _pack(self._numbers(), width)
        lines += [Text(_describe_event(event), style="dim") for event in self._events]
        lines += _pack(_describe_health(self._vitals.health), width)
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        yield Border(
            Text("\n", no_wrap=True).join(lines),
            title=Text(self._title, no_wrap=True, overflow="ellipsis"),
            title_align="left",
            border_style="dim",
        )

    def _state(self, is_ascii: bool) -> list[Text]:
        full, empty = ("*", "o") if is_ascii else ("●", "○")
        look = self._look
        if look is None:
            return [Text(f"{empty} starting", style="dim")]
        if look.picture is Picture.OFFLINE:
            return [Text(f"{empty} offline: {look.reason}", style="bold red")]
        if look.picture is not Picture.LIVE:
            state = Text(f"{empty} {look.picture.value}: ", style="bold yellow")
            return [state.append(_REASONS[look.picture]), Text(look.reason, style="dim")]
        if self._clock.monotonic() - self._latest_seconds >= _QUIET_SECONDS:
            return [Text(f"{empty} waiting for a frame", style="yellow")]
        state = Text(f"{full} live  ", style="green")
        if look.reason:
            return [state.append(look.reason, style="yellow")]
        decision = self._decision
        if decision is not None:
            style = "dim" if decision.label == UNKNOWN else "bold default"
            score = "" if decision.label == UNKNOWN else f" {decision.score:.2f}"
            state.append(f"{decision.label}{score}", style=style)
        return [state, Text("idle, nothing moves", style="dim")] if look.is_resting else [state]

    def _bars(self, width: int, is_ascii: bool) -> list[Text]:
        """Draw a bar for each of the labels, the best ones if there are many."""
        labels = list(self._thresholds)
        prediction = self._prediction
        scores = [0.0] * len(labels) if prediction is None else prediction.scores.tolist()
        shown = sorted(range(len(labels)), key=lambda index: -scores[index])[:_MOST_BARS]
        cells = max(1, max(len(labels[index]) for index in shown))
        name_width = min(cells, _LONGEST_LABEL, max(4, width // 3))
        bar_width = min(_LONGEST_BAR, width - name_width - 6)
        lines = []
        for index in sorted(shown):
            label = labels[index]
            name = Text(label)
            name.truncate(name_width, overflow="ellipsis", pad=True)
            bar = _draw_bar(scores[index], self._thresholds[label], bar_width, is_ascii)
            said = "  -  " if prediction is None else f" {scores[index]:.2f}"
            lines.append(Text.assemble(name, " ", bar, said))
        return lines

    def _numbers(self) -> list[str]:
        tally, decision = self._tally, self._decision
        items = [f"{self._rate.rate_hz(self._clock.monotonic()):.1f} fps"]
        if self._prediction is not None:
            items.append(f"model {self._prediction.inference_ms:.1f} ms")
        if decision is not None:
            items.append(f"age {decision.age_ms:.0f} ms")
            items.append(_format_time(decision.time_seconds))
        items.append(f"dropped {tally.frames_dropped}")
        if tally.frames_resting:
            items.append(f"spared {tally.frames_resting}")
        if tally.frames_unusable:
            items.append(f"unusable {tally.frames_unusable}")
        if tally.outages:
            items.append(f"outages {tally.outages}")
        return items


def _draw_bar(score: float, threshold: float, width: int, is_ascii: bool) -> Text:
    """Draw a score in [0, 1] with a mark at its threshold."""
    full, empty, mark = ("#", "-", "|") if is_ascii else ("█", "░", "│")
    filled = round(min(1.0, max(0.0, score)) * width)
    style = "green" if score >= threshold else "cyan"
    marked = min(width - 1, int(threshold * width))
    bar = Text()
    for cell in range(width):
        if cell == marked:
            bar.append(mark, style="bold")
        else:
            bar.append(full if cell < filled else empty, style=style if cell < filled else "dim")
    return bar


def _pack(items: Iterable[str | Text], width: int) -> list[Text]:
    """Put items into as few lines as they take, none of them broken in two."""
    lines: list[Text] = []
    for item in items:
        text = Text(item) if isinstance(item, str) else item
        if lines and lines[-1].cell_len + 2 + text.cell_len <= width:
            lines[-1] = Text.assemble(lines[-1], "  ", text)
        else:
            lines.append(text)
    return lines


def _describe_event(event: Event) -> str:
    start = _format_time(event.start_seconds)
    if event.end_seconds is None:
        return f"{start} {event.label} {event.score:.2f}, is there"
    seconds = event.end_seconds - event.start_seconds
    return f"{start} {event.label} {event.score:.2f}, {seconds:.1f} s"


def _describe_health(health: Health) -> list[Text]:
    items = [Text(trouble, style="bold red") for trouble in health.troubles]
    if health.celsius is not None:
        items.insert(0, Text(f"{health.celsius:.0f} °C"))
    return items


def _format_time(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def _redirect_log(stream: object) -> list["logging.StreamHandler[Any]"]:
    """Let log handlers of that stream write above the panel; rich has replaced `stderr`."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream
    ]
    for handler in handlers:
        handler.setStream(sys.stderr)
    return handlers
