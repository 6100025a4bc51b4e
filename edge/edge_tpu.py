"""Which operators of a model an Edge TPU would run, and which would fall to the CPU, and why.

Coral's compiler decides that, and it runs on 64-bit Debian only. This is read off the rules that
its documentation gives (`edge.edge_tpu_rules`): an estimate, not the compiler's verdict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.edge_tpu_rules import (
    COMPILER_VERSION,
    EIGHT_BITS,
    RULES,
    RULES_URL,
    RUNTIME_VERSION,
    find_doubt,
    find_obstacle,
)
from edge.flatbuffer import kept_inside
from edge.graph import Operator, walk_operators

BASIS = (
    f"Coral's documented rules for compiler {COMPILER_VERSION} and runtime {RUNTIME_VERSION}, not "
    "the compiler's own verdict"
)
"""What this says rests on, for people."""

_COMPILED = "edgetpu-custom-op"
_BEHIND = "it comes after {name}, the first that cannot: from there on all runs on the CPU"
_ENTRANCE = "it makes 8-bit numbers of the floats that come in; what follows is not held up"


@dataclass(frozen=True, slots=True)
class Finding:
    """Operators of which the same holds.

    Attributes:
        operator: Their name.
        count: How many.
        place: Of the first of them in the order in which they run, from 1.
        reason: What holds, and why.
    """

    operator: str
    count: int
    place: int
    reason: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """What an Edge TPU would make of a model, by the documented rules.

    Attributes:
        operators: How many the model has.
        on_tpu: How many of them would run on the Edge TPU.
        on_cpu: What would fall to the CPU.
        doubts: What the rules leave open; counted as running on the Edge TPU.
        needs_runtime: Version of the Edge TPU's runtime that it takes; `None` when nothing would
            run there.
        is_compiled: Whether the compiler has been at it already.
    """

    operators: int
    on_tpu: int
    on_cpu: tuple[Finding, ...]
    doubts: tuple[Finding, ...]
    needs_runtime: int | None
    is_compiled: bool

    def __str__(self) -> str:
        """Say it in a sentence."""
        if self.is_compiled:
            return "compiled for the Edge TPU already: only a device with one runs it"
        if not self.on_tpu:
            return "nothing would run on an Edge TPU"
        if self.on_tpu == self.operators:
            return f"all {self.operators} operators would run on an Edge TPU"
        rest = self.operators - self.on_tpu
        return f"{self.on_tpu} of {self.operators} operators would run on an Edge TPU, {rest} not"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "verdict": str(self),
            "basis": BASIS,
            "rules": RULES_URL,
            "operators": self.operators,
            "on_tpu": self.on_tpu,
            "on_cpu": [asdict(finding) for finding in self.on_cpu],
            "doubts": [asdict(finding) for finding in self.doubts],
            "needs_runtime": self.needs_runtime,
            "is_compiled": self.is_compiled,
        }


def judge_readiness(model_bytes: bytes) -> Readiness:
    """Say what an Edge TPU would make of a model.

    Args:
        model_bytes: A TFLite FlatBuffer.

    Raises:
        ModelFileError: The FlatBuffer points outside itself.
    """
    with kept_inside(model_bytes):
        operators = list(walk_operators(model_bytes))
        reasons = list(_reasons(operators))
        mapped = [one for one, why in zip(operators, reasons, strict=True) if not why]
        doubts = [
            "" if why else find_doubt(one) for one, why in zip(operators, reasons, strict=True)
        ]
    return Readiness(
        operators=len(operators),
        on_tpu=len(mapped),
        on_cpu=_collect(operators, reasons),
        doubts=_collect(operators, doubts),
        needs_runtime=max((RULES[operator.name].since for operator in mapped), default=None),
        is_compiled=any(operator.name == _COMPILED for operator in operators),
    )


def _reasons(operators: Sequence[Operator]) -> Iterator[str]:
    """Yield what keeps each operator on the CPU; nothing for one that would run on the TPU."""
    cut = ""
    for operator in operators:
        if cut:
            yield find_obstacle(operator) or _BEHIND.format(name=cut)
        elif _is_entrance(operator):
            yield _ENTRANCE
        else:
            reason = find_obstacle(operator)
            cut = operator.name if reason else ""
            yield reason


def _is_entrance(operator: Operator) -> bool:
    """Whether it only makes 8-bit numbers of what comes from outside."""
    gives = operator.outputs
    return (
        operator.name == "QUANTIZE"
        and operator.is_first
        and all(node.dtype == "float32" for node in operator.inputs if node is not None)
        and all(node.dtype in EIGHT_BITS for node in gives)
    )


def _collect(operators: Sequence[Operator], reasons: Sequence[str]) -> tuple[Finding, ...]:
    """Put the same reasons for the same operators together, in their order."""
    places: dict[tuple[str, str], list[int]] = {}
    for place, (operator, why) in enumerate(zip(operators, reasons, strict=True), start=1):
        if why:
            places.setdefault((operator.name, why), []).append(place)
    return tuple(Finding(name, len(found), found[0], why) for (name, why), found in places.items())
