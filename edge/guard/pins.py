"""Pins: what switches an output, and keeps its level when the process that set it is gone.

A pin is named by "17" or "GPIO17" (a pin of a Raspberry Pi by its Broadcom number), by
"file:PATH" (a file that stands for one) or by "package.module:Class" (one of your own).
"""

import errno
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from edge.errors import GuardError, SettingError
from edge.extras import install_hint

FILE_PREFIX = "file:"
_GPIO = re.compile(r"(?:GPIO)?(\d{1,2})", re.IGNORECASE)
_OWN = re.compile(r"[\w.]+:\w+")
_LARGEST_GPIO = 27  # of the 40-pin header, Raspberry Pi 1 B+ to 5


class Pin(Protocol):
    """Drives one output; opening it has set the safe level, which is de-energised."""

    def write(self, is_energised: bool) -> None:
        """Set the level.

        Raises:
            OSError: It could not be set.
        """

    def close(self) -> None:
        """Give the pin back at the level that it has; a second call does nothing."""


class FilePin:
    """A file that stands for a pin: a line `monotonic_ns,level` each time the level is set.

    Like the pin of a Raspberry Pi it keeps its level when its writer dies: that of the last line.

    Args:
        path: The file; made where it is missing, else appended to.
        active_low: Whether level 0 energises.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, *, active_low: bool = False) -> None:
        self._active_low = active_low
        # Without blocking, as the path may be that of a pipe that nobody reads.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._file = os.open(path, flags, 0o640)
        self.write(False)

    def write(self, is_energised: bool) -> None:
        """Append a line with one call of the system, so that no line is ever cut."""
        level = int(is_energised != self._active_low)
        line = f"{time.monotonic_ns()},{level}\n".encode()
        if os.write(self._file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class GpioPin:
    """A pin of a Raspberry Pi 3 to 5, by gpiozero.

    Args:
        number: Its Broadcom number.
        active_low: Whether the low level energises.

    Raises:
        GuardError: This machine has no such pins.
        OSError: It is in use, or may not be used.
    """

    def __init__(self, number: int, *, active_low: bool = False) -> None:
        gpiozero = _import_gpiozero()
        _require_factory(gpiozero)
        # The level is set together with the direction: no moment in between is energised.
        with _gpio_errors():
            self._device: Any = gpiozero.OutputDevice(
                number, active_high=not active_low, initial_value=False
            )

    def write(self, is_energised: bool) -> None:
        """Set the level."""
        with _gpio_errors():
            self._device.value = is_energised

    def close(self) -> None:
        """Give the pin back."""
        with _gpio_errors():
            self._device.close()


class _gpio_errors:  # noqa: N801 - reads as a statement
    """Turns what gpiozero and lgpio raise into an `OSError`."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: object) -> None:
        """Raise it anew if it is theirs."""
        if kind is not None and kind.__module__.partition(".")[0] in ("gpiozero", "lgpio"):
            raise OSError(f"{kind.__name__}: {error}") from error


def check_pin(name: str) -> None:
    """Make sure that a text names a pin, without touching it.

    Raises:
        SettingError: It does not.

    Example:
        >>> check_pin("GPIO17")
    """
    match = _GPIO.fullmatch(name)
    is_gpio = match is not None and int(match[1]) <= _LARGEST_GPIO
    is_file = name.startswith(FILE_PREFIX) and len(name) > len(FILE_PREFIX)
    if not (is_gpio or is_file or (match is None and _OWN.fullmatch(name))):
        raise SettingError(
            f"A pin must be a Broadcom number from 0 to {_LARGEST_GPIO}, file:PATH or "
            "package.module:Class",
            received=repr(name),
            fix='Write for example pin = 17, or pin = "file:door-pin.csv" to try it without one',
        )


def prepare_pin(name: str) -> None:
    """Import what a pin needs, so that it opens without delay afterwards.

    Raises:
        GuardError: It is not installed.
    """
    check_pin(name)
    if _GPIO.fullmatch(name):
        _import_gpiozero()
    elif not name.startswith(FILE_PREFIX):
        _own_class(name)


def warm_pin(name: str) -> None:
    """Import what the claim of a pin imports, so that it takes no time when every tenth counts.

    That may start threads, so call it in the process that is to claim the pin, after its fork.
    """
    if _GPIO.fullmatch(name):
        with suppress(ImportError), _at_home():  # gpiozero has other ways, which take their time
            import_module("lgpio")


def open_pin(name: str, *, active_low: bool = False) -> Pin:
    """Claim a pin and set it to the safe level.

    Raises:
        GuardError: What it needs is not installed.
        OSError: It is in use, missing, or not permitted.
        SettingError: The text names no pin.
    """
    check_pin(name)
    if name.startswith(FILE_PREFIX):
        return FilePin(Path(name.removeprefix(FILE_PREFIX)), active_low=active_low)
    match = _GPIO.fullmatch(name)
    if match is not None:
        return GpioPin(int(match[1]), active_low=active_low)
    pin: Pin = _own_class(name)(active_low=active_low)
    return pin


@contextmanager
def _at_home() -> Iterator[None]:
    """Import lgpio within: it goes into the folder in which it leaves a pipe, and stays there."""
    os.environ.setdefault("LG_WD", tempfile.gettempdir())
    with chdir(Path.cwd()):
        yield


def _import_gpiozero() -> Any:
    try:
        return import_module("gpiozero")
    except ImportError as error:
        raise GuardError(
            "A pin of a Raspberry Pi needs the extra 'gpio'",
            received=f"an installation without it ({error})",
            fix=f"On the Raspberry Pi run: {install_hint('gpio')}",
        ) from error


def _require_factory(gpiozero: Any) -> None:
    """Let gpiozero find what drives the pins here; of what does not, it would warn at length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _at_home():
                gpiozero.Device.ensure_pin_factory()
        except gpiozero.GPIOZeroError as error:
            raise GuardError(
                "A pin by its number needs a Raspberry Pi whose pins this user may use",
                received="none that gpiozero can drive",
                fix='On a Raspberry Pi look at the group gpio; elsewhere try pin = "file:pin.csv"',
            ) from error


def _own_class(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise GuardError(
            "A pin of your own must be importable as package.module:Class",
            received=f"{name} ({error})",
            fix="Install its package into the same environment",
        ) from error
