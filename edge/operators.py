"""Lists the operators of a TFLite model by reading its FlatBuffer; nothing is loaded or run.

The runtimes can list them too, but only of a model that they accept, and a damaged one may abort
them. Layout: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edge.flatbuffer import Table, kept_inside

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
    with kept_inside(model_bytes):
        model = Table.root(model_bytes)
        for buffer in model.tables(4):
            buffer.check_bytes(0)
        uses = Counter(_uses(model))
    return tuple(OperatorUse(*use, count) for use, count in uses.most_common())


def _uses(model: Table) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    names = [name_operator(code) for code in model.tables(1)]
    for graph in model.tables(2):
        types = [name_type(tensor.integer(1, "b")) for tensor in graph.tables(0)]
        for operator in graph.tables(3):
            yield (
                names[operator.integer(0, "I")],
                tuple(types[index] if index >= 0 else "none" for index in operator.integers(1)),
                tuple(types[index] for index in operator.integers(2) if index >= 0),
            )


def name_operator(code: Table) -> str:
    """Return the name of an entry of the model's operator codes; a custom one has its own."""
    # Codes over 127 do not fit the first field and stand in the fourth; the larger one counts.
    number = max(code.integer(0, "b"), code.integer(3, "i"))
    if number == _CUSTOM:
        return code.text(1) or "CUSTOM"
    return _BUILTIN_NAMES[number] if number < len(_BUILTIN_NAMES) else f"BUILTIN_{number}"


def name_type(number: int) -> str:
    """Return the name of a tensor's type, such as "int8"."""
    return _TYPE_NAMES[number] if 0 <= number < len(_TYPE_NAMES) else f"type_{number}"
