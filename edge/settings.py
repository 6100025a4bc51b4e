"""Settings of a part as a frozen dataclass whose fields say what they accept.

`read_settings` makes an instance from a table of a file and from the environment. It does not stop
at the first thing that is wrong: every one becomes a `Problem` that names the line.
"""

import math
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from edge.address import redact
from edge.errors import SettingError
from edge.secret import Secret

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_KEY = "edge.settings"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_LONGEST_SHOWN = 60
_LARGEST_SECRET = 65_536
_WORDS = {"true": True, "1": True, "yes": True, "on": True} | {
    **{"false": False, "0": False, "no": False, "off": False}
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a setting accepts beside its type.

    Attributes:
        least: Smallest number, this one included.
        most: Largest number, this one included.
        choices: The only texts accepted.
        check: Raises `edge.errors.SettingError` for a value that does not fit.
    """

    least: float | None = None
    most: float | None = None
    choices: Sequence[str] = ()
    check: Callable[[Any], object] | None = None


def setting(
    default: Any = MISSING,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: Sequence[str] = (),
    check: Callable[[Any], object] | None = None,
    is_shown: bool = True,
) -> Any:
    """Make a field of a settings class; without a default the setting must be given.

    The annotation of the field is its type: `bool`, `int`, `float`, `str`, `Path` (made absolute,
    from the folder of the file), `Secret`, `tuple[str, ...]`, `Mapping[str, float]`, or one of
    these `| None`. A whole number is taken as a text where the type is `str`.

    Args:
        default: What holds where nothing is said.
        least: Smallest number accepted.
        most: Largest number accepted.
        choices: The only texts accepted.
        check: Raises `edge.errors.SettingError` for a value that does not fit.
        is_shown: Whether `repr` shows it; not for an address that may hold a password.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Settings:
        ...     host: str = setting()
        ...     port: int = setting(1883, least=1, most=65535)
        >>> Settings("broker").port
        1883
    """
    limits = Limits(least, most, tuple(choices), check)
    return field(default=default, repr=is_shown, metadata={_KEY: limits})


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
    lines: Mapping[str, int] = field(default=_NOTHING, repr=False)
    environment: Mapping[str, str] = field(default=_NOTHING, repr=False)
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


def variable_name(*parts: str) -> str:
    """Write the name of an environment variable.

    Example:
        >>> variable_name("EDGE_ACTIONS", "back-door", "pin")
        'EDGE_ACTIONS_BACK_DOOR_PIN'
    """
    return re.sub(r"[^A-Z0-9]", "_", "_".join(parts).upper())


def read_settings(
    table: Mapping[str, object], cls: type[T], *, at: Location, problems: list[Problem]
) -> T | None:
    """Make an instance of a settings class from a table; what the environment says goes before it.

    Args:
        table: As the file has it.
        cls: A dataclass; its fields may be made by `setting`, and need not.
        at: Where the table stands.
        problems: Everything that is wrong is added here.

    Returns:
        The instance, or `None` if anything is wrong.

    Example:
        >>> from edge.evidence import EvidenceSpec
        >>> problems = []
        >>> read_settings({"votse": 3}, EvidenceSpec, at=Location("evidence"), problems=problems)
        >>> problems[0].key, problems[0].fix
        ('evidence.votse', 'Write votes')
    """
    raise NotImplementedError
