"""How many threads a model is given on this machine: measured, so that nobody has to guess.

More threads are worth their heat and the other cores only as far as they save time. XNNPACK's
threads wait for each other after every operator, so that a small network gains little and one core
that is busy with something else slows all of them down.
"""

import os
import statistics
import time
from collections.abc import Mapping

import numpy as np

from edge.interpreter import MAX_THREADS, open_interpreter
from edge.records import Interpreter

DEFAULT_THREADS = 1
"""Where nothing was measured: it leaves the other cores to the camera."""

MOST_MEASURED = 4
"""More are not tried: a classifier of one picture has no work for them."""

_TOLERANCE = 0.1  # so much slower than the fastest is as good
_BUDGET_SECONDS = 0.4
_FEWEST_ROUNDS, _MOST_ROUNDS = 3, 50
_BLOCK = 3  # invocations in a row; the first wakes the threads and is not counted


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    is_limited = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if is_limited else os.cpu_count() or 1


def thread_candidates(cores: int) -> tuple[int, ...]:
    """Return the numbers of threads to try, in ascending order.

    Of more than two cores one is left to the camera.

    Example:
        >>> [thread_candidates(cores) for cores in (1, 2, 3, 4, 8)]
        [(1,), (1, 2), (1, 2), (1, 2, 3), (1, 2, 4)]
    """
    most = min(cores if cores <= 2 else cores - 1, MOST_MEASURED)
    return tuple(sorted({threads for threads in (1, 2, most) if threads <= most}))


def fewest_threads(invoke_ms: Mapping[int, float]) -> int:
    """Return the fewest threads whose time is within 10 % of the shortest.

    Args:
        invoke_ms: Median time of an invocation by number of threads; at least one.

    Example:
        >>> fewest_threads({1: 2.0, 2: 1.1, 4: 1.05})
        2
        >>> fewest_threads({1: 0.25, 2: 0.24})
        1
    """
    enough_ms = min(invoke_ms.values()) * (1.0 + _TOLERANCE)
    return min(threads for threads, taken_ms in invoke_ms.items() if taken_ms <= enough_ms)


def measure_threads(
    model_bytes: bytes, *, runtime: str, cores: int, budget_seconds: float = _BUDGET_SECONDS
) -> dict[int, float]:
    """Time a model on 1 to 4 threads; in brief, with alternating runs, in this process.

    Args:
        model_bytes: Its FlatBuffer, known to run.
        runtime: One of `edge.interpreter.RUNTIMES`.
        cores: What this process may use.
        budget_seconds: To spend; more when three rounds take it.

    Returns:
        Median milliseconds of an invocation by number of threads.

    Raises:
        ModelFileError: The runtime refuses the model.
    """
    candidates = thread_candidates(cores)
    interpreters = {
        threads: open_interpreter(model_bytes, runtime=runtime, threads=threads)
        for threads in candidates
    }
    try:
        return _time_in_turn(interpreters, budget_seconds)
    finally:
        for interpreter in interpreters.values():
            interpreter.close()


def parse_threads(text: str) -> int:
    """Read a number of threads that was written down; what is none becomes the default.

    Example:
        >>> parse_threads("2"), parse_threads("0"), parse_threads("two")
        (2, 1, 1)
    """
    is_number = text.isascii() and text.isdecimal() and len(text) <= 2
    return int(text) if is_number and 1 <= int(text) <= MAX_THREADS else DEFAULT_THREADS


def _time_in_turn(interpreters: Mapping[int, Interpreter], seconds: float) -> dict[int, float]:
    for interpreter in interpreters.values():
        tensor = interpreter.input_view()
        tensor[...] = np.random.default_rng(0).integers(0, 128, tensor.shape)
        del tensor
        interpreter.invoke()
    taken: dict[int, list[float]] = {threads: [] for threads in interpreters}
    ends_seconds = time.perf_counter() + seconds
    for number in range(_MOST_ROUNDS):
        if number >= _FEWEST_ROUNDS and time.perf_counter() >= ends_seconds:
            break
        for threads, interpreter in interpreters.items():
            taken[threads] += _time_block(interpreter)
    return {threads: statistics.median(found) for threads, found in taken.items()}


def _time_block(interpreter: Interpreter) -> list[float]:
    """Return the milliseconds of a few invocations, after one that is not counted."""
    found = []
    for _ in range(_BLOCK):
        started = time.perf_counter()
        interpreter.invoke()
        found.append((time.perf_counter() - started) * 1000.0)
    return found[1:]
