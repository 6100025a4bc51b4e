"""Whether a whole run holds no more after days of events and faults than at its beginning.

    python benchmarks/soak.py --minutes 1440
    python benchmarks/soak.py --minutes 10 --fault-seconds 5

One `edge run --config` with a guarded file pin, a small memory, and a file of lines looks at a
camera on this machine that shows something else every two seconds, which is a visit and its end
every four: some hundred times what a door sees. Every few seconds it gets the next of four faults:
its guard is killed, its capture process is killed, it reads its configuration anew (SIGHUP), its
camera is away for three seconds.

It prints the memory of the main process over time, and its slope after the first fifth; what it
holds at the beginning (after the first round of faults) and at the end; the events; and the longest
time that the pin was energised.
"""

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from guarded import read_pin
from loopback_camera import RATE_HZ, LoopbackCamera

from edge.benchmark import describe_machine
from edge.control import ask
from edge.errors import NotRunningError
from edge.store.database import DATABASE

SCENE_SECONDS = 2.2  # rules join what appears again within two
AWAY_SECONDS = 3.0
START_SECONDS = 30.0
SECONDS_PER_DAY = 86_400.0
LONGEST_SECONDS = 1.0  # that the pin may be energised
FAULTS = ("guard killed", "capture killed", "reload", "camera away")
COLOURS_BGR = ((0, 0, 255), (0, 255, 0))

CONFIG = """
[source]
address = "{address}"
[model]
file = "{model}"
[evidence]
period_seconds = 0
hysteresis = 0
[[rules]]
name = "let in"
labels = ["red"]
at_most_every_seconds = 0
vetoed_by = ["blue"]
actions = ["door", "tell"]
[actions.door]
kind = "gpio"
pin = "file:pin.csv"
pulse_seconds = 0.5
longest_seconds = {longest}
[actions.tell]
kind = "file"
path = "told.jsonl"
[store]
folder = "memory"
keep_events = 100
keep_mb = 20
pre_roll_seconds = 1
clip_seconds = 1
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the run holds at a moment.

    Attributes:
        seconds: Since the start.
        resident_mb: Memory of the main process.
        descriptors: Its open files.
        threads: Its threads.
        children: Processes below it.
    """

    seconds: float
    resident_mb: float
    descriptors: int
    threads: int
    children: int

    def __str__(self) -> str:
        """Describe it in a line."""
        return (
            f"{self.seconds / 60:8.1f} min {self.resident_mb:8.2f} MB "
            f"{self.descriptors:4} file descriptors {self.threads:4} threads "
            f"{self.children:3} child processes"
        )


class Pictures(list[bytes]):
    """Pictures of a camera that can be away: then its stream ends at once."""

    is_away = False

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]
        """Return one, unless the camera is away."""
        if self.is_away:
            raise OSError("away")
        return super().__getitem__(index)


def main() -> None:
    """Run, disturb, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fault-seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        soak(Path(folder), minutes=arguments.minutes, fault_seconds=arguments.fault_seconds)


def soak(folder: Path, *, minutes: float, fault_seconds: float) -> None:
    """Let a run go on for so long with a fault every few seconds, and report."""
    pictures = Pictures(draw_scenes())
    with LoopbackCamera(pictures) as camera:
        write_config(folder, camera.address)
        with (folder / "log.txt").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--config", str(folder / "edge.toml")],
                stdout=log,
                stderr=log,
            )
        try:
            wait_live(folder / "memory")
            samples = disturb(process, pictures, minutes=minutes, fault_seconds=fault_seconds)
            events = count_events(folder / "memory")
            process.send_signal(signal.SIGTERM)
            code = process.wait(START_SECONDS)
        finally:
            process.kill()
            process.wait()
    report(samples)
    spans = read_pin(folder / "pin.csv")
    lasted = [(span.end_seconds or time.monotonic()) - span.start_seconds for span in spans]
    told = len((folder / "told.jsonl").read_text().splitlines())
    print(f"events  {events} recorded, {told} told by a file, {len(spans)} pulses of the pin")
    print(
        f"pin     energised for {max(lasted, default=0.0):.2f} s at most of {LONGEST_SECONDS:g} s, "
        f"{'on' if spans[-1].end_seconds is None else 'off'} at the end"
    )
    print(f"exit    {code}")


def draw_scenes() -> list[bytes]:
    """Return the pictures of each scene as JPEG: a texture that moves, of one colour."""
    chance = np.random.default_rng(4)
    scenes = []
    for colour_bgr in COLOURS_BGR:
        for _ in range(int(SCENE_SECONDS * RATE_HZ)):
            cells = chance.uniform(0.3, 1.0, (12, 16))
            light = cv2.resize(cells, (160, 120), interpolation=cv2.INTER_NEAREST)
            noise = chance.normal(0, 2, (120, 160, 3))
            picture = light[:, :, None] * np.array(colour_bgr) + noise
            jpeg = cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8))[1]
            scenes.append(jpeg.tobytes())
    return scenes


def write_config(folder: Path, address: str) -> None:
    """Write the configuration, and the model of colours that the tests use."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "edge"))
    from colour_model import write_colour_model

    model = write_colour_model(folder / "colours.tflite")
    text = CONFIG.format(address=address, model=model, longest=LONGEST_SECONDS)
    (folder / "edge.toml").write_text(text)


