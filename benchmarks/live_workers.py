"""One way to classify, in a process of its own that times blocks on demand; for `live.py`.

    python benchmarks/live_workers.py WAY MODEL THREADS

Each line on standard input is a number of frames; the answer, a line of JSON, has the duration of
every one in milliseconds (`ms`) and the processor time of the block per frame (`cpu_ms`). A frame
is 640x480, already in memory and in the order of colours that the way takes. This file runs in the
environments of others too, so it imports nothing on top that these have not.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Classify = Callable[[np.ndarray], object]

DISTINCT_FRAMES = 8


def litert(model: str, threads: int) -> Classify:
    """Return LiteRT's bare invoke."""
    from ai_edge_litert.interpreter import Interpreter

    return _bare(Interpreter, model, threads)


def tflite_runtime(model: str, threads: int) -> Classify:
    """Return tflite-runtime's bare invoke."""
    from tflite_runtime.interpreter import Interpreter

    return _bare(Interpreter, model, threads)


def catseye(model: str, threads: int) -> Classify:
    """Return what `edge classify` and `edge run` call."""
    from edge.classifier import open_classifier

    return open_classifier(Path(model), threads=threads).classify


def mediapipe(model: str, threads: int) -> Classify:
    """Return MediaPipe's image classifier; it has no setting for threads."""
    import mediapipe as mp
    from mediapipe.tasks.python import vision

    del threads
    classifier = vision.ImageClassifier.create_from_model_path(model)
    return lambda frame: classifier.classify(mp.Image(image_format=mp.ImageFormat.SRGB, data=frame))


def task_library(model: str, threads: int) -> Classify:
    """Return the Task Library's image classifier."""
    from tflite_support.task import core, vision

    base = core.BaseOptions(file_name=model, num_threads=threads)
    classifier = vision.ImageClassifier.create_from_options(vision.ImageClassifierOptions(base))
    return lambda frame: classifier.classify(vision.TensorImage.create_from_array(frame))


WAYS: dict[str, Callable[[str, int], Classify]] = {
    "litert": litert,
    "tflite-runtime": tflite_runtime,
    "catseye": catseye,
    "mediapipe": mediapipe,
    "task-library": task_library,
}


def main(way: str, model: str, threads: int) -> None:
    """Answer until standard input ends."""
    classify = WAYS[way](model, threads)
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (480, 640, 3), np.uint8) for _ in range(DISTINCT_FRAMES)]
    frame = np.empty_like(pictures[0])
    for line in sys.stdin:
        taken_ms = []
        cpu_seconds = 0.0
        for number in range(int(line)):
            np.copyto(frame, pictures[number % DISTINCT_FRAMES])  # as a camera's driver does
            cpu_started = time.process_time()
            started = time.perf_counter()
            classify(frame)
            taken_ms.append((time.perf_counter() - started) * 1000.0)
            cpu_seconds += time.process_time() - cpu_started
        cpu_ms = cpu_seconds * 1000.0 / max(len(taken_ms), 1)
        sys.stdout.write(json.dumps({"ms": taken_ms, "cpu_ms": cpu_ms}) + "\n")
        sys.stdout.flush()


def _bare(make_interpreter: Callable[..., object], model: str, threads: int) -> Classify:
    interpreter = make_interpreter(model_path=model, num_threads=threads)
    interpreter.allocate_tensors()  # type: ignore[attr-defined]
    invoke = interpreter.invoke  # type: ignore[attr-defined]
    return lambda frame: invoke()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
