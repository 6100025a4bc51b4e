"""A model that answers with the very pixels it was fed: in a real interpreter, without a spy.

A single `RESHAPE`, from picture to row: label `n` has the value of number `n` as its score.
"""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.manifest import DecisionSpec, Manifest
from edge.modelfile import read_model_file, write_model_file


def name_labels(spec):
    """Return the label of each value of a picture."""
    return tuple(f"value {number}" for number in range(spec.width * spec.height * 3))


def build_pixel_model(spec):
    """Return the FlatBuffer."""
    shape, row = (1, spec.height, spec.width, 3), (1, spec.width * spec.height * 3)
    graph = schema.SubGraphT()
    graph.name = b"main"
    graph.tensors = [_tensor("picture", shape), _tensor("values", row)]
    graph.inputs, graph.outputs = [0], [1]
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    operator.builtinOptions = schema.ReshapeOptionsT()
    operator.builtinOptions.newShape = list(row)
    graph.operators = [operator]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    model = schema.ModelT()
    model.version, model.operatorCodes = 3, [code]
    model.subgraphs, model.buffers = [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def write_pixel_model(path, spec):
    """Write it as a deployable file that takes this input, and read it again."""
    labels = name_labels(spec)
    manifest = Manifest("pixels", labels, spec, DecisionSpec(dict.fromkeys(labels, 0.0)))
    write_model_file(path, model_bytes=build_pixel_model(spec), manifest=manifest)
    return read_model_file(path)


def picture_of(scores, spec):
    """Return the picture that the model was fed, `(height, width, 3)`, `uint8`, RGB."""
    return scores.astype(np.uint8).reshape(spec.height, spec.width, 3)


def _tensor(name, shape):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(shape), 0
    tensor.type = schema.TensorType.UINT8
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [1.0], [0]
    return tensor
