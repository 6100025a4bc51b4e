"""What is wrong with a configuration, where, and what was likely meant."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from edge.address import redact
from edge.errors import SettingError

_LONGEST_SHOWN = 60
_KINDS: Mapping[type, str] = {list: "a list", tuple: "a list", dict: "a table"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration.

    Attributes:
        line: Of the file, from 1; `None` where it comes from elsewhere.
        key: Such as "rules[0].labels", or the name of an environment variable.
        rule: What holds, as a sentence without its full stop.
        received: What was found instead; never a secret.
        fix: What the user can do about it.

    Example:
        >>> print(Problem(3, "run.max_fps", "must be at least 0.001", "0", "Write 5"))
        3: run.max_fps: must be at least 0.001. Received: 0. Write 5.
    """

    line: int | None
    key: str
    rule: str
    received: str
    fix: str

    def __str__(self) -> str:
        """Write it as one line: line, key, and the three parts of a message."""
        place = f"{self.line}: " if self.line else ""
        text = str(SettingError(self.rule, received=self.received, fix=self.fix))
        return " ".join(f"{place}{self.key}: {text}".split())


@dataclass(frozen=True, slots=True)
class Location:
    """Where a table stands, and what counts there.

    Attributes:
        key: Of the table, such as "actions.door"; empty at the top.
        folder: From which relative paths go.
        lines: The line of every key of the file, such as that of "actions.door.pin".
        environment: Variables that override.
        prefix: What their names begin with, such as "EDGE_ACTIONS_DOOR"; empty if none do.
        is_closed: Whether only its owner can read the file, so that a password may stand in it.
    """

    key: str = ""
    folder: Path = field(default_factory=Path.cwd)
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    prefix: str = ""
    is_closed: bool = False

    def name(self, key: str) -> str:
        """Write the whole name of a key of this table; an empty one is the table itself."""
        return f"{self.key}.{key}" if self.key and key else self.key or key

    def line(self, key: str) -> int | None:
        """Return the line of a key of this table, else that of the table, else `None`."""
        return self.lines.get(self.name(key), self.lines.get(self.key))

    def variable(self, key: str) -> str:
        """Return the name of the environment variable that overrides a key; empty if none does."""
        return variable_name(self.prefix, key) if self.prefix else ""

    def has_variable(self, key: str) -> bool:
        """Whether the environment overrides a key; an empty variable does not."""
        return bool(self.environment.get(self.variable(key)))


def variable_name(*parts: str) -> str:
    """Write the name of an environment variable.

    Example:
        >>> variable_name("EDGE_ACTIONS", "back-door", "pin")
        'EDGE_ACTIONS_BACK_DOOR_PIN'
    """
    return re.sub(r"[^A-Z0-9]", "_", "_".join(parts).upper())


def unknown_key(key: str, known: Sequence[str], at: Location) -> Problem:
    """Make the problem that a key is none of those that are known; the nearest is named."""
    near = find_nearest(key, known)
    fix = f"Write {near}" if near else f"Use one of {', '.join(known)}"
    rule = f"there is no such key here; the nearest is {near!r}" if near else "there is no such key"
    return Problem(at.line(key), at.name(key), rule, show(key), fix)


def find_nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like this one; empty if none is.

    Example:
        >>> find_nearest("lables", ["labels", "name"])
        'labels'
    """
    by_case = {each.casefold(): each for each in known}
    found = get_close_matches(name.casefold(), by_case, n=1, cutoff=0.6)
    return by_case[found[0]] if found else ""


def show(value: object) -> str:
    """Write a value of the file for a message: short, in one line, without passwords of URLs.

    Example:
        >>> show("rtsp://me:secret@door/1"), show({"a": 1}), show(True)
        ("'rtsp://***@door/1'", 'a table', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = repr(redact(value))
    elif isinstance(value, int | float):
        try:
            text = str(value).removesuffix(".0")
        except ValueError:  # Python writes no whole numbers of more than 4,300 digits
            return "a number without end"
    else:
        return kind_of(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def kind_of(value: object) -> str:
    """Say what kind of value it is, and nothing of what it holds.

    Example:
        >>> kind_of("swordfish")
        'a text'
    """
    if isinstance(value, bool | int | float):
        return "true or false" if isinstance(value, bool) else "a number"
    return "a text" if isinstance(value, str) else _KINDS.get(type(value), "a date or time")
