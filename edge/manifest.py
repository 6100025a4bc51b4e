"""The manifest of a deployable model: everything the device must know about it.

The fields are described in docs/model-file.md, and for machines in manifest.schema.json beside
this file. A manifest either keeps the contract of its version or is refused: no field may be
missing, none may be unknown.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from edge.errors import DataError, ModelFileError, NotVerifiableError
from edge.extras import install_hint
from edge.labels import check_labels
from edge.records import Pixels

FORMAT = "catseye-model"
FORMAT_VERSION = 1

INPUT_TYPES = ("uint8", "int8", "float32")
"""What a model's input may be made of."""
RESIZE_MODES = ("squash", "crop", "letterbox")
"""How a frame becomes the input's rectangle, see `edge.preprocess.fit_frame`; the default first."""

COLOUR_ORDER = "RGB"
INTERPOLATION = "bilinear"

_FIX = "Convert the model again with edge convert"
_LARGEST_SIDE = 4096
_LARGEST_WINDOW = 1000
_LARGEST_NUMBER = 3.4e38  # of 32 bits


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a frame, in fractions of its width and height.

    Attributes:
        left: Where it begins, 0 at the frame's left edge.
        top: Where it begins, 0 at the frame's upper edge.
        right: Where it ends, 1 at the frame's right edge.
        bottom: Where it ends, 1 at the frame's lower edge.

    Example:
        >>> str(Region(0.25, 0.0, 0.75, 1.0))
        '0.25,0,0.75,1'
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no rectangle within the frame."""
        for first, last in (("left", "right"), ("top", "bottom")):
            begin, end = getattr(self, first), getattr(self, last)
            is_within = _is_number(begin) and _is_number(end) and 0.0 <= begin < end <= 1.0
            _check(is_within, f"input.region ({first} to {last})", (begin, end))

    def __str__(self) -> str:
        """Write it as `edge train --region` takes it."""
        return f"{self.left:g},{self.top:g},{self.right:g},{self.bottom:g}"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the model takes, and how a frame becomes that: `edge.preprocess.fit_frame` does it.

    Attributes:
        width: Pixels, 1 to 4096.
        height: Pixels, 1 to 4096.
        colour_order: Always "RGB".
        resize: One of `RESIZE_MODES`.
        interpolation: Always "bilinear".
        region: The part of the frame that is looked at; cut out first.
        dtype: "uint8" (pixels as they are), "int8" (pixels less 128) or "float32" (pixels scaled by
            mean and scale).
        mean: Subtracted from a pixel before scaling.
        scale: Divides after that; the network saw `(pixel - mean) / scale`.
    """

    width: int
    height: int
    colour_order: str = COLOUR_ORDER
    resize: str = RESIZE_MODES[0]
    interpolation: str = INTERPOLATION
    region: Region = field(default_factory=Region)
    dtype: str = "uint8"
    mean: float = 127.0
    scale: float = 128.0

    def __post_init__(self) -> None:
        """Refuse an input that the device cannot feed."""
        for name, side in (("width", self.width), ("height", self.height)):
            _check(_is_count(side, most=_LARGEST_SIDE), f"input.{name}", side)
        _check(self.colour_order == COLOUR_ORDER, "input.colour_order", self.colour_order)
        _check(self.resize in RESIZE_MODES, "input.resize", self.resize)
        _check(self.interpolation == INTERPOLATION, "input.interpolation", self.interpolation)
        _check(self.dtype in INPUT_TYPES, "input.dtype", self.dtype)
        _check(_is_number(self.mean), "input.mean", self.mean)
        _check(_is_number(self.scale) and self.scale > 0, "input.scale", self.scale)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return (self.width, self.height)

    @property
    def fitted(self) -> "InputSpec":
        """The same input for pictures that `fit_frame` has made: they go in as they are."""
        return replace(self, resize=RESIZE_MODES[0], region=Region())

    def resized(self, *, width: int, height: int) -> "InputSpec":
        """Return what makes the same of a frame at another size."""
        return replace(self, width=width, height=height)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "InputSpec":
        """Build one from plain values; what is missing is as by default.

        Raises:
            ModelFileError: A field is unknown or breaks the contract.
        """
        given = dict(values)
        try:
            if "region" in given:
                given["region"] = Region(**given["region"])
            return cls(**given)
        except TypeError as error:
            raise _wrong_fields(str(error)) from error


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
            is_share = _is_number(threshold) and 0.0 <= threshold <= 1.0
            _check(is_share, f"decision.thresholds[{label!r}]", threshold)
        is_positive = _is_number(self.temperature) and self.temperature > 0
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
        _check(isinstance(self.name, str), "name", self.name)
        for name in ("training", "quantization"):
            _check(isinstance(getattr(self, name), Mapping), name, getattr(self, name))
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
            "input": self.input.to_dict(),
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
        check_format(values)
        taken = _take(values, ["format", *_names(cls)])
        del taken["format"]
        _check(isinstance(taken["labels"], list), "labels", taken["labels"])
        _check(isinstance(taken["golden"], list), "golden", taken["golden"])
        spec = _take(taken["input"], _names(InputSpec), "input")
        _take(spec["region"], _names(Region), "input.region")
        decision = _take(taken["decision"], _names(DecisionSpec), "decision")
        _check(isinstance(decision["thresholds"], Mapping), "decision.thresholds", decision)
        try:
            taken["labels"] = tuple(taken["labels"])
            taken["input"] = InputSpec.from_dict(spec)
            taken["decision"] = DecisionSpec(**decision)
            taken["golden"] = tuple(_golden_from_dict(item) for item in taken["golden"])
            return cls(**taken)
        except (TypeError, AttributeError) as error:
            raise _wrong_fields(str(error)) from error


