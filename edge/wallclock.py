"""The time of day, and whether it can be believed; the only module that asks for it.

Durations never come from here: a wall clock steps, starts in 1970 on a board without a battery,
and is set by whoever is asked for the time. It dates events and it opens and closes schedules.
"""

import ctypes
import logging
import math
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge.errors import SettingError
from edge.occurrence import Instant
from edge.records import Clock

logger = logging.getLogger(__name__)

TRUSTS = ("synchronized", "always")
"""When a wall clock is trusted: once a time server has set it, or whatever it shows."""


class WallClock(Protocol):
    """Says what moment it is; it must be overridden, and be quick."""

    def now(self) -> Instant:
        """Return the moment, by both clocks."""


class SystemWallClock:
    """The clock of this machine.

    Args:
        clock: Monotonic.
        trust: One of `TRUSTS`.
    """

    def __init__(self, *, clock: Clock, trust: str = "synchronized") -> None:
        raise NotImplementedError

    def now(self) -> Instant:
        """Return the moment, by both clocks."""
        raise NotImplementedError
