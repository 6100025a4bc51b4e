"""What goes over the control socket: one line of JSON each way."""

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.errors import CatseyeError, NotRunningError, SettingError

SOCKET_NAME = "control.sock"
"""Name of the socket in the store folder."""

LONGEST_QUESTION = 4096
"""Bytes of a question, its line end included."""

LONGEST_ANSWER = 1_048_576
"""Bytes of an answer, its line end included."""

_LONGEST_PATH = 107  # bytes; sun_path of unix(7) holds 108, with a zero at its end


def socket_path(folder: Path, name: str = SOCKET_NAME) -> Path:
    """Return where the socket of a store folder is.

    Raises:
        SettingError: No socket can have a path as long as that.

    Example:
        >>> socket_path(Path("memory")).name
        'control.sock'
    """
    path = folder / name
    if len(str(path).encode()) > _LONGEST_PATH:
        raise SettingError(
            f"The store folder must have a path short enough for a socket in it, "
            f"{_LONGEST_PATH} bytes with its name",
            received=f"{len(str(path).encode())} bytes: {path}",
            fix="Choose a folder nearer to the root, [store] folder",
        )
    return path


def read_line(
    connection: socket.socket, *, longest: int, remaining: Callable[[], float]
) -> bytes | None:
    """Read until a line end, the end of the stream, or too much.

    Args:
        connection: From which to read.
        longest: Most bytes, the line end included.
        remaining: Seconds that are left for it.

    Returns:
        The line; `None` if it did not come whole, in time and short enough.

    Raises:
        OSError: The connection is lost, or time is up.
    """
    received = bytearray()
    while len(received) < longest:
        connection.settimeout(max(remaining(), 0.001))
        part = connection.recv(min(65_536, longest - len(received)))
        if not part:
            return None
        received += part
        if received.endswith(b"\n"):
            return bytes(received)
    return None


def write_record(record: Mapping[str, object]) -> bytes:
    r"""Write a record as a line.

    Example:
        >>> write_record({"command": "status"})
        b'{"command": "status"}\n'
    """
    return json.dumps(record).encode() + b"\n"


def read_record(line: bytes) -> dict[str, Any] | None:
    r"""Read a record from a line; `None` if it is none.

    Example:
        >>> read_record(b'{"command": "status"}'), read_record(b"[1]"), read_record(b"\xff")
        ({'command': 'status'}, None, None)
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def describe_error(error: CatseyeError) -> dict[str, object]:
    """Put an error into an answer."""
    parts = {"rule": error.rule, "received": error.received, "fix": error.fix}
    return {"error": parts}


def raise_error(answer: Mapping[str, Any]) -> None:
    """Raise the error that an answer holds; nothing happens if it holds none.

    Raises:
        SettingError: The running instance has refused what was asked for.
        NotRunningError: It answers something that is no answer.

    Example:
        >>> raise_error({"outputs": []})
    """
    parts = answer.get("error")
    if parts is None:
        return
    if isinstance(parts, dict) and all(isinstance(text, str) for text in parts.values()):
        named = {name: parts.get(name, "") for name in ("rule", "received", "fix")}
        raise SettingError(named["rule"], received=named["received"], fix=named["fix"])
    raise NotRunningError(
        "A running edge run must answer as it is laid down",
        received="an error without words",
        fix="Start it again: it may be of another version",
    )
