"""What the tables of a configuration say of each other."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from edge.config.configuration import ActionConfig, Config
from edge.labels import name_some
from edge.settings import Location, Problem, find_nearest, show, variable_name


def find_contradictions(
    table: Mapping[str, Any], actions: Mapping[str, ActionConfig], *, at: Location
) -> Iterator[Problem]:
    """Yield what is wrong between tables: names that are used twice or not there, pins too.

    Args:
        table: The whole file; of tables with other errors too, what can be told is.
        actions: Those that could be read.
        at: The top of the file.
    """
    rules = table.get("rules", [])
    rules = [rule for rule in rules if isinstance(rule, Mapping)] if type(rules) is list else []
    yield from _find_repeated_names(rules, at)
    names = table.get("actions", {})
    yield from _find_missing_actions(rules, list(names) if isinstance(names, Mapping) else [], at)
    yield from _find_shared_pins(actions, at)
    yield from _find_alike_names(actions, at)


def find_idle_actions(config: Config) -> Iterator[str]:
    """Yield a warning for each action that no rule triggers."""
    used = {name for rule in config.rules for name in rule.actions}
    for name in config.actions:
        if name not in used:
            line = config.lines.get(f"actions.{name}", 0)
            yield f"{config.path.name}:{line}: actions.{name}: no rule triggers this action"


def _find_repeated_names(rules: list[Mapping[str, Any]], at: Location) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, rule in enumerate(rules):
        name = rule.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            key = f"rules[{index}].name"
            other = f"rules[{first[name]}] in line {at.line(f'rules[{first[name]}]')}"
            rule_text = f"a name belongs to one rule, and {other} has it"
            yield Problem(at.line(key), key, rule_text, show(name), "Choose another")


def _find_missing_actions(
    rules: list[Mapping[str, Any]], names: list[str], at: Location
) -> Iterator[Problem]:
    for index, rule in enumerate(rules):
        wanted = rule.get("actions", [])
        for number, name in enumerate(wanted if isinstance(wanted, list) else []):
            if isinstance(name, str) and name not in names:
                key = f"rules[{index}].actions"
                near = find_nearest(name, names)
                fix = f"Write {near}" if near else f"Add a table [actions.{name}]"
                known = name_some(names, like=name) or "none"
                text = f"there is no action of this name; there are {known}"
                line = at.line(f"{key}[{number}]") or at.line(key)
                yield Problem(line, key, text, show(name), fix)


def _find_shared_pins(actions: Mapping[str, ActionConfig], at: Location) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for action in actions.values():
        if action.kind != "gpio" or not hasattr(action.settings, "pin"):
            continue
        pin = str(action.settings.pin)
        if pin.startswith("file:"):
            pin = f"file:{os.path.realpath(pin.removeprefix('file:'))}"
        number = re.sub(r"^(?:GPIO|BCM)?0*(?=\d+$)", "", pin, flags=re.IGNORECASE)
        owner = owners.setdefault(number, action.name)
        if owner != action.name:
            key = f"actions.{action.name}.pin"
            rule = f"a pin belongs to one action, and actions.{owner} has it"
            yield Problem(at.line(key), key, rule, show(pin), "Choose another pin")


def _find_alike_names(actions: Mapping[str, ActionConfig], at: Location) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name in actions:
        owner = owners.setdefault(variable_name(name), name)
        if owner != name:
            key = f"actions.{name}"
            rule = f"its name must differ from {owner} in more than case, - and _"
            yield Problem(at.line(key), key, rule, show(name), "Choose another name")
