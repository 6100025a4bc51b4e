"""What a TFLite model takes and gives, read from its FlatBuffer; nothing is loaded or run."""

from dataclasses import dataclass

from edge.errors import ModelFileError
from edge.flatbuffer import Table, kept_inside
from edge.operators import name_operator, name_type

# Operators that give on what they take in another shape or type.
_PASSING = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE", "CAST"})


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a model.

    Attributes:
        name: As its maker called it.
        shape: As it is when nothing is resized; 1 where it may vary.
        dtype: Such as "uint8".
        scales: Step of the real values; empty when it is not quantized, several when each channel
            has its own.
        zero_points: Numbers that stand for the real value 0.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return shape, type and quantization in a few words."""
        shape = ", ".join(map(str, self.shape))
        steps = ""
        if len(self.scales) == 1 and len(self.zero_points) == 1:
            steps = f", scale {self.scales[0]:g}, zero point {self.zero_points[0]}"
        return f"({shape}) {self.dtype}{steps}"


@dataclass(frozen=True, slots=True)
class Interface:
    """What a model takes and gives.

    Attributes:
        inputs: In the model's order.
        outputs: In the model's order.
        ending: Operator that computes the first output, such as "SOFTMAX"; what only changes shape
            or type is passed over. Empty when none does.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    ending: str


def read_interface(model_bytes: bytes) -> Interface:
    """Read the inputs and outputs of a model's first subgraph.

    Args:
        model_bytes: A TFLite FlatBuffer.

    Raises:
        ModelFileError: The FlatBuffer points outside itself, or holds no graph.
    """
    with kept_inside(model_bytes):
        model = Table.root(model_bytes)
        graphs = model.tables(2)
        if not graphs:
            raise ModelFileError(
                "A model file must hold a graph",
                received=f"{len(model_bytes)} bytes without one",
                fix="Copy the file again",
            )
        tensors = graphs[0].tables(0)
        takes, gives = graphs[0].integers(1), graphs[0].integers(2)
        return Interface(
            inputs=tuple(_read_tensor(tensors[index]) for index in takes),
            outputs=tuple(_read_tensor(tensors[index]) for index in gives),
            ending=_find_ending(model, graphs[0], gives[0]) if gives else "",
        )


def _read_tensor(tensor: Table) -> Tensor:
    quantization = tensor.table(4)
    return Tensor(
        name=tensor.text(3),
        shape=tensor.integers(0),
        dtype=name_type(tensor.integer(1, "b")),
        scales=quantization.reals(2) if quantization else (),
        zero_points=quantization.integers(3, "q") if quantization else (),
    )


def _find_ending(model: Table, graph: Table, tensor: int) -> str:
    names = [name_operator(code) for code in model.tables(1)]
    for operator in reversed(graph.tables(3)):
        takes, gives = operator.integers(1), operator.integers(2)
        if tensor not in gives:
            continue
        name = names[operator.integer(0, "I")]
        if name not in _PASSING or not takes:
            return name
        tensor = takes[0]
    return ""
