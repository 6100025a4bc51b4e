"""A network that takes as long as is asked for on this very machine: convolutions of noise.

It says nothing of any picture. It is for measuring what a small, well trained network would cost,
where a real one would take more or less time from machine to machine.
"""

import statistics
import time
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edge.interpreter import open_interpreter
from edge.manifest import DecisionSpec, InputSpec, Manifest
from edge.modelfile import write_model_file

SIDE, CHANNELS = 128, 16
LABELS = tuple(f"label {number}" for number in range(CHANNELS))

_MOST_LAYERS = 400
_INVOCATIONS = 60
_SCALE, _ZERO_POINT = 0.02, 128


def write_sized_model(path: Path, wanted_ms: float) -> tuple[int, float]:
    """Write a model file whose bare invocation takes about so long on one thread.

    Returns:
        Its convolutions and the milliseconds that they took.
    """
    few, many = 2, 12
    few_ms, many_ms = invoke_ms(build_network(few)), invoke_ms(build_network(many))
    layer_ms = max((many_ms - few_ms) / (many - few), 1e-3)
    layers = few + round((wanted_ms - few_ms) / layer_ms)
    layers = min(max(layers, 1), _MOST_LAYERS)
    model_bytes = build_network(layers)
    manifest = Manifest(
        name=f"{layers} convolutions of noise",
        labels=LABELS,
        input=InputSpec(SIDE, SIDE),
        decision=DecisionSpec(dict.fromkeys(LABELS, 0.0)),
    )
    write_model_file(path, model_bytes=model_bytes, manifest=manifest)
    return layers, invoke_ms(model_bytes)


def invoke_ms(model_bytes: bytes) -> float:
    """Return the median milliseconds of an invocation on one thread."""
    interpreter = open_interpreter(model_bytes)
    taken = []
    for _ in range(_INVOCATIONS):
        started = time.perf_counter()
        interpreter.invoke()
        taken.append((time.perf_counter() - started) * 1000.0)
    interpreter.close()
    return statistics.median(taken[_INVOCATIONS // 3 :])


def build_network(layers: int) -> bytes:
    """Return the FlatBuffer: convolutions 3x3, the first two halve the picture; mean; softmax."""
    network = _Network()
    size = SIDE
    last = network.add_tensor("picture", (1, size, size, 3))
    graph_input = last
    channels = 3
    for number in range(layers):
        stride = 2 if number < 2 else 1
        size //= stride
        last = network.add_convolution(last, (size, channels, stride))
        channels = CHANNELS
    pooled = network.add_tensor("mean", (1, 1, 1, channels))
    network.add(schema.BuiltinOperator.AVERAGE_POOL_2D, [last], pooled, _pooling(size))
    scores = network.add_tensor("scores", (1, 1, 1, channels), (1 / 256, 0))
    network.add(schema.BuiltinOperator.SOFTMAX, [pooled], scores, _softmax())
    return network.pack(graph_input, scores)


class _Network:
    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._model = schema.ModelT()
        self._model.version, self._model.operatorCodes = 3, []
        self._model.buffers = [schema.BufferT()]
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []

    def add_tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        quantization: tuple[float, int] = (_SCALE, _ZERO_POINT),
        values: NDArray[np.uint8] | NDArray[np.int32] | None = None,
    ) -> int:
        """Add a tensor, a constant one if it has values, and return its number."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), 0
        is_wide = values is not None and values.dtype == np.int32
        tensor.type = schema.TensorType.INT32 if is_wide else schema.TensorType.UINT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [quantization[0]]
        tensor.quantization.zeroPoint = [quantization[1]]
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def add_convolution(self, source: int, form: tuple[int, int, int]) -> int:
        """Add a convolution with rectifier; `form` is size of the output, channels in, stride."""
        size, channels, stride = form
        shape = (CHANNELS, 3, 3, channels)
        weights = self._random.integers(64, 192, shape, np.uint8)
        filters = self.add_tensor("filters", shape, values=weights)
        zeros = np.zeros(CHANNELS, np.int32)
        bias = self.add_tensor("bias", (CHANNELS,), (_SCALE * _SCALE, 0), values=zeros)
        result = self.add_tensor("maps", (1, size, size, CHANNELS))
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME
        options.strideW = options.strideH = stride
        options.fusedActivationFunction = schema.ActivationFunctionType.RELU
        chosen = (schema.BuiltinOptions.Conv2DOptions, options)
        self.add(schema.BuiltinOperator.CONV_2D, [source, filters, bias], result, chosen)
        return result

    def add(self, kind: int, takes: list[int], gives: int, options: tuple[int, object]) -> None:
        """Add an operator."""
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes)
        operator.inputs, operator.outputs = takes, [gives]
        operator.builtinOptionsType, operator.builtinOptions = options
        self._model.operatorCodes.append(code)
        self._graph.operators.append(operator)

    def pack(self, takes: int, gives: int) -> bytes:
        """Return the FlatBuffer."""
        self._graph.inputs, self._graph.outputs = [takes], [gives]
        self._model.subgraphs = [self._graph]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def _pooling(size: int) -> tuple[int, object]:
    options = schema.Pool2DOptionsT()
    options.padding = schema.Padding.VALID
    options.filterWidth = options.filterHeight = size
    options.strideW = options.strideH = 1
    return schema.BuiltinOptions.Pool2DOptions, options


def _softmax() -> tuple[int, object]:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    return schema.BuiltinOptions.SoftmaxOptions, options
