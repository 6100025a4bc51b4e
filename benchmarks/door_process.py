"""A whole `edge run --config` in a process of its own, to be looked at and done harm to."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from edge.control import ask
from edge.errors import NotRunningError

PATIENCE_SECONDS = 60.0


class DoorProcess:
    """A run with a configuration; what it writes is kept by threads.

    Args:
        config: Its file.
        memory: Its store folder.
        environment: Beside that of this process.
        before: Called in the new process before the program starts, such as to set limits.
        when_said: Called with each JSON line, from a thread of its own.
        most_lines: That are kept; the oldest are dropped.

    Attributes:
        process: May be killed.
        lines: JSON lines so far.
        errors: Lines of standard error so far.
    """

    def __init__(
        self,
        config: Path,
        memory: Path,
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        before: Callable[[], None] | None = None,
        when_said: Callable[[dict[str, Any]], object] = lambda line: None,
        most_lines: int = 100_000,
    ) -> None:
        self.memory = memory
        self.lines: deque[dict[str, Any]] = deque(maxlen=most_lines)
        self.errors: deque[str] = deque(maxlen=most_lines)
        self._when_said = when_said
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--config", str(config), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
            preexec_fn=before,  # nothing else runs between fork and exec
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._threads = [
            threading.Thread(target=self._keep, args=(stream, keep), daemon=True)
            for stream, keep in (
                (self.process.stdout, self._hear),
                (self.process.stderr, self.errors.append),
            )
        ]
        for thread in self._threads:
            thread.start()

    def _hear(self, line: str) -> None:
        record = json.loads(line)
        self.lines.append(record)
        self._when_said(record)

    def _keep(self, stream: IO[str], keep: Callable[[str], object]) -> None:
        for line in stream:
            keep(line)

    def of_type(self, kind: str, **values: object) -> list[dict[str, Any]]:
        """Return the JSON lines of a type with these values."""
        return [
            line
            for line in self.lines.copy()
            if line["type"] == kind and values.items() <= line.items()
        ]

    def wait_for(self, condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until something holds, or the run has ended.

        Raises:
            TimeoutError: It does not.
        """
        until_seconds = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > until_seconds:
                raise TimeoutError(f"it has not come to pass: {list(self.errors)[-5:]}")
            time.sleep(0.02)

    def status(self) -> Mapping[str, Any]:
        """Ask for its status; empty while it does not answer."""
        try:
            return ask(self.memory, "status")
        except NotRunningError:
            return {}

    def processes(self) -> list[int]:
        """Return the numbers of the process and of all below it."""
        found = [self.process.pid]
        for parent in found:
            for task in Path(f"/proc/{parent}/task").glob("*/children"):
                try:
                    found += [int(child) for child in task.read_text().split()]
                except OSError:  # ended meanwhile
                    continue
        return found

    def end(self, seconds: float = PATIENCE_SECONDS) -> int:
        """End it in order and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(seconds)
        for thread in self._threads:
            thread.join(seconds)
        return self.process.returncode

    def close(self) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
