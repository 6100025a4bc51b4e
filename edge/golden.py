"""Holds a model against its golden examples; a process of its own, started by `edge.integrity`.

Usage: `python -m edge.golden MODEL SHA256 RUNTIME [CORES]`. Exit code 0: the model answers as it
did when it was made; the last line of standard output says with how many threads it is to run on so
many cores. 3: it does not, or does not run. 4: the runtime is too old for it. Then standard output
says rule, what was received and how to fix it, as one line of JSON.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edge.classifier import Classifier
from edge.errors import ModelFileError, NotVerifiableError
from edge.integrity import NOT_VERIFIABLE, REFUSED, describe_refusal, describe_threads
from edge.interpreter import open_interpreter, runtime_version
from edge.modelfile import GOLDEN_TOLERANCE, ModelFile, damaged, read_model_file
from edge.records import Pixels, Scores
from edge.threads import DEFAULT_THREADS, fewest_threads, measure_threads

_SPARE_BYTES = 1 << 30  # beyond what is mapped once everything is imported


def golden_scores(classifier: Classifier) -> list[Scores]:
    """Return what a model says about each of its golden examples, `(labels,)` each."""
    examples = classifier.model.manifest.golden
    return [
        classifier.classify(np.ascontiguousarray(example.pixels_rgb[:, :, ::-1])).scores
        for example in examples
    ]


def check_golden(model: ModelFile, *, runtime: str) -> None:
    """Load a model and compare its answers with those in its manifest.

    Raises:
        NotVerifiableError: The runtime is too old for it.
        ModelFileError: It does not load, or an answer is off by more than `GOLDEN_TOLERANCE`.
    """
    interpreter = open_interpreter(model.model_bytes, runtime=runtime)
    try:
        with Classifier(_uncalibrated(model), interpreter) as classifier:
            found = golden_scores(classifier) or [classifier.classify(_grey_frame()).scores]
    except RuntimeError as error:  # by the runtime, which found it out only when it ran
        raise damaged(model.path, f"it does not run ({' '.join(str(error).split())})") from error
    if not all(np.isfinite(scores).all() for scores in found):
        raise damaged(model.path, "its scores are no numbers")
    for number, (example, scores) in enumerate(
        zip(model.manifest.golden, found, strict=False), start=1
    ):
        off = float(np.abs(scores - np.array(example.scores, np.float32)).max())
        if not off <= GOLDEN_TOLERANCE:  # nor is no number
            raise damaged(
                model.path,
                f"golden example {number} is off by {off:.3f}, over {GOLDEN_TOLERANCE:g}",
            )


def main(path: Path, sha256: str, runtime: str, cores: int = 1) -> int:
    """Check one file, time it on as many threads as there are cores, return the exit code."""
    try:
        model = read_model_file(path)
        if model.sha256 != sha256:
            raise damaged(path, "it changed while it was read")
        runtime_version(runtime)  # imports it, which may map more than the model is allowed
        with _limited_memory():
            check_golden(model, runtime=runtime)
    except ModelFileError as error:
        return _refuse(path, error)
    except (MemoryError, cv2.error):  # OpenCV's own, which has no other reason here
        return _refuse(path, _too_large(path))
    sys.stdout.write(describe_threads(DEFAULT_THREADS))
    sys.stdout.flush()  # should more threads end this process, that is no fault of the model
    sys.stdout.write(describe_threads(choose_threads(model, runtime=runtime, cores=cores)))
    return 0


def choose_threads(model: ModelFile, *, runtime: str, cores: int) -> int:
    """Return how many threads to give to a model that runs; 1 where there is no choice."""
    if cores == 1:
        return DEFAULT_THREADS
    try:
        return fewest_threads(measure_threads(model.model_bytes, runtime=runtime, cores=cores))
    except (ModelFileError, MemoryError, RuntimeError):  # there is no room for several of it
        return DEFAULT_THREADS


def _refuse(path: Path, error: ModelFileError) -> int:
    """Tell the parent why, and return the exit code."""
    sys.stdout.write(f"{describe_refusal(path, error)}\n")
    return NOT_VERIFIABLE if isinstance(error, NotVerifiableError) else REFUSED


def _too_large(path: Path) -> ModelFileError:
    return ModelFileError(
        f"A model must run in {_SPARE_BYTES >> 30} GiB of memory",
        received=f"{path}: it asks for more",
        fix="Use a smaller network, or one with a smaller input",
    )


def _uncalibrated(model: ModelFile) -> ModelFile:
    decision = replace(model.manifest.decision, temperature=1.0)
    return replace(model, manifest=replace(model.manifest, decision=decision))


def _grey_frame() -> Pixels:
    return np.full((16, 16, 3), 127, np.uint8)


@contextmanager
def _limited_memory() -> Iterator[None]:
    """Bound the address space where the system can, so that an absurd model fails early."""
    try:
        import resource
    except ImportError:  # Windows
        yield
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    statm = Path("/proc/self/statm")
    if not statm.exists():
        yield
        return
    mapped_bytes = int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mapped_bytes + _SPARE_BYTES
    limited = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limited, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    _path, _sha256, _runtime, *_cores = sys.argv[1:]
    sys.exit(main(Path(_path), _sha256, _runtime, *map(int, _cores)))
