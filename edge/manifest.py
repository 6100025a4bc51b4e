"""The manifest of a deployable model: everything the device must know about it.

The fields are described in docs/model-file.md. Unknown fields are kept out: a manifest either
keeps the contract of its version or is refused.
"""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.errors import DataError, ModelFileError
from edge.extras import install_hint
from edge.labels import check_labels
from edge.preprocess import COLOUR_ORDER, RESIZE_MODE
from edge.records import Pixels

FORMAT = "catseye-model"
FORMAT_VERSION = 1

INPUT_TYPES = ("uint8", "int8", "float32")
"""What a model's input may be made of."""

_FIX = "Convert the model again with edge convert"
_LARGEST_SIDE = 4096
_LARGEST_WINDOW = 1000


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the model takes: RGB pixels of a fixed size.

    Attributes:
        width: Pixels, 1 to 4096.
        height: Pixels, 1 to 4096.
        colour_order: Always "RGB".
        resize: Always "squash", see `edge.preprocess`.
        dtype: "uint8" (pixels as they are), "int8" (pixels less 128) or "float32" (pixels scaled by
            mean and scale).
        mean: Subtracted from a pixel before scaling.
        scale: Divides after that; the network saw `(pixel - mean) / scale`.
    """

    width: int
    height: int
    colour_order: str = COLOUR_ORDER
    resize: str = RESIZE_MODE
    dtype: str = "uint8"
    mean: float = 127.0
    scale: float = 128.0

    def __post_init__(self) -> None:
        """Refuse an input that the device cannot feed."""
        for name, side in (("width", self.width), ("height", self.height)):
            _check(_is_count(side, most=_LARGEST_SIDE), f"input.{name}", side)
        _check(self.colour_order == COLOUR_ORDER, "input.colour_order", self.colour_order)
        _check(self.resize == RESIZE_MODE, "input.resize", self.resize)
        _check(self.dtype in INPUT_TYPES, "input.dtype", self.dtype)
        _check(math.isfinite(self.mean), "input.mean", self.mean)
        _check(math.isfinite(self.scale) and self.scale > 0, "input.scale", self.scale)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return (self.width, self.height)


@dataclass(frozen=True, slots=True)
class DecisionSpec:
    """How scores become decisions.

    Attributes:
        thresholds: Least calibrated probability per label, in [0, 1].
        temperature: Applied to the model's output, see `edge.metrics.apply_temperature`.
        votes: Frames of the window that must agree on a label.
        window: Frames that are looked back on.
    """

    thresholds: Mapping[str, float]
    temperature: float = 1.0
    votes: int = 3
    window: int = 5

    def __post_init__(self) -> None:
        """Refuse numbers that no evidence could meet."""
        for label, threshold in self.thresholds.items():
            _check(0.0 <= threshold <= 1.0, f"decision.thresholds[{label!r}]", threshold)
        is_positive = math.isfinite(self.temperature) and self.temperature > 0
        _check(is_positive, "decision.temperature", self.temperature)
        _check(_is_count(self.window, most=_LARGEST_WINDOW), "decision.window", self.window)
        _check(_is_count(self.votes, most=self.window), "decision.votes", self.votes)


@dataclass(frozen=True, slots=True, eq=False)
class GoldenExample:
    """A small picture and what an intact model says about it.

    Attributes:
        pixels_rgb: `(height, width, 3)`, `uint8`, RGB; enlarged to the model's input by
            `edge.preprocess.fit_frame`.
        scores: Raw output of the model, dequantized, not calibrated.
    """

    pixels_rgb: Pixels
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """Everything the device must know about a model, and where it comes from.

    Attributes:
        name: What people call the model.
        labels: In the order of the model's output.
        input: What the model takes.
        decision: How scores become decisions.
        training: How it was trained: data, counts, split, network, versions.
        quantization: How it was converted, and the parity report.
        golden: Examples that show whether a copy still works.
        format_version: Version of this layout.
    """

    name: str
    labels: tuple[str, ...]
    input: InputSpec
    decision: DecisionSpec
    training: Mapping[str, Any] = field(default_factory=dict)
    quantization: Mapping[str, Any] = field(default_factory=dict)
    golden: tuple[GoldenExample, ...] = ()
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        """Refuse a manifest whose parts do not fit together."""
        try:
            check_labels(self.labels)
        except DataError as error:
            raise ModelFileError(
                "A manifest's labels must be usable", received=str(error), fix=_FIX
            ) from error
        _check(
            set(self.decision.thresholds) == set(self.labels),
            "decision.thresholds",
            sorted(self.decision.thresholds),
        )
        for example in self.golden:
            _check(len(example.scores) == len(self.labels), "golden[].scores", example.scores)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as plain values for JSON."""
        return {
            "format": FORMAT,
            "format_version": self.format_version,
            "name": self.name,
            "labels": list(self.labels),
            "input": {
                "width": self.input.width,
                "height": self.input.height,
                "colour_order": self.input.colour_order,
                "resize": self.input.resize,
                "dtype": self.input.dtype,
                "mean": self.input.mean,
                "scale": self.input.scale,
            },
            "decision": {
                "thresholds": dict(self.decision.thresholds),
                "temperature": self.decision.temperature,
                "votes": self.decision.votes,
                "window": self.decision.window,
            },
            "training": dict(self.training),
            "quantization": dict(self.quantization),
            "golden": [_golden_to_dict(example) for example in self.golden],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Manifest":
        """Build a manifest from plain values, as `to_dict` returns them.

        Raises:
            ModelFileError: Another format, a newer version, a field missing, unknown or of the
                wrong kind.
        """
        _check(values.get("format") == FORMAT, "format", values.get("format"))
        version = values.get("format_version")
        if version != FORMAT_VERSION:
            raise ModelFileError(
                f"This catseye reads model files of format version {FORMAT_VERSION}",
                received=f"version {version}",
                fix=f"Install a newer catseye: git pull, then {install_hint()}",
            )
        try:
            fields = {key: value for key, value in values.items() if key != "format"}
            fields["labels"] = tuple(fields["labels"])
            fields["input"] = InputSpec(**fields["input"])
            fields["decision"] = DecisionSpec(**fields["decision"])
            fields["golden"] = tuple(_golden_from_dict(item) for item in fields["golden"])
            return cls(**fields)
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelFileError(
                "A manifest must have the fields of its format version",
                received=str(error),
                fix=_FIX,
            ) from error


def _golden_to_dict(example: GoldenExample) -> dict[str, Any]:
    height, width = example.pixels_rgb.shape[:2]
    encoded = base64.b64encode(np.ascontiguousarray(example.pixels_rgb).tobytes()).decode()
    return {"width": width, "height": height, "rgb": encoded, "scores": list(example.scores)}


def _golden_from_dict(values: Mapping[str, Any]) -> GoldenExample:
    shape_hwc = (values["height"], values["width"], 3)
    try:
        flat = np.frombuffer(base64.b64decode(values["rgb"], validate=True), np.uint8)
        pixels_rgb = flat.reshape(shape_hwc)
        scores = tuple(float(score) for score in values["scores"])
    except ValueError as error:
        raise ModelFileError(
            "A golden example must hold width x height RGB pixels and a score per label",
            received=str(error),
            fix=_FIX,
        ) from error
    return GoldenExample(pixels_rgb, scores)


def _is_count(value: object, *, most: int) -> bool:
    return isinstance(value, int) and 1 <= value <= most


def _check(is_kept: bool, name: str, received: object) -> None:
    if not is_kept:
        raise ModelFileError(
            f"The manifest's field {name} must keep the contract of the model file",
            received=repr(received),
            fix=_FIX,
        )
