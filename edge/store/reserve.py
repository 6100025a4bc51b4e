"""Room that is kept on the disk, to be given up when the disk is full."""

import contextlib
import os
from pathlib import Path

RESERVE = "reserve"
"""Name of the file in the folder of the memory."""


class Reserve:
    """A file of some size that holds nothing.

    Args:
        path: Of the file.
        size_bytes: Its size; 0 for no reserve.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     reserve = Reserve(Path(folder, "reserve"), 1000)
        ...     reserve.restore(), reserve.is_whole, reserve.release(), reserve.is_whole
        (True, True, True, False)
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    @property
    def is_whole(self) -> bool:
        """Whether it is there in full."""
        try:
            return self._path.stat().st_size >= self._size_bytes
        except OSError:
            return self._size_bytes == 0

    def leaves_room(self, size_bytes: int) -> bool:
        """Whether a file of that size may be written: not into what the reserve has given up."""
        return self.is_whole or self._free_bytes() >= 2 * self._size_bytes + size_bytes

    def release(self) -> bool:
        """Give it up; say whether there was something to give up."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Make it if twice its size is free, so that it does not fill the disk itself.

        Returns:
            Whether it is there now.
        """
        if self.is_whole:
            return True
        try:
            if self._free_bytes() < 2 * self._size_bytes:
                return False
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size_bytes)
        except OSError:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return False
        return True

    def _free_bytes(self) -> int:
        room = os.statvfs(self._path.parent)
        return room.f_bavail * room.f_frsize
