"""What the whole live loop costs: its frames per second against those of the runtime alone.

Capture process, shared memory, watcher and loop are those of `edge run`, at full rate, with motion
gate, window and display off; only the camera is replaced by a few frames that were made before. It
is measured in a process of its own: `python -m edge.live_benchmark MODEL RUNTIME THREADS SECONDS`,
which prints one JSON object.
"""

import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from edge.benchmark import noise_bgr, run_measurement
from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
from edge.classifier import Classifier
from edge.clock import SystemClock
from edge.decision import Decider
from edge.errors import SourceError
from edge.interpreter import open_interpreter
from edge.modelfile import ModelFile, read_model_file
from edge.records import Clock, Frame, Interpreter
from edge.runtime import run
from edge.sources.options import SourceOptions
from edge.watcher import Watcher

DEFAULT_SECONDS = 2.0

_OPENER = "edge.live_benchmark:open_prepared"
_ROUNDS = 5
_WARM_UP_FRAMES = 30
_DISTINCT_FRAMES = 8
_TIMEOUT_SECONDS = 300.0
_LONGEST_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LiveSpeed:
    """How fast the live loop is; medians over rounds that take turns.

    Attributes:
        rate_hz: Frames per second from lens to decision.
        invoke_rate_hz: Invocations per second of the runtime alone, the capture process at rest.
        ratio: The first over the second, round by round.
    """

    rate_hz: float
    invoke_rate_hz: float
    ratio: float


class PreparedFrames:
    """A source that hands out a few frames of noise, 640x480, as fast as they are read.

    Args:
        clock: Stamps the frames.

    Example:
        >>> source = PreparedFrames(clock=SystemClock())
        >>> [source.read().index for _ in range(3)], source.read().pixels_bgr.shape
        ([0, 1, 2], (480, 640, 3))
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._pictures_bgr = [noise_bgr(seed) for seed in range(_DISTINCT_FRAMES)]
        self._index = 0
        self._start_seconds = clock.monotonic()

    def read(self) -> Frame:
        """Return the next frame; there is always one."""
        now_seconds = self._clock.monotonic()
        pixels_bgr = self._pictures_bgr[self._index % _DISTINCT_FRAMES]
        frame = Frame(pixels_bgr, self._index, now_seconds - self._start_seconds, now_seconds)
        self._index += 1
        return frame

    def close(self) -> None:
        """Hold nothing."""


def open_prepared(address: str, *, clock: Clock, options: SourceOptions) -> PreparedFrames:
    """Open the prepared frames; address and options have nothing to say here."""
    del address, options
    return PreparedFrames(clock=clock)


def measure_live_in_child(
    model: ModelFile, *, runtime: str, threads: int = 1, seconds: float = DEFAULT_SECONDS
) -> LiveSpeed:
    """Measure a verified model in a fresh process.

    Args:
        model: What to measure; it is read again from its path.
        runtime: One of `edge.interpreter.RUNTIMES`.
        threads: 1 to 64.
        seconds: To spend on each, the loop and the runtime alone.

    Raises:
        CatseyeError: The process failed.
    """
    words = (str(model.path.absolute()), runtime, str(threads), repr(seconds))
    found = run_measurement(
        "edge.live_benchmark", words, runtime=runtime, timeout_seconds=_TIMEOUT_SECONDS
    )
    return LiveSpeed(**found)


def measure_live(
    model: ModelFile, *, runtime: str, threads: int = 1, seconds: float = DEFAULT_SECONDS
) -> LiveSpeed:
    """Let the live loop and the runtime alone take turns, in this process.

    Args:
        model: A verified file.
        runtime: One of `edge.interpreter.RUNTIMES`.
        threads: 1 to 64.
        seconds: To spend on each of the two.
    """
    clock = SystemClock()
    manifest = model.manifest
    decider = Decider(manifest.labels, thresholds=manifest.decision.thresholds)
    request = LensRequest(
        "prepared frames",
        is_live=True,
        input=manifest.input,
        opener=_OPENER,
    )
    with ExitStack() as opened:
        interpreter = open_interpreter(model.model_bytes, runtime=runtime, threads=threads)
        classifier = opened.enter_context(Classifier(model, interpreter))
        source = opened.enter_context(CaptureProcess(request, clock=clock))
        watcher = Watcher(classifier, decider, clock=clock)

        def look(seconds: float, frames: int | None = None) -> float:
            end_seconds = clock.monotonic() + seconds
            is_over = partial(_is_after, clock, end_seconds)
            started = time.perf_counter()
            done = run(source, watcher, (), clock=clock, max_frames=frames, until=is_over)
            if not done.frames_classified:
                raise _no_frames(done.outages)
            return done.frames_classified / (time.perf_counter() - started)

        look(_LONGEST_START_SECONDS, _WARM_UP_FRAMES)
        rounds = []
        for _ in range(_ROUNDS):
            live_hz = look(seconds / _ROUNDS)
            with _at_rest(source.pid):
                rounds.append((live_hz, _invoke_rate_hz(interpreter, seconds / _ROUNDS)))
    return LiveSpeed(
        rate_hz=round(statistics.median(live for live, _ in rounds), 2),
        invoke_rate_hz=round(statistics.median(bare for _, bare in rounds), 2),
        ratio=round(statistics.median(live / bare for live, bare in rounds), 4),
    )


def main(path: Path, runtime: str, threads: int, seconds: float) -> int:
    """Measure and write what was found to standard output."""
    found = measure_live(read_model_file(path), runtime=runtime, threads=threads, seconds=seconds)
    sys.stdout.write(json.dumps(asdict(found)))
    return 0


def _is_after(clock: Clock, seconds: float) -> bool:
    return clock.monotonic() > seconds


def _invoke_rate_hz(interpreter: Interpreter, seconds: float) -> float:
    started = now = time.perf_counter()
    invocations = 0
    while now < started + seconds:
        interpreter.invoke()
        invocations += 1
        now = time.perf_counter()
    return invocations / (now - started)


def _no_frames(outages: int) -> SourceError:
    return SourceError(
        "The capture process must deliver frames",
        received=f"none, with {outages} outages",
        fix="Run edge run --source demo: and see what it says",
    )


@contextmanager
def _at_rest(pid: int | None) -> Iterator[None]:
    """Stop a process for a while, shorter than it may be silent."""
    if pid is None:
        yield
        return
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    _path, _runtime, _threads, _seconds = sys.argv[1:5]
    sys.exit(main(Path(_path), _runtime, int(_threads), float(_seconds)))
