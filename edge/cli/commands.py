"""Where the verbs of `edge` live: found and described without importing them."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge.errors import MissingExtraError

ENTRY_POINT_GROUP = "edge.commands"
_OWN = (
    *("init", "check", "run", "status", "door", "events", "service"),
    *("classify", "evaluate", "replay", "collect", "bench", "inspect", "doctor"),
)
_SECTION = re.compile(r"^(Args|Example|Examples|Note|Raises|Returns|Yields):$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CommandSource:
    """A verb and the object that implements it, by name."""

    name: str
    module: str
    attribute: str


def sources() -> Iterator[CommandSource]:
    """Yield the verbs of this package, then those of the entry-point group `edge.commands`.

    Entry points are looked up only by those who read past the own verbs: it costs milliseconds.
    """
    for name in _OWN:
        yield CommandSource(name, module=f"edge.cli.{name}", attribute=name)
    from importlib.metadata import entry_points

    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        if entry.name not in _OWN:
            yield CommandSource(entry.name, module=entry.module, attribute=entry.attr)


def load_target(source: CommandSource) -> Any:
    """Import the object that implements a verb.

    Raises:
        MissingExtraError: Its module, or one that it needs, is not installed.
    """
    try:
        return getattr(import_module(source.module), source.attribute)
    except ImportError as error:
        raise MissingExtraError(
            f"'edge {source.name}' needs modules that are not installed",
            received=str(error),
            fix="Install the package that provides the command again, with its extras",
        ) from error


def read_summary(source: CommandSource) -> str:
    """Read the first line of a verb's docstring from its source text, importing nothing.

    Returns:
        The line without its full stop, or an empty text where there is no source to read.

    Example:
        >>> from edge.cli.commands import CommandSource, read_summary
        >>> read_summary(CommandSource("main", module="edge.cli", attribute="main"))
        'Run one `edge` command and return its exit code'
    """
    path = _find_file(source.module)
    if path is None:
        return ""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    described = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == source.attribute
    ]
    text = ast.get_docstring(described[0] if described else tree) or ""
    return text.partition("\n")[0].rstrip(".")


def read_text(target: Any) -> str:
    """Read the help of a verb: its docstring up to the first section for programmers.

    Example:
        >>> def verb():
        ...     '''Do it.
        ...
        ...     Raises:
        ...         ValueError: Not for users.
        ...     '''
        >>> read_text(verb)
        'Do it.'
    """
    return _SECTION.split(inspect.getdoc(target) or "", maxsplit=1)[0].strip()


def _find_file(module: str) -> Path | None:
    """Find a module's file; the import system is asked for the outermost package only."""
    package, *inner = module.split(".")
    spec = find_spec(package)
    if spec is None:
        return None
    places = spec.submodule_search_locations or []
    candidates = [Path(spec.origin)] if spec.origin and not inner else []
    for place in places:
        path = Path(place, *inner)
        candidates += [path.with_suffix(".py"), path / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)
