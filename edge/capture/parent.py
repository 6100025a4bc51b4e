"""The capture process's side towards its parent: what it hears, what it says, and when it ends."""

import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
import time
from types import TracebackType

from edge.capture import message
from edge.capture.message import Message
from edge.errors import SourceError

_END_SECONDS = 0.3  # for the source to be released in order
_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD = -1
_TRIM_BYTES = 131_072


class Line:
    """The way to the parent for messages; a line that finds it full is left out.

    Args:
        descriptor: A pipe that does not block.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, said: Message) -> None:
        """Send a message."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # it is stuck or gone
            os.write(self._descriptor, said.encode())


class Ears(threading.Thread):
    """Hears on standard input when a frame was taken, and when all is over.

    Args:
        descriptor: Of standard input.

    Attributes:
        stop: Set when all is over; the process ends soon after, whatever its source does.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(name="ears", daemon=True)
        self.stop = threading.Event()
        self._descriptor = descriptor
        self._taken = threading.Semaphore(1)

    def run(self) -> None:
        """Listen."""
        while heard := os.read(self._descriptor, 64):
            self._taken.release(len(heard))
        self.stop.set()
        self._taken.release()
        time.sleep(_END_SECONDS)
        os._exit(0)

    def is_taken(self, timeout_seconds: float) -> bool:
        """Wait until the reader has taken the frame before, or all is over; at most so long."""
        return self._taken.acquire(timeout=timeout_seconds)


class _Forwarder(logging.Handler):
    """Sends what is logged to the parent."""

    def __init__(self, line: Line) -> None:
        super().__init__(logging.INFO)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.send(Message(message.LOG, text=record.getMessage(), level=record.levelno))


def take_over_output() -> Line:
    """Keep the way to the parent for messages: what others print goes where errors go."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    os.set_blocking(descriptor, False)
    line = Line(descriptor)
    logging.basicConfig(level=logging.INFO, handlers=[_Forwarder(line)], force=True)

    def explain(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        bug = SourceError(
            "A source must raise errors of catseye only",
            received=f"{kind.__name__}: {error}",
            fix="Run it again with EDGE_DEBUG=1 and report the traceback",
        )
        line.send(Message.from_error(message.FAULT, bug))
        sys.__excepthook__(kind, error, trace)

    sys.excepthook = explain
    return line


def leave_signals_to_the_parent() -> None:
    """Pass over what a terminal sends to all of its processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


def die_with(parent: int) -> None:
    """Let the kernel end this process with its parent, even while it is stuck in native code.

    Args:
        parent: Process number.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def give_back_memory() -> None:
    """Give memory back to the system once it is free, frame by frame, where there is such a call.

    By itself glibc keeps what a few frames take, see mallopt(3).
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)


def read_line(descriptor: int) -> bytes:
    """Read up to the end of a line, and not a byte more."""
    line = bytearray()
    while not line.endswith(b"\n"):
        heard = os.read(descriptor, 1)
        if not heard:
            os._exit(0)
        line += heard
    return bytes(line)
