"""A live source with every fault that a camera can have, led by a file: for tests of what is live.

It runs inside the capture process, so that what happens to it happens to a real process:

    LensRequest("script.txt", is_live=True, opener="edge.scripted:ScriptedSource")

The file holds one of `MODES`. Write another one into it, and the source changes while it runs;
`write_mode` does that in one step.
"""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.errors import SourceError, SourceRefusedError
from edge.records import Clock, Frame, Pixels
from edge.sources.options import SourceOptions

MODES = {
    "ok": "frames that differ",
    "block": "`read` never returns",
    "block-open": "opening never returns",
    "repeat": "the same picture again and again, with new times",
    "end": "`read` returns `None` at once: a device that says False for ever, a stream that ends",
    "raise": "`read` raises a `SourceError`",
    "missing": "opening raises a `SourceError`: a stream that was closed",
    "refused": "opening raises a `SourceRefusedError`",
    "bug": "`read` raises what is no error of catseye",
    "crash": "the process has a segmentation fault",
    "abort": "the process aborts",
    "stop": "the process is halted by SIGSTOP",
    "small": "frames of half the width and height",
}
"""What the file may say, and what follows from it."""

_RATE_HZ = 30.0
_TIME_BYTES = 8
_DEFAULTS = SourceOptions()


class ScriptedSource:
    """A camera that does what a file says.

    Args:
        address: Path of the file.
        clock: Stamps and paces the frames.
        options: Size and rate of the frames.

    Raises:
        SourceError: The file says so.

    Example:
        >>> import tempfile
        >>> from edge.testing import ManualClock
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     script = Path(folder, "script.txt")
        ...     write_mode(script, "small")
        ...     frame = ScriptedSource(str(script), clock=ManualClock(7.5)).read()
        >>> frame.pixels_bgr.shape, read_time(frame.pixels_bgr)
        ((240, 320, 3), 7.5)
    """

    def __init__(self, address: str, *, clock: Clock, options: SourceOptions = _DEFAULTS) -> None:
        self._path = Path(address)
        self._clock = clock
        self._options = options
        self._period_seconds = 1 / (options.rate_hz or _RATE_HZ)
        self._start_seconds = self._due_seconds = clock.monotonic()
        self._index = 0
        self._picture: Pixels | None = None
        mode = self._mode()
        if mode == "block-open":
            _block()
        if mode == "refused":
            raise SourceRefusedError("A source must let you in", received="no", fix="Ask for it")
        if mode == "missing":
            raise _lost("closed")

    def read(self) -> Frame | None:
        """Wait until the next frame is due, and do what the file says."""
        self._clock.wait(self._due_seconds - self._clock.monotonic())
        now_seconds = self._clock.monotonic()
        self._due_seconds = max(self._due_seconds + self._period_seconds, now_seconds)
        mode = self._mode()
        if mode in ("end", "missing"):
            return None
        _FAULTS.get(mode, _do_nothing)()
        if mode != "repeat" or self._picture is None:
            self._picture = self._draw(now_seconds, is_small=mode == "small")
        time_seconds = now_seconds - self._start_seconds
        frame = Frame(self._picture, self._index, time_seconds, now_seconds)
        self._index += 1
        return frame

    def close(self) -> None:
        """There is nothing to release."""

    def _mode(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return "missing"

    def _draw(self, now_seconds: float, *, is_small: bool) -> Pixels:
        width, height = (side // 2 if is_small else side for side in self._options.size_wh)
        pixels_bgr = np.full((height, width, 3), 16 + self._index % 200, np.uint8)
        burn_time(pixels_bgr, now_seconds)
        return pixels_bgr


def write_mode(path: Path, mode: str) -> None:
    """Make a source change its behaviour.

    Args:
        path: Of its file.
        mode: One of `MODES`.
    """
    fresh = path.with_suffix(".new")
    fresh.write_text(mode, encoding="utf-8")
    fresh.replace(path)


def burn_time(pixels_bgr: Pixels, seconds: float) -> None:
    """Write a time into the first pixels of a picture, to be read from it later.

    Example:
        >>> picture = np.zeros((4, 4, 3), np.uint8)
        >>> burn_time(picture, 12.25)
        >>> read_time(picture)
        12.25
    """
    pixels_bgr[0].reshape(-1)[:_TIME_BYTES] = np.frombuffer(np.float64(seconds).tobytes(), np.uint8)


def read_time(pixels_bgr: Pixels) -> float:
    """Return the time that `burn_time` has written into a picture."""
    return float(np.frombuffer(pixels_bgr[0].reshape(-1)[:_TIME_BYTES].tobytes(), np.float64)[0])


def _do_nothing() -> None:
    pass


def _block() -> None:
    threading.Event().wait()


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _halt() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise() -> None:
    raise _lost("unplugged")


def _fail() -> None:
    raise ZeroDivisionError("a bug")


def _lost(received: str) -> SourceError:
    return SourceError("A camera must stay", received=received, fix="Plug it in")


_FAULTS: dict[str, Callable[[], None]] = {
    "block": _block,
    "crash": _crash,
    "abort": os.abort,
    "stop": _halt,
    "raise": _raise,
    "bug": _fail,
}
