"""The Edge TPU's rules: which operators it has, and what keeps one of them from it.

A table of what Coral documents for compiler 16 and version 14 of the Edge TPU's runtime, the last
ones: https://coral.ai/docs/edgetpu/models-intro/#supported-operations
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from edge.graph import Operator

RULES_URL = "https://coral.ai/docs/edgetpu/models-intro/#supported-operations"
COMPILER_VERSION = 16
RUNTIME_VERSION = 14

EIGHT_BITS = ("int8", "uint8")
"""What everything on an Edge TPU is made of."""

_FIRST_RUNTIME = 10
_MOST_SIDES = 3
_LONGEST_SOFTMAX = 16_000


@dataclass(frozen=True, slots=True)
class Limit:
    """What keeps an operator from the Edge TPU.

    Attributes:
        reason: In words.
        is_broken: Whether it does so with this operator.
    """

    reason: str
    is_broken: Callable[[Operator], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """When an Edge TPU runs an operator.

    Attributes:
        limits: What may keep it from that.
        parameters: Places of the inputs that must stand in the file.
        since: Version of the Edge TPU's runtime that it takes.
        doubt: Where the documentation leaves it open: what it says, and when it may be so.
    """

    limits: tuple[Limit, ...] = ()
    parameters: tuple[int, ...] = ()
    since: int = _FIRST_RUNTIME
    doubt: Limit | None = None


def find_obstacle(operator: Operator) -> str:
    """Return why an operator cannot run on an Edge TPU, wherever it stands; empty when it can."""
    rule = RULES.get(operator.name)
    if rule is None:
        return "the Edge TPU has no such operator"
    for limit in (_RESULTS, Limit(_COMPUTED, _computes(rule)), *_EVERYWHERE, *rule.limits):
        if limit.is_broken(operator):
            others = sorted({node.dtype for node in operator.flowing} - set(EIGHT_BITS))
            return limit.reason.format(types=" and ".join(others))
    return ""


def find_doubt(operator: Operator) -> str:
    """Return why the documentation leaves it open whether an operator that can, does."""
    rule = RULES.get(operator.name)
    if rule is None or rule.doubt is None or not rule.doubt.is_broken(operator):
        return ""
    return rule.doubt.reason


def _computes(rule: Rule) -> Callable[[Operator], bool]:
    """Return what tells whether an operator's parameters are computed."""
    return lambda operator: any(
        node is not None and not node.is_constant
        for place, node in enumerate(operator.inputs)
        if place in rule.parameters
    )


def _has_float_constants(operator: Operator) -> bool:
    constants = (node for node in operator.inputs if node is not None and node.is_constant)
    return any(node.dtype not in (*EIGHT_BITS, "int32") for node in constants)


def _has_many_sides(operator: Operator) -> bool:
    return any(max(node.shape[:-_MOST_SIDES], default=1) > 1 for node in operator.flowing)


_TYPES = "it computes with {types}, and everything must be int8 or uint8"
_COMPUTED = "its weights or parameters are computed, and must stand in the file"
_RESULTS = Limit(
    _TYPES, lambda operator: any(node.dtype not in EIGHT_BITS for node in operator.outputs)
)
_EVERYWHERE = (
    Limit(_TYPES, lambda operator: any(node.dtype not in EIGHT_BITS for node in operator.flowing)),
    Limit("its weights are not 8-bit numbers", _has_float_constants),
    Limit(
        "a size is known only at run time, and must stand in the file",
        lambda operator: any(node.is_variable for node in operator.flowing),
    ),
    Limit("a tensor has more than three sides that are longer than 1", _has_many_sides),
)


