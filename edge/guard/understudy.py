"""The understudy: a second process that releases the output if the guard can not any more.

It is forked from the guard before the pin is opened and listens to a pipe. It hears when the
output goes on and off, and a sign now and then while it is on. If the guard dies or gives no sign
while the output is on, it kills the guard, claims the pin and sets the safe level. So it does if
the guard dies before it has claimed a pin that an earlier one may have left energised.
"""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from edge.errors import CatseyeError
from edge.guard.pins import Pin
from edge.guard.precedence import run_at_once

SILENCE_SECONDS = 0.2
"""Without a sign for so long while the output is on, the guard counts as hanging."""

SIGN_SECONDS = 0.05
"""Between two signs of the guard."""

_RETRY_SECONDS = 0.02
_MOST_RETRIES = 30_000  # ten minutes; then it is no claim that lapses, but a pin that has gone
_ON, _OFF, _END = b"1", b"0", b"q"


class Understudy:
    """The guard's end of the pipe to its understudy.

    Args:
        open_pin: Claims the pin at its safe level; called in the understudy only.
        warm: Makes that claim quick; called in the understudy at its start.
        is_left_on: Whether the output may be on already, until the first sign.
    """

    def __init__(
        self,
        open_pin: Callable[[], Pin],
        *,
        warm: Callable[[], None] = lambda: None,
        is_left_on: bool = False,
    ) -> None:
        heard, self._told = os.pipe()
        guard = os.getpid()

        def stand_by() -> NoReturn:
            status = 1
            try:
                os.close(self._told)
                warm()
                run_at_once()
                status = _stand_by(heard, open_pin, guard=guard, is_left_on=is_left_on)
            finally:
                os._exit(status)

        self.pid = os.fork() or stand_by()
        os.close(heard)
        os.set_blocking(self._told, False)

    @property
    def is_alive(self) -> bool:
        """Whether it still stands by."""
        try:
            return os.waitpid(self.pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False

    def sign(self, is_on: bool) -> None:
        """Tell whether the output is on; while it is, again every twentieth of a second."""
        with suppress(OSError):  # it has died, which `is_alive` tells
            os.write(self._told, _ON if is_on else _OFF)

    def dismiss(self) -> None:
        """Let it go, as the output is off for good."""
        with suppress(OSError):
            os.write(self._told, _END)
        os.close(self._told)


def _stand_by(heard: int, open_pin: Callable[[], Pin], *, guard: int, is_left_on: bool) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for inherited in (0, 1, 2):  # the pipes of the main process are the guard's alone
        os.dup2(nothing, inherited)
    poll = select.poll()
    poll.register(heard, select.POLLIN | select.POLLHUP)
    is_on = False
    while poll.poll(SILENCE_SECONDS * 1000 if is_on else None):
        told = os.read(heard, 4096)
        if told.endswith(_END):
            return 0
        if not told:
            if not is_on and not is_left_on:
                return 0
            break
        is_on, is_left_on = told.endswith(_ON), False
    with suppress(ProcessLookupError):
        if os.getppid() == guard:  # else it is gone, and its number may be another's
            os.kill(guard, signal.SIGKILL)
    _take_over(open_pin)
    return 0


def _take_over(open_pin: Callable[[], Pin]) -> None:
    """Set the safe level; the guard's claim may take a moment to lapse.

    The next guard sets it too, and ends this process if it has not come to that.
    """
    for _ in range(_MOST_RETRIES):
        try:
            open_pin().close()
        except (OSError, CatseyeError):
            select.select([], [], [], _RETRY_SECONDS)
            continue
        return
