"""Files of the memory: snapshots and clips, each there in full or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from edge.durable import sync_folder

SNAPSHOTS = "snapshots"
"""Folder of the snapshots, in that of the memory."""

CLIPS = "clips"
"""Folder of the clips, in that of the memory."""

_KINDS = {SNAPSHOTS: ".jpg", CLIPS: ".avi"}
_FOLDER_MODE = 0o750


class MediaFolder:
    """Snapshots and clips, named by sequence and event: a clock that is wrong does no harm.

    Args:
        folder: Of the memory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     media = MediaFolder(Path(folder))
        ...     media.write(SNAPSHOTS, 7, "e1", b"picture")
        ...     [(file.name, size) for file, size in media.files()]
        'snapshots/00000007-e1.jpg'
        [('00000007-e1.jpg', 7)]
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, kind: str, sequence: int, event_id: str, content: bytes) -> str:
        """Write a file aside, sync it, give it its name and sync the folder.

        Args:
            kind: `SNAPSHOTS` or `CLIPS`.
            sequence: Of the event.
            event_id: Of the event.
            content: Of the file.

        Returns:
            The path in the folder of the memory.

        Raises:
            OSError: It cannot be written; no part of it is left behind.
        """
        name = f"{kind}/{sequence:08d}-{event_id}{_KINDS[kind]}"
        path = self._folder / name
        aside = path.with_suffix(".part")
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
        return name

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens if it is not there, or has no name."""
        path = self.find(name)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def size(self, name: str) -> int:
        """Return the size of a file in bytes; 0 if it is not there."""
        path = self.find(name)
        return 0 if path is None else size_of(path)

    def find(self, name: str) -> Path | None:
        """Return the path of what a row names; `None` if it would lie outside the two folders.

        A database may come from somebody else, and its rows name files to be read and removed.
        """
        kind, _, file = name.partition("/")
        is_inside = kind in _KINDS and file not in ("", ".", "..") and not set(file) & {"/", "\0"}
        return self._folder / name if is_inside else None

    def files(self) -> Iterator[tuple[Path, int]]:
        """Yield every file of both folders with its size in bytes, unfinished ones too."""
        for kind in _KINDS:
            with contextlib.suppress(FileNotFoundError), os.scandir(self._folder / kind) as found:
                for entry in found:
                    with contextlib.suppress(FileNotFoundError):
                        yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def size_of(path: Path) -> int:
    """Return the size of a file in bytes; 0 if it is not there, perhaps no longer."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
