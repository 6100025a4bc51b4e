"""What is given up on a full disk without asking the database, which may be what does not fit."""

from pathlib import Path

from edge.store.database import DATABASE
from edge.store.media import CLIPS, SNAPSHOTS, MediaFolder
from edge.store.reserve import Reserve

SPARED = 20
"""Newest events that a full disk does not touch."""

_AT_ONCE = 8  # files that are lost in one step


def drop_leftovers(folder: Path) -> bool:
    """Remove databases that were put aside, and copies from before a migration.

    Returns:
        Whether there were any.

    Raises:
        OSError: One cannot be removed.
    """
    found = [path for mark in ("corrupt", "before") for path in folder.glob(f"{DATABASE}.{mark}-*")]
    for path in found:
        path.unlink(missing_ok=True)
    return bool(found)


def drop_oldest(media: MediaFolder, *, newest: int | None = None) -> tuple[str, list[int]]:
    """Remove the oldest clips or, without any, snapshots; those of the newest events stay.

    Args:
        media: Snapshots and clips.
        newest: Number of the newest event; that of the newest file if `None`.

    Returns:
        The folder, and the numbers of the events whose file is gone.

    Raises:
        OSError: One cannot be removed.
    """
    files = sorted(path for path, _ in media.files())
    if newest is None:
        newest = max(map(_sequence_of, files), default=0)
    for kind in (CLIPS, SNAPSHOTS):
        found = (path for path in files if path.parent.name == kind)
        old = [path for path in found if _sequence_of(path) <= newest - SPARED][:_AT_ONCE]
        for path in old:
            path.unlink(missing_ok=True)
        if old:
            return kind, [_sequence_of(path) for path in old]
    return "", []


def free_unopened(folder: Path, reserve: Reserve) -> bool:
    """Take one step against a disk that is too full even to open the database.

    Returns:
        Whether something was freed.

    Raises:
        OSError: A file cannot be removed.
    """
    return drop_leftovers(folder) or bool(drop_oldest(MediaFolder(folder))[1]) or reserve.release()


def _sequence_of(path: Path) -> int:
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isdecimal() else 0
