"""A network that computes in floats what the device will compute in eight-bit integers.

Built with the TensorFlow Model Optimization Toolkit (tfmot), whose layout rules know which
tensors a TFLite file quantizes. Two of its habits are replaced, because they make a short
fine-tuning worse than none:

- Its ranges of activations are moving averages that decay by 0.999 per step, so that after a few
  hundred steps they still show where they started. Here they are measured once, with some hundred
  pictures in the float network, and then stay.
- It quantizes the weights of a depthwise convolution with one range for all channels and those of a
  dense layer with one per channel. The converter does it the other way round: a convolution of
  any kind has a range per channel, a dense layer has one.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", https://arxiv.org/abs/1712.05877.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from numpy.typing import NDArray

from convert.progress import Progress, no_progress, track
from edge.errors import RunFolderError
from edge.manifest import InputSpec

_toolkit: Any = tfmot.quantization.keras
_Quantizer: Any = _toolkit.quantizers.Quantizer
_QuantizeConfig: Any = _toolkit.QuantizeConfig
_QuantizeScheme: Any = _toolkit.QuantizeScheme

WIDEST, MEAN = "widest", "mean"
RANGES = (WIDEST, MEAN)
"""How a range covers what was measured: every value of every batch, or the mean of the batches'
extremes, which leaves finer steps to the many values by cutting off the few."""

_LARGEST_WEIGHT = 127.0  # eight bits, symmetric, "narrow range"
_SMALLEST_SCALE = 1e-9


@dataclass(eq=False)
class _Phase:
    """What all quantizers of one network share.

    Attributes:
        is_settling: Ranges are being measured; nothing is rounded meanwhile.
        batches: How many batches the ranges have seen.
        ends: Every end of every range.
    """

    is_settling: bool = False
    batches: Any = field(default_factory=lambda: tf.Variable(0.0, trainable=False))
    ends: "list[_RangeEnd]" = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _RangeEnd:
    """The variable that rounding uses for an end of a range, and what was measured for it."""

    used: Any
    measured: dict[str, Any]


class Emulation:
    """A float network that rounds like its eight-bit version; see the module's text.

    Args:
        original: Flat Keras model; it is copied, not changed.
        spec: What it takes.

    Raises:
        RunFolderError: It has a layer that tfmot cannot quantize.

    Attributes:
        model: The Keras model that rounds. Call it with `training=False` in learning, too, so
            that batch normalisation keeps its statistics and dropout stays out.
    """

    def __init__(self, original: Any, *, spec: InputSpec) -> None:
        self._phase = _Phase()
        self.model = _quantize(original, self._phase)
        lowest, highest = (0.0 - spec.mean) / spec.scale, (255.0 - spec.mean) / spec.scale
        for layer in self.model.layers:
            if hasattr(layer, "quantizer_vars"):  # the input
                layer.quantizer_vars["min_var"].assign(lowest)
                layer.quantizer_vars["max_var"].assign(highest)

    def settle(
        self, batches: Sequence[NDArray[np.float32]], *, progress: Progress = no_progress
    ) -> None:
        """Measure the range of every activation; `use_ranges` then says which to take.

        Args:
            batches: Scaled pictures, `(pictures, height, width, 3)` each.
            progress: Told about each batch.
        """
        self._phase.is_settling = True
        self._phase.batches.assign(0.0)
        model = self.model
        shape = (None, *model.input_shape[1:])
        measure = tf.function(
            lambda pictures: model(pictures, training=False),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )
        for batch in track(batches, stage="settling ranges", progress=progress):
            measure(batch)
            self._phase.batches.assign_add(1.0)
        self._phase.is_settling = False
        self.use_ranges(WIDEST)

    def use_ranges(self, kind: str) -> None:
        """Round with the ranges of one of `RANGES`, as they were measured."""
        for end in self._phase.ends:
            end.used.assign(end.measured[kind])


class _ActivationRange(_Quantizer):  # type: ignore[misc]
    """Rounds activations to 256 steps of a range that is measured once."""

    def __init__(self, phase: _Phase) -> None:
        self._phase = phase

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        del tensor_shape
        lowest, highest = (
            layer.add_weight(f"{name}_{end}", initializer="zeros", trainable=False)
            for end in ("min", "max")
        )
        self._ends = [self._add_end(lowest), self._add_end(highest)]
        return {"min_var": lowest, "max_var": highest}

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        del training, kwargs
        if not self._phase.is_settling:
            return tf.quantization.fake_quant_with_min_max_vars(
                inputs, weights["min_var"], weights["max_var"]
            )
        lowest, highest = self._ends
        # TFLite: 0 is in every range
        _extend(lowest, tf.minimum(tf.reduce_min(inputs), 0.0), tf.minimum, self._phase.batches)
        _extend(highest, tf.maximum(tf.reduce_max(inputs), 0.0), tf.maximum, self._phase.batches)
        return inputs

    def _add_end(self, used: Any) -> _RangeEnd:
        measured = {kind: tf.Variable(0.0, trainable=False) for kind in RANGES}
        self._phase.ends.append(_RangeEnd(used, measured))
        return self._phase.ends[-1]

    def get_config(self) -> dict[str, Any]:
        return {}


class _DeviceWeights(_Quantizer):  # type: ignore[misc]
    """Rounds weights to 255 symmetric steps of each range, as the converter does."""

    def __init__(self, phase: _Phase, summed_axes: tuple[int, ...]) -> None:
        self._phase = phase
        self._summed_axes = summed_axes

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        del tensor_shape, name, layer
        return {}

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        del training, weights, kwargs
        if self._phase.is_settling:
            return inputs
        largest = tf.reduce_max(tf.abs(inputs), axis=self._summed_axes, keepdims=True)
        scale = tf.maximum(largest / _LARGEST_WEIGHT, _SMALLEST_SCALE)
        rounded = tf.round(inputs / scale) * scale
        return inputs + tf.stop_gradient(rounded - inputs)  # the gradient passes unrounded

    def get_config(self) -> dict[str, Any]:
        return {}


class _DeviceConfig(_QuantizeConfig):  # type: ignore[misc]
    """What tfmot says should be rounded in a layer, rounded by the quantizers above."""

    def __init__(self, inner: Any, phase: _Phase) -> None:
        self._inner = inner
        self._phase = phase

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        found = self._inner.get_weights_and_quantizers(layer)
        return [
            (weight, _DeviceWeights(self._phase, _summed_axes(weight, layer)))
            for weight, _ in found
        ]

    def get_activations_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        found = self._inner.get_activations_and_quantizers(layer)
        return [(activation, _ActivationRange(self._phase)) for activation, _ in found]

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return [_ActivationRange(self._phase) for _ in self._inner.get_output_quantizers(layer)]

    def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
        self._inner.set_quantize_weights(layer, quantize_weights)

    def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
        self._inner.set_quantize_activations(layer, quantize_activations)

    def get_config(self) -> dict[str, Any]:
        return {}


class _DeviceRegistry:
    """tfmot's knowledge of layers, with the quantizers above."""

    def __init__(self, phase: _Phase) -> None:
        self._inner = _toolkit.default_8bit.Default8BitQuantizeRegistry()
        self._phase = phase

    def supports(self, layer: Any) -> bool:
        return bool(self._inner.supports(layer))

    def get_quantize_config(self, layer: Any) -> _DeviceConfig:
        return _DeviceConfig(self._inner.get_quantize_config(layer), self._phase)


