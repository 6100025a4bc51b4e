"""SQLite files of ours: the memory of events, and what waits to be delivered.

`sqlite3` is imported on use: a run that keeps nothing is spared it.
"""

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import NewerStoreError

if TYPE_CHECKING:
    from sqlite3 import Connection

_CHECKPOINT_PAGES = 200
_MOST_LOG_BYTES = 1_000_000
_KEPT_ASIDE = 2  # so that a card that goes bad is not filled with what it has spoilt


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


def make_durable(connection: "Connection", *, is_checked: bool = True) -> None:
    """Let a transaction be on the disk once it is committed; look first whether all is sound.

    See https://www.sqlite.org/pragma.html#pragma_synchronous.

    Args:
        connection: Just opened.
        is_checked: Whether the whole file is looked at for damage.

    Raises:
        sqlite3.Error: It is damaged, or cannot be written.
    """
    import sqlite3

    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}").fetchone()
    connection.execute(f"PRAGMA journal_size_limit = {_MOST_LOG_BYTES}").fetchone()
    damage = find_damage(connection) if is_checked else ""
    if damage:
        raise sqlite3.DatabaseError(f"damaged: {damage}")


def find_damage(connection: "Connection") -> str:
    """Look at the whole database; say what is wrong first, or nothing."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    return "" if found == "ok" else str(found)


def put_aside(path: Path) -> Path:
    """Rename a damaged database with its log to `<name>.corrupt-<n>`; the newest two stay.

    Returns:
        Where it is now.

    Raises:
        OSError: It cannot be moved.
    """
    numbers = {_number_of(found) for found in path.parent.glob(f"{path.name}.corrupt-*")}
    number = 1 + max(numbers, default=0)
    aside = path.with_name(f"{path.name}.corrupt-{number}")
    path.replace(aside)
    with suppress(FileNotFoundError):  # a log must not meet the next database of that name
        path.with_name(path.name + "-wal").replace(aside.with_name(aside.name + "-wal"))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    for old in sorted(numbers - {0}, reverse=True)[_KEPT_ASIDE - 1 :]:
        remove(path.with_name(f"{path.name}.corrupt-{old}"))
    return aside


def remove(path: Path) -> None:
    """Remove a database with its log and journal; nothing happens if it is not there.

    Raises:
        OSError: It cannot be removed.
    """
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _number_of(path: Path) -> int:
    digits = path.name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0
