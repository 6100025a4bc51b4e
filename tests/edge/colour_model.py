"""A classifier of one kilobyte that says which of red, green and blue a picture has most of.

Average pooling over the whole input, then softmax: built operator by operator, so that the tests
of the device's side need neither TensorFlow nor a trained model.
"""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.manifest import DecisionSpec, GoldenExample, InputSpec, Manifest
from edge.modelfile import write_model_file

LABELS = ("red", "green", "blue")
COLOURS_BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}
CERTAIN = 0.98  # what the model says of a picture of one pure colour, with beta 2

_SHARPNESS = 2.0
_TYPES = {
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
    "float32": schema.TensorType.FLOAT32,
}


def build_colour_model(
    *,
    size_wh=(8, 6),
    dtype="uint8",
    channels=3,
    batch=1,
    is_flat=True,
    is_soft=True,
    copies=1,
):
    """Return the FlatBuffer; the arguments also make models that a classifier must refuse.

    Args:
        is_flat: Whether the output is `(1, labels)` and not `(1, 1, 1, labels)`.
        is_soft: Whether it ends in a softmax; otherwise it gives the mean of each colour.
        copies: How often it names its output.
    """
    width, height = size_wh
    scaled = (1 / 128, 0 if dtype == "int8" else 127)
    softmax = (1 / 256, -128 if dtype == "int8" else 0)
    graph = schema.SubGraphT()
    graph.name = b"main"
    graph.tensors = [
        _tensor("picture", (batch, height, width, channels), dtype, scaled),
        _tensor("mean", (batch, 1, 1, channels), dtype, scaled),
        _tensor("row", (batch, channels), dtype, scaled),
        _tensor("scores", (batch, channels), dtype, softmax),
    ]
    graph.inputs, graph.outputs = [0], [3 if is_soft else 2] * copies
    shape = (batch, channels) if is_flat else (batch, 1, 1, channels)
    for tensor in graph.tensors[2:]:
        tensor.shape = list(shape)
    graph.operators = [
        _operator(0, 0, 1, schema.BuiltinOptions.Pool2DOptions, _pooling(size_wh)),
        _operator(1, 1, 2, schema.BuiltinOptions.ReshapeOptions, _reshaping(shape)),
        _operator(2, 2, 3, schema.BuiltinOptions.SoftmaxOptions, _sharpening()),
    ]
    if not is_soft:
        del graph.operators[2], graph.tensors[3]
    model = schema.ModelT()
    model.version = 3
    model.description = b"red, green or blue"
    model.operatorCodes = [
        _code(schema.BuiltinOperator.AVERAGE_POOL_2D),
        _code(schema.BuiltinOperator.RESHAPE),
        _code(schema.BuiltinOperator.SOFTMAX),
    ]
    model.subgraphs = [graph]
    model.buffers = [schema.BufferT()]
    return _pack(model)


def need_newer_runtime(model):
    """Spoil a model: it needs a version of an operator that no runtime has yet."""
    model.operatorCodes[0].version = 99


def lose_tensor(model):
    """Spoil a model: it loads, but its second operator takes a tensor that nothing fills."""
    (graph,) = model.subgraphs
    graph.tensors.append(_tensor("lost", (1, 1, 1, 3), "uint8", (1 / 128, 127)))
    graph.operators[1].inputs = [len(graph.tensors) - 1]


def lose_numbers(model):
    """Spoil a model: its softmax, of floats, gives no numbers."""
    model.subgraphs[0].operators[2].builtinOptions.beta = float("nan")


def write_colour_model(
    path: Path,
    *,
    thresholds=None,
    temperature=1.0,
    dtype="uint8",
    golden=None,
    size_wh=(8, 6),
    spoil=lambda model: None,
    **framing,
):
    """Write it as a deployable file with a golden example per colour and return the path.

    Args:
        size_wh: What the manifest says of the input; the model takes 8 by 6 pixels.
        spoil: Called with the `ModelT` before it is packed.
    """
    if golden is None:
        golden = tuple(
            GoldenExample(_picture_rgb(label), _one_hot(label, high=CERTAIN)) for label in LABELS
        )
    manifest = Manifest(
        name="colours",
        labels=LABELS,
        input=InputSpec(*size_wh, dtype=dtype, **framing),
        decision=DecisionSpec(
            thresholds or dict.fromkeys(LABELS, 0.5), temperature=temperature, votes=1, window=1
        ),
        golden=golden,
    )
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(build_colour_model(dtype=dtype)))
    spoil(model)
    model_bytes = _pack(model)
    write_model_file(path, model_bytes=model_bytes, manifest=manifest)
    return path


def picture_bgr(label, *, size_wh=(64, 48)):
    """Return a picture of one pure colour."""
    width, height = size_wh
    return np.full((height, width, 3), COLOURS_BGR[label], np.uint8)


def _picture_rgb(label):
    return picture_bgr(label, size_wh=(4, 4))[:, :, ::-1].copy()


def _one_hot(label, *, high):
    return tuple(high if label == other else (1 - high) / 2 for other in LABELS)


def _pack(model):
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensor(name, shape, dtype, scale_and_zero):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), _TYPES[dtype], 0
    if dtype != "float32":
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [scale_and_zero[0]]
        tensor.quantization.zeroPoint = [scale_and_zero[1]]
    return tensor


def _operator(code, takes, gives, kind, options):
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, [takes], [gives]
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator


def _pooling(size_wh):
    options = schema.Pool2DOptionsT()
    options.padding = schema.Padding.VALID
    options.filterWidth, options.filterHeight = size_wh
    options.strideW = options.strideH = 1
    return options


def _reshaping(shape):
    options = schema.ReshapeOptionsT()
    options.newShape = list(shape)
    return options


def _sharpening():
    options = schema.SoftmaxOptionsT()
    options.beta = _SHARPNESS
    return options


def _code(operator):
    code = schema.OperatorCodeT()
    code.builtinCode = operator
    code.deprecatedBuiltinCode = operator
    code.version = 1
    return code
