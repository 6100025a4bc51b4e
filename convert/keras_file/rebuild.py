"""The network of a Keras file, loaded by the Keras that wrote it and built again in tf_keras.

TensorFlow's tools for quantization stand on tf_keras, want a flat network, and take scaled pixels.
What was built anew must say the same of real pictures as what was loaded.
"""

import os
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from convert.keras_file.architecture import INPUT, Architecture, Step
from convert.keras_file.archive import KerasArchive
from convert.keras_file.front import SCALERS, Weights, read_scaler
from edge.chatter import chatter_kept_back
from edge.errors import ModelFileError
from edge.records import Scores

LARGEST_DIFFERENCE = 1e-3
"""Of a probability, between the network that was loaded and the one that was built anew."""

_LARGEST_HALF_DIFFERENCE = 2e-2  # of a network that computes with half precision by itself
_BATCH_PICTURES = 8
_LOADING_ERRORS = (
    *(OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError),
    *(MemoryError, NotImplementedError, zipfile.BadZipFile, tf.errors.OpError),
)
_OTHER_NAMES = {"negative_slope": "alpha"}  # of LeakyReLU, in Keras 3
_JOINING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")


def _hard_sigmoid(values: Any) -> Any:
    return tf.nn.relu6(values + 3.0) * (1.0 / 6.0)


def _hard_silu(values: Any) -> Any:
    return values * _hard_sigmoid(values)


_ACTIVATIONS: Mapping[str, Any] = {
    "relu6": tf.nn.relu6,
    "silu": "swish",
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_swish": _hard_silu,
}
"""Activations of Keras 3 that tf_keras has not, or under another name, or differently."""


def load_original(archive: KerasArchive) -> Any:
    """Load the model of a Keras file with the Keras that wrote it, without running code of others.

    Raises:
        ModelFileError: It names such code, or does not load.
    """
    with tempfile.TemporaryDirectory(prefix="catseye-keras-") as folder:
        path = Path(folder) / "model.keras"
        archive.copy_vetted(path)
        try:
            with chatter_kept_back():
                return _find_loader(archive)(path, compile=False, safe_mode=True)
        except _LOADING_ERRORS as error:
            raise ModelFileError(
                "The model of a Keras file must load",
                received=f"{archive.path}, of Keras {archive.keras_version}: "
                + " ".join(str(error).replace(str(path), "the model").split())[:300],
                fix="Save it again, with its weights, or update TensorFlow where Keras is newer "
                "than here",
            ) from error


def read_weights(original: Any, architecture: Architecture) -> dict[str, list[Any]]:
    """Return the weights of each step, as the layers of a loaded model have them."""
    return {
        step.name: [np.asarray(weights) for weights in _find_layer(original, step).get_weights()]
        for step in architecture.steps
        if step.path
    }


def build_network(
    architecture: Architecture, weights: Weights, *, name: str, is_legacy: bool
) -> Any:
    """Build a flat network in tf_keras.

    Args:
        architecture: Its steps.
        weights: Of each by its name.
        name: Of the network.
        is_legacy: Whether activations are called as in tf_keras, and not as in Keras 3.

    Raises:
        ModelFileError: A step cannot be built as the file describes it.
    """
    width, height = architecture.size_wh
    pixels = tf_keras.Input((height, width, 3), name="scaled")
    outputs = {INPUT: pixels}
    for step in architecture.steps:
        try:
            taken = [outputs[name] for name in step.takes]
            own = weights.get(step.name, ())
            if step.kind in SCALERS and len(taken[0].shape) == 4:
                step, own = _as_convolution(step, own, channels=taken[0].shape[3])
            layer = _make_layer(step, {} if is_legacy else _ACTIVATIONS)
            outputs[step.name] = layer(taken if step.kind in _JOINING else taken[0])
            layer.set_weights(own)
        except ModelFileError:  # which is a ValueError
            raise
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            raise ModelFileError(
                "Every layer of a Keras file must be as Keras makes it",
                received=f"layer {step.name!r} ({step.kind}): {' '.join(str(error).split())[:300]}",
                fix="Save the model again: model.save('model.keras')",
            ) from error
    return tf_keras.Model(pixels, outputs[architecture.steps[-1].name], name=_usable(name))


def ask(network: Any, pixels: NDArray[np.float32]) -> Scores:
    """Return what a network of either Keras says of pictures, `(pictures, outputs)`.

    Args:
        network: Loaded or built.
        pixels: `(pictures, height, width, 3)`, scaled as it takes them.
    """
    batches = range(0, len(pixels), _BATCH_PICTURES)
    rows = [
        np.asarray(network(pixels[start : start + _BATCH_PICTURES], training=False), np.float32)
        for start in batches
    ]
    return np.concatenate(rows)


def check_same(original: Scores, rebuilt: Scores, *, archive: KerasArchive) -> float:
    """Return how far probabilities are apart at most.

    Args:
        original: Of the network that was loaded, `(pictures, labels)`.
        rebuilt: Of the one that was built anew.
        archive: Where it comes from.

    Raises:
        ModelFileError: They are too far apart.
    """
    apart = float(np.abs(original - rebuilt).max())
    is_half = "float16" in str(archive.config)
    allowed = _LARGEST_HALF_DIFFERENCE if is_half else LARGEST_DIFFERENCE
    if not apart <= allowed:
        raise ModelFileError(
            "The network must say the same when it is built anew for TFLite: no probability may "
            f"differ by more than {allowed:g}",
            received=f"{archive.path}: up to {apart:.3g} on {len(original)} pictures",
            fix="Look for layers that are called with training=True; otherwise convert it with "
            "tf.lite.TFLiteConverter, and wrap the result with edge package",
        )
    return apart


def _find_loader(archive: KerasArchive) -> Any:
    if archive.is_legacy:
        return tf_keras.models.load_model
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras says
    import keras

    return keras.saving.load_model


def _find_layer(original: Any, step: Step) -> Any:
    found = original
    for name in step.path:
        found = found.get_layer(name)
    return found


def _as_convolution(
    step: Step, weights: Sequence[NDArray[np.float32]], *, channels: int
) -> tuple[Step, list[NDArray[np.float32]]]:
    """Return a scaling within the network as what tfmot can quantize: a 1x1 convolution."""
    factor, offset = (
        values.astype(np.float32) for values in read_scaler(step, weights, channels=channels)
    )
    settings = {"kernel_size": 1, "padding": "valid", "use_bias": True}
    convolution = replace(step, kind="DepthwiseConv2D", settings=settings)
    return convolution, [factor.reshape(1, 1, channels, 1), offset]


def _make_layer(step: Step, activations: Mapping[str, Any]) -> Any:
    settings: Mapping[str, Any] = step.settings
    if step.kind == "LeakyReLU":
        settings = {_OTHER_NAMES.get(key, key): value for key, value in settings.items()}
    if "activation" in settings:
        named = settings["activation"]
        settings = {**settings, "activation": activations.get(named, named)}
    kind = getattr(tf_keras.layers, step.kind)
    return kind(
        **{key: _as_tuple(value) for key, value in settings.items()}, name=_usable(step.name)
    )


def _as_tuple(value: Any) -> Any:
    """Return what JSON had to write as a list."""
    return (
        tuple(map(_as_tuple, value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else value
    )


def _usable(name: str) -> str:
    """Return a name that TensorFlow takes."""
    cleaned = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return cleaned if cleaned[:1].isalnum() else f"layer{cleaned}"