def check_format(values: Mapping[str, Any]) -> None:
    """Refuse what is no manifest, or one of another version, before more of it is looked at.

    Raises:
        NotVerifiableError: It is of a newer version; the message says what to do.
        ModelFileError: It is none, or of no version.
    """
    _check(values.get("format") == FORMAT, "format", values.get("format"))
    version = values.get("format_version")
    is_version = isinstance(version, int) and not isinstance(version, bool) and version >= 1
    _check(is_version, "format_version", version)
    if version != FORMAT_VERSION:
        raise NotVerifiableError(
            f"This catseye reads model files of format version {FORMAT_VERSION}",
            received=f"version {version}",
            fix=f"Install a newer catseye: git pull, then {install_hint()}",
        )


def _names(kind: type) -> list[str]:
    return [item.name for item in fields(kind)]


def _take(values: object, names: Iterable[str], where: str = "") -> dict[str, Any]:
    """Return the fields of an object once it is known to have these and no others."""
    if not isinstance(values, Mapping):
        raise _wrong_fields(f"{where or 'a manifest'} that is no object")
    expected = set(names)
    for found, fault in ((expected - set(values), "without"), (set(values) - expected, "with")):
        if found:
            raise _wrong_fields(f"{where or 'a manifest'} {fault} {', '.join(sorted(found))}")
    return dict(values)


def _wrong_fields(received: str) -> ModelFileError:
    return ModelFileError(
        "A manifest must have the fields of its format version, as docs/model-file.md lists them",
        received=received,
        fix=_FIX,
    )


def _golden_to_dict(example: GoldenExample) -> dict[str, Any]:
    height, width = example.pixels_rgb.shape[:2]
    encoded = base64.b64encode(np.ascontiguousarray(example.pixels_rgb).tobytes()).decode()
    return {"width": width, "height": height, "rgb": encoded, "scores": list(example.scores)}


def _golden_from_dict(item: object) -> GoldenExample:
    values = _take(item, ("width", "height", "rgb", "scores"), "golden[]")
    for name in ("width", "height"):
        _check(_is_count(values[name], most=_LARGEST_SIDE), f"golden[].{name}", values[name])
    scores = values["scores"]
    is_list = isinstance(scores, list) and all(_is_number(score) for score in scores)
    _check(is_list, "golden[].scores", scores)
    shape_hwc = (values["height"], values["width"], 3)
    try:
        flat = np.frombuffer(base64.b64decode(values["rgb"], validate=True), np.uint8)
        pixels_rgb = flat.reshape(shape_hwc)
    except ValueError as error:
        raise ModelFileError(
            "A golden example must hold width x height RGB pixels and a score per label",
            received=str(error),
            fix=_FIX,
        ) from error
    return GoldenExample(pixels_rgb, tuple(map(float, scores)))


def _is_count(value: object, *, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST_NUMBER  # which NaN is not, either


def _check(is_kept: bool, name: str, received: object) -> None:
    if not is_kept:
        raise ModelFileError(
            f"The manifest's field {name} must keep the contract of the model file",
            received=repr(received),
            fix=_FIX,
        )
