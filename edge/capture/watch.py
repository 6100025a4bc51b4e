"""When a capture process counts as stalled, frozen or dead: pure rules, the time is passed in."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from edge.capture.slot import OPENING, STARTING, Pulse

FINE = "fine"
STALLED = "stalled"
"""Nothing is heard of it; it gets some more time."""
DEAD = "dead"
"""Nothing is heard of it for too long."""
FROZEN = "frozen"
"""It delivers one and the same frame."""

_FEWEST_REPEATS = 3  # of snapshots, of which one may come in ten seconds
_LATE_SECONDS = 1.0
_FROZEN_GROWTH = 1.5
_FROZEN_MOST = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long what may take, in seconds.

    Attributes:
        stall_seconds: Without a sign of life, until it counts as offline.
        open_seconds: For the source to open and deliver a first frame, without a sign of life.
        start_seconds: For the process to start: a Pi Zero needs several.
        frozen_seconds: Of the same frame, until a live source is opened again.
        recording_seconds: Without a sign of life, until a recording fails; disks may sleep.
        backoff_seconds: Before a source that was lost is opened again; doubles each time.
        longest_backoff_seconds: What it doubles up to.
    """

    stall_seconds: float = 4.0
    open_seconds: float = 6.0
    start_seconds: float = 20.0
    frozen_seconds: float = 4.0
    recording_seconds: float = 30.0
    backoff_seconds: float = 0.5
    longest_backoff_seconds: float = 4.0


DEFAULT_LIMITS = Limits()


class Watch:
    """Judges one capture process by its pulse.

    Args:
        limits: How long what may take.
        is_live: Whether the source is no recording.
        start_seconds: Monotonic time of the start of the process.
        frozen_starts: How many processes before it were ended in a row since they were frozen.

    Example:
        >>> watch = Watch(DEFAULT_LIMITS, is_live=True, start_seconds=100.0)
        >>> starting = Pulse(STARTING, 0.0, 0.0, 0.0, 0)
        >>> [watch.judge(starting, 100.0 + seconds) for seconds in range(17, 25, 2)]
        ['fine', 'fine', 'dead', 'dead']
    """

    def __init__(
        self, limits: Limits, *, is_live: bool, start_seconds: float, frozen_starts: int = 0
    ) -> None:
        self._limits = limits
        self._is_live = is_live
        self._start_seconds = start_seconds
        growth = min(_FROZEN_GROWTH**frozen_starts, _FROZEN_MOST)
        self._frozen_seconds = limits.frozen_seconds * growth
        self._judged_seconds = start_seconds
        self._grace_seconds = 0.0

    def judge(self, pulse: Pulse, now_seconds: float) -> str:
        """Return one of `FINE`, `STALLED`, `DEAD` and `FROZEN`.

        A reader that was itself away for a while, as on a computer that was halted, gives the
        process a moment to go on first.
        """
        if now_seconds - self._judged_seconds > self._limits.stall_seconds:
            self._grace_seconds = now_seconds + min(_LATE_SECONDS, self._limits.stall_seconds / 4)
        self._judged_seconds = now_seconds
        if now_seconds < self._grace_seconds:
            return FINE
        silence_seconds = now_seconds - (pulse.beat_seconds or self._start_seconds)
        if not self._is_live:
            return DEAD if silence_seconds > self._patience(pulse.phase) else FINE
        if silence_seconds > self._patience(pulse.phase):
            return DEAD
        if silence_seconds > self._limits.stall_seconds and pulse.phase != STARTING:
            return STALLED
        run_seconds = pulse.frame_seconds - pulse.change_seconds
        is_frozen = pulse.repeats >= _FEWEST_REPEATS and run_seconds >= self._frozen_seconds
        return FROZEN if is_frozen else FINE

    def note_return(self) -> None:
        """Note that a source that was frozen delivers again: it gets no more time than others."""
        self._frozen_seconds = self._limits.frozen_seconds

    def _patience(self, phase: int) -> float:
        limits = self._limits
        if not self._is_live:
            return max(limits.recording_seconds, limits.start_seconds)
        seconds = {STARTING: limits.start_seconds, OPENING: limits.open_seconds}
        return seconds.get(phase, limits.stall_seconds)


class Backoff:
    """Waits that double, each a fifth longer or shorter by chance, until something succeeds.

    Chance keeps several cameras of one house from knocking at the same moment for ever.

    Args:
        first_seconds: The first wait.
        most_seconds: What it doubles up to.
        chance: Returns numbers from 0 to below 1.

    Example:
        >>> backoff = Backoff(0.5, 4.0, chance=lambda: 0.5)
        >>> [backoff.next_seconds() for _ in range(5)]
        [0.5, 1.0, 2.0, 4.0, 4.0]
        >>> backoff.reset()
        >>> backoff.next_seconds()
        0.5
    """

    def __init__(
        self,
        first_seconds: float,
        most_seconds: float,
        *,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self._first_seconds = self._seconds = first_seconds
        self._most_seconds = most_seconds
        self._chance = _draw if chance is None else chance

    def next_seconds(self) -> float:
        """Return how long to wait this time."""
        seconds = self._seconds
        self._seconds = min(2 * seconds, self._most_seconds)
        return seconds * (0.8 + 0.4 * self._chance())

    def reset(self) -> None:
        """Begin anew: it has succeeded."""
        self._seconds = self._first_seconds


def _draw() -> float:
    return int.from_bytes(os.urandom(2)) / 65536
