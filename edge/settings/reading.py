"""From a table to an instance of a settings class, with everything that is wrong at once."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from edge.errors import SettingError
from edge.settings.declaring import KEY, Limits
from edge.settings.problem import Location, Problem, unknown_key
from edge.settings.reference import make_absolute
from edge.settings.values import from_table, from_text, without_none

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_OPTION = re.compile(r'--[a-z-]+ "([^"]*)"')


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
    found: list[Problem] = []
    values = read_values(table, cls, at=at, problems=found)
    for each in _settable(cls):
        is_given = each.name in table or each.name in values or at.has_variable(each.name)
        if not is_given and each.default is MISSING and each.default_factory is MISSING:
            found.append(_missing(each, at))
        elif not is_given and isinstance(each.default, Path):
            values[each.name] = make_absolute(each.default, at)
    problems += found
    return None if found else build(cls, values, at=at, problems=problems)


def read_values(
    table: Mapping[str, object],
    cls: "type[DataclassInstance]",
    *,
    at: Location,
    problems: list[Problem],
) -> dict[str, Any]:
    """Read those settings of a class that are said, by the table or the environment.

    Args:
        table: As the file has it.
        cls: A dataclass, as for `read_settings`.
        at: Where the table stands.
        problems: What is wrong with a single setting is added here, and keys that are none.

    Example:
        >>> from edge.evidence import EvidenceSpec
        >>> read_values({"votes": 2}, EvidenceSpec, at=Location(), problems=[])
        {'votes': 2}
    """
    types = get_type_hints(cls)
    values: dict[str, Any] = {}
    for each in _settable(cls):
        name, kind = each.name, without_none(types[each.name])
        limits = each.metadata.get(KEY, Limits())
        place = at.variable(name) if at.has_variable(name) else at.name(name)
        line = None if at.has_variable(name) else at.line(name)
        try:
            if at.has_variable(name):
                values[name] = from_text(at.environment[place], kind, limits, at)
            elif name in table:
                values[name] = from_table(table[name], kind, limits, at)
        except SettingError as error:
            problems.append(_problem(line, place, error))
    known = [each.name for each in _settable(cls)]
    problems += [unknown_key(key, known, at) for key in table if key not in known]
    return values


def build(
    cls: type[T], values: Mapping[str, Any], *, at: Location, problems: list[Problem]
) -> T | None:
    """Make an instance; what its own checks refuse is added to the problems."""
    try:
        return cls(**values)
    except SettingError as error:
        words = re.findall(r"\w+", f"{error.rule} {error.received}")
        key = next((word for word in words if word in values), "")
        problems.append(_problem(at.line(key), at.name(key), error))
    return None


def _problem(line: int | None, place: str, error: SettingError) -> Problem:
    """Make a problem of an error that may have been written for an option of a command."""
    rule, fix = error.rule.removeprefix(f"{place.rpartition('.')[2]} "), error.fix
    return Problem(line, place, rule, error.received, _OPTION.sub(r"\1", fix))


def _settable(cls: "type[DataclassInstance]") -> "list[Field[Any]]":
    return [each for each in fields(cls) if each.init]


def _missing(each: "Field[Any]", at: Location) -> Problem:
    fix = f"Add {each.name}"
    return Problem(at.line(""), at.name(each.name), "it must be given", "nothing", fix)
