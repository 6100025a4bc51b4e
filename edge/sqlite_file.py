"""SQLite files of ours: the memory of events, and what waits to be delivered.

`sqlite3` is imported on use: a run that keeps nothing is spared it.
"""

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import NewerStoreError

if TYPE_CHECKING:
    from sqlite3 import Connection


def refuse_newer(path: Path, *, newest: int) -> None:
    """Refuse a file of a newer catseye; what is not there or cannot be read is not judged.

    Args:
        path: Of the file, which stays as it is.
        newest: Version of its tables that is known.

    Raises:
        NewerStoreError: It is one.
    """
    import sqlite3

    with suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        with closing(connection):
            check_version(connection, path, newest=newest)


def check_version(connection: "Connection", path: Path, *, newest: int) -> None:
    """Refuse a database of a newer catseye.

    Raises:
        NewerStoreError: It is one.
        sqlite3.Error: It cannot be read.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > newest:
        raise NewerStoreError(
            f"{path.name} must be of version {newest} or older",
            received=f"version {version} in {path}",
            fix="Install the newer catseye that wrote it, or name another folder",
        )
