"""Settings in one line of text, `name=value name=value`: what a command prints, an option takes.

The settings are the fields of a frozen dataclass; every value is a word or a number.
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from edge.errors import SettingError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Spec = TypeVar("Spec", bound="DataclassInstance")


def parse_assignments(text: str, base: Spec, *, option: str) -> Spec:
    """Read settings and return a copy of `base` with these changed; later ones win.

    Args:
        text: Assignments with spaces between them; none leave everything as it is.
        base: What holds for the settings that are not named.
        option: Where the text comes from, for messages, such as "--evidence".

    Raises:
        SettingError: No assignment, no setting of `base`, or no value that it can have.

    Example:
        >>> from edge.evidence import EvidenceSpec
        >>> parse_assignments("votes=2 enough=1", EvidenceSpec(), option="--evidence").votes
        2
    """
    return replace(base, **dict(_read(word, base, option) for word in text.split()))


def write_assignments(spec: "DataclassInstance") -> str:
    """Write all settings, so that `parse_assignments` makes the same of them on any base."""
    return " ".join(f"{name}={_write(value)}" for name, value in _settings(spec))


def _settings(spec: "DataclassInstance") -> Iterator[tuple[str, Any]]:
    return ((field.name, getattr(spec, field.name)) for field in fields(spec))


def _read(word: str, base: "DataclassInstance", option: str) -> tuple[str, Any]:
    known = dict(_settings(base))
    name, is_assigned, value = word.partition("=")
    if not is_assigned or name not in known:
        near = (get_close_matches(name, known, n=1, cutoff=0.0) or list(known))[0]
        raise SettingError(
            f"{option} takes {', '.join(f'{key}=...' for key in known)}",
            received=word,
            fix=f"Write for example {near}={_write(known[near])}",
        )
    try:
        return name, type(known[name])(value)
    except ValueError as error:
        kind = "a whole number" if isinstance(known[name], int) else "a number"
        raise SettingError(
            f"{name} of {option} must be {kind}",
            received=value,
            fix=f"Write for example {name}={_write(known[name])}",
        ) from error


def _write(value: object) -> str:
    return str(value).removesuffix(".0")
