"""One table of what a frame costs: runtime, frame to label, live loop, and the programs of others.

    python benchmarks/live.py
    python benchmarks/live.py --model pets.tflite --threads 2

Everything classifies the same 640x480 frames, already in memory. All ways of a group are processes
that take turns, block by block, and a ratio is the median of the ratios of these rounds. Others run
in virtual environments of their own, which are made the first time (minutes, some hundred MB). They
get frames in RGB, which spares them the turn from a camera's BGR that ours does.

- `bare invoke`: LiteRT alone, without any picture;
- `frame to label`: `Classifier.classify`;
- `live loop`: capture process, shared memory, watcher, loop, as in `edge run` at full rate;
- MediaPipe Tasks and the TFLite Task Library on the same file;
- tflite-runtime's bare invoke against LiteRT's.

The network of 1 ms is made by `sized_network.py`: convolutions of noise, as many as take that long
here. Processor time above wall time means that the way uses several cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from environments import (
    MEDIAPIPE,
    TASK_LIBRARY,
    TFLITE_RUNTIME,
    Environment,
    NotMadeError,
    make_environment,
)
from sized_network import write_sized_model

from edge.benchmark import describe_machine
from edge.errors import CatseyeError
from edge.integrity import verify_model
from edge.interpreter import choose_runtime, runtime_version
from edge.live_benchmark import measure_live_in_child
from edge.modelfile import default_model_path, read_model_file

ROUNDS = 7
BLOCK_SECONDS = 0.4
WARM_UP_FRAMES = 10
WORKERS = Path(__file__).with_name("live_workers.py")
COLUMNS = "{:<34}{:>10}{:>12}{:>12}  {}"


@dataclass(frozen=True)
class Way:
    """A way to classify.

    Attributes:
        title: For its row.
        kind: Key in `live_workers.WAYS`.
        environment: Its own; `None` for the one that this program runs in.
    """

    title: str
    kind: str
    environment: Environment | None = None


INVOKE = Way("bare invoke (LiteRT)", "litert")
OURS = Way("frame to label (catseye)", "catseye")
READERS = (
    Way("MediaPipe Tasks", "mediapipe", MEDIAPIPE),
    Way("TFLite Task Library", "task-library", TASK_LIBRARY),
)
OLD_RUNTIME = Way("bare invoke (tflite-runtime)", "tflite-runtime", TFLITE_RUNTIME)


@dataclass(frozen=True)
class Cost:
    """What a way costs.

    Attributes:
        frame_ms: Median.
        cpu_ms: Processor time per frame, median of the blocks.
        ratio: Median time against the first way of its group, round by round.
    """

    frame_ms: float
    cpu_ms: float
    ratio: float


class Worker:
    """A process that runs one way.

    Raises:
        NotMadeError: Its environment cannot be made, or it does not start.
    """

    def __init__(self, way: Way, model: Path, threads: int) -> None:
        own = way.environment
        python = Path(sys.executable) if own is None else make_environment(own)
        isolated = [] if own is None else ["-I"]
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [str(python), *isolated, str(WORKERS), way.kind, str(model), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._way = way
        warm_ms = self.time(WARM_UP_FRAMES)[0]
        self._frames = max(3, round(BLOCK_SECONDS * 1000 / warm_ms))

    def time(self, frames: int = 0) -> tuple[float, float]:
        """Let it classify a block; return median and processor milliseconds per frame."""
        takes, gives = self._process.stdin, self._process.stdout
        try:
            if takes is not None:
                takes.write(f"{frames or self._frames}\n")
                takes.flush()
            said = json.loads(gives.readline() if gives is not None else "")
        except (OSError, ValueError) as error:
            self.close()
            self._log.seek(0)
            lines = self._log.read().strip().splitlines() or ["it says nothing"]
            raise NotMadeError(f"{self._way.title} does not run: {lines[-1]}") from error
        return statistics.median(said["ms"]), said["cpu_ms"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--wanted-ms", type=float, default=1.0, help="of the made network")
    arguments = parser.parse_args()
    print(f"{describe_machine()}, LiteRT {runtime_version('litert')}")
    others = (way.environment for way in (*READERS, OLD_RUNTIME) if way.environment)
    print("against " + ", ".join(other.requirements[0] for other in others))
    print(f"{arguments.threads} threads where it can be told; {ROUNDS} rounds of {BLOCK_SECONDS} s")
    print(COLUMNS.format("", "ms", "frames/s", "CPU ms", "ratio"))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        made = Path(folder) / "made.tflite"
        layers, _ = write_sized_model(made, arguments.wanted_ms)
        show_own(f"{layers} convolutions of noise", made, arguments.threads)
        show_own(arguments.model.name, arguments.model, arguments.threads)
        title = f"{arguments.model.name}, from the same frame to a label"
        show_others(title, (OURS, *READERS), arguments.model, arguments.threads)
        title = f"{arguments.model.name}, the runtime alone"
        show_others(title, (INVOKE, OLD_RUNTIME), arguments.model, arguments.threads)


def show_own(title: str, path: Path, threads: int) -> None:
    """Print what a frame costs beyond the runtime."""
    print(f"\n{title}")
    costs = compare((INVOKE, OURS), path, threads)
    for way, cost in costs.items():
        show(way.title, cost, f"{1 / cost.ratio:.3f} of invoke's rate")
    try:
        model = read_model_file(path)
        verify_model(model)
        live = measure_live_in_child(model, runtime=choose_runtime(), threads=threads)
    except CatseyeError as error:
        print(f"  live loop: {error}")
        return
    rate = f"{live.rate_hz:.1f}"
    note = f"{live.ratio:.3f} of invoke's rate in the same process"
    print(COLUMNS.format("  live loop", f"{1000 / live.rate_hz:.3f}", rate, "", note))


def show_others(title: str, ways: Sequence[Way], path: Path, threads: int) -> None:
    """Print what others take for the same, and whether any of them is faster."""
    print(f"\n{title}")
    costs = compare(ways, path, threads)
    for way, cost in costs.items():
        show(way.title, cost, f"{cost.ratio:.3f} times as long as the first")
    faster = [way.title for way, cost in costs.items() if cost.ratio < 1.0]
    print(f"  faster than the first: {', '.join(faster) or 'none'}")


def show(title: str, cost: Cost, ratio: str) -> None:
    """Print a row."""
    numbers = (f"{cost.frame_ms:.3f}", f"{1000 / cost.frame_ms:.1f}", f"{cost.cpu_ms:.3f}")
    print(COLUMNS.format(f"  {title}", *numbers, ratio))


def compare(ways: Sequence[Way], path: Path, threads: int) -> dict[Way, Cost]:
    """Let ways take turns; what cannot run is named and left out, unless it is the first."""
    workers: dict[Way, Worker] = {}
    try:
        for way in ways:
            try:
                workers[way] = Worker(way, path, threads)
            except NotMadeError as error:
                print(f"  {way.title}: {error}")
        rounds = [{way: worker.time() for way, worker in workers.items()} for _ in range(ROUNDS)]
    finally:
        for worker in workers.values():
            worker.close()
    return {
        way: Cost(
            frame_ms=statistics.median(found[way][0] for found in rounds),
            cpu_ms=statistics.median(found[way][1] for found in rounds),
            ratio=statistics.median(found[way][0] / found[ways[0]][0] for found in rounds),
        )
        for way in workers
    }


if __name__ == "__main__":
    main()
