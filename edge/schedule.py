"""Hours and days in which a rule may act; pure, on local time."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from edge.errors import SettingError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""How days are written, Monday first."""

_MINUTES = 24 * 60
_TIME = r"([0-9]{1,2}):([0-9]{2})"
_SPAN = re.compile(rf"{_TIME}\s*-\s*{_TIME}")
_EXAMPLE = 'Write for example "06:00-22:00", or "06:00-09:00, 17:00-22:00"'


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours of certain days, by the clock on the wall.

    Hours begin with their first minute and end before their last: "06:00-22:00" is open from
    06:00:00 until 21:59:59. Hours whose end is not after their begin cross midnight, and belong to
    the day on which they begin: "22:00-06:00" of `("fri",)` ends on Saturday morning. It is the
    local time that counts, also in the night in which summer time begins or ends: the hour that is
    skipped never comes, and the one that comes twice counts twice.

    Attributes:
        hours: One or more spans such as "06:00-22:00", separated by commas; the end may be 24:00.
            Empty for the whole day.
        days: Of `DAYS`; empty for every day.

    Raises:
        SettingError: Hours or days that cannot be read.

    Example:
        >>> from datetime import datetime
        >>> night = Schedule("22:00-06:00", ("fri",))
        >>> night.is_open(datetime(2026, 7, 4, 5, 59)), night.is_open(datetime(2026, 7, 4, 6, 0))
        (True, False)
    """

    hours: str = ""
    days: tuple[str, ...] = ()
    _spans: tuple[tuple[int, int], ...] = field(init=False, repr=False, compare=False)
    _weekdays: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read hours and days."""
        object.__setattr__(self, "_spans", _read_hours(self.hours))
        object.__setattr__(self, "_weekdays", _read_days(self.days))

    @property
    def is_always_open(self) -> bool:
        """Whether every minute of the week is within, so that no clock is needed."""
        changes = {0} | {minute % _MINUTES for span in self._spans for minute in span}
        return all(
            self._is_within(weekday, minute) for weekday in range(len(DAYS)) for minute in changes
        )

    def is_open(self, local: datetime) -> bool:
        """Say whether a moment is within.

        Args:
            local: Local time, as a clock on the wall shows it.
        """
        return self._is_within(local.weekday(), local.hour * 60 + local.minute)

    def _is_within(self, weekday: int, minute: int) -> bool:
        """Whether a minute of a day lies in a span of it, or in one that began the day before."""
        minutes = (
            minute if weekday in self._weekdays else -1,
            minute + _MINUTES if (weekday - 1) % len(DAYS) in self._weekdays else -1,
        )
        return any(start <= one < end for start, end in self._spans for one in minutes)


def _read_hours(hours: str) -> tuple[tuple[int, int], ...]:
    """Return begin and end of each span, in minutes from the midnight before it."""
    if not hours.strip():
        return ((0, _MINUTES),)
    return tuple(_read_span(text.strip()) for text in hours.split(","))


def _read_span(text: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise SettingError("Hours must be written HH:MM-HH:MM", received=text, fix=_EXAMPLE)
    start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    is_time = max(start_minute, end_minute) < 60 and start < _MINUTES and end <= _MINUTES
    if not is_time:
        rule = "Hours must begin from 00:00 to 23:59 and end from 00:00 to 24:00"
        raise SettingError(rule, received=text, fix=_EXAMPLE)
    if start == end:
        rule = "Hours must end at another time than they begin"
        fix = 'Write "00:00-24:00", or leave the hours out, for the whole day'
        raise SettingError(rule, received=text, fix=fix)
    return start, end if end > start else end + _MINUTES


def _read_days(days: tuple[str, ...]) -> frozenset[int]:
    """Return the weekdays, 0 for Monday."""
    for day in days:
        if day not in DAYS:
            guess = day.strip().lower()[:3]
            fix = f"Write {guess!r}" if guess in DAYS else 'Write for example ["sat", "sun"]'
            rule = f"A day must be one of {', '.join(DAYS)}"
            raise SettingError(rule, received=repr(day), fix=fix)
    return frozenset(map(DAYS.index, days)) or frozenset(range(len(DAYS)))
