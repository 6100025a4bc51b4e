"""How old a frame is when a slow device decides on it, and whether that stays so.

    python benchmarks/frame_age.py
    python benchmarks/frame_age.py --minutes 1 --inference-ms 200

Capture process, watcher and loop are those of `edge run`, without sensor, gate and display. The
source burns the time into the pixels of each picture, 640x480, when it is taken; the age is the
time of the decision less the time in the pixels of the very frame that was decided on. The model
is the one of the package, and each inference is made to take as long as asked for.

The frame that is taken is the newest one, so that at the most it is one period of the source old,
and then comes the inference: their sum is the limit that p99 is held against.
"""

import argparse
import gc
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from start_and_memory import family, mapped_alone_mb

from edge.benchmark import describe_machine
from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
from edge.classifier import Classifier
from edge.clock import SystemClock
from edge.decision import Decider
from edge.interpreter import choose_runtime, open_interpreter
from edge.modelfile import default_model_path, read_model_file
from edge.records import Clock, Interpreter, Look, Scores
from edge.runtime import RunSummary, run
from edge.scripted import read_time, write_mode
from edge.sources.options import SourceOptions
from edge.watcher import Watcher

WARM_UP_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Ages:
    """How old the frames of a run were at their decisions.

    Attributes:
        at_seconds: When they were decided on, since the start.
        ages_ms: How old they were.
        inferences_ms: How long the model took.
        summary: What the loop has counted.
    """

    at_seconds: list[float]
    ages_ms: list[float]
    inferences_ms: list[float]
    summary: RunSummary


class SlowInterpreter:
    """Another interpreter, each invocation of which takes at least so long.

    Args:
        interpreter: The one that works.
        invoke_ms: How long.
    """

    def __init__(self, interpreter: Interpreter, invoke_ms: float) -> None:
        self._interpreter = interpreter
        self._invoke_seconds = invoke_ms / 1000

    def input_view(self) -> NDArray[Any]:
        """Return the other's input tensor."""
        return self._interpreter.input_view()

    def invoke(self) -> None:
        """Run the model, and wait."""
        end_seconds = time.monotonic() + self._invoke_seconds
        self._interpreter.invoke()
        time.sleep(max(0.0, end_seconds - time.monotonic()))

    def output(self) -> Scores:
        """Return what the other one says."""
        return self._interpreter.output()

    def close(self) -> None:
        """Release the other one."""
        self._interpreter.close()


class AgeRecorder:
    """An action that notes how old each frame was that was decided on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_seconds = clock.monotonic()
        self.at_seconds: list[float] = []
        self.ages_ms: list[float] = []
        self.inferences_ms: list[float] = []

    def handle(self, look: Look) -> None:
        """Note it."""
        now_seconds = self._clock.monotonic()
        if look.frame is not None and look.prediction is not None:
            burnt_seconds = read_time(look.frame.pixels_bgr)
            self.at_seconds.append(now_seconds - self._start_seconds)
            self.ages_ms.append((now_seconds - burnt_seconds) * 1000)
            self.inferences_ms.append(look.prediction.inference_ms)

    def close(self) -> None:
        """Hold nothing."""


def main() -> None:
    """Measure and print a row per minute."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--inference-ms", type=float, default=400.0)
    parser.add_argument("--rate", type=float, default=30.0, help="of the source, per second")
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    measure_and_report(arguments.minutes * 60, arguments.inference_ms, arguments.rate)


def measure_and_report(seconds: float, inference_ms: float, rate_hz: float) -> None:
    """Run the loop for so long, and print what became of the ages and of the memory."""
    clock = SystemClock()
    model = read_model_file(default_model_path())
    labels, thresholds = model.manifest.labels, model.manifest.decision.thresholds
    bare = open_interpreter(model.model_bytes, runtime=choose_runtime(), threads=1)
    with (
        tempfile.TemporaryDirectory() as folder,
        Classifier(model, SlowInterpreter(bare, inference_ms)) as classifier,
    ):
        script = Path(folder, "script.txt")
        write_mode(script, "ok")
        request = LensRequest(
            str(script),
            is_live=True,
            options=SourceOptions(rate_hz=rate_hz),
            input=model.manifest.input,
            opener="edge.scripted:ScriptedSource",
        )
        with CaptureProcess(request, clock=clock) as source:
            watcher = Watcher(classifier, Decider(labels, thresholds=thresholds), clock=clock)
            run(source, watcher, (), clock=clock, max_frames=WARM_UP_FRAMES)
            before_mb = memory_mb()
            ages = measure(source, watcher, clock, seconds)
            after_mb = memory_mb()
    report(ages, inference_ms, 1000 / rate_hz)
    print(f"memory of this process and its child: {before_mb:.1f} MB, then {after_mb:.1f} MB")


def measure(source: CaptureProcess, watcher: Watcher, clock: Clock, seconds: float) -> Ages:
    """Run the loop for so long."""
    recorder = AgeRecorder(clock)
    end_seconds = clock.monotonic() + seconds
    summary = run(
        source, watcher, (recorder,), clock=clock, until=lambda: clock.monotonic() > end_seconds
    )
    return Ages(recorder.at_seconds, recorder.ages_ms, recorder.inferences_ms, summary)


def report(ages: Ages, inference_ms: float, period_ms: float) -> None:
    """Print a row per minute and one for all."""
    minutes = np.array(ages.at_seconds) // 60
    ages_ms = np.array(ages.ages_ms)
    print(f"{'minute':>8} {'frames':>7} {'age p50':>10} {'p99':>10} {'max':>10}")
    for minute in np.unique(minutes):
        show(f"{minute + 1:.0f}", ages_ms[minutes == minute])
    show("all", ages_ms)
    limit_ms = inference_ms + period_ms
    p99_ms = np.percentile(ages_ms, 99)
    print(
        f"inference p50 {np.median(ages.inferences_ms):.1f} ms, "
        f"p99 {np.percentile(ages.inferences_ms, 99):.1f} ms\n"
        f"age less the frame's own inference {describe(ages_ms - ages.inferences_ms)}; "
        f"one period of the source is {period_ms:.1f} ms\n"
        f"one inference and one period of the source: {limit_ms:.1f} ms; "
        f"p99 is {'within' if p99_ms <= limit_ms else 'above'} it\n"
        f"captured {ages.summary.frames_captured}, dropped {ages.summary.frames_dropped}, "
        f"outages {ages.summary.outages}"
    )


def describe(durations_ms: NDArray[np.float64]) -> str:
    """Describe durations in words."""
    p50, p99 = np.percentile(durations_ms, (50, 99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {durations_ms.max():.1f} ms"


def show(title: str, ages_ms: NDArray[np.float64]) -> None:
    """Print a row."""
    p50, p99 = np.percentile(ages_ms, (50, 99))
    print(f"{title:>8} {len(ages_ms):7} {p50:7.1f} ms {p99:7.1f} ms {ages_ms.max():7.1f} ms")


def memory_mb() -> float:
    """Return what this process and its children keep, as if nobody else used their libraries."""
    gc.collect()
    return mapped_alone_mb(family(os.getpid()))


if __name__ == "__main__":
    main()
