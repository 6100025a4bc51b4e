"""The time of day, and whether it can be believed; the only module that asks for it.

Durations never come from here: a wall clock steps, starts in 1970 on a board without a battery,
and shows what somebody set. It dates events, and it opens and closes schedules.
"""

import ctypes
import math
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge.boot import read_boot_id
from edge.errors import SettingError
from edge.occurrence import Instant
from edge.records import Clock

TRUSTS = ("synchronized", "always")
"""When a wall clock is trusted: once a time server has set it, or whatever it shows."""

_EARLIEST = 1_767_225_600.0  # 2026: this program is no older
_LATEST = 4_102_444_800.0  # 2100
_ASK_SECONDS = 10.0
_DOUBT_SECONDS = 3600.0
_TOLERATED_SECONDS = {"synchronized": 60.0, "always": 3600.0}
_SET_BY_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
_STA_UNSYNC = 0x40


class WallClock(Protocol):
    """Says what moment it is; it must be overridden, and be quick."""

    def now(self) -> Instant:
        """Return the moment, by both clocks."""


class SystemWallClock:
    """The clock of this machine.

    A time before 2026 or after 2099 is never trusted. "synchronized" trusts the clock while the
    kernel says that a time server keeps it right, which is asked every 10 s and after every step,
    and from then on for as long as it goes with the monotonic clock to within a minute: a network
    that is away for days spoils no clock. "always" trusts it from the start, but not for an hour
    after a step of more than an hour.

    Args:
        clock: Monotonic.
        trust: One of `TRUSTS`.
        wall: Returns Unix time.
        is_synchronized: Says whether a time server keeps the wall clock right.
        boot_id: Names this boot; read from the kernel when empty. Where that does not tell, each
            clock counts as a boot of its own, so that no times of two boots are ever compared.

    Raises:
        SettingError: There is no such trust.

    Example:
        >>> from edge.testing import ManualClock
        >>> clock = SystemWallClock(clock=ManualClock(7.0), trust="always")
        >>> now = clock.now()
        >>> now.monotonic_seconds, now.is_trusted
        (7.0, True)
    """

    def __init__(
        self,
        *,
        clock: Clock,
        trust: str = "synchronized",
        wall: Callable[[], float] = time.time,
        is_synchronized: Callable[[], bool] | None = None,
        boot_id: str = "",
    ) -> None:
        if trust not in TRUSTS:
            raise SettingError(
                f"The trust in the clock must be one of {', '.join(TRUSTS)}",
                received=repr(trust),
                fix='Use "synchronized" where a network sets the clock, "always" where nobody does',
            )
        self._clock = clock
        self._trust = trust
        self._wall = wall
        self._ask = is_synchronized or is_kernel_synchronized
        self._boot_id = boot_id or read_boot_id() or uuid.uuid4().hex
        self._asked_seconds = -math.inf
        self._doubted_until_seconds = -math.inf
        self._offset_seconds: float | None = None  # of the clock when it was last right
        self._is_right = trust == "always"

    def now(self) -> Instant:
        """Return the moment, by both clocks."""
        wall_seconds, now_seconds = self._wall(), self._clock.monotonic()
        self._follow(wall_seconds - now_seconds, now_seconds)
        is_trusted = (
            self._is_right
            and _EARLIEST <= wall_seconds < _LATEST
            and now_seconds >= self._doubted_until_seconds
        )
        return Instant(wall_seconds, now_seconds, self._boot_id, is_trusted)

    def _follow(self, offset_seconds: float, now_seconds: float) -> None:
        """Notice steps, and ask again where it is time to."""
        if self._offset_seconds is None:
            self._offset_seconds = offset_seconds
        step_seconds = abs(offset_seconds - self._offset_seconds)
        has_stepped = step_seconds > _TOLERATED_SECONDS[self._trust]
        if has_stepped:
            self._offset_seconds = offset_seconds
        if self._trust == "always":
            if has_stepped:
                self._doubted_until_seconds = now_seconds + _DOUBT_SECONDS
            return
        if has_stepped or now_seconds - self._asked_seconds >= _ASK_SECONDS:
            self._asked_seconds = now_seconds
            if self._ask():
                self._is_right, self._offset_seconds = True, offset_seconds
            elif has_stepped:
                self._is_right = False


def is_kernel_synchronized() -> bool:
    """Say whether a time server keeps this machine's clock right.

    The kernel is asked by adjtimex(2). Where that is not allowed, as in some containers, the mark
    that systemd-timesyncd leaves counts; it lasts until the next boot.
    """
    status = _read_kernel_status()
    return _SET_BY_TIMESYNCD.exists() if status is None else not status & _STA_UNSYNC


class _Timex(ctypes.Structure):
    """The begin of `struct timex`; the kernel writes more than is named here."""

    _fields_ = (
        ("modes", ctypes.c_uint),  # 0: nothing is set
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def _read_kernel_status() -> int | None:
    """Return the status bits of the kernel's clock; `None` where they cannot be had."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):  # not Linux
        return None
    timex = _Timex()
    return None if adjtimex(ctypes.byref(timex)) < 0 else int(timex.status)
