"""Who takes whose output in a Keras model: the nodes of its JSON, of Keras 3 and of tf_keras.

Keras 3: `{"args": [{"class_name": "__keras_tensor__", ...}, 127.5], "kwargs": {}}`. tf_keras:
`[["layer", 0, 0, {}], ...]`, or for an operator `["layer", 0, 0, {"y": 127.5}]`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CONSTANT = "_CONSTANT_VALUE"  # in the place of a layer's name, in tf_keras
_CONSTANTS = frozenset({"__numpy__", "__tensor__"})


@dataclass(frozen=True, slots=True)
class Ref:
    """The output of a layer's call.

    Attributes:
        layer: Its name.
        call: Which of its calls, from 0.
    """

    layer: str
    call: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A layer's call.

    Attributes:
        output: What it gives.
        arguments: What it takes: a `Ref`, a number or a list of numbers each.
    """

    output: Ref
    arguments: tuple[Any, ...]

    @property
    def refs(self) -> list[Ref]:
        """The outputs that it takes."""
        return [argument for argument in self.arguments if isinstance(argument, Ref)]


def list_calls(layers: Sequence[Mapping[str, Any]]) -> list[Call]:
    """Return the calls of a model's layers; an input is not called.

    Args:
        layers: As the JSON has them.

    Raises:
        ValueError: A node that is none of either kind.
    """
    counts = {layer["name"]: len(layer["inbound_nodes"]) for layer in layers}

    def settle(ref: Ref) -> Ref:
        # tf_keras counts the call with which a model within the model was made
        return Ref(ref.layer) if counts[ref.layer] < 2 else ref

    return [
        Call(
            Ref(layer["name"], place),
            tuple(settle(item) if isinstance(item, Ref) else item for item in _read_node(node)),
        )
        for layer in layers
        for place, node in enumerate(layer["inbound_nodes"])
    ]


def read_ends(ends: Any) -> list[str]:
    """Return the names of the input or output layers of a model.

    Args:
        ends: `["layer", 0, 0]`, a list of such, or a mapping of names to such.

    Raises:
        ValueError: A layer has several outputs.
    """
    listed = list(ends.values()) if isinstance(ends, Mapping) else ends
    found = [listed] if listed and isinstance(listed[0], str) else listed
    return [_as_ref(end).layer for end in found]


def _read_node(node: Any) -> list[Any]:
    if isinstance(node, Mapping):
        arguments = node["args"]
        if len(arguments) == 1 and isinstance(arguments[0], list):
            arguments = arguments[0]  # of a layer that joins several
        named = [value for value in node["kwargs"].values() if isinstance(value, list | dict)]
        return [_read_argument(value) for value in (*arguments, *named) if value is not None]
    if isinstance(node[0], str):
        options = {key: value for key, value in node[3].items() if key != "name"}
        first = node[2] if node[0] == _CONSTANT else _as_ref(node)
        return [first, *map(_read_legacy, options.values())]
    return [_as_ref(entry) for entry in node]


def _read_argument(value: Any) -> Any:
    """Read an argument as Keras 3 writes it."""
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "__keras_tensor__":
        return _as_ref(value["config"]["keras_history"])
    if value.get("class_name") in _CONSTANTS:
        return value["config"]["value"]
    raise ValueError(f"an argument {value.get('class_name')}")


def _read_legacy(value: Any) -> Any:
    """Read a further argument as tf_keras writes it."""
    return _as_ref(value) if isinstance(value, list) and isinstance(value[0], str) else value


def _as_ref(history: Sequence[Any]) -> Ref:
    layer, call, output = history[:3]
    if output != 0:
        raise ValueError(f"output {output} of {layer!r}")
    return Ref(str(layer), int(call))
