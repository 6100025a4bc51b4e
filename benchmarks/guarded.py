"""A main process with a guarded output, to be killed; and what its pin has seen.

Run as a program it holds an output named "door" and energises it as its standard input says:
`on SECONDS`, `off`, `hang` (the loop makes no progress), `go` (it makes progress again).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from edge.guard.limits import Limits
from edge.guard.output import GuardedOutput
from edge.guard.request import OutputRequest, read_notes


@dataclass(frozen=True)
class Energised:
    """A time in which the pin was energised, in monotonic seconds; without end if it still is."""

    start_seconds: float
    end_seconds: float | None


def read_pin(path: Path) -> list[Energised]:
    """Return the times in which a pin was energised, by its file."""
    found: list[Energised] = []
    start_seconds: float | None = None
    lines = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        nanoseconds, level = line.split(",")
        seconds = int(nanoseconds) / 1e9
        if level == "1" and start_seconds is None:
            start_seconds = seconds
        elif level == "0" and start_seconds is not None:
            found.append(Energised(start_seconds, seconds))
            start_seconds = None
    return found if start_seconds is None else [*found, Energised(start_seconds, None)]


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Poll until something holds; say whether it does."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


class MainProcess:
    """A main process with an output, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        pin: str = "",
        longest_seconds: float = 5.0,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.pin_path = folder / "pin.csv"
        arguments = [str(folder), pin or f"file:{self.pin_path}", str(longest_seconds)]
        environment = os.environ | {"EDGE_SCRIPTED_PIN": str(self.pin_path)} | environment
        self.process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # faults are logged, as they should be
            bufsize=0,
            env=environment,
        )

    def tell(self, line: str) -> str:
        """Tell it something and return its answer."""
        self.process.stdin.write(line.encode() + b"\n")
        return self.process.stdout.readline().decode().strip()

    def send(self, line: str) -> None:
        """Tell it something, unless it has died or hangs, and do not wait for the answer."""
        with suppress(OSError):
            os.write(self.process.stdin.fileno(), line.encode() + b"\n")

    def is_on(self) -> bool:
        """Whether the pin is energised, by its file."""
        return bool(spans := read_pin(self.pin_path)) and spans[-1].end_seconds is None

    def guard_pids(self) -> list[int]:
        """Return the numbers of the guard and its understudy."""
        notes = read_notes(self.pin_path.parent)
        return [pid for pid, _ in notes["door"].processes] if notes else []

    def close(self) -> None:
        """Kill it; its guard ends by itself."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def main() -> None:
    """Be the main process."""
    folder, pin, longest = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    hanging = []
    limits = Limits(longest_seconds=longest, duty=0.5, pause_seconds=0.05)
    request = OutputRequest("door", pin, folder, limits=limits)
    output = GuardedOutput(request, idle_seconds=lambda: 1e9 if hanging else 0.0)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        answer = word
        try:
            if word == "on":
                answer = f"{output.energise(float(rest)):.3f}"
            elif word == "off":
                output.release()
            elif word == "hang":
                hanging.append(1)
            elif word == "go":
                hanging.clear()
            elif word == "trouble":
                answer = output.trouble
        except OSError as error:
            answer = f"refused: {error}"
        print(answer, flush=True)
    output.close()


if __name__ == "__main__":
    main()
