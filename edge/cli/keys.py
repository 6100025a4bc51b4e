"""Keys of the terminal, read without waiting and without Enter."""

import contextlib
import os
import select
import sys
from types import TracebackType
from typing import Any

from edge.errors import SettingError

try:
    import termios
    import tty
except ImportError:  # Windows
    _HAS_TERMINALS = False
else:
    _HAS_TERMINALS = True

_MOST_BYTES = 1024
END = "\x04"
"""What `Keys.poll` returns once the terminal is gone: Ctrl-D."""


class Keys:
    """Reads single keys while it is entered, and then leaves the terminal as it was.

    A context manager. Ctrl-C and Ctrl-Z go on to do what they do.

    Args:
        descriptor: Of the terminal; standard input when `None`.

    Raises:
        SettingError: It is no terminal.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = _standard_input() if descriptor is None else descriptor
        if not (_HAS_TERMINALS and self._descriptor >= 0 and os.isatty(self._descriptor)):
            raise SettingError(
                "Where neither --every nor --on-motion is given, a key takes the picture",
                received="no terminal to read keys from",
                fix="Write for example --every 2, or --on-motion",
            )
        self._before: list[Any] = []

    def __enter__(self) -> "Keys":
        """Let keys through one by one."""
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the terminal back; what was typed and not read is dropped."""
        with contextlib.suppress(termios.error):  # it is gone
            termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._before)

    def poll(self) -> str:
        """Return the keys that were pressed since the last call, at once."""
        if not select.select([self._descriptor], [], [], 0)[0]:
            return ""
        try:
            pressed = os.read(self._descriptor, _MOST_BYTES)
        except OSError:  # as a terminal that was closed answers
            return END
        return pressed.decode("utf-8", "replace") if pressed else END


def _standard_input() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # closed before the start, or replaced
        return -1
