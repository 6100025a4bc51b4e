"""Pictures as a source: each picture of a folder is a frame, in the order of the names."""

import logging
from collections.abc import Sequence
from pathlib import Path

from edge.clock import SystemClock
from edge.errors import PictureError, SourceError
from edge.images import list_pictures, read_picture
from edge.records import Clock, Frame

logger = logging.getLogger(__name__)


class PictureFolder:
    """The pictures of a folder and its subfolders, or a single picture file.

    A picture that cannot be decoded is named in the log and skipped; it has no index.

    Args:
        path: The folder, or one picture.
        pictures: The pictures, in their order, where something else than a folder names them;
            `path` then only stands in messages.
        clock: Stamps the frames.
        period_seconds: Time from one picture to the next.

    Raises:
        SourceError: There is no picture.
    """

    def __init__(
        self,
        path: Path,
        *,
        pictures: Sequence[Path] | None = None,
        clock: Clock | None = None,
        period_seconds: float = 1.0,
    ) -> None:
        if pictures is None:
            pictures = _list_folder(path) if path.is_dir() else [path]
        self._path = path
        self._clock = SystemClock() if clock is None else clock
        self._period_seconds = period_seconds
        self._pictures = iter(pictures)
        self._index = 0

    def read(self) -> Frame | None:
        """Return the next picture that can be decoded; `None` after the last one.

        Raises:
            SourceError: Not one picture could be decoded.
        """
        for picture in self._pictures:
            try:
                pixels_bgr = read_picture(picture)
            except PictureError as error:
                logger.warning("%s; skipped", error.received)
                continue
            time_seconds = self._index * self._period_seconds
            frame = Frame(pixels_bgr, self._index, time_seconds, self._clock.monotonic())
            self._index += 1
            return frame
        if self._index == 0:
            raise _empty(self._path, "none that can be decoded")
        return None

    def close(self) -> None:
        """Leave the pictures that were not read."""
        self._pictures = iter(())


def _list_folder(path: Path) -> list[Path]:
    try:
        next(path.iterdir(), None)  # the search below passes over what it may not open
    except OSError as error:
        raise _empty(path, error.strerror or str(error)) from error
    pictures = list_pictures(path)
    if not pictures:
        raise _empty(path, "no picture in it")
    return pictures


def _empty(path: Path, reason: str) -> SourceError:
    return SourceError(
        "A folder given as a source must hold pictures",
        received=f"{path}: {reason}",
        fix="Name a folder with jpg, png, webp, bmp or gif files",
    )
