"""Files that are there in full or not at all, also after a kill or a power cut."""

import os
from pathlib import Path

from edge.durable import sync_folder


def replace_file(path: Path, content: bytes | memoryview, *, keep_as: Path | None = None) -> None:
    """Write a file aside, sync it, put it in place of the old one, and sync the folder.

    Args:
        path: Where to.
        content: All of it.
        keep_as: Name that the old one is kept under, on the same file system.

    Raises:
        OSError: It cannot be written; the old one is still there.
    """
    aside = path.with_name(path.name + ".new")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if keep_as is not None and path.is_file():
            _keep(path, keep_as)
        aside.replace(path)
        sync_folder(path.parent)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def _keep(path: Path, kept: Path) -> None:
    """Give a file a second name, in place of what had it; it has one of them at any moment."""
    link = kept.with_name(kept.name + ".new")
    link.unlink(missing_ok=True)
    try:
        link.hardlink_to(path)
    except OSError:  # some file systems know no second names
        path.replace(kept)
    else:
        link.replace(kept)
