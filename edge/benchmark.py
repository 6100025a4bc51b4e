"""What a model costs on this machine: time from frame to label, start-up and memory.

Every combination of runtime and threads is measured in a process of its own, so that start-up
and memory are those of a program that does nothing else:
`python -m edge.benchmark MODEL RUNTIME THREADS FRAMES START`, where START is the monotonic time at
which the process was asked for. It prints one JSON object.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge import __version__
from edge.classifier import Classifier, input_filler
from edge.errors import CatseyeError, MissingExtraError, ModelFileError
from edge.hardware import board_name
from edge.integrity import child_command, child_environment, verify_model
from edge.interpreter import available_runtimes, open_interpreter, runtime_version
from edge.modelfile import ModelFile, read_model_file
from edge.records import Interpreter, Pixels
from edge.threads import usable_cores

DEFAULT_FRAMES = 300
FRAME_WH = (640, 480)

_STARTS = 3  # the middle one is reported
_WARM_UP_FRAMES = 20
_DISTINCT_FRAMES = 8
_TIMEOUT_SECONDS = 900.0
_FEWEST_INVOCATIONS, _MOST_INVOCATIONS = 10, 500
_MOST_THREADS_IN_BRIEF = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """Percentiles of a duration in milliseconds."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def from_seconds(cls, seconds: Sequence[float]) -> "Timing":
        """Summarise durations.

        Example:
            >>> Timing.from_seconds([0.001, 0.002, 0.003])
            Timing(p50=2.0, p90=2.8, p99=2.98)
        """
        p50, p90, p99 = np.percentile(np.asarray(seconds) * 1000.0, (50, 90, 99))
        return cls(round(float(p50), 4), round(float(p90), 4), round(float(p99), 4))


@dataclass(frozen=True, slots=True)
class Speed:
    """How long the steps of a classification take, measured in turn on the same frames.

    Attributes:
        invoke: The runtime alone.
        preprocess: A frame into the input tensor.
        frame_to_label: All that `Classifier.classify` does.
    """

    invoke: Timing
    preprocess: Timing
    frame_to_label: Timing

    @property
    def overhead_ratio(self) -> float:
        """Median time from frame to label over the median time of the runtime alone."""
        return self.frame_to_label.p50 / self.invoke.p50

    @property
    def rate_hz(self) -> float:
        """Frames per second that one thread of classifying sustains."""
        return 1000.0 / self.frame_to_label.p50


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The cost of a model with one runtime and number of threads.

    Attributes:
        runtime: One of `edge.interpreter.RUNTIMES`.
        runtime_version: Such as "2.3.0".
        threads: Given to the runtime.
        frames: Measured, after some to warm up.
        speed: Durations.
        cold_start_ms: From the start of a process to its first label; the model was verified
            before and its file is in the page cache.
        peak_rss_mb: Largest resident memory of that process, in MB of 1,000,000 bytes.
    """

    runtime: str
    runtime_version: str
    threads: int
    frames: int
    speed: Speed
    cold_start_ms: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a runtime takes for a network, on one number of threads.

    Attributes:
        runtime: One of `edge.interpreter.RUNTIMES`.
        runtime_version: Such as "2.3.0"; `None` when it does not load.
        threads: Given to the runtime; `None` when it runs the network on none.
        invocations: Measured, after some to warm up.
        invoke: Their durations; `None` without any.
        reason: Why the runtime does not run the network; else empty.
    """

    runtime: str
    runtime_version: str | None
    threads: int | None
    invocations: int
    invoke: Timing | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "runtime": self.runtime,
            "runtime_version": self.runtime_version,
            "threads": self.threads,
            "invocations": self.invocations,
            "invoke_ms": {
                "p50": None if self.invoke is None else self.invoke.p50,
                "p90": None if self.invoke is None else self.invoke.p90,
            },
            "reason": self.reason,
        }


def usable_thread_counts() -> list[int]:
    """Return 1, 2, 4 and so on, up to the cores that this process may use and 64."""
    cores = usable_cores()
    return [2**power for power in range(7) if 2**power <= cores]


