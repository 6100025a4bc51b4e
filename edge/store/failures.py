"""What an error of the disk or the database means, and so what helps."""

import errno
import sqlite3
from enum import StrEnum

from edge.store.database import DAMAGED_CODES

_FULL = {errno.ENOSPC, errno.EDQUOT}

SENSELESS = (
    *(sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError),
    *(TypeError, ValueError, OverflowError),  # of a value that SQLite or JSON has no form for
)
"""Raised for a record that no database takes, however often it is tried."""


class Failure(StrEnum):
    """A kind of error by what helps against it."""

    FULL = "disk full"
    DAMAGED = "damaged"
    UNWRITABLE = "cannot be written"


def classify_failure(error: sqlite3.Error | OSError, *, free_bytes: int) -> Failure:
    """Say what kind of error it is.

    Args:
        error: As it was raised.
        free_bytes: What is free on the disk: SQLite tells a full one from a broken one only
            where it writes, not where it maps a file.

    Example:
        >>> classify_failure(OSError(errno.ENOSPC, "No space left on device"), free_bytes=0).value
        'disk full'
    """
    if isinstance(error, OSError):
        return Failure.FULL if error.errno in _FULL else Failure.UNWRITABLE
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by Python, such as by our own check
        return Failure.DAMAGED if "damaged" in str(error) else Failure.UNWRITABLE
    primary = code & 0xFF
    if primary in DAMAGED_CODES or primary == sqlite3.SQLITE_ERROR:  # or the tables are not ours
        return Failure.DAMAGED
    is_stuck = primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
    if primary == sqlite3.SQLITE_FULL or (is_stuck and free_bytes < 65_536):
        return Failure.FULL
    return Failure.UNWRITABLE
