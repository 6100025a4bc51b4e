"""SIGINT and SIGTERM end a run in order instead of the process in the middle.

From the first line of `main` on both wait, until the verb is known. One that ends in order goes on
to take them over; for another they count as they do for every program.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, TypeVar

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CAN_WAIT = hasattr(signal, "pthread_sigmask")  # not on Windows
_ORDERLY: set[Callable[..., Any]] = set()

_Verb = TypeVar("_Verb", bound=Callable[..., Any])


def ends_in_order(verb: _Verb) -> _Verb:
    """Mark a verb that takes the signals over with `EndOnSignal`."""
    _ORDERLY.add(verb)
    return verb


@contextmanager
def kept_waiting() -> Iterator[None]:
    """Let signals that come meanwhile wait for `let_through`, or for the end of the block."""
    if not _CAN_WAIT:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_through(verb: Callable[..., Any] | None = None) -> None:
    """Let signals that wait, and those to come, arrive.

    Args:
        verb: What is going to run; if it ends in order, it lets them through itself.
    """
    if _CAN_WAIT and verb not in _ORDERLY:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


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
        """Take the signals over, and those that wait."""
        self._previous = {number: signal.signal(number, self._end) for number in _SIGNALS}
        let_through()
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
