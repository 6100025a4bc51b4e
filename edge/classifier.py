"""From a frame to what the model says about it: the path that every live frame takes."""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelFileError, SettingError
from edge.integrity import verify_model
from edge.interpreter import AUTO, check_threads, choose_runtime, open_interpreter
from edge.manifest import InputSpec, Manifest
from edge.metrics import apply_temperature
from edge.modelfile import ModelFile, read_model_file
from edge.preprocess import fit_frame
from edge.records import UNKNOWN, Frame, Interpreter, Pixels, Prediction
from edge.region import Region

_UINT8 = np.dtype(np.uint8)
_HIGHEST_BIT = np.uint8(128)
_Filler: TypeAlias = Callable[[Pixels, NDArray[Any]], None]


class Classifier:
    """Says what a picture shows; one frame at a time, from one thread.

    A context manager; it closes the interpreter that it was given.

    Args:
        model: The file, for its labels, thresholds and calibration.
        interpreter: The same file's FlatBuffer, loaded.
        region: Part of a live frame that is looked at, see `classify_frame`; all when `None`.

    Raises:
        ModelFileError: Input or output of the interpreter do not fit the manifest.

    Example:
        >>> from edge.modelfile import default_model_path
        >>> with open_classifier(default_model_path()) as classifier:
        ...     prediction = classifier.classify(np.zeros((480, 640, 3), np.uint8))
        >>> len(prediction.scores) == len(classifier.labels)
        True
    """

    def __init__(
        self, model: ModelFile, interpreter: Interpreter, *, region: Region | None = None
    ) -> None:
        manifest = model.manifest
        _check_fit(manifest, interpreter)
        self.model = model
        self.labels = manifest.labels
        self.size_wh = manifest.input.size_wh
        self._interpreter = interpreter
        self._fill = input_filler(manifest.input)
        self._fill_fitted = input_filler(manifest.input.fitted)
        self._fill_rgb = rgb_filler(manifest.input)
        self._region = region
        self._temperature = manifest.decision.temperature
        self._thresholds = tuple(manifest.decision.thresholds[label] for label in self.labels)

    def classify(self, frame_bgr: Pixels) -> Prediction:
        """Say what a frame shows.

        Args:
            frame_bgr: `(height, width, 3)`, `uint8`, BGR, of any size.

        Raises:
            SettingError: The array is no such picture.
        """
        return self._classify(frame_bgr, self._fill)

    def classify_frame(self, frame: Frame) -> Prediction:
        """Say what a live frame shows, or its region; what is fitted already is not fitted again.

        Raises:
            SettingError: The frame holds no picture.
        """
        if frame.fitted is not None:
            return self._classify(frame.fitted, self._fill_rgb)
        pixels_bgr = frame.pixels_bgr
        return self.classify(pixels_bgr if self._region is None else self._region.apply(pixels_bgr))

    def classify_fitted(self, picture_bgr: Pixels) -> Prediction:
        """Say what a picture shows that is a frame's already as the model sees it.

        Args:
            picture_bgr: `(height, width, 3)` of the model's input, `uint8`, BGR, made by
                `edge.preprocess.fit_frame`: no region is cut out of it again.

        Raises:
            SettingError: The array is no such picture.
        """
        return self._classify(picture_bgr, self._fill_fitted)

    def _classify(self, pixels: Pixels, fill: _Filler) -> Prediction:
        _check_frame(pixels)
        fill(pixels, self._interpreter.input_view()[0])
        started = time.perf_counter()
        self._interpreter.invoke()
        inference_ms = (time.perf_counter() - started) * 1000.0
        scores = self._interpreter.output()
        if self._temperature != 1.0:
            scores = apply_temperature(scores, self._temperature)
        best = int(scores.argmax())
        score = float(scores[best])
        top_label = self.labels[best]
        label = top_label if score >= self._thresholds[best] else UNKNOWN
        return Prediction(label, score, scores, top_label, inference_ms)

    def close(self) -> None:
        """Release the interpreter; a second call does nothing."""
        self._interpreter.close()

    def __enter__(self) -> "Classifier":
        """Return the classifier itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def open_classifier(path: Path, *, runtime: str = AUTO, threads: int | None = None) -> Classifier:
    """Read a model file, make sure that it is intact, and load it.

    Args:
        path: A file made by `edge convert`.
        runtime: One of `edge.interpreter.RUNTIMES`, or "auto".
        threads: 1 to 64; `None` for what was measured when the file was seen first.

    Raises:
        ModelFileError: The file is missing, damaged, foreign or does not run.
        MissingExtraError: The runtime is not installed.
        SettingError: Unknown runtime, or threads out of range.
    """
    if threads is not None:
        check_threads(threads)
    runtime = choose_runtime(runtime)  # what is wrong is found before a large file is read
    return load_classifier(read_model_file(path), runtime=runtime, threads=threads)


def load_classifier(
    model: ModelFile,
    *,
    runtime: str = AUTO,
    threads: int | None = None,
    region: Region | None = None,
) -> Classifier:
    """Make sure that a model file that was read is intact, and load it.

    Args:
        model: The file.
        runtime: As for `open_classifier`.
        threads: As for `open_classifier`.
        region: Part of a live frame that is looked at; all when `None`.

    Raises:
        ModelFileError: The file is damaged or does not run.
        MissingExtraError: The runtime is not installed.
        SettingError: Unknown runtime, or threads out of range.
    """
    if threads is not None:
        check_threads(threads)
    runtime = choose_runtime(runtime)
    measured = verify_model(model, runtime=runtime)
    interpreter = open_interpreter(
        model.model_bytes, runtime=runtime, threads=measured if threads is None else threads
    )
    return Classifier(model, interpreter, region=region)


def input_filler(spec: InputSpec) -> _Filler:
    """Return the function that puts a frame into an input tensor of this kind.

    It takes the frame, `(height, width, 3)`, `uint8`, BGR, and the tensor,
    `(spec.height, spec.width, 3)`, of `spec.dtype`, which it fills in place.
    """
    if spec.dtype == "uint8":

        def fill(frame_bgr: Pixels, tensor: NDArray[Any]) -> None:
            fit_frame(frame_bgr, spec=spec, out=tensor)

        return fill

    fill_from_rgb = rgb_filler(spec)
    pixels_rgb = np.empty((spec.height, spec.width, 3), np.uint8)

    def fill_fitted(frame_bgr: Pixels, tensor: NDArray[Any]) -> None:
        fit_frame(frame_bgr, spec=spec, out=pixels_rgb)
        fill_from_rgb(pixels_rgb, tensor)

    return fill_fitted


def rgb_filler(spec: InputSpec) -> _Filler:
    """Return the function that puts a fitted frame into an input tensor of this kind.

    It takes the pixels, `(spec.height, spec.width, 3)`, `uint8`, RGB, and a tensor of that shape
    and of `spec.dtype`, which it fills in place.
    """
    if spec.dtype == "uint8":

        def fill(pixels_rgb: Pixels, tensor: NDArray[Any]) -> None:
            np.copyto(tensor, pixels_rgb)

    elif spec.dtype == "int8":

        def fill(pixels_rgb: Pixels, tensor: NDArray[Any]) -> None:
            # is pixel - 128 in int8
            np.bitwise_xor(pixels_rgb, _HIGHEST_BIT, out=tensor.view(np.uint8))

    else:

        def fill(pixels_rgb: Pixels, tensor: NDArray[Any]) -> None:
            np.subtract(pixels_rgb, np.float32(spec.mean), out=tensor)
            np.divide(tensor, np.float32(spec.scale), out=tensor)

    return fill


def _check_frame(frame_bgr: Pixels) -> None:
    is_picture = frame_bgr.ndim == 3 and frame_bgr.shape[2] == 3 and frame_bgr.size
    if not is_picture or frame_bgr.dtype != _UINT8:
        raise SettingError(
            "A frame must be an array of shape (height, width, 3), uint8, in the order BGR",
            received=f"shape {frame_bgr.shape}, {frame_bgr.dtype}",
            fix="Convert it first, for example with cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)",
        )


def _check_fit(manifest: Manifest, interpreter: Interpreter) -> None:
    tensor = interpreter.input_view()
    spec = manifest.input
    expected = ((1, spec.height, spec.width, 3), spec.dtype)
    if (tensor.shape, tensor.dtype.name) != expected:
        raise _unfit("input", f"{expected}", f"{(tensor.shape, tensor.dtype.name)}")
    outputs = interpreter.output().shape
    if outputs != (len(manifest.labels),):
        raise _unfit("output", f"{(len(manifest.labels),)}", f"{outputs}")


def _unfit(side: str, said: str, found: str) -> ModelFileError:
    return ModelFileError(
        f"The model's {side} must be what its manifest says, {said}",
        received=found,
        fix="Convert the model again with edge convert",
    )
