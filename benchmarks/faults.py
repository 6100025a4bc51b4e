"""Whether a camera that fails is noticed, and healed once it is back: injected, and counted.

    python benchmarks/faults.py
    python benchmarks/faults.py --faults 70 --stall-seconds 0.5

Several captures run at once, each in a process of its own, as `edge run` has one; they mostly wait.
Each gets one fault after the other, of seven kinds in turn. A fault is noticed when `read` returns
`Offline`, and healed when it returns a frame that was made after the source was back. The source
stays away for 0 to 5 s after the fault was noticed, by chance. Another size of the frames is no
outage: there is nothing to be noticed, and it is healed with the first frame of that size.

It prints per kind how long that took, and what the process holds before and after: file
descriptors, threads, child processes and memory.
"""

import argparse
import gc
import logging
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.benchmark import describe_machine
from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
from edge.capture.watch import DEFAULT_LIMITS, Limits
from edge.records import Frame
from edge.scripted import read_time, write_mode
from edge.sources.options import SourceOptions

KINDS = {
    "block": "read blocks for ever",
    "crash": "segmentation fault",
    "repeat": "the same frame for ever",
    "end": "False for ever",
    "raise": "read raises",
    "stop": "process halted (SIGSTOP)",
    "small": "another size",
}
LOST = 60.0  # seconds after which a fault counts as never noticed or never healed
LONGEST_AWAY_SECONDS = 5.0
SIZE_WH = (160, 120)
RATE_HZ = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a fault.

    Attributes:
        kind: One of `KINDS`.
        noticed_seconds: From the fault to the first `Offline`.
        healed_seconds: From the return of the source to the first fresh frame.
    """

    kind: str
    noticed_seconds: float
    healed_seconds: float


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process holds.

    Attributes:
        descriptors: Open files.
        threads: Threads.
        children: Processes that it started.
        resident_mb: Memory, of this process alone.
    """

    descriptors: int
    threads: int
    children: int
    resident_mb: float

    def __str__(self) -> str:
        """Describe it in a line."""
        return (
            f"{self.descriptors} file descriptors, {self.threads} threads, "
            f"{self.children} child processes, {self.resident_mb:.1f} MB"
        )


def main() -> None:
    """Inject faults and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--stall-seconds", type=float, default=DEFAULT_LIMITS.stall_seconds)
    arguments = parser.parse_args()
    limits = DEFAULT_LIMITS
    if arguments.stall_seconds != limits.stall_seconds:
        seconds = arguments.stall_seconds
        limits = Limits(seconds, 1.5 * seconds, frozen_seconds=seconds)
    logging.getLogger("edge").setLevel(logging.ERROR)  # it warns of each fault
    print(describe_machine())
    print(f"{arguments.faults} faults, {arguments.at_once} captures at once, {limits}")
    run(arguments.faults, arguments.at_once, limits)


def run(faults: int, at_once: int, limits: Limits) -> None:
    """Inject so many faults into so many captures, and report."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as pool:
        scripts = [Path(folder, f"{number}.txt") for number in range(at_once)]
        for script in scripts:
            write_mode(script, "ok")
        sources = [open_capture(script, limits) for script in scripts]
        started = threading.Barrier(at_once)
        list(pool.map(lambda source: (read_fresh(source, 0.0), started.wait()), sources))
        before = take_stock()
        kinds = deal(faults, at_once)
        outcomes = [
            outcome
            for part in pool.map(inject_all, sources, scripts, kinds, range(at_once))
            for outcome in part
        ]
        after = take_stock()
        for source in sources:
            source.close()
    report(outcomes)
    print(f"before  {before}")
    print(f"after   {after}")


def open_capture(script: Path, limits: Limits) -> CaptureProcess:
    """Start a capture that a file leads."""
    request = LensRequest(
        str(script),
        is_live=True,
        options=SourceOptions(size_wh=SIZE_WH, rate_hz=RATE_HZ),
        opener="edge.scripted:ScriptedSource",
    )
    return CaptureProcess(request, limits=limits)


def deal(faults: int, hands: int) -> list[list[str]]:
    """Deal faults of all kinds out, so that each capture gets each kind in another order."""
    names = list(KINDS)
    every = [names[number % len(names)] for number in range(faults)]
    random.Random(1).shuffle(every)
    return [every[hand::hands] for hand in range(hands)]


def inject_all(source: CaptureProcess, script: Path, kinds: list[str], seed: int) -> list[Outcome]:
    """Inject one fault after the other into a capture."""
    chance = random.Random(seed)
    return [inject(source, script, kind, chance) for kind in kinds]


def inject(source: CaptureProcess, script: Path, kind: str, chance: random.Random) -> Outcome:
    """Inject a fault, wait until it is noticed, let the source come back, wait for its frame."""
    write_mode(script, kind)
    failed_seconds = time.monotonic()
    if kind == "small":
        for frame in frames(source, failed_seconds):
            if isinstance(frame, Frame) and frame.pixels_bgr.shape[1] < SIZE_WH[0]:
                break
        noticed_seconds = 0.0
        healed_seconds = time.monotonic() - failed_seconds
        write_mode(script, "ok")
        return Outcome(kind, noticed_seconds, healed_seconds)
    noticed_seconds = LOST
    for frame in frames(source, failed_seconds):
        if not isinstance(frame, Frame):
            noticed_seconds = time.monotonic() - failed_seconds
            break
    back_seconds = time.monotonic() + chance.uniform(0.0, LONGEST_AWAY_SECONDS)
    for _ in frames(source, failed_seconds):
        if time.monotonic() >= back_seconds:
            break
    write_mode(script, "ok")
    back_seconds = time.monotonic()
    return Outcome(kind, noticed_seconds, read_fresh(source, back_seconds) - back_seconds)


def read_fresh(source: CaptureProcess, since_seconds: float) -> float:
    """Wait for a frame that was made after a time; return when it came."""
    for frame in frames(source, time.monotonic()):
        if isinstance(frame, Frame) and read_time(frame.pixels_bgr) > since_seconds:
            return time.monotonic()
    return since_seconds + LOST


def frames(source: CaptureProcess, start_seconds: float) -> Iterator[object]:
    """Read, at most until `LOST` seconds after a time."""
    while time.monotonic() - start_seconds < LOST:
        yield source.read()


def report(outcomes: list[Outcome]) -> None:
    """Print a row per kind."""
    print(
        f"{'kind':26} {'faults':>6}  {'noticed p50':>11} {'max':>6}  {'healed p50':>10} {'max':>6}"
    )
    for kind, description in KINDS.items():
        of_kind = [outcome for outcome in outcomes if outcome.kind == kind]
        noticed = [outcome.noticed_seconds for outcome in of_kind]
        healed = [outcome.healed_seconds for outcome in of_kind]
        if of_kind:
            times = (np.median(noticed), max(noticed), np.median(healed), max(healed))
            row = "{:9.2f} s {:6.2f}  {:8.2f} s {:6.2f}".format(*times)
            print(f"{description:26} {len(of_kind):6}  {row}")
    lost = sum(max(each.noticed_seconds, each.healed_seconds) >= LOST for each in outcomes)
    print(f"never noticed or healed: {lost} of {len(outcomes)}")


def take_stock() -> Holdings:
    """Count what this process holds now."""
    gc.collect()
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    tasks = list(Path("/proc/self/task").iterdir())
    children = [
        child
        for task in tasks
        for child in Path(task, "children").read_text(encoding="utf-8").split()
    ]
    descriptors = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208
    return Holdings(descriptors, len(tasks), len(children), int(resident) / 1024)


if __name__ == "__main__":
    main()
