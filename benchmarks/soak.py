"""Whether a whole run loses anything over time: a door under faults, and what it holds.

    python benchmarks/soak.py --minutes 1440 --fault-seconds 300
    python benchmarks/soak.py --minutes 2 --fault-seconds 5

A camera on this machine shows the demo's garden without end, and a cat in it every five seconds:
some thirty times the events of a busy door. `edge run --config` opens an output for it, writes a
line, and remembers each event with snapshot and clip, in a small memory that is always full. Every
so often a fault comes, in turn, and its end is waited for. After each, what the main process holds
is noted: memory, open files, threads, children. The first quarter counts as warming up.

The slope of the memory is that of the straight line through what was noted, per day: over a few
minutes it says little, as the first pages of every kind are still being touched.
"""

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
from door_process import DoorProcess
from guarded import read_pin
from loopback_camera import LoopbackCamera

from edge.benchmark import describe_machine
from edge.guard.request import read_notes
from edge.sources.demo import DemoScene
from edge.testing import ManualClock

LONGEST_SECONDS = 1.0
SLACK_SECONDS = 0.5

_SIZE_WH = (320, 240)
_AWAY_SECONDS, _CAT_SECONDS = (0.0, 3.2), (18.0, 20.0)  # of the scene
_HEAL_SECONDS = 30.0
_GONE_SECONDS = 3.0
_DAY_SECONDS = 86_400.0

_CONFIG = """
place = "soak"
[source]
address = "{address}"
[model]
threads = 1
[clock]
trust = "always"
[[rules]]
name = "let in"
labels = ["cat"]
at_most_every_seconds = 0
actions = ["door", "tell"]
[actions.door]
kind = "gpio"
pin = "file:pin.csv"
pulse_seconds = 0.5
longest_seconds = {longest}
duty_percent = 50
pause_seconds = 0.5
[actions.tell]
kind = "file"
path = "told.jsonl"
[store]
folder = "memory"
keep_mb = 5
keep_events = 30
"""


@dataclass(frozen=True)
class Holdings:
    """What the main process held at a moment without a fault.

    Attributes:
        seconds: Since the start.
        resident_bytes: Of its memory.
        files: Open ones.
        threads: Of it.
        processes: It and all below it.
    """

    seconds: float
    resident_bytes: int
    files: int
    threads: int
    processes: int


@dataclass
class Soak:
    """What was seen.

    Attributes:
        faults: How often each came.
        unhealed: Faults after which it did not become well again in time.
        holdings: After each fault.
        events: That began.
        openings: Times the output was energised.
        worst_seconds: Longest of them; infinite if it is still on.
        exit_code: Of the run, which was told to end.
    """

    faults: Counter[str] = field(default_factory=Counter)
    unhealed: list[str] = field(default_factory=list)
    holdings: list[Holdings] = field(default_factory=list)
    events: int = 0
    openings: int = 0
    worst_seconds: float = 0.0
    exit_code: int | None = None

    def settled(self) -> Sequence[Holdings]:
        """Return what was held after warming up."""
        begin_seconds = self.holdings[-1].seconds / 4
        return [one for one in self.holdings if one.seconds >= begin_seconds]

    def slope_mb_per_day(self) -> float:
        """Return how fast the memory grew."""
        settled = self.settled()
        if len(settled) < 2:
            return 0.0
        seconds = [one.seconds for one in settled]
        slope, _ = statistics.linear_regression(seconds, [one.resident_bytes for one in settled])
        return slope * _DAY_SECONDS / 1e6


@dataclass(frozen=True)
class _Subject:
    run: DoorProcess
    camera: LoopbackCamera

    def kill_guard(self, index: int) -> None:
        note = read_notes(self.run.memory).get("door")
        for pid, _ in note.processes[index : index + 1] if note else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _kill_guard(subject: _Subject) -> None:
    """The guard is killed."""
    subject.kill_guard(0)


def _kill_understudy(subject: _Subject) -> None:
    """The understudy is killed."""
    subject.kill_guard(1)


def _lose_camera(subject: _Subject) -> None:
    """The camera is gone for some seconds."""
    subject.camera.is_away.set()
    time.sleep(_GONE_SECONDS)
    subject.camera.is_away.clear()


