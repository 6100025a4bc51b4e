"""The tables of a run folder, as comma-separated values."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from edge.errors import RunFolderError
from train.checkpoint import EpochRecord, write_atomically
from train.scan import SkippedFile

_SKIPPED_COLUMNS = ("path", "reason")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table, complete or not at all.

    Raises:
        RunFolderError: It cannot be written.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    write_atomically(path, text.getvalue().encode())


def read_table(
    path: Path, columns: Sequence[str], *, optional: Sequence[str] = ()
) -> list[list[str]]:
    """Read the rows of a table that has these columns.

    Args:
        path: The file.
        columns: In their order.
        optional: The last ones, if they may all be missing.

    Raises:
        RunFolderError: It is missing or has others.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = [*csv.reader(file)] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unusable(f"{path}: {error}") from error
    accepted = (list(columns), list(columns[: len(columns) - len(optional)]))
    if head not in accepted or any(len(row) != len(head) for row in rows):
        raise _unusable(f"{path}, which is no table of {', '.join(columns)}")
    return rows


def write_history(path: Path, history: Iterable[EpochRecord]) -> None:
    """Write what the epochs did, a line each."""
    rows = [
        [
            f"{value:.6g}" if isinstance(value, float) else value
            for value in record.to_dict().values()
        ]
        for record in history
    ]
    write_table(path, [field.name for field in fields(EpochRecord)], rows)


def write_skipped(path: Path, skipped: Iterable[SkippedFile]) -> None:
    """Write which files take no part, and why."""
    write_table(path, _SKIPPED_COLUMNS, [(file.path, file.reason) for file in skipped])


def read_skipped(path: Path) -> tuple[SkippedFile, ...]:
    """Read what `write_skipped` wrote.

    Raises:
        RunFolderError: It is missing or not such a table.
    """
    return tuple(SkippedFile(*row) for row in read_table(path, _SKIPPED_COLUMNS))


def _unusable(received: str) -> RunFolderError:
    return RunFolderError(
        "The tables of a run folder must be as edge train wrote them",
        received=received,
        fix="Begin anew with --overwrite",
    )