class _DeviceLayout:
    """tfmot's rules of what the converter fuses, with the quantizers above."""

    def __init__(self, phase: _Phase) -> None:
        self._phase = phase

    def apply(self, model: Any, layer_quantize_map: Any) -> tuple[Any, Any]:
        inner = _toolkit.default_8bit.Default8BitQuantizeLayoutTransform()
        model, layer_quantize_map = inner.apply(model, layer_quantize_map)
        for facts in layer_quantize_map.values():
            if facts.get("quantize_config") is not None:
                facts["quantize_config"] = _DeviceConfig(facts["quantize_config"], self._phase)
        return model, layer_quantize_map


class _DeviceScheme(_QuantizeScheme):  # type: ignore[misc]
    """tfmot's default scheme for TFLite, with the quantizers above."""

    def __init__(self, phase: _Phase) -> None:
        self._phase = phase

    def get_layout_transformer(self) -> _DeviceLayout:
        return _DeviceLayout(self._phase)

    def get_quantize_registry(self) -> _DeviceRegistry:
        return _DeviceRegistry(self._phase)


def _quantize(original: Any, phase: _Phase) -> Any:
    try:
        annotated = _toolkit.quantize_annotate_model(original)
        return _toolkit.quantize_apply(annotated, _DeviceScheme(phase))
    except (RuntimeError, ValueError) as error:
        raise RunFolderError(
            "Quantization-aware training needs layers that tfmot can quantize",
            received=" ".join(str(error).split()),
            fix="Use --quantize int8, or train a network of plain convolutions",
        ) from error


def _extend(end: _RangeEnd, found: Any, further: Any, batches: Any) -> None:
    """Take the extreme of one more batch into what was measured for an end of a range."""
    widest, mean = end.measured[WIDEST], end.measured[MEAN]
    widest.assign(further(widest, found))
    mean.assign(mean + (found - mean) / (batches + 1.0))


def _summed_axes(weight: Any, layer: Any) -> tuple[int, ...]:
    """Return the axes of a weight that share a range, as in the file.

    All but that of the output channels; in a dense layer all, see `convert.export`.
    """
    axes = tuple(range(len(weight.shape)))
    if isinstance(layer, tf_keras.layers.Dense):
        return axes
    return (0, 1) if isinstance(layer, tf_keras.layers.DepthwiseConv2D) else axes[:-1]
