"""One instance per store folder."""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from edge.errors import StoreError

_NAME = "control.lock"
_LOCKS = Path("/proc/locks")


class FolderLock:
    """Holds a store folder for this process, until `close` or the end of the process.

    A folder that was held before may have become read-only or full since: it can still be held.

    Args:
        folder: The store folder; made where it is missing.

    Raises:
        StoreError: Another instance holds it, or it never could be written.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> FolderLock(Path(folder.name)).close()
        >>> folder.cleanup()
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _open(folder / _NAME)
        except OSError as error:
            raise StoreError(
                "The store folder must be writable",
                received=f"{folder}: {error.strerror or error}",
                fix="Name another one as [store] folder, or mend its permissions",
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise StoreError(
                "Only one edge run may work with a store folder",
                received=f"another one is already running with {folder}",
                fix="End that one, or give this one a folder of its own",
            ) from error

    def close(self) -> None:
        """Let the folder go; a second call does nothing."""
        self._file.close()


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("ab")
    except OSError:
        if not path.is_file():
            raise
        return path.open("rb")


def is_held(folder: Path, *, locks: Path = _LOCKS) -> bool:
    """Whether an instance holds a store folder; `False` where the kernel does not tell.

    The lock is not tried, as that might keep an instance out that starts at this moment.

    Args:
        folder: The store folder.
        locks: Where the kernel lists all locks, see proc(5).
    """
    try:
        found = (folder / _NAME).stat()
        lines = locks.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    return any({"FLOCK", f"{device}:{found.st_ino}"} <= set(line.split()) for line in lines)
