"""Turns Keras models into TFLite FlatBuffers, and makes sure that pixels go in as they are."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import ConverterError

from convert.emulation import Emulation
from convert.qat import scale_pixels
from edge.chatter import chatter_kept_back
from edge.errors import ModelFileError
from edge.manifest import InputSpec

_TELLING = ("Custom ops:", "Flex ops:")  # lines that name operators TFLite does not have

_INT16X8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8

_SCALE_TOLERANCE = 1e-5

OUTPUT_SCALE = 1.0 / 256.0
"""Step of a uint8 score; its zero point is 0."""


def export_float32(original: Any) -> bytes:
    """Convert a Keras model without quantization: float32 in, float32 out."""
    return _convert(tf.lite.TFLiteConverter.from_keras_model(original))


def export_int8(original: Any, calibration_rgb: NDArray[np.uint8], *, spec: InputSpec) -> bytes:
    """Convert a Keras model by post-training quantization: uint8 in, uint8 out.

    Args:
        original: The float model.
        calibration_rgb: `(pictures, height, width, 3)`, `uint8`, RGB; ranges are measured with
            them.
        spec: What the model takes.

    Raises:
        ModelFileError: The converter has not quantized input and output as the device needs.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(original)
    converter.representative_dataset = calibrate_with(calibration_rgb, spec)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return _export_uint8(converter, spec)


def export_int16x8(original: Any, calibration_rgb: NDArray[np.uint8], *, spec: InputSpec) -> bytes:
    """Convert a Keras model to 16-bit activations and 8-bit weights: float32 in, float32 out.

    Between the two everything is an integer; the converter refuses a layer that has no such kernel.

    Args:
        original: The float model.
        calibration_rgb: `(pictures, height, width, 3)`, `uint8`, RGB; ranges are measured with
            them.
        spec: What the model takes.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(original)
    converter.representative_dataset = calibrate_with(calibration_rgb, spec)
    converter.target_spec.supported_ops = [_INT16X8]
    return _convert(_optimized(converter))


def export_dynamic(original: Any) -> bytes:
    """Convert a Keras model to 8-bit weights and float activations: float32 in, float32 out.

    The converter leaves weights of fewer than 1,024 numbers as they are.
    """
    return _convert(_optimized(tf.lite.TFLiteConverter.from_keras_model(original)))


def export_float16(original: Any) -> bytes:
    """Convert a Keras model to 16-bit weights and float activations: float32 in, float32 out."""
    converter = tf.lite.TFLiteConverter.from_keras_model(original)
    converter.target_spec.supported_types = [tf.float16]
    return _convert(_optimized(converter))


def export_emulation(emulation: Emulation, *, spec: InputSpec) -> bytes:
    """Convert a settled emulation with the ranges that it has: uint8 in, uint8 out.

    Raises:
        ModelFileError: The converter has not quantized input and output as the device needs.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(emulation.model)
    return _export_uint8(converter, spec)


def check_quantization(model_bytes: bytes, *, spec: InputSpec) -> None:
    """Make sure that uint8 RGB pixels can go in as they are, and scores come out in 1/256 steps.

    Raises:
        ModelFileError: Input or output has another type, scale or zero point.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model_bytes, 0))
    graph = model.subgraphs[0]
    sides = (
        ("input", graph.inputs, 1.0 / spec.scale, spec.mean),
        ("output", graph.outputs, OUTPUT_SCALE, 0.0),
    )
    for side, places, scale, zero_point in sides:
        tensor = graph.tensors[places[0]]
        quantization = tensor.quantization
        found = (
            tensor.type,
            [float(value) for value in _values(quantization, "scale")],
            [float(value) for value in _values(quantization, "zeroPoint")],
        )
        # The converter computes the scale from a range, in 32 bits; 1/255 is no such number.
        is_close = np.allclose(found[1], [scale], rtol=_SCALE_TOLERANCE, atol=0.0)
        if not is_close or (found[0], found[2]) != (schema.TensorType.UINT8, [zero_point]):
            raise ModelFileError(
                f"The converted model's {side} must be uint8 with scale {scale:g} and zero point "
                f"{zero_point:g}",
                received=f"type {found[0]}, scale {found[1]}, zero point {found[2]}",
                fix="Report it with the versions of TensorFlow and tfmot, and use --quantize "
                "float32 meanwhile",
            )


def _export_uint8(converter: Any, spec: InputSpec) -> bytes:
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    model_bytes = _convert(_optimized(converter))
    check_quantization(model_bytes, spec=spec)
    return model_bytes


def _optimized(converter: Any) -> Any:
    """Let a converter make weights smaller, in a way that every runtime knows."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # tflite-runtime 2.14, the only one for 32-bit ARM, knows one range per dense layer only.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return converter


def calibrate_with(
    calibration_rgb: NDArray[np.uint8], spec: InputSpec
) -> Callable[[], Iterator[list[NDArray[np.float32]]]]:
    """Return what a converter measures ranges with: the pictures, made to span 0 to 255.

    The input's range is measured like every other, and must come out as exactly that.

    Args:
        calibration_rgb: `(pictures, height, width, 3)`, `uint8`, RGB.
        spec: What the model takes.
    """

    def pictures() -> Iterator[list[NDArray[np.float32]]]:
        for index, pixels_rgb in enumerate(calibration_rgb):
            if index == 0:
                pixels_rgb = pixels_rgb.copy()
                pixels_rgb[0, 0] = (0, 255, 0)
            yield [scale_pixels(pixels_rgb[np.newaxis], spec)]

    return pictures


def _convert(converter: Any) -> bytes:
    with chatter_kept_back() as read_chatter:
        try:
            return bytes(converter.convert())
        except (ConverterError, RuntimeError, ValueError, TypeError) as error:
            raise ModelFileError(
                "The model must convert to TFLite",
                received=_find_reason(str(error) or read_chatter()),
                fix="Use layers that TFLite has; EDGE_DEBUG=1 shows the converter's trace",
            ) from error


def _find_reason(text: str) -> str:
    """Return what a converter's message of many pages comes to."""
    telling = [line.strip() for line in text.splitlines() if line.startswith(_TELLING)]
    return "; ".join(telling) or " ".join(text.split())[-300:]


def _values(quantization: Any, name: str) -> Any:
    values = getattr(quantization, name, None)
    return () if values is None else values
