"""The action `file`: a line of JSON for every occurrence."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.actions.payload import describe
from edge.errors import ActionError
from edge.occurrence import ActionContext, Occurrence
from edge.settings import setting
from edge.status import Status

_MB = 1_000_000
_MODE = 0o640


@dataclass(frozen=True)
class FileSettings:
    """Settings of the action `file`.

    Attributes:
        path: The file; its folder is made where it is missing.
        most_mb: Size in megabytes at which it becomes `<path>.1`, in place of an older one.
    """

    path: Path = setting()
    most_mb: float = setting(10.0, least=0.001, most=100_000)


class FileAction:
    """Appends a line of JSON to a file, and returns once the disk has it.

    Args:
        settings: Which file.
        context: Names the installation.
    """

    Settings = FileSettings

    def __init__(self, settings: FileSettings, context: ActionContext) -> None:
        self._path = settings.path
        self._most_bytes = int(settings.most_mb * _MB)
        self._place = context.place

    def perform(self, occurrence: Occurrence) -> str:
        """Append a line; half a line that a power cut has left is ended first.

        Raises:
            ActionError: It cannot be written; the file is left as it was.
        """
        line = json.dumps(describe(occurrence, self._place)).encode() + b"\n"
        with self._failing_clearly():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._rotate(len(line))
            descriptor = self._open()
            try:
                _append(descriptor, line)
            finally:
                os.close(descriptor)
        return f"{len(line)} bytes appended"

    def note(self, status: Status) -> None:
        """Do nothing."""

    def check(self) -> Iterator[str]:
        """Open the file for writing, without leaving one that was not there.

        Raises:
            ActionError: It cannot be written.
        """
        with self._failing_clearly():
            is_new = not self._path.exists()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(self._open())
            if is_new:
                self._path.unlink()
        yield f"{self._path} can be written"

    def close(self) -> None:
        """Hold nothing: the file is opened for every line."""

    def _open(self) -> int:
        # without O_NONBLOCK a pipe that nobody reads would never open
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self._path, flags, _MODE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self._unfit("something else than a regular file")
        return descriptor

    def _rotate(self, more_bytes: int) -> None:
        if self._path.is_file() and self._path.stat().st_size + more_bytes > self._most_bytes:
            self._path.replace(self._path.with_name(self._path.name + ".1"))

    @contextmanager
    def _failing_clearly(self) -> Iterator[None]:
        try:
            yield
        except ActionError:
            raise
        except OSError as error:
            raise self._unfit(error.strerror or type(error).__name__) from error

    def _unfit(self, received: str) -> ActionError:
        return ActionError(
            "The file of an action must be one that can be written",
            received=f"{self._path}: {received}",
            fix="Check its folder, the permissions and the room on the disk",
        )


def _append(descriptor: int, line: bytes) -> None:
    """Write the line as a whole or not at all, and wait for the disk."""
    size = os.fstat(descriptor).st_size
    is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    data = b"\n" + line if is_torn else line
    try:
        written = os.write(descriptor, data)
        if written < len(data):  # the disk is full
            os.write(descriptor, data[written:])
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
