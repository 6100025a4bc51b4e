"""Which clips there are: video files, and folders of pictures."""

import logging
from dataclasses import dataclass
from pathlib import Path

from edge.address import redact
from edge.errors import DataError
from edge.images import PICTURE_SUFFIXES, is_hidden

logger = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset({
    ".3gp", ".avi", ".flv", ".gif", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".ogv", ".ts", ".webm", ".wmv",
})  # fmt: skip
"""Endings of the names of files that are taken for clips, in small letters."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording.

    Attributes:
        name: What a table of expectations calls it: the name of its file or folder.
        path: A video file, or a folder of pictures.
    """

    name: str
    path: Path


def find_clips(path: Path) -> tuple[Clip, ...]:
    """Find the clips of a folder, sorted by name, or take a single one.

    In a folder each video file is a clip and so is each folder with pictures; a folder that has
    pictures and no clip in it is itself one.

    Args:
        path: A video file, a folder of clips, or a folder of pictures.

    Raises:
        DataError: There is none.
    """
    if not path.is_dir():
        if not path.exists():
            raise _no_clip(path, "nothing there")
        return (Clip(path.name, path),)
    try:
        inside = sorted(entry for entry in path.iterdir() if not is_hidden(entry.name))
    except OSError as error:
        raise _no_clip(path, error.strerror or str(error)) from error
    pictures = [entry for entry in inside if _is_picture(entry)]
    clips = tuple(
        Clip(entry.name, entry)
        for entry in inside
        if (entry.is_dir() and any(map(_is_picture, entry.iterdir()))) or _is_video(entry)
    )
    if clips and pictures:
        logger.warning("%s: %d pictures beside the clips are left out", path, len(pictures))
    if not clips and pictures:
        return (Clip(path.resolve().name, path),)
    if not clips:
        raise _no_clip(path, "a folder without any")
    return clips


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def _is_picture(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in PICTURE_SUFFIXES - VIDEO_SUFFIXES and path.is_file()


def _no_clip(path: Path, reason: str) -> DataError:
    shown = redact(str(path).replace(":/", "://", 1))  # an address that was taken for a path
    return DataError(
        "A clip is a video file or a folder of pictures; a folder may hold several",
        received=f"{shown}: {reason}",
        fix="Name a clip, or a folder with mp4, avi, mkv, webm, mov or gif files",
    )
