"""A changed configuration is taken up on SIGHUP, if it is valid."""

import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from edge.errors import CatseyeError

if TYPE_CHECKING:
    from edge.cli.run_config import RunPlan

logger = logging.getLogger(__name__)

_SIGHUP = getattr(signal, "SIGHUP", None)  # not on Windows
_STILL_SECONDS = 0.25  # after which a file that stays as it is counts as saved
_MOST_WAITS = 20


def wait_until_saved(path: Path) -> None:
    """Wait until a file stays as it is, five seconds at most.

    Half of a configuration may be a valid one. Whoever saves it may not have come to its end when
    the signal comes.

    Args:
        path: Of the file; one that is not there counts as saved.
    """
    pause = threading.Event()
    state = _read_state(path)
    for _ in range(_MOST_WAITS):
        pause.wait(_STILL_SECONDS)
        before, state = state, _read_state(path)
        if state == before:
            return


def _read_state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Reloader:
    """Reads the configuration anew on SIGHUP, in a thread of its own; the loop goes on meanwhile.

    A context manager for the main thread; it puts back the handler that it found.

    Args:
        read: Reads and checks all that can be checked while the old configuration runs.
        when_asked: Called before it is read, in the thread of the loop.
        when_refused: Called once it was read and is not valid, in the thread of the loop.

    Example:
        >>> reloader = Reloader(lambda: None)
        >>> reloader.is_ready()
        False
    """

    def __init__(
        self,
        read: "Callable[[], RunPlan] | None",
        *,
        when_asked: Callable[[], object] = lambda: None,
        when_refused: Callable[[], object] = lambda: None,
    ) -> None:
        self._read = read
        self._when_asked = when_asked
        self._when_refused = when_refused
        self._is_asked = False
        self._thread: threading.Thread | None = None
        self._plan: RunPlan | None = None
        self._previous: object = None

    def __enter__(self) -> "Reloader":
        """Take SIGHUP over, if there is a configuration to be read."""
        if self._read is not None and _SIGHUP is not None:
            self._previous = signal.signal(_SIGHUP, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give SIGHUP back."""
        if self._read is not None and _SIGHUP is not None:
            signal.signal(_SIGHUP, self._previous)  # type: ignore[arg-type]

    def is_ready(self) -> bool:
        """Whether a new plan waits to be taken; begins to read one if that was asked for."""
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            if self._plan is None:
                self._when_refused()
        if self._is_asked and self._thread is None:
            self._is_asked = False
            self._when_asked()
            self._thread = threading.Thread(target=self._try, name="reload", daemon=True)
            self._thread.start()
        return self._plan is not None

    def take(self) -> "RunPlan | None":
        """Return the new plan, once; `None` if there is none."""
        plan, self._plan = self._plan, None
        if plan is not None:
            self._thread = None
        return plan

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._is_asked = True  # a handler must not wait for a lock that the loop may hold

    def _try(self) -> None:
        if self._read is None:
            return
        try:
            self._plan = self._read()
        except CatseyeError as error:
            logger.error("configuration: not taken up, the old one stays: %s", error)  # noqa: TRY400
