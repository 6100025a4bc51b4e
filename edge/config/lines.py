"""The lines of the keys of a TOML text, which `tomllib` does not tell.

The text has been read by `tomllib`, so what does not fit the grammar is not looked for: where this
does not understand, it stops, and the keys found until then have their lines.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeAlias

_Path: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL),
    re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
_SCALAR = re.compile(r"[^,\]}#\n]+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_DEEPEST = 40


def find_lines(text: str) -> Mapping[str, int]:
    r"""Return the line of each key and table, from 1, by names such as "rules[0].labels".

    Args:
        text: That `tomllib` reads.

    Example:
        >>> dict(find_lines('[run]\nmax_fps = 5\n[[rules]]\nname = "a"\n'))
        {'run': 1, 'run.max_fps': 2, 'rules': 3, 'rules[0]': 3, 'rules[0].name': 4}
    """
    scanner = _Scanner(text)
    with suppress(_NotUnderstoodError):
        scanner.scan()
    return {write_path(path): line for path, line in scanner.lines.items()}


def write_path(path: _Path) -> str:
    """Write the name of a key.

    Example:
        >>> write_path(("rules", 0, "labels"))
        'rules[0].labels'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


class _NotUnderstoodError(Exception):
    """The rest of the text is not looked at."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._counts: dict[_Path, int] = {}
        self.lines: dict[_Path, int] = {}

    def scan(self) -> None:
        table: _Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._read_header()
            else:
                self._read_pair(table, depth=0)
            self._skip(_BLANK)

    def _read_header(self) -> _Path:
        start = self._at
        is_array = self._text.startswith("[[", start)
        self._at += 2 if is_array else 1
        path = self._resolve(self._read_key())
        self._expect("]]" if is_array else "]")
        self._record((), path, start)
        if is_array:
            number = self._counts[path] = self._counts.get(path, -1) + 1
            path = (*path, number)
            self._record((), path, start)
        return path

    def _resolve(self, key: _Path) -> _Path:
        """Turn the key of a header into a path: tables below an array are in its last element."""
        path: _Path = ()
        for index, part in enumerate(key):
            path = (*path, part)
            if path in self._counts and index < len(key) - 1:
                path = (*path, self._counts[path])
        return path

    def _read_pair(self, table: _Path, *, depth: int) -> None:
        start = self._at
        key = self._read_key()
        self._expect("=")
        self._record(table, key, start)
        self._read_value((*table, *key), depth)

    def _read_value(self, path: _Path, depth: int) -> None:
        if depth > _DEEPEST:
            raise _NotUnderstoodError
        self._skip(_SPACE)
        if self._text.startswith("[", self._at):
            self._read_array(path, depth)
        elif self._text.startswith("{", self._at):
            self._read_inline_table(path, depth)
        elif self._read_string() is None and not self._skip(_SCALAR):
            raise _NotUnderstoodError

    def _read_array(self, path: _Path, depth: int) -> None:
        self._at += 1
        number = 0
        while not self._ends_with("]"):
            self._record((), (*path, number), self._at)
            self._read_value((*path, number), depth + 1)
            number += 1
            self._skip_comma()

    def _read_inline_table(self, path: _Path, depth: int) -> None:
        self._at += 1
        while not self._ends_with("}"):
            self._read_pair(path, depth=depth + 1)
            self._skip_comma()

    def _ends_with(self, bracket: str) -> bool:
        self._skip(_BLANK)
        is_end = self._text.startswith(bracket, self._at)
        self._at += is_end
        return is_end

    def _skip_comma(self) -> None:
        self._skip(_BLANK)
        self._at += self._text.startswith(",", self._at)

    def _read_key(self) -> _Path:
        parts: list[str] = []
        while not parts or self._text.startswith(".", self._at):
            self._at += bool(parts)
            self._skip(_SPACE)
            quoted = self._read_string()
            parts.append(self._skip(_BARE_KEY) if quoted is None else quoted)
            if quoted is None and not parts[-1]:
                raise _NotUnderstoodError
            self._skip(_SPACE)
        return tuple(parts)

    def _read_string(self) -> str | None:
        for pattern in _STRINGS:
            found = self._skip(pattern)
            if found:
                return found[1:-1] if found[0] == "'" else _ESCAPE.sub(_unescape, found[1:-1])
        return None

    def _expect(self, text: str) -> None:
        self._skip(_SPACE)
        if not self._text.startswith(text, self._at):
            raise _NotUnderstoodError
        self._at += len(text)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found[0] if found else ""

    def _record(self, table: _Path, key: _Path, position: int) -> None:
        """Note the line of a key, and of tables that only its dots make."""
        line = bisect_right(self._ends, position - 1) + 1
        for length in range(1, len(key) + 1):
            self.lines.setdefault((*table, *key[:length]), line)


def _unescape(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else found[3]
