"""How a network of others wants its pixels, and the same as the device can feed it.

What scales pixels at the front of the network is a factor and an offset per channel. The device's
input has one mean and one scale, and the mean is a whole number, so that a pixel goes in as it is.
What this cannot say exactly remains in the network, as a 1x1 depthwise convolution before the first
layer. It is not folded into the first convolution: where that pads its input with zeros, the zeros
would mean another grey than they did in training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.keras_file.architecture import INPUT, Architecture, Step
from convert.scaling import USUAL, Normalization
from edge.errors import ModelFileError
from edge.manifest import InputSpec

Weights = Mapping[str, Sequence[NDArray[np.float32]]]
"""Of each step by its name, in Keras's order."""

SCALERS = ("Rescaling", "Normalization")
"""Kinds of layers with a factor and an offset per channel."""

_SMALLEST_DEVIATION = 1e-7  # Keras's own
_PLAUSIBLE_SPREADS = (0.1, 300.0)
_WHOLE = 1e-4  # of a grey level
_CHANNELS = 3
_REST = (
    "pixels: an input takes one mean for all colours, a whole number; a 1x1 convolution was put at "
    "the front for what remains"
)


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """What becomes of a pixel before the first layer that learned: `factors * pixel + offsets`.

    Attributes:
        factors: `(3,)`, red, green and blue.
        offsets: `(3,)`.
        note: What it rests on, in a sentence.
    """

    factors: NDArray[np.float64]
    offsets: NDArray[np.float64]
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A front as the device's input and the network do it together.

    Attributes:
        spec: What the network takes.
        architecture: The network.
        weights: Of the step that was put before it; empty where none was needed.
        note: What was done, in a sentence; empty for nothing.
    """

    spec: InputSpec
    architecture: Architecture
    weights: Weights = field(default_factory=dict)
    note: str = ""


def read_front(
    architecture: Architecture, weights: Weights, *, asked: Normalization | None, path: Path
) -> tuple[Front, Architecture]:
    """Take what scales pixels off the front of a network.

    Args:
        architecture: The network.
        weights: Its weights.
        asked: What happens to pixels before they reach the network, by the options.
        path: Of the file, for messages.

    Returns:
        What was taken off together with what was asked for, and the network that remains.

    Raises:
        ModelFileError: Nobody says how pixels are scaled, or what is said cannot be meant.
    """
    factors, offsets = np.ones(_CHANNELS), np.zeros(_CHANNELS)
    if asked is not None:
        factors, offsets = _from_pairs(asked.per_channel())
    taken: list[str] = []
    while (step := _first_scaler(architecture)) is not None:
        factor, offset = read_scaler(step, weights.get(step.name, ()))
        factors, offsets = factors * factor, offsets * factor + offset
        taken.append(step.name)
        architecture = architecture.without(step)
    branches = [s.name for s in architecture.users_of(INPUT) if s.kind in SCALERS]
    if asked is None and not taken and not branches:
        raise ModelFileError(
            "Of a network that takes scaled pixels somebody must say how they are scaled",
            received=f"{path}, which has no Rescaling or Normalization layer at its front, and no "
            "--mean and --std",
            fix=USUAL,
        )
    if taken:
        _check_plausible(factors, taken, path)
    note = _explain(factors, offsets, taken, branches, is_asked=asked is not None)
    return Front(factors, offsets, note), architecture


def fit_front(front: Front, architecture: Architecture) -> Fitted:
    """Let the device's input scale pixels, and the network do what that cannot."""
    width, height = architecture.size_wh
    means = -front.offsets / front.factors
    is_even = np.ptp(front.factors) <= 1e-6 * abs(front.factors).max() and np.ptp(means) <= _WHOLE
    mean = float(np.clip(np.rint(means.mean()), 0, 255))
    scale = float(1 / abs(front.factors).mean())
    spec = InputSpec(width, height, mean=mean, scale=scale)
    if is_even and front.factors.min() > 0 and abs(means - mean).max() <= _WHOLE:
        return Fitted(spec, architecture)
    kernel = (front.factors * scale).astype(np.float32).reshape(1, 1, _CHANNELS, 1)
    bias = (front.factors * mean + front.offsets).astype(np.float32)
    first = Step(
        "scaled_pixels",
        "DepthwiseConv2D",
        (INPUT,),
        {"kernel_size": 1, "padding": "valid", "use_bias": True},
    )
    renamed = (
        replace(step, takes=tuple(first.name if n == INPUT else n for n in step.takes))
        for step in architecture.steps
    )
    flat = replace(architecture, steps=(first, *renamed))
    return Fitted(spec, flat, {first.name: [kernel, bias]}, _REST)


