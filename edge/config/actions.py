"""The table `[actions]`: each action has a kind, and the settings of the class of its kind."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edge.config.configuration import ActionConfig
from edge.errors import SettingError
from edge.settings import (
    Location,
    Problem,
    find_nearest,
    kind_of,
    read_settings,
    show,
    variable_name,
)

_FILE_PIN = "file:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of actions that there are.

    Attributes:
        find: From a name to a class; `None` for no kind.
        names: Of all kinds, to name the nearest.
    """

    find: Callable[[str], type[Any] | None]
    names: Sequence[str] = ("gpio", "mqtt", "webhook", "exec", "file")


def installed_kinds() -> Kinds:
    """Return our kinds, and those of other packages that are installed."""
    from edge.actions import find_kind, known_kinds

    return Kinds(find_kind, known_kinds())


def read_actions(
    tables: Mapping[str, object], kinds: Kinds, *, at: Location, problems: list[Problem]
) -> Mapping[str, ActionConfig]:
    """Read all actions.

    Args:
        tables: By name, as the file has them.
        kinds: What there is.
        at: Where the table `[actions]` stands.
        problems: Everything that is wrong is added here.

    Returns:
        Those that are right, by name.
    """
    read = {}
    for name, table in tables.items():
        below = replace(at, key=at.name(name), prefix=variable_name(at.prefix, name))
        try:
            found = _find_class(name, table, kinds)
        except _FoundError as error:
            place = below.name(error.key)
            problems.append(Problem(below.line(error.key), place, *error.args))
            continue
        kind, cls, settings_table = found
        settings = read_settings(settings_table, cls.Settings, at=below, problems=problems)
        if settings is not None:
            read[name] = ActionConfig(name, kind, _place_pin(settings, below))
    return MappingProxyType(read)


def _place_pin(settings: Any, at: Location) -> Any:
    """Let the path of a file that stands for a pin go from the folder of the configuration."""
    pin = getattr(settings, "pin", "")
    is_file = isinstance(pin, str) and pin.startswith(_FILE_PIN)
    if not is_file or at.has_variable("pin"):
        return settings
    path = at.folder / Path(pin.removeprefix(_FILE_PIN)).expanduser()
    return replace(settings, pin=f"{_FILE_PIN}{path}")


class _FoundError(Exception):
    """Something is wrong with a key of an action, so that its settings cannot be read."""

    def __init__(self, rule: str, received: str, fix: str, *, key: str = "") -> None:
        super().__init__(rule, received, fix)
        self.key = key


def _find_class(
    name: str, table: object, kinds: Kinds
) -> tuple[str, type[Any], Mapping[str, object]]:
    if not isinstance(table, Mapping):
        raise _FoundError("it must be a table", kind_of(table), f"Write [actions.{name}]")
    if not _NAME.fullmatch(name):
        rule = "a name must be of 1 to 32 letters, digits, - and _"
        raise _FoundError(rule, show(name), "Write for example [actions.door]")
    settings_table = {key: value for key, value in table.items() if key != "kind"}
    kind = table.get("kind")
    if kind is None:
        near = find_nearest("kind", settings_table)
        fix = f"Write kind in place of {near}" if near else f"Write kind = {show(kinds.names[0])}"
        raise _FoundError(f"kind must be given, one of {', '.join(kinds.names)}", "nothing", fix)
    try:
        cls = kinds.find(kind) if isinstance(kind, str) else None
    except SettingError as error:
        raise _FoundError(error.rule, error.received, error.fix, key="kind") from error
    if cls is None:
        near = find_nearest(str(kind), kinds.names)
        rule = f"must be one of {', '.join(kinds.names)}"
        fix = f"Write {near}" if near else "Choose one of these, or install the package that has it"
        raise _FoundError(rule, show(kind), fix, key="kind")
    return str(kind), cls, settings_table
