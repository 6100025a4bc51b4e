"""Messages that wait on the disk until they are delivered: oldest first, none twice from here.

What `put` has returned for survives the death of the process and of the machine: the file is an
SQLite database with a write-ahead log that is synced with each message.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge.errors import OutputError
from edge.sqlite_file import make_durable, put_aside, refuse_newer

if TYPE_CHECKING:
    import sqlite3

_logger = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

_BYTES_PER_MB = 1_000_000
_BUSY_SECONDS = 2.0
_VERSION = 0  # of the table, kept as the user_version of the file
_SCHEMA = (
    # AUTOINCREMENT: an id is never given out again, so a late acknowledgement removes nothing else
    "CREATE TABLE IF NOT EXISTS messages "
    "(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, payload BLOB NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that waits.

    Attributes:
        id: Names it to `Spool.remove`; larger than those of all older messages.
        key: As it was put in.
        payload: As it was put in.
    """

    id: int
    key: str
    payload: bytes


class Spool:
    """A bounded queue on the disk; every method may be called from any thread.

    The file is opened by the first use; before, it is only asked for its version. One that is
    damaged is moved aside, as `<name>.corrupt-<n>`, and a new one begun.

    Args:
        path: Of the file; its folder is made if it is missing.
        most_messages: How many may wait; the oldest make room for a new one.
        most_mb: Millions of bytes that their payloads may have together; the same holds.

    Raises:
        NewerStoreError: The file is that of a newer catseye; it is left untouched.

    Attributes:
        dropped: Messages that had to make room since the start.
        set_aside: Damaged files that were moved aside since the start.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> spool = Spool(Path(folder.name) / "spool.db")
        >>> spool.put(b"first", key="a")
        >>> spool.put(b"second", key="b")
        >>> [message.payload for message in spool.oldest(10)]
        [b'first', b'second']
        >>> spool.remove([spool.oldest(1)[0].id])
        >>> spool.waiting
        1
        >>> spool.close(); folder.cleanup()
    """

    def __init__(self, path: Path, *, most_messages: int = 20_000, most_mb: float = 64) -> None:
        refuse_newer(path, newest=_VERSION)
        self._path = path
        self._most_messages = most_messages
        self._most_bytes = int(most_mb * _BYTES_PER_MB)
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._waiting = 0
        self._bytes = 0
        self._gone: set[int] = set()  # delivered, but still in the file
        self.dropped = 0
        self.set_aside = 0

    def put(self, payload: bytes, *, key: str) -> None:
        """Let a message wait; it is on the disk when this returns.

        Args:
            payload: Its content.
            key: Whatever the one who delivers it needs beside the content: an address, a name.

        Raises:
            OutputError: It cannot be written, or is larger than all may be together.
        """
        if len(payload) > self._most_bytes:
            raise OutputError(
                f"{self._path}: a message must be at most {self._most_bytes} bytes long",
                received=f"{len(payload)} bytes",
                fix="Send less at once",
            )
        with self._lock:
            dropped, size = self._run(lambda database: self._insert(database, payload, key))
            self._waiting += 1 - dropped
            self._bytes += len(payload) - size
            self.dropped += dropped

    def oldest(self, count: int, *, after: int = 0) -> tuple[Message, ...]:
        """Return messages that wait, oldest first, at most `count` of them.

        Args:
            count: How many.
            after: Only those whose `Message.id` is larger.

        Raises:
            OutputError: The file cannot be read.
        """
        query = "SELECT id, key, payload FROM messages WHERE id > ? ORDER BY id LIMIT ?"
        with self._lock:
            values = (after, count + len(self._gone))
            rows = self._run(lambda database: database.execute(query, values).fetchall())
            waiting = [Message(*row) for row in rows if row[0] not in self._gone]
        return tuple(waiting[:count])

    def remove(self, ids: Iterable[int]) -> None:
        """Let messages go that are delivered; ids that do not wait are passed over.

        A full disk takes no deletion either: such messages are no longer handed out, and leave
        the file with a later call.
        """
        with self._lock:
            self._gone.update(ids)
            try:
                removed, size = self._run(self._delete)
            except OutputError as error:
                _logger.debug(
                    "%s: %d delivered messages stay: %s", self._path, len(self._gone), error
                )
                return
            self._gone.clear()
            self._waiting -= removed
            self._bytes -= size

    @property
    def waiting(self) -> int:
        """How many messages wait.

        Raises:
            OutputError: The file cannot be opened.
        """
        with self._lock:
            self._run(lambda database: None)
            return self._waiting - len(self._gone)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            self._close()

    def _insert(self, database: "sqlite3.Connection", payload: bytes, key: str) -> tuple[int, int]:
        """Make room and insert; return how many had to go, and their bytes."""
        dropped: list[tuple[int]] = []
        size = 0
        rows = database.execute("SELECT id, length(payload) FROM messages ORDER BY id")
        while self._is_too_much(len(dropped), len(payload) - size):
            row = next(rows, None)
            if row is None:
                break
            dropped.append((row[0],))
            size += row[1]
        rows.close()
        database.executemany("DELETE FROM messages WHERE id = ?", dropped)
        database.execute("INSERT INTO messages (key, payload) VALUES (?, ?)", (key, payload))
        return len(dropped), size

    def _is_too_much(self, dropped: int, more_bytes: int) -> bool:
        is_many = self._waiting + 1 - dropped > self._most_messages
        return is_many or self._bytes + more_bytes > self._most_bytes

    def _delete(self, database: "sqlite3.Connection") -> tuple[int, int]:
        """Delete what is delivered; return how many rows that were, and their bytes."""
        removed, size = 0, 0
        for number in self._gone:
            query = "DELETE FROM messages WHERE id = ? RETURNING length(payload)"
            for (length,) in database.execute(query, (number,)).fetchall():
                removed, size = removed + 1, size + length
        return removed, size

    def _run(self, work: Callable[["sqlite3.Connection"], _Answer]) -> _Answer:
        """Do something with the database as one transaction; once more if it is damaged."""
        import sqlite3

        try:
            try:
                return self._attempt(work)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:  # malformed, or no database at all
                self._move_aside(str(error))
                return self._attempt(work)
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_FULL":
                self._close()
            raise OutputError(
                f"{self._path} must be writable, to keep what waits to be delivered",
                received=str(error),
                fix="Free space on its disk, or see who owns the folder",
            ) from error

    def _attempt(self, work: Callable[["sqlite3.Connection"], _Answer]) -> _Answer:
        database = self._open()
        with database:  # commits, or rolls back
            return work(database)

    def _open(self) -> "sqlite3.Connection":
        """Return the database, opened, examined and counted."""
        import sqlite3

        if self._database is not None:
            return self._database
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            make_durable(database)
            with database:
                database.execute(_SCHEMA)
            query = "SELECT count(*), coalesce(sum(length(payload)), 0) FROM messages"
            self._waiting, self._bytes = database.execute(query).fetchone()
        except sqlite3.Error:
            database.close()
            raise
        self._database = database
        return database

    def _move_aside(self, reason: str) -> None:
        """Rename the damaged file, so that a new one can be begun."""
        self._close()
        target = put_aside(self._path)
        self.set_aside += 1
        self._gone.clear()
        _logger.error("%s: damaged (%s), moved aside as %s", self._path, reason, target.name)

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
