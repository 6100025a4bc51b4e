"""The clock that sources and the runtime measure durations with, and rates."""

import threading
import time
from collections import deque

_LONGEST_WAIT_SECONDS = 86_400.0  # what every platform's threads can wait for
_RATE_EVENTS = 31


class SystemClock:
    """The computer's monotonic clock; its waits end early when the program is to stop.

    Args:
        stop: Ends every wait, present and future, once set; never when `None`.

    Example:
        >>> clock = SystemClock()
        >>> earlier = clock.monotonic()
        >>> clock.wait(0)
        >>> clock.monotonic() >= earlier
        True
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = threading.Event() if stop is None else stop

    def monotonic(self) -> float:
        """Return seconds that never go backwards; steps of the wall clock do not show."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Let that many seconds pass, at most a day; nothing happens for zero or less."""
        if seconds > 0:
            self._stop.wait(min(seconds, _LONGEST_WAIT_SECONDS))


class RateMeter:
    """How often something happens, over its last few times; the time is passed in.

    Example:
        >>> meter = RateMeter()
        >>> for tick in range(100):
        ...     meter.add(tick / 10)
        >>> meter.rate_hz(9.9)
        10.0
    """

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_RATE_EVENTS)

    def add(self, now_seconds: float) -> None:
        """Count one time."""
        self._times.append(now_seconds)

    def rate_hz(self, now_seconds: float) -> float:
        """Return the rate; it sinks while nothing happens, and is 0 before the second time."""
        if len(self._times) < 2 or now_seconds <= self._times[0]:
            return 0.0
        return (len(self._times) - 1) / (now_seconds - self._times[0])