def _sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sides that are longer than 1."""
    return tuple(side for side in shape if side != 1)


def _axes(operator: Operator, place: int) -> set[int]:
    """Return the axes that a constant input names, counted from 0."""
    rank = max(1, len(operator.taken_shape))
    return {axis % rank for axis in operator.constant(place)}


def _activation(field: int) -> Limit:
    return Limit("it is fused with an activation", lambda operator: operator.option(field) != 0)


def _dilation(across: int, up: int) -> Limit:
    return Limit(
        "it is not dilated alike in both directions",
        lambda operator: (operator.option(across, "i") or 1) != (operator.option(up, "i") or 1),
    )


def _reduces_depth_oddly(operator: Operator) -> bool:
    shape = operator.taken_shape
    return bool(shape) and len(shape) - 1 in _axes(operator, 1) and shape[-1] % 4 != 0


def _joins_constants(operator: Operator) -> bool:
    constants = [node for node in operator.inputs if node is not None and node.is_constant]
    return bool(constants) and (
        len(operator.inputs) != 2 or not all(node.is_zero() for node in constants)
    )


def _strides_or_masks(operator: Operator) -> bool:
    has_masks = operator.option(2, "i") != 0 or operator.option(3, "i") != 0
    return has_masks or set(operator.constant(3)) - {1} != set()


def _splits_batch(operator: Operator) -> bool:
    shape = operator.outputs[0].shape
    return any(axis % max(1, len(shape)) == 0 for axis in operator.constant(0))


_NO_BATCH_REDUCTION = Limit("it reduces the batch", lambda operator: 0 in _axes(operator, 1))
_NO_BATCH_PADDING = Limit(
    "it pads the batch",
    lambda operator: len(operator.taken_shape) > _MOST_SIDES and any(operator.constant(1)[:2]),
)
_RESIZING = Rule(
    parameters=(1,),
    doubt=Limit(
        "of some sizes the compiler leaves it to the CPU, to keep the precision", lambda _: True
    ),
)
_REDUCING = (_NO_BATCH_REDUCTION,)

RULES: Mapping[str, Rule] = {
    "ADD": Rule(),
    "AVERAGE_POOL_2D": Rule((_activation(5),)),
    "CONCATENATION": Rule(
        (
            _activation(1),
            Limit(
                "it joins a constant: only zeros beside a single tensor will do", _joins_constants
            ),
        )
    ),
    "CONV_2D": Rule((_dilation(4, 5),), parameters=(1, 2)),
    "DEPTHWISE_CONV_2D": Rule((_dilation(5, 6),), parameters=(1, 2)),
    "EXPAND_DIMS": Rule(parameters=(1,), since=13),
    "FULLY_CONNECTED": Rule(
        (
            Limit("its weights are shuffled", lambda operator: operator.option(1) != 0),
            Limit(
                "it gives more than one row",
                lambda operator: any(len(_sides(node.shape)) > 1 for node in operator.outputs),
            ),
        ),
        parameters=(1, 2),
    ),
    "L2_NORMALIZATION": Rule(),
    "LOGISTIC": Rule(),
    "MAXIMUM": Rule(),
    "MAX_POOL_2D": Rule((_activation(5),)),
    "MEAN": Rule(
        (
            _NO_BATCH_REDUCTION,
            Limit("it reduces channels that are no multiple of 4", _reduces_depth_oddly),
        ),
        parameters=(1,),
    ),
    "MINIMUM": Rule(),
    "MUL": Rule(),
    "PACK": Rule(
        (Limit("it stacks along the batch", lambda operator: operator.option(1, "i") == 0),),
        since=13,
    ),
    "PAD": Rule((_NO_BATCH_PADDING,), parameters=(1,)),
    "PRELU": Rule(
        (
            Limit(
                "its slopes differ by more than the channel",
                lambda operator: any(
                    max(node.shape[:-1], default=1) > 1
                    for node in operator.inputs[1:]
                    if node is not None
                ),
            ),
        ),
        parameters=(1,),
        since=13,
    ),
    "QUANTIZE": Rule(since=13),
    "REDUCE_MAX": Rule(_REDUCING, parameters=(1,), since=14),
    "REDUCE_MIN": Rule(_REDUCING, parameters=(1,), since=14),
    "RELU": Rule(),
    "RELU6": Rule(),
    "RELU_N1_TO_1": Rule(),
    "RESHAPE": Rule(
        parameters=(1,),
        doubt=Limit(
            "a large reshape may be left to the CPU",
            lambda operator: _sides(operator.taken_shape) != _sides(operator.outputs[0].shape),
        ),
    ),
    "RESIZE_BILINEAR": _RESIZING,
    "RESIZE_NEAREST_NEIGHBOR": _RESIZING,
    "RSQRT": Rule(since=14),
    "SLICE": Rule(parameters=(1, 2)),
    "SOFTMAX": Rule(
        (
            Limit(
                "it takes more than one row", lambda operator: len(_sides(operator.taken_shape)) > 1
            ),
            Limit(
                f"it takes more than {_LONGEST_SOFTMAX:,} numbers",
                lambda operator: prod(operator.taken_shape) > _LONGEST_SOFTMAX,
            ),
        )
    ),
    "SPACE_TO_DEPTH": Rule(),
    "SPLIT": Rule((Limit("it cuts the batch", _splits_batch),), parameters=(0,)),
    "SQUARED_DIFFERENCE": Rule(since=14),
    "SQUEEZE": Rule(),
    "STRIDED_SLICE": Rule(
        (Limit("it takes steps over 1, or adds axes", _strides_or_masks),), parameters=(1, 2, 3)
    ),
    "SUB": Rule(),
    "SUM": Rule(_REDUCING, parameters=(1,), since=13),
    "TANH": Rule(),
    "TRANSPOSE": Rule(parameters=(1,), since=14),
    "TRANSPOSE_CONV": Rule(parameters=(0, 1), since=13),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Rule(since=14),
}
"""What an Edge TPU has, by the name of the TFLite operator."""
