"""The text of a configuration file and the tables in it, whatever the file holds."""

import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config.lines import find_lines
from edge.errors import ConfigError
from edge.settings import Problem

_LARGEST_BYTES = 1_000_000

MOST_PROBLEMS = 100
"""So many are told; nobody reads on."""

# A key of many parts takes tomllib memory by the square of their number.
_LONG_KEY = re.compile(r"""(?<![\w-])(?>(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){40}""")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")

_KEY = re.compile(r"\((?:'[^']*'(?:, )?)+,?\)")  # as tomllib writes a key: ('actions', 'door')


@dataclass(frozen=True, slots=True)
class ConfigText:
    """What a configuration file holds.

    Attributes:
        table: As `tomllib` reads it.
        lines: The line of every key, see `edge.config.lines.find_lines`.
        is_closed: Whether only its owner can read the file.
    """

    table: Mapping[str, Any]
    lines: Mapping[str, int]
    is_closed: bool


def read_text(path: Path) -> ConfigText:
    """Read a file of at most 1,000,000 bytes.

    Raises:
        ConfigError: It cannot be read, is empty or too large, or is no TOML in UTF-8.
    """
    content, mode = _read_bytes(path)
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        received = f"the byte 0x{content[error.start]:02x}"
        raise _refusal(path, line, "it must be text in UTF-8", received) from error
    if not text.strip():
        raise _refusal(path, None, "a configuration must say something", "an empty file")
    table = _parse(path, text)
    return ConfigText(table, find_lines(text), is_closed=not mode & 0o077)


def make_error(path: Path, problems: tuple[Problem, ...]) -> ConfigError:
    """Make the error that lists all problems, in the order of the lines."""
    in_order = sorted(problems, key=lambda problem: problem.line or 0)[:MOST_PROBLEMS]
    untold = len(problems) - len(in_order)
    rest = (f"{path.name}: and {untold} more",) if untold else ()
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    return ConfigError(
        "The configuration must be free of errors",
        received=f"{path} with {count}",
        fix="Correct what these lines name",
        problems=(
            *(
                f"{path.name}:{problem}" if problem.line else f"{path.name}: {problem}"
                for problem in in_order
            ),
            *rest,
        ),
    )


def _read_bytes(path: Path) -> tuple[bytes, int]:
    try:
        mode = path.stat().st_mode
        content = b""
        if stat.S_ISREG(mode):  # opening anything else might wait for ever
            with path.open("rb") as file:
                content = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:  # the latter for a path with a NUL
        raise ConfigError(
            "The configuration must be a file that can be read",
            received=f"{path}: {getattr(error, 'strerror', error)}",
            fix="Name another with --config, or make one with edge init webcam",
        ) from error
    if not stat.S_ISREG(mode):
        raise _refusal(path, None, "it must be a file", "a folder or something else")
    if len(content) > _LARGEST_BYTES:
        raise _refusal(path, None, "it must have at most 1,000,000 bytes", "more")
    return content, mode


def _parse(path: Path, text: str) -> Mapping[str, Any]:
    long_key = _LONG_KEY.search(text)
    if long_key is not None:
        start = text.count("\n", 0, long_key.start()) + 1
        raise _refusal(path, start, "a key must have fewer than 40 parts", "more")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise _refusal(
            path, None, "tables and lists must not be nested so deeply", "more"
        ) from error
    except ValueError as error:  # of TOML, and of numbers without end
        place = _PLACE.search(str(error))
        line = text.count("\n") + 1 if place and not place[1] else None
        line = int(place[1]) if place and place[1] else line
        received = _KEY.sub(_write_key, _PLACE.sub("", str(error)))
        raise _refusal(path, line, "it must be TOML", received) from error


def _write_key(found: re.Match[str]) -> str:
    return ".".join(re.findall("'([^']*)'", found[0]))


def _refusal(path: Path, line: int | None, rule: str, received: str) -> ConfigError:
    fix = "Correct it; edge init webcam -o example.toml writes one that is right"
    return make_error(path, (Problem(line, "the file", rule, received, fix),))