def _first_scaler(architecture: Architecture) -> Step | None:
    users = architecture.users_of(INPUT)
    is_alone = len(users) == 1 and users[0].kind in SCALERS and len(architecture.steps) > 1
    return users[0] if is_alone else None


def read_scaler(
    step: Step, weights: Sequence[NDArray[np.float32]], *, channels: int = _CHANNELS
) -> tuple[Any, Any]:
    """Return factor and offset of a layer that scales, `(channels,)` each.

    Args:
        step: Of one of the kinds `SCALERS`.
        weights: Of it.
        channels: Of what it takes.

    Raises:
        ModelFileError: It treats places of a picture differently.
    """
    found = [np.asarray(value, np.float64) for value in _read_numbers(step, weights)]
    if not all(value.size in (1, channels) for value in found):
        raise ModelFileError(
            "What scales pixels must do the same everywhere in a picture: one number, or one for "
            "each channel",
            received=f"{step.name!r} ({step.kind}) with {max(v.size for v in found)} numbers",
            fix="Train it with Normalization(axis=-1) or Rescaling, and save it again",
        )
    factor, offset = (np.broadcast_to(value.reshape(-1), (channels,)) for value in found)
    return factor, offset


def _read_numbers(step: Step, weights: Sequence[NDArray[np.float32]]) -> tuple[Any, Any]:
    settings = step.settings
    if step.kind == "Rescaling":
        return settings["scale"], settings.get("offset", 0.0)
    given = settings.get("mean") is not None
    mean, variance = (settings["mean"], settings["variance"]) if given else weights[:2]
    mean, variance = (np.asarray(value, np.float64).reshape(-1) for value in (mean, variance))
    deviation = np.maximum(np.sqrt(variance), _SMALLEST_DEVIATION)
    if settings.get("invert"):
        return deviation, mean
    return 1 / deviation, -mean / deviation


def _from_pairs(pairs: Sequence[tuple[float, float]]) -> tuple[Any, Any]:
    means, deviations = np.array(pairs, np.float64).T
    return 1 / deviations, -means / deviations


def _explain(
    factors: Any, offsets: Any, taken: Sequence[str], branches: Sequence[str], *, is_asked: bool
) -> str:
    means, deviations = -offsets / factors, 1 / factors
    pairs = [tuple(map(float, np.round(values, 4) + 0.0)) for values in (means, deviations)]
    shown = Normalization(*(values[:1] if len(set(values)) == 1 else values for values in pairs))
    sources = ["as asked"] if is_asked else []
    sources += [f"by its own {', '.join(map(repr, taken))}"] if taken else []
    if branches:
        sources.append(f"by its own {', '.join(map(repr, branches))} in branches")
    return f"pixels: {shown}, {' and then '.join(sources)}"


def _check_plausible(factors: Any, taken: Sequence[str], path: Path) -> None:
    """Refuse what no training does to pixels of 0 to 255, such as scaling them twice."""
    least, most = (float(spread(abs(factors)) * 255) for spread in (np.min, np.max))
    if not _PLAUSIBLE_SPREADS[0] <= least <= most <= _PLAUSIBLE_SPREADS[1]:
        raise ModelFileError(
            "What scales pixels must fit pixels of 0 to 255",
            received=f"{path}: after {', '.join(map(repr, taken))} they lie {most:.4g} apart",
            fix="Say with --mean and --std what happened to pixels before they reached the "
            "network: --mean 0 --std 255 if it took 0 to 1, neither if it took them as they are",
        )
