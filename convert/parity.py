"""Holds converted models against the float original, on the device's own interpreter."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.pictures import PictureSet
from convert.progress import Progress, no_progress, track
from edge.classifier import input_filler
from edge.interpreter import AUTO, choose_runtime, open_interpreter, runtime_version
from edge.manifest import InputSpec
from edge.metrics import evaluate_scores
from edge.records import Scores

_SMALLEST_SCORE = 1.0 / 512.0  # half a step of a uint8 score


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What a converted model does with the validation pictures.

    Attributes:
        name: Of the mode, one of `convert.modes.MODES`.
        size_bytes: Of the FlatBuffer.
        accuracy: Share of pictures whose best label is right, in [0, 1].
        recall: The same for the pictures of each label.
        agreement: Share of pictures with the float original's best label, in [0, 1].
        divergence: Mean Kullback-Leibler divergence of its scores from the float original's,
            in nats.
        latency_ms: Median time of an invocation on one thread here, in milliseconds.
        scores: `(pictures, labels)`, raw scores.
    """

    name: str
    size_bytes: int
    accuracy: float
    recall: dict[str, float]
    agreement: float
    divergence: float
    latency_ms: float
    scores: Scores

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, without the scores, as plain values for JSON."""
        return {
            "size_bytes": self.size_bytes,
            "accuracy": self.accuracy,
            "recall": self.recall,
            "agreement": self.agreement,
            "divergence": self.divergence,
            "latency_ms": self.latency_ms,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """The validation pictures and what the float original says about them.

    Attributes:
        pictures: The validation part.
        labels: In the order of the scores.
        input: What the run's network takes.
        original: `(pictures, labels)`, scores of the Keras model.
    """

    pictures: PictureSet
    labels: tuple[str, ...]
    input: InputSpec
    original: Scores

    @property
    def original_accuracy(self) -> float:
        """Share of pictures that the Keras model gets right, in [0, 1]."""
        return float((self.original.argmax(axis=1) == self.pictures.truth).mean())

    def measure(
        self, name: str, model_bytes: bytes, *, dtype: str, progress: Progress = no_progress
    ) -> Measurement:
        """Run a converted model over the validation pictures.

        Args:
            name: What to call it.
            model_bytes: Its FlatBuffer.
            dtype: "uint8" or "float32", of its input.
            progress: Told about each picture.

        Raises:
            ModelFileError: The device's interpreter refuses the model.
        """
        spec = replace(self.input.fitted, dtype=dtype)
        scores, latency_ms = run_model(
            model_bytes, self.pictures, spec=spec, stage=f"checking {name}", progress=progress
        )
        evaluation = evaluate_scores(scores, self.pictures.truth, labels=self.labels)
        return Measurement(
            name=name,
            size_bytes=len(model_bytes),
            accuracy=evaluation.top1_accuracy,
            recall={label: found.recall for label, found in evaluation.per_label.items()},
            agreement=float((scores.argmax(axis=1) == self.original.argmax(axis=1)).mean()),
            divergence=divergence(self.original, scores),
            latency_ms=latency_ms,
            scores=scores,
        )


def run_model(
    model_bytes: bytes,
    pictures: PictureSet,
    *,
    spec: InputSpec,
    runtime: str = AUTO,
    stage: str = "checking",
    progress: Progress = no_progress,
) -> tuple[Scores, float]:
    """Classify pictures as the device would, on one thread.

    Args:
        model_bytes: The FlatBuffer.
        pictures: Frames of any size, or pictures that were fitted already.
        spec: What becomes of them, and the type of the model's input; `InputSpec.fitted` for
            fitted ones.
        runtime: One of `edge.interpreter.RUNTIMES`, or "auto".
        stage: What the progress is called.
        progress: Told about each picture.

    Returns:
        The raw scores, `(pictures, labels)`, and the median milliseconds of an invocation.
    """
    fill = input_filler(spec)
    interpreter = open_interpreter(model_bytes, runtime=runtime, threads=1)
    rows: list[Scores] = []
    times_ms: list[float] = []
    try:
        for index in track(range(len(pictures)), stage=stage, progress=progress):
            pixels_bgr = np.ascontiguousarray(pictures.pixels_rgb[index][:, :, ::-1])
            fill(pixels_bgr, interpreter.input_view()[0])
            started = time.perf_counter()
            interpreter.invoke()
            times_ms.append((time.perf_counter() - started) * 1000.0)
            rows.append(np.array(interpreter.output(), np.float32))
    finally:
        interpreter.close()
    return np.stack(rows), float(np.median(times_ms))


def divergence(original: Scores, scores: Scores) -> float:
    """Return how far scores are from the original's: mean Kullback-Leibler divergence in nats.

    Scores of both are floored at half a step of a uint8 score, which cannot say less.

    Args:
        original: `(pictures, labels)`, probabilities.
        scores: `(pictures, labels)`, probabilities.

    Example:
        >>> same = np.array([[0.75, 0.25]], np.float32)
        >>> divergence(same, same)
        0.0
    """
    true, said = _floored(original), _floored(scores)
    return float((true * np.log(true / said)).sum(axis=1).mean())


def describe_runtime() -> dict[str, str]:
    """Return the name and version of the runtime that parity was measured with."""
    runtime = choose_runtime()
    return {"runtime": runtime, "runtime_version": runtime_version(runtime)}


def _floored(scores: Scores) -> NDArray[np.float64]:
    floored = np.maximum(scores.astype(np.float64), _SMALLEST_SCORE)
    total: NDArray[np.float64] = floored.sum(axis=1, keepdims=True)
    return floored / total
