"""What a rule triggers, each kind named by string and imported on use.

Add a kind of your own by an entry point of your package, and use it as any other:

    [project.entry-points."edge.actions"]
    siren = "my_package.siren:Siren"
"""

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from edge.errors import SettingError
from edge.occurrence import Action, ActionContext

GROUP = "edge.actions"
"""The entry-point group of kinds of actions."""

_OWN = {
    "gpio": "edge.actions.gpio:GpioAction",
    "mqtt": "edge.actions.mqtt:MqttAction",
    "webhook": "edge.actions.webhook:WebhookAction",
    "exec": "edge.actions.exec:ExecAction",
    "file": "edge.actions.file:FileAction",
}


def known_kinds() -> tuple[str, ...]:
    """List all kinds of actions that are installed: our own first, then those of others.

    Example:
        >>> known_kinds()[:5]
        ('gpio', 'mqtt', 'webhook', 'exec', 'file')
    """
    others = sorted({entry.name for entry in entry_points(group=GROUP)} - _OWN.keys())
    return (*_OWN, *others)


def find_kind(kind: str) -> type[Action] | None:
    """Import the class of a kind of action; `None` where there is no such kind.

    A name of ours always means ours.

    Args:
        kind: Such as "file".

    Raises:
        SettingError: There is such a kind, but its class cannot be imported, or is none.

    Example:
        >>> find_kind("file").__name__, find_kind("flie")
        ('FileAction', None)
    """
    entry = _find_entry(kind)
    if entry is None:
        return None
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        raise _unfit(entry, str(error)) from error
    missing = [name for name in ("Settings", "perform", "close") if not hasattr(found, name)]
    if not isinstance(found, type) or missing:
        raise _unfit(entry, "no class with " + ", ".join(missing or ["a constructor"]))
    return cast(type[Action], found)


def open_action(kind: str, settings: Any, context: ActionContext) -> Action:
    """Make an action; nothing is opened or asked before its first use.

    Args:
        kind: Such as "file".
        settings: Of the `Settings` of its class.
        context: What it is given beside them.

    Raises:
        SettingError: There is no such kind, or its class cannot be imported.
    """
    found = find_kind(kind)
    if found is None:
        raise unknown_kind(kind)
    make = cast(Any, found)  # a protocol cannot say how its classes are made
    return cast(Action, make(settings, context))


def unknown_kind(kind: str) -> SettingError:
    """Say that there is no such kind of action, and which is nearest.

    Example:
        >>> print(unknown_kind("web-hook"))  # doctest: +ELLIPSIS
        The kind of an action must be one of gpio, ... Received: web-hook. Did you mean webhook?.
    """
    known = known_kinds()
    nearest = difflib.get_close_matches(kind, known, n=1)
    fix = f"Did you mean {nearest[0]}?" if nearest else "Take one of these, or install its package"
    return SettingError(
        f"The kind of an action must be one of {', '.join(known)}", received=kind, fix=fix
    )


def _find_entry(kind: str) -> EntryPoint | None:
    if kind in _OWN:
        return EntryPoint(kind, _OWN[kind], GROUP)
    return next(iter(entry_points(group=GROUP, name=kind)), None)


def _unfit(entry: EntryPoint, received: str) -> SettingError:
    return SettingError(
        f"The action {entry.name} must be a class that can be imported from {entry.value}",
        received=received,
        fix="Install or repair the package that brings it",
    )
