"""How long an output may be energised: the longest time, the duty, the pause. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.errors import SettingError

LONGEST_CAP_SECONDS = 30.0
"""No limit is longer than this, whatever a configuration says."""

DUTY_CAP = 0.5
"""No duty is larger than this share."""

WINDOW_SECONDS = 600.0
"""The time that the duty is reckoned over."""

_SHORTEST_SECONDS = 0.05  # less is no pulse that moves anything


@dataclass(frozen=True, slots=True)
class Limits:
    """What an output bears.

    Attributes:
        longest_seconds: Longest time energised without a pause, above 0, at most 30.
        duty: Largest share of any ten minutes that it is energised, above 0, at most 0.5.
        pause_seconds: Shortest time between two times, from 0.

    Raises:
        SettingError: A value out of its range.

    Example:
        >>> Limits().longest_seconds
        5.0
    """

    longest_seconds: float = 5.0
    duty: float = 0.2
    pause_seconds: float = 1.0

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        ranges = {
            "longest_seconds": (_SHORTEST_SECONDS, LONGEST_CAP_SECONDS),
            "duty": (0.001, DUTY_CAP),
            "pause_seconds": (0.0, WINDOW_SECONDS),
        }
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise SettingError(
                    f"{name} of an output must be from {least:g} to {most:g}",
                    received=str(getattr(self, name)),
                    fix="Ask the data sheet of what is switched, and stay below",
                )


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which the output was energised, in monotonic seconds.

    Attributes:
        start_seconds: Its beginning.
        end_seconds: Its end; the planned one while it lasts.
    """

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """How long the output may be energised from now on.

    Attributes:
        seconds: 0 if not at all.
        reason: "pause" or "duty" if not at all, else empty.
    """

    seconds: float
    reason: str = ""


class Governor:
    """Keeps the account of an output; the time is passed in.

    Args:
        limits: What the output bears.
        past: Earlier times that count, those of a process before included.

    Example:
        >>> governor = Governor(Limits(longest_seconds=5.0, pause_seconds=1.0))
        >>> governor.begin(100.0, seconds=9.0)
        Span(start_seconds=100.0, end_seconds=105.0)
        >>> governor.end(103.0)
        >>> governor.allowance(103.5)
        Allowance(seconds=0.0, reason='pause')
        >>> governor.allowance(104.0).seconds
        5.0
    """

    def __init__(self, limits: Limits, past: Iterable[Span] = ()) -> None:
        self._limits = limits
        self._spans = sorted(past, key=lambda span: span.start_seconds)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The times that still count, oldest first."""
        return tuple(self._spans)

    @property
    def longest_spans(self) -> tuple[Span, ...]:
        """The same while it is on, the last as long as it may become if it is asked for again."""
        *before, last = self._spans
        return (*before, Span(last.start_seconds, max(last.end_seconds, self._latest_end(last))))

    def allowance(self, now_seconds: float) -> Allowance:
        """Say how long the output may be energised if that begins now; it must be off."""
        self._forget(now_seconds)
        resumed_seconds = max((span.end_seconds for span in self._spans), default=float("-inf"))
        if now_seconds < resumed_seconds + self._limits.pause_seconds:
            return Allowance(0.0, "pause")
        left_seconds = min(self._budget(now_seconds), self._limits.longest_seconds)
        if left_seconds < _SHORTEST_SECONDS:
            return Allowance(0.0, "duty")
        return Allowance(left_seconds)

    def begin(self, now_seconds: float, *, seconds: float) -> Span:
        """Enter that the output is energised from now on, for `seconds` if they are allowed.

        Returns:
            The time with its latest end.
        """
        span = Span(now_seconds, now_seconds + min(seconds, self.allowance(now_seconds).seconds))
        self._spans.append(span)
        return span

    def extend(self, now_seconds: float, *, seconds: float) -> Span:
        """Let the present time go on until `seconds` from now, as far as that is allowed."""
        span = self._spans.pop()
        end_seconds = min(now_seconds + seconds, self._latest_end(span))
        span = Span(span.start_seconds, max(span.end_seconds, end_seconds))
        self._spans.append(span)
        return span

    def end(self, now_seconds: float) -> None:
        """Enter that the output, which was on, is off now."""
        self._spans.append(Span(self._spans.pop().start_seconds, now_seconds))

    def _latest_end(self, present: Span) -> float:
        """Return when the present time must end, whatever is asked for."""
        left_seconds = self._budget(present.start_seconds, besides=present)
        return present.start_seconds + min(left_seconds, self._limits.longest_seconds)

    def _budget(self, now_seconds: float, *, besides: Span | None = None) -> float:
        """Return what the duty leaves of the ten minutes before now.

        What leaves the window while the output is on is not given back in advance.
        """
        window_start = now_seconds - WINDOW_SECONDS
        used_seconds = sum(
            span.end_seconds - max(span.start_seconds, window_start)
            for span in self._spans
            if span.end_seconds > window_start and span is not besides
        )
        return self._limits.duty * WINDOW_SECONDS - used_seconds

    def _forget(self, now_seconds: float) -> None:
        oldest_seconds = now_seconds - WINDOW_SECONDS
        self._spans = [span for span in self._spans if span.end_seconds > oldest_seconds]
