"""Finds the layers of a network that suffer most from 8-bit numbers.

TensorFlow's quantization debugger computes every layer twice on the same input, in 8-bit integers
and in floats: what differs is the layer's own fault and not inherited from those before it.
https://ai.google.dev/edge/litert/models/quantization_debugger
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python.convert import ConverterError

from convert.export import calibrate_with
from edge.chatter import chatter_kept_back
from edge.errors import ModelFileError
from edge.manifest import InputSpec

_PICTURES = 32  # enough to rank layers; each takes the network through its slowest kernels
_ERROR = "relative_error"
_SMALLEST_POWER = 1e-12


@dataclass(frozen=True, slots=True)
class LayerError:
    """How much a layer suffers.

    Attributes:
        layer: Its name in the Keras model.
        operator: What the file computes there, such as "CONV_2D".
        error: What rounding changes in its output, as a share of that output (root mean square
            over root mean square, the mean of some pictures).
    """

    layer: str
    operator: str
    error: float


def measure_layers(
    network: Any, calibration_rgb: NDArray[np.uint8], *, spec: InputSpec
) -> tuple[LayerError, ...]:
    """Return what 8-bit numbers do to each layer, the worst first.

    Args:
        network: The float network.
        calibration_rgb: `(pictures, height, width, 3)`, `uint8`, RGB, from the training part.
        spec: What the network takes.

    Raises:
        ModelFileError: TensorFlow's debugger cannot run this network.
    """
    pictures = calibrate_with(calibration_rgb[:_PICTURES], spec)
    with chatter_kept_back():
        try:
            rows = _debug(network, pictures)
        except (ConverterError, RuntimeError, ValueError, TypeError) as error:
            raise ModelFileError(
                "The layers of a network must run in TensorFlow's quantization debugger",
                received=" ".join(str(error).split())[-300:],
                fix="Use layers that TFLite has",
            ) from error
    names = {layer.name: bool(layer.weights) for layer in network.layers}
    errors = [
        LayerError(
            _find_layer(row["tensor_name"], names, network.output_names[0]),
            row["op_name"],
            float(row[_ERROR]),
        )
        for row in rows
    ]
    return tuple(sorted(errors, key=lambda found: -found.error))


def _debug(network: Any, pictures: Any) -> list[dict[str, str]]:
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = pictures
    tools = tf.lite.experimental
    instrumented = tools.QuantizationDebugger(
        converter=converter, debug_dataset=pictures
    ).get_debug_quantized_model()
    # Only a debugger of a finished model keeps the tensors that a comparison reads.
    debugger = tools.QuantizationDebugger(
        quant_debug_model_content=instrumented,
        debug_dataset=pictures,
        debug_options=tools.QuantizationDebugOptions(
            layer_direct_compare_metrics={_ERROR: _relative_error}
        ),
    )
    debugger.run()
    table = io.StringIO()
    debugger.layer_statistics_dump(table)
    return list(csv.DictReader(io.StringIO(table.getvalue())))


def _relative_error(
    exact: NDArray[np.float32], rounded: NDArray[np.int8], scale: float, zero_point: int
) -> float:
    said = (rounded.astype(np.float64) - zero_point) * scale
    power = max(float(np.square(exact, dtype=np.float64).mean()), _SMALLEST_POWER)
    return float(np.sqrt(np.square(said - exact).mean() / power))


def _find_layer(tensor_name: str, names: Mapping[str, bool], last: str) -> str:
    """Return the Keras layer of a tensor that is named after all that were fused into it.

    Args:
        tensor_name: Such as "model/relu/Relu6;model/norm/FusedBatchNormV3;model/conv/Conv2D".
        names: Whether each layer of the network has weights.
        last: The layer whose output has no name in the file.
    """
    found = [
        part for tensor in tensor_name.split(";") for part in tensor.split("/") if part in names
    ]
    weighty: Sequence[str] = [name for name in found if names[name]]
    return (weighty or found or [last])[-1]
