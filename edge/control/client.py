"""Asks a running instance."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.control.lock import is_held
from edge.control.wire import (
    LONGEST_ANSWER,
    raise_error,
    read_line,
    read_record,
    socket_path,
    write_record,
)
from edge.errors import NotRunningError

_TIMEOUT_SECONDS = 5.0


def ask(
    folder: Path,
    command: str,
    *,
    timeout_seconds: float = _TIMEOUT_SECONDS,
    **values: str | None,
) -> Mapping[str, Any]:
    """Ask the instance that runs with a store folder, and return its answer.

    Args:
        folder: Its store folder.
        command: "status" or "door".
        timeout_seconds: Until it must have answered.
        **values: What else the command takes.

    Raises:
        NotRunningError: None runs, it does not let one ask, or it does not answer.
        SettingError: It has refused what was asked for, or the path of the folder is too long.
    """
    path = socket_path(folder)
    deadline_seconds = time.monotonic() + timeout_seconds
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(os.fspath(path))
            connection.sendall(write_record({"command": command, **values}))
            line = read_line(
                connection,
                longest=LONGEST_ANSWER,
                remaining=lambda: deadline_seconds - time.monotonic(),
            )
        except OSError as error:
            raise _no_answer(path, error) from error
    answer = None if line is None else read_record(line)
    if answer is None:
        raise NotRunningError(
            "A running edge run must answer in a line of JSON",
            received=f"none at {path}",
            fix="Ask again; if that is of no use, start it again",
        )
    raise_error(answer)
    return answer


def _no_answer(path: Path, error: OSError) -> NotRunningError:
    is_absent = isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError)
    if is_absent and is_held(path.parent):
        return NotRunningError(
            "A running edge run must have opened everything before it answers",
            received=f"one that starts or ends at this moment, with {path.parent}",
            fix="Ask again in a few seconds",
        )
    if is_absent:
        return NotRunningError(
            "An edge run with this configuration must be running",
            received=f"none that answers at {path}",
            fix="Start it: edge run --config with the same file",
        )
    if isinstance(error, PermissionError):
        return NotRunningError(
            "Only the user and the group of the running edge run may ask it",
            received=f"another user, at {path}",
            fix="Ask as that user, for example with sudo -u edge",
        )
    return NotRunningError(
        "A running edge run must answer",
        received=f"{error.strerror or 'nothing in time'} at {path}",
        fix="See its log: it may hang",
    )
