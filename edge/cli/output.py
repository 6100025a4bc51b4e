"""What the commands write: results on standard output, everything for people on standard error."""

import json
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_WIDE = 10_000  # columns; a table that is not read on a terminal is never folded


def emit_json(record: Mapping[str, Any]) -> None:
    """Write one JSON line to standard output, at once.

    NumPy values become numbers and lists, paths become texts, and what JSON cannot say (NaN,
    infinities) becomes null. The line is plain ASCII, so that no locale can break it.

    Example:
        >>> emit_json({"path": Path("cat.jpg"), "score": float("nan")})
        {"path": "cat.jpg", "score": null}

    Raises:
        BrokenPipeError: Its reader has gone.
        OutputError: It leads to a file on a disk that is full, or the like.
    """
    _write_line(json.dumps(_plain(record), allow_nan=False))


def emit_text(text: str) -> None:
    """Write one line of a result to standard output, at once, control characters as escapes."""
    _write_line(escape_control(text))


def emit_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table to standard output; numbers are right-aligned, `None` is left empty.

    Control characters are written as escapes.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        is_number = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(Text(escape_control(column)), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(Text("" if cell is None else escape_control(str(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def say(text: str) -> None:
    """Write lines for people to standard error: no control characters, no passwords of URLs."""
    lines = map(escape_control, hide_passwords(text).split("\n"))
    print("\n".join(lines), file=sys.stderr, flush=True)


def number_of(count: int, noun: str) -> str:
    """Write a number with its noun.

    Example:
        >>> number_of(1, "photo"), number_of(0, "photo")
        ('1 photo', '0 photos')
    """
    return f"{count} {noun}" + ("" if count == 1 else "s")


def hide_passwords(text: str) -> str:
    """Hide what is secret in the URLs of a text, whoever wrote it.

    Example:
        >>> hide_passwords("rtsp://me:secret@door/1 is away")
        'rtsp://***@door/1 is away'
    """
    if "://" not in text:
        return text
    from edge.address import redact

    return redact(text)


def escape_control(text: str) -> str:
    r"""Write what steers a terminal as escapes: a text may come from a file of others.

    That is control characters, line ends too, and those that turn the direction of reading.

    Example:
        >>> print(escape_control("\x1b[31mred\u202e"))
        \x1b[31mred\u202e
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@cache
def console() -> "Console":
    """Make the rich console on standard error, for progress bars and live lines."""
    from rich.console import Console

    return Console(stderr=True)


def has_terminal() -> bool:
    """Whether standard error is a terminal on which lines can be drawn anew."""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def make_streams_safe() -> None:
    """Let texts that the terminal's encoding cannot show be written with escapes.

    A stream that was closed before the start (`edge ... >&-`) becomes one that leads nowhere: what
    was meant for it must neither end the command nor come out at the other one.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish(code: int | str | None) -> int:
    """Flush standard output and turn what `SystemExit` carries into an exit code."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
        return 1
    return code if isinstance(code, int) else int(code is not None)


def discard_output() -> None:
    """Send the rest of standard output nowhere: its reader has gone (`edge ... | head -1`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_line(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            "Standard output must be writable",
            received=error.strerror or str(error),
            fix="Free some space where it leads to, or send it elsewhere",
        ) from error


def _plain(value: Any) -> Any:
    """Turn a value into what `json.dumps` accepts."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # a NumPy array or scalar, without importing NumPy
        return _plain(value.tolist())
    return value
