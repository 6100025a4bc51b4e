"""Small grey pictures of all photos: what near-identical ones are found by."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.errors import PictureError
from edge.images import read_picture
from edge.records import Pixels
from train.scan import SkippedFile, explain, map_in_threads

THUMBNAIL_SIDE = 64
_LEAST_SIDE = 4 * THUMBNAIL_SIDE  # read no larger than needed for an average that is clean


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnails:
    """Small pictures of photos.

    Attributes:
        paths: Of the photos, relative to the data's root.
        skipped: Files that cannot be decoded.
        grey: `(len(paths), 64, 64)`, `uint8`; a photo is squeezed into the square.
    """

    paths: tuple[str, ...]
    grey: Pixels
    skipped: tuple[SkippedFile, ...] = ()

    def only(self, paths: Iterable[str]) -> "Thumbnails":
        """Return the thumbnails of some photos."""
        wanted = frozenset(paths)
        rows = [row for row, path in enumerate(self.paths) if path in wanted]
        return Thumbnails(tuple(self.paths[row] for row in rows), self.grey[rows])


def shrink_photo(frame_bgr: Pixels) -> Pixels:
    """Return the thumbnail of a decoded photo, `(64, 64)`, `uint8`, grey.

    Pixels are averaged, unlike on the way into a network, so that a photo and its resized copy
    come out alike.
    """
    side = THUMBNAIL_SIDE
    is_small = min(frame_bgr.shape[:2]) < side
    way = cv2.INTER_LINEAR if is_small else cv2.INTER_AREA
    grey = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (side, side), interpolation=way), np.uint8)


def take_thumbnails(
    root: Path, paths: Sequence[str], *, when_done: Callable[[], None] = lambda: None
) -> Thumbnails:
    """Decode photos in threads, as coarsely as will do, and shrink them.

    Args:
        root: What the paths are relative to.
        paths: Of the photos; those that cannot be decoded are left out.
        when_done: Called in the caller's thread after each file.
    """

    def shrink(path: str) -> Pixels | SkippedFile:
        try:
            return shrink_photo(read_picture(root / path, least_side=_LEAST_SIDE))
        except PictureError as error:
            return explain(path, root / path, error)

    return collect_thumbnails(paths, map_in_threads(shrink, paths, when_done=when_done))


def collect_thumbnails(paths: Sequence[str], shrunk: Sequence[Pixels | SkippedFile]) -> Thumbnails:
    """Put the thumbnails that there are into one array."""
    side = THUMBNAIL_SIDE
    grey = [result for result in shrunk if not isinstance(result, SkippedFile)]
    skipped = tuple(result for result in shrunk if isinstance(result, SkippedFile))
    gone = {file.path for file in skipped}
    return Thumbnails(
        tuple(path for path in paths if path not in gone),
        np.array(grey, np.uint8).reshape(-1, side, side),
        skipped,
    )
