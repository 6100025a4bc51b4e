"""Label lists: the names a model can say, in the order of its output."""

import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from edge.errors import DataError
from edge.records import UNKNOWN

MANY_LABELS = 20
"""More are not named one by one to people."""

_ALIKE = 3  # labels that are named for being like a word
# Control characters, line and paragraph separators, and halves of pairs, which UTF-8 cannot write:
# what ends a line for any reader is among them.
_NO_TEXT = frozenset({"Cc", "Zl", "Zp", "Cs"})


def name_some(labels: Sequence[str], *, like: str = "") -> str:
    """Name labels in a sentence: all, or of many those that are like a word, or the first.

    Example:
        >>> name_some(["cat", "dog"])
        'cat, dog'
        >>> name_some([f"breed {number}" for number in range(30)], like="bred 2")
        'breed 2, breed 29, breed 28 and 27 others'
    """
    if len(labels) <= MANY_LABELS:
        return ", ".join(labels)
    named = find_alike(like, labels) or labels[:MANY_LABELS]
    separator = "; " if any("," in label for label in named) else ", "
    return f"{separator.join(named)} and {len(labels) - len(named)} others"


def find_alike(name: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Return at most three labels that are like a word, the nearest first.

    A label of several names, such as "tabby, tabby cat", is like a word that one of them is like.

    Example:
        >>> find_alike("tabby", ["tray", "tabby, tabby cat", "abaya"])
        ('tabby, tabby cat', 'tray', 'abaya')
    """
    names: dict[str, str] = {}
    for label in labels:
        for part in (label, *label.split(",")):
            names.setdefault(part.strip().casefold(), label)
    matches = get_close_matches(name.casefold(), names, n=2 * _ALIKE)
    return tuple(dict.fromkeys(names[match] for match in matches))[:_ALIKE]


def suggest_mapping(name: str, labels: Sequence[str], *, like: str = "") -> str:
    """Return the option of `edge evaluate` that maps a folder's name to the nearest label.

    Args:
        name: Of the folder.
        labels: The model's labels.
        like: What the label is like; by default the name.

    Example:
        >>> suggest_mapping("tabby", ["tray", "tabby, tabby cat"])
        "--map 'tabby=tabby, tabby cat'"
        >>> suggest_mapping("bird", ["cat", "dog"])
        '--map bird=LABEL'
    """
    alike = find_alike(like or name, labels) or ("LABEL",)
    return f"--map {shlex.quote(f'{name}={alike[0]}')}"


def parse_labels(text: str) -> tuple[str, ...]:
    r"""Read a label file: one label per line, blanks around it ignored.

    Raises:
        DataError: No label, an empty line between labels, or what `check_labels` refuses.

    Example:
        >>> parse_labels("cat\ndog\nnone\n")
        ('cat', 'dog', 'none')
    """
    return check_labels(line.strip() for line in text.strip().splitlines())


def check_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the labels as a tuple once they are known to be usable.

    Written with a label per line, they are the same when `parse_labels` has read them again.

    Raises:
        DataError: No label, an empty one, one with blanks around it, with a line break or another
            control character, one twice (case ignored), or the reserved label "unknown".
    """
    checked = tuple(labels)
    if not checked:
        raise DataError(
            "A model needs at least one label", received="none", fix="Name a label per line"
        )
    seen: set[str] = set()
    for label in checked:
        folded = label.casefold()
        _check_text(label)
        if folded in seen:
            raise DataError(
                "Labels must differ in more than upper and lower case",
                received=f"{label!r} twice",
                fix="Rename one of the two",
            )
        if folded == UNKNOWN:
            raise DataError(
                f"The label {UNKNOWN!r} is reserved for pictures that no label claims",
                received=repr(label),
                fix="Rename it, for example to 'none' or 'other'",
            )
        seen.add(folded)
    return checked


def _check_text(label: str) -> None:
    shown = "".join(" " if unicodedata.category(mark) in _NO_TEXT else mark for mark in label)
    if not label or label != shown.strip():
        name = shown.strip()
        raise DataError(
            "A label must be one line of text, without blanks around it or control characters",
            received=repr(label),
            fix=f"Rename it, or the folder of that name, to {name!r}" if name else "Name the label",
        )


def match_label(
    name: str, labels: Sequence[str], *, mapping: Mapping[str, str] | None = None
) -> str:
    """Find the label that a folder name stands for.

    Args:
        name: The name to look up; upper and lower case do not matter.
        labels: The model's labels.
        mapping: Other names for labels, such as `{"Cats": "cat"}`; looked up first.

    Raises:
        DataError: The name stands for none of the labels.

    Example:
        >>> match_label("Cats", ["cat", "dog"], mapping={"cats": "cat"})
        'cat'
    """
    renamed = {key.casefold(): value for key, value in (mapping or {}).items()}
    wanted = renamed.get(name.casefold(), name).casefold()
    for label in labels:
        if label.casefold() == wanted:
            return label
    raise DataError(
        "A folder must be named after one of the model's labels: " + name_some(labels, like=name),
        received=name,
        fix=f"Rename the folder; edge evaluate also takes {suggest_mapping(name, labels)}",
    )
