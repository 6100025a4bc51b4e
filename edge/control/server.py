"""Answers questions at the control socket, one short line each, in threads of its own."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.control.wire import (
    LONGEST_QUESTION,
    describe_error,
    read_line,
    read_record,
    socket_path,
    write_record,
)
from edge.errors import CatseyeError, SettingError, StoreError

logger = logging.getLogger(__name__)

Answer = Callable[[Mapping[str, Any]], Mapping[str, object]]
"""Answers a question; it may raise a `CatseyeError`, which the one who asks is told."""

_MODE = 0o660
_TIMEOUT_SECONDS = 2.0  # for a client to have asked and read
_MOST_CLIENTS = 8
_POLL_SECONDS = 0.25  # until `close` is heeded
_MOST_PENDING = 64


class ControlServer:
    """Listens at the socket of a store folder, from its making until `close`.

    A socket that was left behind is replaced: who makes this holds the folder, see
    `edge.control.lock`. Clients that are slow, silent or send too much are hung up on after two
    seconds; eight are served at a time, and others wait for their turn.

    Args:
        folder: The store folder; it exists.
        answer: Called in a thread of its own.

    Raises:
        StoreError: No socket can be made in the folder.
        SettingError: The path of the folder is too long.
    """

    def __init__(self, folder: Path, answer: Answer) -> None:
        self._path = socket_path(folder)
        self._answer = answer
        self._is_closed = threading.Event()
        self._places = threading.BoundedSemaphore(_MOST_CLIENTS)
        self._listener = _listen(folder, self._path)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more; a second call does nothing."""
        if self._is_closed.is_set():
            return
        self._is_closed.set()
        self._thread.join(4 * _POLL_SECONDS)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while not self._is_closed.is_set():
            if not self._places.acquire(timeout=_POLL_SECONDS):
                continue
            try:
                connection, _ = self._listener.accept()
            except OSError:  # nobody asks, or there are too many open files
                self._places.release()
                self._is_closed.wait(0.01)
                continue
            name = "control client"
            threading.Thread(target=self._meet, args=[connection], name=name, daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        deadline_seconds = time.monotonic() + _TIMEOUT_SECONDS
        try:
            with connection:
                line = read_line(
                    connection,
                    longest=LONGEST_QUESTION,
                    remaining=lambda: deadline_seconds - time.monotonic(),
                )
                connection.settimeout(_TIMEOUT_SECONDS)
                connection.sendall(write_record(self._reply(line)))
        except OSError as error:
            logger.debug("control: a client was lost: %s", error)
        finally:
            self._places.release()

    def _reply(self, line: bytes | None) -> Mapping[str, object]:
        question = None if line is None else read_record(line)
        try:
            if question is None:
                raise SettingError(
                    f"A question must be a line of JSON of at most {LONGEST_QUESTION} bytes",
                    received="something else",
                    fix="Ask with edge status or edge door",
                )
            return self._answer(question)
        except CatseyeError as error:
            return describe_error(error)


def _listen(folder: Path, path: Path) -> socket.socket:
    """Open the socket; it gets its name only once it has its permissions and listens."""
    early = socket_path(folder, "control.new")
    listener = socket.socket(socket.AF_UNIX)
    try:
        early.unlink(missing_ok=True)
        listener.bind(os.fspath(early))
        early.chmod(_MODE)
        listener.settimeout(_POLL_SECONDS)
        listener.listen(_MOST_PENDING)
        early.replace(path)
    except OSError as error:
        listener.close()
        raise _unusable(folder, error) from error
    return listener


def _unusable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        "The store folder must be writable, for the control socket",
        received=f"{folder}: {error.strerror or error}",
        fix="Name another one as [store] folder, or mend its permissions",
    )
