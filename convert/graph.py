"""A TFLite model as objects: unpacked, given another operator, packed again.

Needs TensorFlow, which carries the classes of the schema.
"""

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

_MODEL_IDENTIFIER = b"TFL3"
_BUFFER_ALIGNMENT = 16  # the schema's force_align: kernels may read weights 16 bytes at a time
_ROOM_BYTES = 4096

# What a softmax of these types must give out, by the kernels' own rule: step 1/256 from 0.
_PROBABILITIES = {schema.TensorType.UINT8: 0, schema.TensorType.INT8: -128}


def unpack_model(model_bytes: bytes) -> Any:
    """Return a model as a tree of objects (`ModelT` of the schema) that can be changed."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(model_bytes, 0))


def pack_model(model: Any) -> bytes:
    """Return the FlatBuffer of a tree of objects, weights aligned as kernels want them."""
    builder = _AligningBuilder(_ROOM_BYTES)
    builder.Finish(model.Pack(builder), file_identifier=_MODEL_IDENTIFIER)
    return bytes(builder.Output())


def add_softmax(model_bytes: bytes) -> bytes:
    """Return a model whose only output is the softmax of what it was.

    Args:
        model_bytes: A FlatBuffer whose first subgraph has one output, `uint8`, `int8` or `float32`.
    """
    model = unpack_model(model_bytes)
    graph = model.subgraphs[0]
    logits = graph.tensors[graph.outputs[0]]
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    place = _add_tensor(graph, like=logits, name="probabilities")
    if logits.type in _PROBABILITIES:
        quantization = schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = [1.0 / 256.0], [_PROBABILITIES[logits.type]]
        graph.tensors[place].quantization = quantization
    code = _add_code(model, schema.BuiltinOperator.SOFTMAX, version=2)  # the first with int8
    softmax = _make_operator(code, [graph.outputs[0]], place)
    softmax.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    softmax.builtinOptions = options
    graph.operators.append(softmax)
    _replace(model, graph.outputs[0], place, side="outputs")
    graph.outputs = [place]
    return pack_model(model)


def add_scaling(
    model_bytes: bytes, *, means: Sequence[float], deviations: Sequence[float]
) -> bytes:
    """Return a model that takes pixels of 0 to 255 and scales them itself, each channel its way.

    Args:
        model_bytes: A FlatBuffer whose first subgraph has one input, `float32`, channels last.
        means: Subtracted from each channel.
        deviations: Divide each channel after that.
    """
    factors = 1.0 / np.array(deviations, np.float64)
    offsets = -np.array(means, np.float64) * factors
    model = unpack_model(model_bytes)
    graph = model.subgraphs[0]
    scaled = graph.inputs[0]
    pixels = _add_tensor(graph, like=graph.tensors[scaled], name="pixels")
    product = _add_tensor(graph, like=graph.tensors[scaled], name="pixels_product")
    multiply = _make_operator(
        _add_code(model, schema.BuiltinOperator.MUL),
        [pixels, _add_constant(model, factors, name="pixels_factor")],
        product,
    )
    multiply.builtinOptionsType = schema.BuiltinOptions.MulOptions
    multiply.builtinOptions = schema.MulOptionsT()
    add = _make_operator(
        _add_code(model, schema.BuiltinOperator.ADD),
        [product, _add_constant(model, offsets, name="pixels_offset")],
        scaled,
    )
    add.builtinOptionsType = schema.BuiltinOptions.AddOptions
    add.builtinOptions = schema.AddOptionsT()
    graph.operators = [multiply, add, *graph.operators]
    _replace(model, scaled, pixels, side="inputs")
    graph.inputs = [pixels]
    return pack_model(model)


def _add_tensor(graph: Any, *, like: Any, name: str) -> int:
    """Add a tensor of the same shape and type, not quantized; return its place."""
    tensor = schema.TensorT()
    tensor.name, tensor.buffer = name, 0  # which is the empty one
    tensor.shape, tensor.shapeSignature, tensor.type = like.shape, like.shapeSignature, like.type
    tensor.hasRank = like.hasRank
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _add_constant(model: Any, values: Any, *, name: str) -> int:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.name, tensor.buffer, tensor.type = (
        name,
        len(model.buffers) - 1,
        schema.TensorType.FLOAT32,
    )
    tensor.shape = [len(values)]
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def _add_code(model: Any, operator: int, *, version: int = 1) -> int:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _make_operator(code: int, takes: Sequence[int], gives: int) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, list(takes), [gives]
    return operator


def _replace(model: Any, old: int, new: int, *, side: str) -> None:
    """Let the signatures of the model name the new tensor too."""
    for signature in model.signatureDefs or []:
        for entry in getattr(signature, side) or []:
            if entry.tensorIndex == old:
                entry.tensorIndex = new


class _AligningBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Keeps the contents of a model's buffers aligned, which the generated code forgets."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803
        if elemSize == 1:
            alignment = max(alignment, _BUFFER_ALIGNMENT)
        return super().StartVector(elemSize, numElems, alignment)
