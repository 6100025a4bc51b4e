"""Small files that are whole and on the disk, or not there."""

import os
from pathlib import Path


def write_durably(path: Path, text: str) -> None:
    """Write a file aside, wait until the disk has it, and put it in its place, on the disk too.

    Args:
        path: Of the file; what was there stays whole until the end.
        text: Its content, ASCII.

    Raises:
        OSError: It cannot be written.
    """
    aside = path.with_suffix(".new")
    with aside.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder.

    Raises:
        OSError: It does not take them.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
