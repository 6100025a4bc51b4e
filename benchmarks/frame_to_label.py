"""Compares the way from frame to label with the least that could be done.

    python benchmarks/frame_to_label.py --model pets.tflite

Four ways take turns on the same 640x480 frames, in one process, with one thread; each frame is
written into its buffer just before it is timed, as a camera's driver does:

- `invoke`: the runtime alone;
- `loop`: the shortest program that can be right, resize, order the colours, invoke, take the best;
- `naive`: what examples on the web do, with copies: convert, resize, add a dimension, `set_tensor`,
  invoke, `get_tensor`, scale;
- `catseye`: `Classifier.classify`.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edge.benchmark import Timing, describe_machine
from edge.classifier import open_classifier
from edge.errors import ModelFileError
from edge.interpreter import open_interpreter
from edge.modelfile import ModelFile, default_model_path, read_model_file
from edge.records import Pixels

_WARM_UP = 20
_DISTINCT_FRAMES = 8


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--frames", type=int, default=300)
    arguments = parser.parse_args()
    try:
        measure(arguments.model, arguments.frames)
    except ModelFileError as error:
        sys.exit(str(error))


def measure(path: Path, frames: int) -> None:
    """Print how long each way takes."""
    model = read_model_file(path)
    takes = model.manifest.input
    if (takes.dtype, takes) != ("uint8", takes.fitted):
        sys.exit(f"{path}: a uint8 model is needed that takes the whole frame, squashed")
    generator = np.random.default_rng(0)
    pictures_bgr = [
        generator.integers(0, 256, (480, 640, 3), np.uint8) for _ in range(_DISTINCT_FRAMES)
    ]
    with open_classifier(path, threads=1) as classifier:
        ways: dict[str, Callable[[Pixels], object]] = {
            "invoke": invoke_alone(model),
            "loop": bare_loop(model),
            "naive": naive_loop(model),
            "catseye": classifier.classify,
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        frame_bgr = np.empty_like(pictures_bgr[0])
        for number in range(_WARM_UP + frames):
            for name, way in ways.items():
                np.copyto(frame_bgr, pictures_bgr[number % _DISTINCT_FRAMES])
                started = time.perf_counter()
                way(frame_bgr)
                seconds[name].append(time.perf_counter() - started)
    print(f"{path.name}, {frames} frames, {describe_machine()}")
    print(f"{'way':<10}{'p50 ms':>10}{'p99 ms':>10}{'over invoke':>14}")
    timings = {name: Timing.from_seconds(taken[_WARM_UP:]) for name, taken in seconds.items()}
    for name, timing in timings.items():
        ratio = timing.p50 / timings["invoke"].p50
        print(f"{name:<10}{timing.p50:>10.3f}{timing.p99:>10.3f}{ratio:>14.3f}")


def invoke_alone(model: ModelFile) -> Callable[[Pixels], object]:
    """Return the runtime's work without any picture."""
    interpreter = open_interpreter(model.model_bytes)
    return lambda _: interpreter.invoke()


def bare_loop(model: ModelFile) -> Callable[[Pixels], object]:
    """Return the shortest program that can be right."""
    interpreter = open_interpreter(model.model_bytes)
    size_wh = model.manifest.input.size_wh

    def classify(frame_bgr: Pixels) -> int:
        tensor = interpreter.input_view()[0]
        cv2.resize(frame_bgr, size_wh, dst=tensor)
        cv2.cvtColor(tensor, cv2.COLOR_BGR2RGB, dst=tensor)
        del tensor  # the runtime refuses to run while someone looks at its memory
        interpreter.invoke()
        return int(interpreter.output().argmax())

    return classify


def naive_loop(model: ModelFile) -> Callable[[Pixels], object]:
    """Return what the examples of the runtimes do."""
    interpreter = Interpreter(model_content=model.model_bytes, num_threads=1)
    interpreter.allocate_tensors()
    takes, gives = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def classify(frame_bgr: Pixels) -> int:
        frame_rgb = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2RGB)
        resized_rgb = cv2.resize(frame_rgb, model.manifest.input.size_wh)
        interpreter.set_tensor(takes["index"], np.expand_dims(resized_rgb, 0))
        interpreter.invoke()
        scale, zero_point = gives["quantization"]
        scores = scale * (interpreter.get_tensor(gives["index"]).astype(np.float32) - zero_point)
        return int(scores.argmax())

    return classify


if __name__ == "__main__":
    main()