def measure_latency(model_bytes: bytes, *, seconds: float = 0.4) -> tuple[Latency, ...]:
    """Time a network in every installed runtime, on up to 4 threads: in brief, in this process.

    A runtime that does not load or refuses the network gets a row that says why.

    Args:
        model_bytes: Its FlatBuffer, known to be whole.
        seconds: To spend on each runtime and number of threads; more when ten invocations take it.
    """
    rows: list[Latency] = []
    for runtime in available_runtimes():
        version = None
        try:
            version = runtime_version(runtime)
            for threads in usable_thread_counts():
                if threads <= _MOST_THREADS_IN_BRIEF:
                    taken = _time_invocations(model_bytes, runtime, threads, seconds)
                    timing = Timing.from_seconds(taken)
                    rows.append(Latency(runtime, version, threads, len(taken), timing, ""))
        except (MissingExtraError, ModelFileError) as error:
            rows.append(Latency(runtime, version, None, 0, None, error.received))
    return tuple(rows)


def measure_in_child(
    model: ModelFile, *, runtime: str, threads: int = 1, frames: int = DEFAULT_FRAMES
) -> Benchmark:
    """Measure a verified model in fresh processes.

    Args:
        model: What to measure; it is read again from its path.
        runtime: One of `edge.interpreter.RUNTIMES`.
        threads: 1 to 64.
        frames: Measured frames, at least 1.

    Raises:
        CatseyeError: A process failed.
    """
    whole = _run_child(model.path, runtime, threads, frames)
    starts = [whole["cold_start_ms"]]
    starts += [
        _run_child(model.path, runtime, threads, 0)["cold_start_ms"] for _ in range(_STARTS - 1)
    ]
    steps = {name: Timing(**timing) for name, timing in whole["speed"].items()}
    return Benchmark(
        runtime=runtime,
        runtime_version=runtime_version(runtime),
        threads=threads,
        frames=frames,
        speed=Speed(**steps),
        cold_start_ms=round(statistics.median(starts), 1),
        peak_rss_mb=whole["peak_rss_mb"],
    )


def measure_speed(
    model: ModelFile, interpreter: Interpreter, *, frames: int = DEFAULT_FRAMES
) -> Speed:
    """Time the steps of a classification.

    The runtime alone and the whole way take turns frame by frame, so that a change of the
    processor's clock or load meets both alike. Each frame is written into its buffer just before
    it is timed, as a camera's driver does: it comes from the caches, not from memory.

    Args:
        model: The file.
        interpreter: The same file's FlatBuffer, loaded.
        frames: Measured frames, at least 1.
    """
    classifier = Classifier(model, interpreter)
    pictures_bgr = [noise_bgr(seed) for seed in range(_DISTINCT_FRAMES)]
    frame_bgr = np.empty_like(pictures_bgr[0])
    invokes, wholes = [], []
    for number in range(_WARM_UP_FRAMES + frames):
        np.copyto(frame_bgr, pictures_bgr[number % _DISTINCT_FRAMES])
        started = time.perf_counter()
        interpreter.invoke()
        invoked = time.perf_counter()
        classifier.classify(frame_bgr)
        wholes.append(time.perf_counter() - invoked)
        invokes.append(invoked - started)
    return Speed(
        invoke=Timing.from_seconds(invokes[_WARM_UP_FRAMES:]),
        preprocess=Timing.from_seconds(_time_filling(model, pictures_bgr, frames)),
        frame_to_label=Timing.from_seconds(wholes[_WARM_UP_FRAMES:]),
    )


def describe_machine() -> str:
    """Return processor, cores, system and the versions that matter, in one line."""
    versions = (
        f"Python {platform.python_version()}",
        f"NumPy {np.__version__}",
        f"OpenCV {cv2.__version__}",
        f"catseye {__version__}",
    )
    processor = f"{_processor_name()} ({os.cpu_count()} cores, {platform.machine()})"
    return ", ".join((processor, f"{platform.system()} {platform.release()}", *versions))


