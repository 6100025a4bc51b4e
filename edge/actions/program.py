"""Calls a program that nobody vouches for: with a time limit, and all that it starts with it.

What it starts is told by its session, and a daemon, which has made one of its own, by a variable
that it has inherited.
"""

import contextlib
import os
import secrets
import select
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ActionError
from edge.records import Clock

_MOST_BYTES = 65_536
_POLL_SECONDS = 0.05
_MOST_LINE = 200
_MOST_ROUNDS = 5
_MARK = "EDGE_CALL"  # the variable


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended.

    Attributes:
        code: Its exit code; negative the signal that has killed it.
        last_line: The last line that it wrote, to either output; at most 200 characters.
        is_killed: Whether it did not end by itself.
    """

    code: int
    last_line: str
    is_killed: bool


def run_program(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    timeout_seconds: float,
    stop: threading.Event,
    clock: Clock,
) -> Ending:
    """Run a program in a session of its own, and leave nothing behind that it has started.

    It reads nothing. Of what it writes the last 64 KiB are kept while it runs.

    Args:
        command: The program and its arguments; no shell sees them.
        environment: All that it gets, but for the mark by which its daemons are known.
        folder: Where it starts.
        timeout_seconds: Time after which it is killed.
        stop: Has it killed at once.
        clock: Monotonic.

    Raises:
        ActionError: It cannot be started.

    Example:
        >>> from edge.clock import SystemClock
        >>> run_program(["echo", "$HOME"], environment={"PATH": "/bin"}, folder=Path("/"),
        ...             timeout_seconds=5, stop=threading.Event(), clock=SystemClock())
        Ending(code=0, last_line='$HOME', is_killed=False)
    """
    end_seconds = clock.monotonic() + timeout_seconds
    mark = secrets.token_hex(16)
    marked = {**environment, _MARK: mark}
    with _start(command, environment=marked, folder=folder) as process:
        output = _Output(process)
        is_killed = False
        try:
            while not _has_ended(process):
                if stop.is_set() or clock.monotonic() >= end_seconds:
                    is_killed = True
                    break
                output.read(_POLL_SECONDS, stop=stop)
            output.drain()
        finally:
            _kill_all(process, f"{_MARK}={mark}")
        code = process.wait()
    return Ending(code, output.last_line(), is_killed)


class _Output:
    """The newest part of what a process writes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        self._descriptor = process.stdout.fileno()
        os.set_blocking(self._descriptor, False)
        self._tail = b""
        self._is_over = False

    def read(self, patience_seconds: float, *, stop: threading.Event) -> None:
        """Wait a little for more, and read it."""
        if self._is_over:  # and yet the program runs on
            stop.wait(patience_seconds)
        elif select.select([self._descriptor], [], [], patience_seconds)[0]:
            self._take()

    def drain(self) -> None:
        """Read what is there already, up to what is kept."""
        for _ in range(2):  # a pipe holds no more, unless somebody still writes
            self._take()

    def last_line(self) -> str:
        """Return the last line that is not empty, printable."""
        lines = self._tail.decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "").strip()
        return "".join(mark if mark.isprintable() else "?" for mark in last)[:_MOST_LINE]

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._descriptor, _MOST_BYTES)
            self._is_over = not data
            self._tail = (self._tail + data)[-_MOST_BYTES:]


def _start(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ActionError(
            "The program of an action must be one that can be executed",
            received=f"{command[0]}: {reason}",
            fix="Check its path, its first line and its permissions",
        ) from error


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Look without taking the process off the list: its number must stay its own until the kill."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, options) is not None


def _kill_all(process: "subprocess.Popen[bytes]", mark: str) -> None:
    """Kill its group, then those that have made groups or sessions of their own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left
        os.killpg(process.pid, signal.SIGKILL)
    for _ in range(_MOST_ROUNDS):  # one that was about to fork has done so by the next
        rest = [
            pid
            for pid in _list_processes()
            if _session(pid) == process.pid or _has_variable(pid, mark.encode())
        ]
        if not rest:
            return
        for pid in rest:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _list_processes() -> list[int]:
    """List the processes that can be seen; none where there is no `/proc`."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []


def _session(pid: int) -> int:
    """Return the session of a process that runs; 0 of one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[3])


def _has_variable(pid: int, variable: bytes) -> bool:
    """Whether a process of this user has been started with a variable, "NAME=value"."""
    try:
        return variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
