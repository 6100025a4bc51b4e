"""Lists the operators of a TFLite model by reading its FlatBuffer; nothing is loaded or run.

The runtimes can list them too, but only of a model that they accept, and a damaged one may abort
them. Layout: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
and https://flatbuffers.dev/internals/
"""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edge.errors import ModelFileError

_BUILTIN_TEXT = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
    EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
    LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1
    RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM
    CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
    SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM
    CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT
    SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT
    SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND
    LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
    RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL
    REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE
    MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5
    SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM
    CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND
    HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
    ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL
    GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
    UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
    STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM
    STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM
    STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
    STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG
    STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER
    STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER
    STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE
    STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT
    STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR
    REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
"""

_TYPE_TEXT = """
    float32 float16 int32 uint8 int64 string bool int16 complex64 int8 float64 complex128 uint64
    resource variant uint32 uint16 int4 bfloat16 int2 uint4 float8_e4m3fn float8_e5m2
"""

# Their numbers in the schema are their places in these lists.
_BUILTIN_NAMES = _BUILTIN_TEXT.split()
_TYPE_NAMES = _TYPE_TEXT.split()
_CUSTOM = _BUILTIN_NAMES.index("CUSTOM")


@dataclass(frozen=True, slots=True)
class OperatorUse:
    """How often a model uses an operator on tensors of the same types.

    Attributes:
        name: In the spelling of the TFLite schema, such as "CONV_2D"; a custom one has its own.
        inputs: Types of the input tensors, such as "int8"; "none" for an optional one left out.
        outputs: Types of the output tensors.
        count: How often.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    count: int


def list_operators(model_bytes: bytes) -> tuple[OperatorUse, ...]:
    """List the operators of all subgraphs, the most frequent first.

    Args:
        model_bytes: A TFLite FlatBuffer.

    Raises:
        ModelFileError: The FlatBuffer points outside itself: it was cut off or overwritten.
    """
    try:
        model = _Table.root(model_bytes)
        for buffer in model.tables(4):
            buffer.check_bytes(0)
        uses = Counter(_uses(model))
    except (struct.error, IndexError) as error:
        raise ModelFileError(
            "A model file must be a whole FlatBuffer",
            received=f"{len(model_bytes)} bytes that point outside themselves",
            fix="Copy the file again",
        ) from error
    return tuple(OperatorUse(*use, count) for use, count in uses.most_common())


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a FlatBuffer: fields are found through offsets and may be absent."""

    data: bytes
    position: int

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, _read(data, "I", 0))

    def integer(self, field: int, kind: str) -> int:
        """Return a scalar field; 0 when absent, which is the schema's default everywhere here."""
        at = self._find(field)
        return _read(self.data, kind, at) if at else 0

    def integers(self, field: int) -> tuple[int, ...]:
        """Return a field that is a vector of 32-bit integers."""
        return tuple(_read(self.data, "i", at) for at in self._elements(field))

    def text(self, field: int) -> str:
        """Return a field that is a string."""
        at = self._find(field)
        if not at:
            return ""
        start = at + _read(self.data, "I", at)
        length = _read(self.data, "I", start)
        return self.data[start + 4 : start + 4 + length].decode(errors="replace")

    def tables(self, field: int) -> list["_Table"]:
        """Return a field that is a vector of tables."""
        return [_Table(self.data, at + _read(self.data, "I", at)) for at in self._elements(field)]

    def check_bytes(self, field: int) -> None:
        """Make sure that a field that is a vector of bytes, such as weights, is all there."""
        at = self._find(field)
        if at:
            start = at + _read(self.data, "I", at)
            _read(self.data, "B", start + 3 + _read(self.data, "I", start))

    def _elements(self, field: int) -> range:
        at = self._find(field)
        if not at:
            return range(0)
        start = at + _read(self.data, "I", at)
        length = _read(self.data, "I", start)
        first = start + 4
        _read(self.data, "B", first + 4 * length - 1)  # the last element must be there
        return range(first, first + 4 * length, 4)

    def _find(self, field: int) -> int:
        """Return the position of a field, 0 when absent."""
        layout = self.position - _read(self.data, "i", self.position)
        entry = 4 + 2 * field
        if entry >= _read(self.data, "H", layout):
            return 0
        offset = _read(self.data, "H", layout + entry)
        return self.position + offset if offset else 0


def _read(data: bytes, kind: str, at: int) -> int:
    if at < 0:
        raise IndexError(at)
    return int(struct.unpack_from("<" + kind, data, at)[0])


def _uses(model: _Table) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    names = [_operator_name(code) for code in model.tables(1)]
    for graph in model.tables(2):
        types = [_type_name(tensor.integer(1, "b")) for tensor in graph.tables(0)]
        for operator in graph.tables(3):
            yield (
                names[operator.integer(0, "I")],
                tuple(types[index] if index >= 0 else "none" for index in operator.integers(1)),
                tuple(types[index] for index in operator.integers(2) if index >= 0),
            )


def _operator_name(code: _Table) -> str:
    # Codes over 127 do not fit the first field and stand in the fourth; the larger one counts.
    number = max(code.integer(0, "b"), code.integer(3, "i"))
    if number == _CUSTOM:
        return code.text(1) or "CUSTOM"
    return _BUILTIN_NAMES[number] if number < len(_BUILTIN_NAMES) else f"BUILTIN_{number}"


def _type_name(number: int) -> str:
    return _TYPE_NAMES[number] if 0 <= number < len(_TYPE_NAMES) else f"type_{number}"
