"""SIGINT and SIGTERM end a run in order instead of the process in the middle."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EndOnSignal:
    """Sets an event when the process is asked to end; a second request interrupts at once.

    A context manager for the main thread; it puts back the handlers that it found.

    Args:
        stop: Set by the first signal.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._is_asked = False
        self._is_interrupting = False
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> "EndOnSignal":
        """Take the signals over."""
        self._previous = {number: signal.signal(number, self._end) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let a signal interrupt what does not look at the event.

        Raises:
            KeyboardInterrupt: The process was asked to end, now or before.
        """
        self._is_interrupting = True
        try:
            if self._is_asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_interrupting = False

    def _end(self, number: int, frame: FrameType | None) -> None:
        # A handler may be interrupted by the next signal: Event.set must not run twice at once.
        is_first, self._is_asked = not self._is_asked, True
        if is_first:
            self._stop.set()
        if self._is_interrupting or not is_first:
            raise KeyboardInterrupt