def main(path: Path, runtime: str, threads: int, frames: int, start_seconds: float) -> int:
    """Measure this very process and write what was found to standard output."""
    model = read_model_file(path)
    verify_model(model, runtime=runtime)
    interpreter = open_interpreter(model.model_bytes, runtime=runtime, threads=threads)
    Classifier(model, interpreter).classify(noise_bgr(0))
    cold_start_ms = (time.monotonic() - start_seconds) * 1000.0
    record: dict[str, object] = {"cold_start_ms": cold_start_ms, "peak_rss_mb": _peak_rss_mb()}
    if frames:
        record["speed"] = asdict(measure_speed(model, interpreter, frames=frames))
    interpreter.close()
    sys.stdout.write(json.dumps(record))
    return 0


def _time_invocations(
    model_bytes: bytes, runtime: str, threads: int, seconds: float
) -> list[float]:
    """Return the durations of bare invocations on noise."""
    interpreter = open_interpreter(model_bytes, runtime=runtime, threads=threads)
    try:
        tensor = interpreter.input_view()
        tensor[...] = np.random.default_rng(0).integers(0, 128, tensor.shape)
        del tensor
        taken: list[float] = []
        warm_up = _FEWEST_INVOCATIONS // 2
        while len(taken) < warm_up + _FEWEST_INVOCATIONS or (
            sum(taken) < seconds and len(taken) < warm_up + _MOST_INVOCATIONS
        ):
            started = time.perf_counter()
            interpreter.invoke()
            taken.append(time.perf_counter() - started)
        return taken[warm_up:]
    finally:
        interpreter.close()


def _run_child(path: Path, runtime: str, threads: int, frames: int) -> dict[str, Any]:
    numbers = (str(threads), str(frames), repr(time.monotonic()))
    words = (str(path.absolute()), runtime, *numbers)
    return run_measurement(
        "edge.benchmark", words, runtime=runtime, timeout_seconds=_TIMEOUT_SECONDS
    )


def run_measurement(
    module: str, words: Sequence[str], *, runtime: str, timeout_seconds: float
) -> dict[str, Any]:
    """Run a module that measures in a process of its own and return the JSON that it writes.

    Args:
        module: Its name.
        words: Its arguments.
        runtime: What it measures, for the error.
        timeout_seconds: After which it is stopped.

    Raises:
        CatseyeError: The process failed.
    """
    child = subprocess.run(
        child_command(module, *words),
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_seconds,
        check=False,
    )
    if child.returncode != 0:
        lines = child.stderr.decode(errors="replace").strip().splitlines() or ["nothing said"]
        raise CatseyeError(
            f"A measurement with {runtime} must be able to run",
            received=f"exit code {child.returncode}: {lines[-1]}",
            fix="Run edge doctor, or choose another with --runtime",
        )
    record: dict[str, Any] = json.loads(child.stdout)
    return record


def _time_filling(model: ModelFile, pictures_bgr: list[Pixels], frames: int) -> list[float]:
    spec = model.manifest.input
    fill = input_filler(spec)
    tensor = np.zeros((spec.height, spec.width, 3), spec.dtype)
    frame_bgr = np.empty_like(pictures_bgr[0])
    seconds = []
    for number in range(_WARM_UP_FRAMES + frames):
        np.copyto(frame_bgr, pictures_bgr[number % _DISTINCT_FRAMES])
        started = time.perf_counter()
        fill(frame_bgr, tensor)
        seconds.append(time.perf_counter() - started)
    return seconds[_WARM_UP_FRAMES:]


def _processor_name() -> str:
    """Return the board's name, the processor's, or what Python knows of it."""
    board = board_name()
    if board:
        return board
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def noise_bgr(seed: int) -> Pixels:
    """Make a frame of noise, `(480, 640, 3)`, BGR; the same seed always makes the same."""
    width, height = FRAME_WH
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def _peak_rss_mb() -> float:
    """Return the largest resident memory of this process, in MB of 1,000,000 bytes.

    `getrusage` is the second choice: on Linux it starts from the parent's memory.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e6, 1)
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)


if __name__ == "__main__":
    _path, _runtime, _threads, _frames, _start = sys.argv[1:6]
    sys.exit(main(Path(_path), _runtime, int(_threads), int(_frames), float(_start)))