def wait_live(memory: Path) -> None:
    """Wait until the run sees pictures."""
    until_seconds = time.monotonic() + START_SECONDS
    while time.monotonic() < until_seconds:
        with suppress(NotRunningError):  # it starts
            if ask(memory, "status")["picture"] == "live":
                return
        time.sleep(0.1)
    raise SystemExit("it shows no live picture")


def disturb(
    process: "subprocess.Popen[bytes]", pictures: Pictures, *, minutes: float, fault_seconds: float
) -> list[Sample]:
    """Inject fault after fault, and take a sample before each."""
    samples: list[Sample] = []
    started_seconds = time.monotonic()
    while (seconds := time.monotonic() - started_seconds) < 60 * minutes:
        if process.poll() is not None:
            raise SystemExit(f"the run has ended after {seconds:.0f} s")
        samples.append(take_sample(process.pid, seconds))
        inject(FAULTS[(len(samples) - 1) % len(FAULTS)], process, pictures)
        time.sleep(max(0.0, len(samples) * fault_seconds - (time.monotonic() - started_seconds)))
    time.sleep(fault_seconds)  # healed
    samples.append(take_sample(process.pid, time.monotonic() - started_seconds))
    return samples


def inject(fault: str, process: "subprocess.Popen[bytes]", pictures: Pictures) -> None:
    """Do something to the run."""
    if fault == "camera away":
        pictures.is_away = True
        time.sleep(AWAY_SECONDS)
        pictures.is_away = False
    elif fault == "reload":
        process.send_signal(signal.SIGHUP)
    else:
        kill(find_part(process.pid, is_guard=fault == "guard killed"))


def find_part(pid: int, *, is_guard: bool) -> int | None:
    """Find the guard, a child of the run, or its capture process, a child of another child."""
    for child in children_of(pid):
        if is_guard_process(child) and is_guard:
            return child
        if not is_guard_process(child) and not is_guard:
            return next(iter(children_of(child)), None)
    return None


def is_guard_process(pid: int) -> bool:
    """Whether a process is a guard."""
    return b"edge.guard" in read(Path(f"/proc/{pid}/cmdline"))


def children_of(pid: int) -> list[int]:
    """Return the numbers of the processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in read(task).split()]


def read(path: Path) -> bytes:
    """Read a file of the kernel; nothing once the process has ended."""
    with suppress(OSError):
        return path.read_bytes()
    return b""


def kill(pid: int | None) -> None:
    """Kill a process, unless it has ended."""
    if pid is not None:
        with suppress(ProcessLookupError):  # it was being replaced
            os.kill(pid, signal.SIGKILL)


def take_sample(pid: int, seconds: float) -> Sample:
    """Look at what a process holds."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    family = [pid]
    for one in family:
        family += children_of(one)
    return Sample(
        seconds,
        int(resident) / 1024,
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        len(list(Path(f"/proc/{pid}/task").iterdir())),
        len(family) - 1,
    )


def count_events(memory: Path) -> int:
    """Return how many events were ever recorded, the pruned ones included."""
    with closing(sqlite3.connect(f"file:{memory / DATABASE}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT max(sequence) FROM events").fetchone()[0] or 0)


def slope_mb_per_day(samples: Sequence[Sample]) -> float:
    """Fit a line through the memory after the first fifth."""
    late = [each for each in samples if each.seconds >= samples[-1].seconds / 5]
    points = np.array([(each.seconds, each.resident_mb) for each in late])
    return float(np.polyfit(*points.T, 1)[0]) * SECONDS_PER_DAY


def report(samples: Sequence[Sample]) -> None:
    """Print twenty samples, begin and end, and the slope."""
    for sample in samples[:: max(1, len(samples) // 20)]:
        print(sample)
    print(f"begin   {samples[min(len(FAULTS), len(samples) - 1)]}")
    print(f"end     {samples[-1]}")
    print(f"slope   {slope_mb_per_day(samples):+.2f} MB per day, {len(samples) - 1} faults")


if __name__ == "__main__":
    main()
