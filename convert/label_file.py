"""Labels as they come with models of others: numbered, or one name for two things."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DataError
from edge.labels import check_labels

_NUMBERED = re.compile(r"(\d+)\s*[:,;]?\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class LabelList:
    """Labels that can be used, and what was changed for that.

    Attributes:
        labels: In the order of the scores.
        notes: A sentence for each kind of change.
    """

    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_label_file(path: Path) -> LabelList:
    """Read a text file with a label per line.

    Raises:
        DataError: It cannot be read, or holds what is no label.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            "A label file must be readable",
            received=f"{path}: {error.strerror or error}",
            fix="Name a text file with a label per line, in the order of the model's scores",
        ) from error
    return parse_label_list(content, name=str(path))


def parse_label_list(content: bytes, *, name: str) -> LabelList:
    r"""Read labels, one per line; take off line numbers, and number what stands twice.

    Args:
        content: UTF-8.
        name: Of the file, for messages.

    Raises:
        DataError: No text, no label, an empty line between labels, or the reserved "unknown".

    Example:
        >>> found = parse_label_list(b"0 crane\n1 crane\n", name="labels.txt")
        >>> found.labels
        ('crane', 'crane (2)')
        >>> found.notes[0]
        'labels: line numbers were taken off'
    """
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").strip().splitlines()]
    except UnicodeDecodeError as error:
        raise DataError(
            "A label file must be text in UTF-8",
            received=f"{name}: {error}",
            fix="Save it as UTF-8, a label per line",
        ) from error
    labels, notes = _without_numbers(lines)
    labels, repeated = _told_apart(labels)
    try:
        return LabelList(check_labels(labels), (*notes, *repeated))
    except DataError as error:
        raise DataError(
            error.rule, received=f"{error.received} in {name}", fix=error.fix
        ) from error


def _without_numbers(lines: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Take off the numbers where every line has its own, counted from 0 or 1."""
    found = [_NUMBERED.fullmatch(line) for line in lines]
    numbers = [int(match[1]) if match else -1 for match in found]
    first = numbers[0] if numbers else -1
    if len(lines) < 2 or first not in (0, 1) or numbers != list(range(first, first + len(lines))):
        return list(lines), ()
    return [match[2] for match in found if match], ("labels: line numbers were taken off",)


def _told_apart(labels: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Number a label that stands again, as ImageNet's crane, the bird and the machine."""
    taken = {label.casefold() for label in labels}
    seen: set[str] = set()
    told, notes = [], []
    for label in labels:
        name, count = label, 1
        while label and (name.casefold() in seen or (count > 1 and name.casefold() in taken)):
            count += 1
            name = f"{label} ({count})"
        if name != label:
            notes.append(f"labels: {label!r} stands twice, so that the second is called {name!r}")
        seen.add(name.casefold())
        told.append(name)
    return told, tuple(notes)
