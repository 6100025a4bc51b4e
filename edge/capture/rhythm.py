"""When the next frame of a source is to be expected: pure, the time is passed in."""

_NEARLY = 0.75
_LATE = 1.1
_LONGEST_SECONDS = 0.01
_SHORTEST_PERIOD_SECONDS = 0.01


class Rhythm:
    """Tells a reader that comes late in a period to wait for the next frame instead.

    A reader that is slower than its source finds a frame that is up to a period old. Where the
    next one is only a moment away, that moment makes its frame fresher by nearly a whole period.

    Example:
        >>> rhythm = Rhythm()
        >>> rhythm.note(index=0, captured_seconds=10.0)
        >>> rhythm.note(index=5, captured_seconds=10.5)
        >>> [round(rhythm.worth_waiting_seconds(10.6, now), 3) for now in (10.65, 10.695, 10.75)]
        [0.0, 0.015, 0.0]
    """

    def __init__(self) -> None:
        self._index = 0
        self._captured_seconds = 0.0
        self._period_seconds = 0.0

    @property
    def is_fast(self) -> bool:
        """Whether frames come so fast, or their period is so unknown, that none is waited for."""
        return self._period_seconds < _SHORTEST_PERIOD_SECONDS

    def note(self, *, index: int, captured_seconds: float) -> None:
        """Note a frame that was taken, by its number and the monotonic time of its capture."""
        if index > self._index:
            passed_seconds = captured_seconds - self._captured_seconds
            self._period_seconds = passed_seconds / (index - self._index)
        self._index, self._captured_seconds = index, captured_seconds

    def worth_waiting_seconds(self, newest_seconds: float, now_seconds: float) -> float:
        """Return for how long at most to wait for a frame after the newest; 0 if it will do.

        Args:
            newest_seconds: Monotonic time of its capture.
            now_seconds: Monotonic time.
        """
        if self.is_fast:
            return 0.0
        period_seconds = self._period_seconds
        age_seconds = now_seconds - newest_seconds
        nearly_seconds = max(_NEARLY * period_seconds, period_seconds - _LONGEST_SECONDS)
        latest_seconds = min(_LATE * period_seconds, period_seconds + _LONGEST_SECONDS)
        return (
            latest_seconds - age_seconds if nearly_seconds < age_seconds < latest_seconds else 0.0
        )