def _kill_capture(subject: _Subject) -> None:
    """The process that reads the camera is killed."""
    notes = read_notes(subject.run.memory).get("door")
    guards = {pid for pid, _ in notes.processes} if notes else set()
    for pid in [pid for pid in subject.run.processes()[1:] if pid not in guards][-1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _stop_main(subject: _Subject) -> None:
    """The main process is halted for some seconds."""
    subject.run.process.send_signal(signal.SIGSTOP)
    time.sleep(_GONE_SECONDS)
    subject.run.process.send_signal(signal.SIGCONT)


def _reload(subject: _Subject) -> None:
    """The configuration is read anew (SIGHUP)."""
    subject.run.process.send_signal(signal.SIGHUP)
    time.sleep(_GONE_SECONDS)


FAULTS: tuple[Callable[[_Subject], None], ...] = (
    *(_kill_guard, _lose_camera, _reload, _kill_understudy, _kill_capture, _stop_main),
)


def draw_pictures() -> list[bytes]:
    """Return the garden without and with a cat, as JPEG files for 30 pictures per second."""
    scene = DemoScene(clock=ManualClock(), size_wh=_SIZE_WH)
    pictures = []
    while (frame := scene.read()) is not None:
        for first, last in (_AWAY_SECONDS, _CAT_SECONDS):
            if first <= frame.time_seconds < last:
                pictures.append(cv2.imencode(".jpg", frame.pixels_bgr)[1].tobytes())
    return pictures


def soak(folder: Path, *, minutes: float, fault_seconds: float) -> Soak:
    """Let a door run under faults.

    Args:
        folder: For all that it writes.
        minutes: How long.
        fault_seconds: From one fault to the next.
    """
    found = Soak()

    def count(line: dict[str, object]) -> None:
        found.events += line["type"] == "event" and line.get("phase") == "start"

    with LoopbackCamera(draw_pictures()) as camera:
        config = folder / "edge.toml"
        config.write_text(_CONFIG.format(address=camera.address, longest=LONGEST_SECONDS))
        run = DoorProcess(config, folder / "memory", when_said=count, most_lines=200)
        try:
            run.wait_for(lambda: run.of_type("outcome", action="door", result="done"))
            _inject(_Subject(run, camera), found, minutes * 60.0, fault_seconds)
            found.exit_code = run.end()
        finally:
            run.close()
    spans = read_pin(folder / "pin.csv")
    found.openings = len(spans)
    ends = [span.end_seconds or float("inf") for span in spans]
    found.worst_seconds = max(
        end - span.start_seconds for end, span in zip(ends, spans, strict=True)
    )
    return found


def _inject(subject: _Subject, found: Soak, seconds: float, fault_seconds: float) -> None:
    start_seconds = time.monotonic()
    number = 0
    while (begun_seconds := time.monotonic()) < start_seconds + seconds:
        fault = FAULTS[number % len(FAULTS)]
        number += 1
        name = (fault.__doc__ or "").partition(".")[0]
        found.faults[name] += 1
        fault(subject)
        events = found.events
        try:
            subject.run.wait_for(lambda: _is_well(subject.run), _HEAL_SECONDS)
            subject.run.wait_for(lambda events=events: found.events > events, _HEAL_SECONDS)
        except TimeoutError:
            found.unhealed.append(name)
        time.sleep(max(0.0, begun_seconds + fault_seconds - time.monotonic()))
        found.holdings.append(_look_at(subject.run, time.monotonic() - start_seconds))


def _is_well(run: DoorProcess) -> bool:
    """Whether it sees, and nothing has trouble."""
    status = run.status()
    parts = [*status.get("outputs", ()), *status.get("actions", ())] if status else []
    return (
        bool(parts) and status["picture"] == "live" and not any(part["trouble"] for part in parts)
    )


def _look_at(run: DoorProcess, seconds: float) -> Holdings:
    folder = Path(f"/proc/{run.process.pid}")
    pages = int((folder / "statm").read_text().split()[1])
    return Holdings(
        seconds,
        pages * os.sysconf("SC_PAGE_SIZE"),
        len(list((folder / "fd").iterdir())),
        len(list((folder / "task").iterdir())),
        len(run.processes()),
    )


def show(found: Soak) -> None:
    """Print what was seen."""
    for name, times in found.faults.items():
        print(f"{name:<56}{times:6}")
    settled = found.settled()
    print(f"not well again in {_HEAL_SECONDS:g} s: {len(found.unhealed)} {found.unhealed or ''}")
    hours = found.holdings[-1].seconds / 3600.0
    print(f"events: {found.events}, {found.events / hours * 24:.0f} a day")
    print(
        f"output: energised {found.openings} times, {found.worst_seconds:.3f} s at most, where "
        f"{LONGEST_SECONDS:g} + {SLACK_SECONDS:g} s are allowed"
    )
    memory = [one.resident_bytes / 1e6 for one in settled]
    print(
        f"memory: {memory[0]:.1f} MB after warming up, {memory[-1]:.1f} MB at the end, "
        f"{min(memory):.1f} to {max(memory):.1f} MB; slope {found.slope_mb_per_day():+.1f} MB a day"
    )
    for what in ("files", "threads", "processes"):
        values = [getattr(one, what) for one in settled]
        print(f"{what}: {values[0]} after warming up, {min(values)} to {max(values)}")
    print(f"exit code: {found.exit_code}")


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fault-seconds", type=float, default=5.0)
    options = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        show(soak(Path(folder), minutes=options.minutes, fault_seconds=options.fault_seconds))


if __name__ == "__main__":
    main()
