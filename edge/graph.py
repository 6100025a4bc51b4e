"""Walks the operators of a TFLite model in the order in which they run, without running them."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.flatbuffer import Table
from edge.operators import name_operator, name_type

_INTEGER_BYTES = {"int32": 4, "int64": 8}
_MOST_INTEGERS = 64  # of axes, shapes and paddings; a longer constant is none of these


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A tensor of a graph.

    Attributes:
        shape: As it is when nothing is resized.
        dtype: Such as "int8".
        is_constant: Whether its numbers stand in the file.
        is_variable: Whether a side beyond the first, the batch, is known only at run time.
        zero_point: Number that stands for the real value 0.
        buffer: What holds its numbers.
    """

    shape: tuple[int, ...]
    dtype: str
    is_constant: bool
    is_variable: bool
    zero_point: int
    buffer: Table

    def integers(self) -> tuple[int, ...]:
        """Return the first numbers of a constant of 32- or 64-bit integers; of others, nothing."""
        size = _INTEGER_BYTES.get(self.dtype)
        if size is None or not self.is_constant:
            return ()
        content = self.buffer.content(0)[: size * _MOST_INTEGERS]
        whole = range(0, len(content) - size + 1, size)
        return tuple(int.from_bytes(content[at : at + size], "little", signed=True) for at in whole)

    def is_zero(self) -> bool:
        """Whether a constant of 8-bit numbers stands for nothing but the real value 0."""
        return set(self.buffer.content(0)) == {self.zero_point % 256}


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """A step of a graph.

    Attributes:
        name: In the spelling of the TFLite schema, such as "CONV_2D"; a custom one has its own.
        inputs: What it takes; `None` for an optional one left out.
        outputs: What it gives.
        options: Its own table of the schema, such as `Conv2DOptions`; `None` when it has none.
        is_first: Whether all that it takes, but for constants, comes from outside the graph.
    """

    name: str
    inputs: tuple[Node | None, ...]
    outputs: tuple[Node, ...]
    options: Table | None
    is_first: bool

    @property
    def taken_shape(self) -> tuple[int, ...]:
        """Shape of its first input."""
        return next((node.shape for node in self.inputs if node is not None), ())

    @property
    def flowing(self) -> tuple[Node, ...]:
        """What goes in and out, without constants."""
        taken = (node for node in self.inputs if node is not None)
        return tuple(node for node in (*taken, *self.outputs) if not node.is_constant)

    def constant(self, place: int) -> tuple[int, ...]:
        """Return the numbers of a constant input of integers; nothing where there is none."""
        node = self.inputs[place] if place < len(self.inputs) else None
        return () if node is None else node.integers()

    def option(self, field: int, kind: str = "b") -> int:
        """Return a field of its options, 0 when absent; `kind` as `Table.integer` takes it."""
        return 0 if self.options is None else self.options.integer(field, kind)


def walk_operators(model_bytes: bytes) -> Iterator[Operator]:
    """Yield the operators of the first subgraph; read them inside `edge.flatbuffer.kept_inside`.

    Args:
        model_bytes: A TFLite FlatBuffer.
    """
    model = Table.root(model_bytes)
    names = [name_operator(code) for code in model.tables(1)]
    buffers = model.tables(4)
    for graph in model.tables(2)[:1]:
        nodes = [_read_node(tensor, buffers) for tensor in graph.tables(0)]
        taken = set(graph.integers(1))
        for operator in graph.tables(3):
            inputs, outputs = operator.integers(1), operator.integers(2)
            flowing = {index for index in inputs if index >= 0 and not nodes[index].is_constant}
            yield Operator(
                name=names[operator.integer(0, "I")],
                inputs=tuple(nodes[index] if index >= 0 else None for index in inputs),
                outputs=tuple(nodes[index] for index in outputs if index >= 0),
                options=operator.table(4),
                is_first=flowing <= taken,
            )


def _read_node(tensor: Table, buffers: list[Table]) -> Node:
    number = tensor.integer(2, "I")
    buffer = buffers[number]
    quantization = tensor.table(4)
    zero_points = quantization.integers(3, "q") if quantization else ()
    return Node(
        shape=tensor.integers(0),
        dtype=name_type(tensor.integer(1, "b")),
        is_constant=number > 0 and bool(buffer.length(0) or buffer.integer(1, "Q")),
        is_variable=any(side < 0 for side in tensor.integers(7)[1:]),
        zero_point=zero_points[0] if zero_points else 0,
        buffer=buffer,
    )
