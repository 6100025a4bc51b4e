"""Decoded pictures in a file, so that memory stays free however many there are."""

import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import RunFolderError
from edge.records import Pixels


class PixelCache:
    """The pictures of one part, in a nameless file that vanishes with the process.

    A context manager; after `close` the pixels are gone.

    Args:
        folder: On which file system the file lies.
        truth: `(pictures,)`, index of each picture's label.
        side: Width and height of the cached pictures, in pixels.

    Attributes:
        pixels_rgb: `(pictures, side, side, 3)`, `uint8`, RGB; writable.
        truth: `(pictures,)`, `int64`.

    Raises:
        RunFolderError: There is no room for it.
    """

    def __init__(self, folder: Path, truth: Sequence[int], *, side: int) -> None:
        self.truth: NDArray[np.int64] = np.asarray(truth, np.int64)
        shape = (len(self.truth), side, side, 3)
        self._memory = _map_file(folder, max(1, int(np.prod(shape))))
        count = int(np.prod(shape))
        flat = np.frombuffer(self._memory, np.uint8, count)
        self.pixels_rgb: Pixels = flat.reshape(shape)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.truth)

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Move the pictures of these rows, ascending, to the front and forget the others."""
        for place, row in enumerate(rows):
            if place != row:
                self.pixels_rgb[place] = self.pixels_rgb[row]
        self.pixels_rgb = self.pixels_rgb[: len(rows)]
        self.truth = self.truth[rows]

    def __enter__(self) -> "PixelCache":
        """Return the cache itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the cache."""
        self.close()

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        self.pixels_rgb = np.empty((0, *self.pixels_rgb.shape[1:]), np.uint8)
        self.truth = self.truth[:0]


def _map_file(folder: Path, size_bytes: int) -> mmap.mmap:
    try:
        with tempfile.TemporaryFile(dir=folder, prefix="pixels-") as file:
            _reserve(file, size_bytes)
            return mmap.mmap(file.fileno(), size_bytes)
    except OSError as error:
        raise RunFolderError(
            f"The decoded pictures need {size_bytes / 1e9:.1f} GB beside the run folder's files",
            received=f"{folder}: {error.strerror or error}",
            fix="Make room there, or put the run folder on another disk with -o",
        ) from error


def _reserve(file: Any, size_bytes: int) -> None:
    """Take the room now: a full disk must not show up later as a crash in the middle."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size_bytes)
    else:
        file.truncate(size_bytes)
