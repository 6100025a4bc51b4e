"""What the check of a model costs at a start: the first time, and every time after.

    python benchmarks/verified_start.py
    python benchmarks/verified_start.py --model mine.tflite

Prints milliseconds of processor time, children included, so that other work on the machine hardly
shows; the median of several starts. "Nothing checked" is the runtime alone, with the file read.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edge.benchmark import describe_machine
from edge.classifier import Classifier
from edge.integrity import verify_model
from edge.interpreter import open_interpreter
from edge.modelfile import ModelFile, default_model_path, read_model_file
from edge.ziptail import split_tail

FIRST_STARTS, STARTS = 5, 60


def main() -> None:
    """Print a row per kind of start."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=default_model_path())
    path = parser.parse_args().model
    model = read_model_file(path)
    print(f"{path.name}, {model.size_bytes / 1e6:.2f} MB, on {describe_machine()}")
    print("processor time of loading it, median:")
    show("nothing checked", median_ms(lambda: load_unchecked(path), STARTS))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        show("first start, tried in a child", median_ms(lambda: start_anew(path), FIRST_STARTS))
        verify_model(model)
        show("every later start", median_ms(lambda: load(path), STARTS))
        show("  of that, reading and hash", median_ms(lambda: read_model_file(path), STARTS))
        show("  of that, the verdict", median_ms(lambda: verify_model(model), STARTS))


def load_unchecked(path: Path) -> None:
    """Load a model as a program does that trusts it."""
    model_bytes, _ = split_tail(path.read_bytes())
    open_interpreter(model_bytes).close()


def load(path: Path) -> ModelFile:
    """Load a model as every command does."""
    model = read_model_file(path)
    verify_model(model)
    Classifier(model, open_interpreter(model.model_bytes)).close()
    return model


def start_anew(path: Path) -> None:
    """Load a model that was never seen here."""
    with tempfile.TemporaryDirectory() as folder:
        kept = os.environ["XDG_CACHE_HOME"]
        os.environ["XDG_CACHE_HOME"] = folder
        load(path)
        os.environ["XDG_CACHE_HOME"] = kept


def median_ms(work: Callable[[], object], repetitions: int) -> float:
    """Return the median processor time of some work, its children included."""
    work()  # fills the caches
    found = []
    for _ in range(repetitions):
        started = processor_seconds()
        work()
        found.append(processor_seconds() - started)
    return statistics.median(found) * 1000.0


def processor_seconds() -> float:
    """Return the processor time of this process and of the children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def show(name: str, duration_ms: float) -> None:
    """Print a row."""
    print(f"  {name:32} {duration_ms:9.2f} ms")


if __name__ == "__main__":
    main()
