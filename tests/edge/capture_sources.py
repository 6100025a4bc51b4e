"""Sources that capture processes open in tests, by "capture_sources:NAME"."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.capture.watch import Limits
from edge.errors import SettingError, SourceError
from edge.records import Frame

LIMITS = Limits(
    stall_seconds=0.8,
    open_seconds=1.2,
    frozen_seconds=0.6,
    recording_seconds=1.0,
    backoff_seconds=0.05,
    longest_backoff_seconds=0.2,
)
"""Short, so that tests are; a process may still take long to start on a busy machine."""

HASTY = replace(LIMITS, start_seconds=1.0)

SIZE_WH = (40, 30)
WAIT_SECONDS = 20.0


class Counting:
    """A recording of so many frames as its address says, each of the shade of its number."""

    def __init__(self, address, *, clock, options):
        del options
        self._clock = clock
        self._frames = int(address)
        self._index = 0

    def read(self):
        if self._index == self._frames:
            return None
        pixels_bgr = np.full((SIZE_WH[1], SIZE_WH[0], 3), self._index % 256, np.uint8)
        now_seconds = self._clock.monotonic()
        frame = Frame(pixels_bgr, self._index, self._index / 1000, now_seconds)
        self._index += 1
        return frame

    def close(self):
        pass


class Damaged(Counting):
    """A recording that cannot be read to its end."""

    def read(self):
        if self._index == 3:
            raise SourceError("A video must be intact", received="rubbish", fix="Copy it again")
        return super().read()


class Crashing(Counting):
    """A recording that takes its decoder down."""

    def read(self):
        if self._index == 3:
            os.abort()
        return super().read()


class Hanging(Counting):
    """A recording that hangs."""

    def read(self):
        if self._index == 3:
            os.kill(os.getpid(), 19)
        return super().read()


class Pictures(Counting):
    """A camera that shows noise, another one each time."""

    def read(self):
        noise = np.random.default_rng(self._index).integers(0, 256, (60, 80, 3), np.uint8)
        frame = super().read()
        return None if frame is None else replace(frame, pixels_bgr=noise)


def misread(address, *, clock, options):
    """Raise what a wrong setting does."""
    raise SettingError("A device must have a name", received=address, fix="Name one")


def leak(address, *, clock, options):
    """Raise an error that repeats the address, as libraries do."""
    raise SourceError("A stream must answer", received=f"{address} does not", fix=f"See {address}")


def break_down(address, *, clock, options):
    """Fail as a bug does, with the address in the message."""
    raise ZeroDivisionError(f"while {address} was opened")


def first_words(pid: int) -> str:
    """Return the command line of a process, as anybody on the machine sees it."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
