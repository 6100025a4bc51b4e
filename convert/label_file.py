"""Labels as they come with models of others: numbered, or one name for two things."""

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DataError
from edge.labels import check_labels

_NUMBERED = re.compile(r"(\d{1,9})(?:\s*[:,;]\s*|[.)]?\s+)(\S.*)")
_LARGEST_BYTES = 4 * 1024 * 1024
_NAME_ONE = "Name a text file with a label per line, in the order of the model's scores"


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
        DataError: It cannot be read, is no file or one of over 4 MiB, or holds what is no label.
    """
    return parse_label_list(_read_bounded(path), name=str(path))


def parse_label_list(content: bytes, *, name: str) -> LabelList:
    r"""Read labels, one per line; take off line numbers, and number what stands twice.

    Lines are put in the order of their numbers.

    Args:
        content: UTF-8.
        name: Of the file, for messages.

    Raises:
        DataError: No text, no label, an empty line between labels, the reserved "unknown", or
            numbers that do not count the lines.

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
    labels, notes = _without_numbers(lines, name)
    labels, repeated = _told_apart(labels)
    try:
        return LabelList(check_labels(labels), (*notes, *repeated))
    except DataError as error:
        raise DataError(
            error.rule, received=f"{error.received} in {name}", fix=error.fix
        ) from error


def _read_bounded(path: Path) -> bytes:
    try:
        status = path.stat()
        is_file = stat.S_ISREG(status.st_mode)
        if (is_file and status.st_size <= _LARGEST_BYTES) or path.is_dir():
            return path.read_bytes()  # of a folder the system says that it is one
    except OSError as error:
        raise DataError(
            "A label file must be readable",
            received=f"{path}: {error.strerror or error}",
            fix=_NAME_ONE,
        ) from error
    raise DataError(
        "A list of labels is a text file of at most 4 MiB",
        received=f"{path} with {status.st_size} bytes" if is_file else f"{path}, which is no file",
        fix=_NAME_ONE,
    )


def _without_numbers(lines: Sequence[str], name: str) -> tuple[list[str], tuple[str, ...]]:
    """Order lines by the numbers before them, and take those off; a few may be part of labels."""
    numbered = [found for line in lines if (found := _NUMBERED.fullmatch(line))]
    if 2 * len(numbered) < len(lines) or not numbered:
        kept = [f"labels: {found[0]!r} keeps its number; most have none" for found in numbered]
        return list(lines), tuple(kept)
    texts = {int(found[1]): found[2] for found in numbered}
    first = 0 if 0 in texts else 1
    missing = [number for number in range(first, first + len(lines)) if number not in texts]
    if missing:
        raise _miscounted(lines, numbered=len(numbered), missing=missing[0], name=name)
    if list(texts) == sorted(texts):
        return list(texts.values()), ("labels: line numbers were taken off",)
    ordered = [texts[number] for number in sorted(texts)]
    return ordered, ("labels: put in the order of their numbers, which were taken off",)


def _miscounted(lines: Sequence[str], *, numbered: int, missing: int, name: str) -> DataError:
    found = f"{name}, where {numbered} of {len(lines)} lines begin with a number"
    return DataError(
        "Numbers before labels must count all of them, from 0 or from 1",
        received=found if numbered < len(lines) else f"{found}, and none with {missing}",
        fix="Take the numbers off; where they belong to the labels, count the lines before them, "
        "as in '0 5 euro'",
    )


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
