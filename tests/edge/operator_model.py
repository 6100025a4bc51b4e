"""TFLite models of a row of operators, for what is read off a file and never run."""

from dataclasses import dataclass, field

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int16": schema.TensorType.INT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
}


@dataclass
class Step:
    """An operator that takes the output of the one before, and constants.

    Attributes:
        name: Of the schema; any other is a custom operator.
        shape: Of its output.
        dtype: Of its output.
        constants: Values, each an input of its own.
        before: How many of the constants come before the output of the one before.
        computed: Places of constants that are made to be computed ones.
        options: Name of the options' class, and its fields.
        signature: Of its output, where sizes are known only at run time.
    """

    name: str
    shape: tuple[int, ...] = (1, 4, 4, 8)
    dtype: str = "int8"
    constants: tuple[np.ndarray, ...] = ()
    before: int = 0
    computed: tuple[int, ...] = ()
    options: tuple[str, dict[str, int]] | None = None
    signature: tuple[int, ...] = field(default=())


def build_operators(*steps, shape=(1, 4, 4, 8), dtype="int8"):
    """Return the FlatBuffer of a model whose input is of this shape and type."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.operatorCodes, model.subgraphs = 3, [], [graph]
    model.buffers = [schema.BufferT()]
    graph.tensors, graph.operators, graph.inputs = [_tensor(shape, dtype)], [], [0]
    last = 0
    for step in steps:
        places = [_add_constant(model, graph, step, n) for n in range(len(step.constants))]
        places.insert(step.before, last)
        graph.tensors.append(_tensor(step.shape, step.dtype, step.signature))
        last = len(graph.tensors) - 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(model.operatorCodes)
        operator.inputs, operator.outputs = places, [last]
        model.operatorCodes.append(_code(step.name))
        if step.options is not None:
            kind, fields = step.options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = getattr(schema, kind + "T")()
            for name, value in fields.items():
                setattr(operator.builtinOptions, name, value)
        graph.operators.append(operator)
    graph.outputs = [last]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _add_constant(model, graph, step, number):
    values = np.asarray(step.constants[number])
    tensor = _tensor(values.shape, values.dtype.name)
    if number not in step.computed:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _tensor(shape, dtype, signature=()):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = b"t", list(shape), _TYPES[dtype], 0
    if signature:
        tensor.shapeSignature = list(signature)
    if dtype.endswith("int8"):
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [0.1], [3]
    return tensor


def _code(name):
    code = schema.OperatorCodeT()
    number = getattr(schema.BuiltinOperator, name, None)
    if number is None:
        number, code.customCode = schema.BuiltinOperator.CUSTOM, name.encode()
    code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
    return code
