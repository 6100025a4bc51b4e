"""The database file: opened, checked, brought to the present form, and never harmed."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from edge.durable import sync_folder
from edge.errors import StoreError
from edge.sqlite_file import check_version, find_damage, make_durable, refuse_newer
from edge.store.tables import MIGRATIONS, VERSION

DATABASE = "events.sqlite"
"""Name of the file in the folder of the memory."""

DAMAGED_CODES = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT))
"""What SQLite says of a file that is damaged."""

Migrations: TypeAlias = Sequence[Sequence[str]]

_BUSY_SECONDS = 2.0


def open_database(
    path: Path, *, migrations: Migrations = MIGRATIONS, is_checked: bool = True
) -> sqlite3.Connection:
    """Open a database for writing, made where it is missing, and bring it to the present form.

    A transaction is on the disk once it is committed. A copy is kept before a migration.

    Args:
        path: Of the file.
        migrations: What makes each version of the one before.
        is_checked: Whether the whole file is looked at for damage.

    Raises:
        NewerStoreError: It is that of a newer catseye; it is left untouched.
        sqlite3.Error: It cannot be opened, or is damaged.
        OSError: A copy of it cannot be written.
    """
    refuse_newer(path, newest=len(migrations))
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect in a new file only
        connection.execute("PRAGMA secure_delete = ON").fetchone()  # what is pruned, not salvaged
        make_durable(connection, is_checked=is_checked)
        _migrate(connection, path, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a database that perhaps another process writes to; nothing of it is changed.

    Raises:
        StoreError: It is missing, cannot be read, or is that of a newer catseye.
    """
    try:
        is_there = path.exists()
    except OSError as error:  # a folder that one may not enter
        raise _unreadable(path, error.strerror) from error
    if not is_there:
        raise StoreError(
            "The memory of events must exist",
            received=f"no {path.name} in {path.parent}",
            fix="Run edge run --config first, or name another folder",
        )
    has_log = path.with_name(path.name + "-wal").exists()
    ways = ("mode=ro",) if has_log else ("mode=ro", "immutable=1")  # of a folder of somebody else
    failure: sqlite3.Error | None = None
    for way in ways:
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?{way}", uri=True, timeout=_BUSY_SECONDS
            )
            check_version(connection, path, newest=VERSION)
        except sqlite3.Error as error:
            failure = error
        else:
            return connection
    raise _unreadable(path, failure) from failure


def _unreadable(path: Path, reason: object) -> StoreError:
    return StoreError(
        "The memory of events must be readable",
        received=f"{path}: {reason}",
        fix="Read it as the user of the service; edge run repairs a damaged one",
    )


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all of it, or nothing.

    Raises:
        sqlite3.Error: It could not be written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def find_damage_on_disk(path: Path) -> str:
    """Look at a database as the disk has it now, not as the one who writes to it remembers it."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        ) as connection:
            return find_damage(connection)
    except sqlite3.DatabaseError as error:
        is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED_CODES
        return str(error) if is_damaged else ""


def files_of(path: Path) -> Iterator[Path]:
    """Yield every file that belongs to a database: itself, its log, copies, what was put aside."""
    with contextlib.suppress(OSError):
        yield from path.parent.glob(f"{path.name}*")


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == len(migrations):
        return
    if version > 0:
        _back_up(connection, path.with_name(f"{path.name}.before-{len(migrations)}"))
    with transaction(connection):
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as copy:
        connection.backup(copy)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(path.parent)
