"""The layers of a Keras file, in the order of computing, models within models unfolded.

Keras 3 and tf_keras write the same layers and different nodes: how a layer is called, and with
what. Both are read here, from the JSON and without Keras. Every call becomes a step of its own, so
that a layer that is called twice is two steps with the same weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convert.keras_file.input_shape import LARGEST_SIDE, refuse_input
from convert.keras_file.layers import (
    ACTIVATIONS,
    AUGMENTATIONS,
    INACTIVE,
    MODELS,
    OPERATORS,
    SETTINGS,
    is_known,
)
from convert.keras_file.nodes import Ref, list_calls, read_ends
from edge.errors import ModelFileError

INPUT = "input"
"""Name under which steps take the pictures."""

_LARGEST_DEPTH = 16
_NAMED_AT_MOST = 8
_BY_OTHERS = (
    "Replace them and save the model again. No --quantize helps; but TensorFlow's own "
    "tf.lite.TFLiteConverter may take them, and edge package then wraps what it makes"
)

_HINTS = {
    "(Lambda)": "Use Rescaling where a Lambda scales pixels, and other layers of Keras where it "
    "does something else",
    "(the operation ": "Write operations as layers, such as layers.ReLU() for "
    "keras.activations.relu",
}
"""By a sign in what is wrong, what to do about it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A layer at work.

    Attributes:
        name: Unlike that of any other step.
        kind: Of the layer, such as "Conv2D".
        takes: Names of the steps whose output it takes, or `INPUT`.
        settings: What it computes, see `convert.keras_file.layers.SETTINGS`.
        path: Names of the models that hold it, from the outermost, and its own; empty where the
            file has no such layer.
    """

    name: str
    kind: str
    takes: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Architecture:
    """A flat network.

    Attributes:
        size_wh: Width and height of its input, in pixels; three channels.
        steps: In the order of computing; the last one's output is the network's.
        dropped: Names of the layers that only change pictures in training, and were left out.
    """

    size_wh: tuple[int, int]
    steps: tuple[Step, ...]
    dropped: tuple[str, ...] = ()

    def users_of(self, name: str) -> list[Step]:
        """Return the steps that take an output."""
        return [step for step in self.steps if name in step.takes]

    def without(self, step: Step) -> "Architecture":
        """Return the network without a step that takes one output, which is then taken instead."""
        kept = (
            replace(
                other,
                takes=tuple(step.takes[0] if name == step.name else name for name in other.takes),
            )
            for other in self.steps
            if other.name != step.name
        )
        return replace(self, steps=tuple(kept))


def read_architecture(config: Mapping[str, Any]) -> Architecture:
    """Read the layers of a model's description.

    Args:
        config: As the file has it.

    Raises:
        ModelFileError: It has layers, inputs or outputs that cannot be converted; they are named.
    """
    reader = _Reader()
    try:
        output = reader.unfold(config, INPUT, ())
    except ModelFileError:  # which is a ValueError
        raise
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError) as error:
        raise ModelFileError(
            "The layers of a Keras file must be as Keras writes them",
            received=f"{type(error).__name__}: {error}",
            fix="Save the model again: model.save('model.keras')",
        ) from error
    if reader.problems:
        raise _refuse_layers(reader.problems)
    steps = _in_use(reader.steps, output)
    return _drop_inactive(Architecture(reader.size_wh, steps))


class _Reader:
    """Collects steps, and what is wrong with them, so that all of it is named at once."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.problems: list[str] = []
        self.size_wh = (0, 0)
        self._names = {INPUT}

    def unfold(self, model: Mapping[str, Any], entry: str, path: tuple[str, ...]) -> str:
        """Add the steps of a model that takes the output `entry`; return the name of its own."""
        if len(path) > _LARGEST_DEPTH:
            raise ValueError("models within models without end")
        kind, config = model["class_name"], model["config"]
        if kind == "Sequential":
            return self._unfold_chain(config, entry, path)
        if kind in MODELS and "layers" in config:
            return self._unfold_graph(config, entry, path)
        self.problems.append(_describe(model, path[:-1]))
        return entry

    def _unfold_chain(self, config: Mapping[str, Any], entry: str, path: tuple[str, ...]) -> str:
        layers = config["layers"]
        if not path:
            first = layers[0]["config"] if layers else {}
            self._read_input(first if _shape_of(first) else {"shape": config["build_input_shape"]})
        output = entry
        for layer in layers:
            if layer["class_name"] != "InputLayer":
                output = self._call(layer, layer["config"]["name"], [output], path)
        return output

    def _unfold_graph(self, config: Mapping[str, Any], entry: str, path: tuple[str, ...]) -> str:
        layers = {layer["name"]: layer for layer in config["layers"]}
        inlet, outlet = (_read_only_end(config, side, path) for side in ("input", "output"))
        if not path:
            self._read_input(layers[inlet]["config"])
        outputs = {Ref(inlet): entry}
        waiting = list_calls(config["layers"])
        while waiting:
            ready = [call for call in waiting if all(ref in outputs for ref in call.refs)]
            if not ready:
                raise ValueError(f"nothing leads to {waiting[0].output.layer!r}")
            for call in ready:
                name = call.output.layer
                arguments = [outputs[a] if isinstance(a, Ref) else a for a in call.arguments]
                outputs[call.output] = self._call(layers[name], name, arguments, path)
            waiting = [call for call in waiting if call.output not in outputs]
        return max((ref.call, output) for ref, output in outputs.items() if ref.layer == outlet)[1]

    def _call(
        self, layer: Mapping[str, Any], name: str, arguments: list[Any], path: tuple[str, ...]
    ) -> str:
        """Add what a layer does with its arguments: names of outputs, and numbers."""
        if not isinstance(name, str):
            raise ValueError(f"a layer with the name {name!r}")
        own = (*path, name)
        if layer["class_name"] in MODELS or "layers" in layer["config"]:
            return self.unfold(layer, arguments[0], own)
        step = _read_step(layer, arguments)
        if step is None:
            self.problems.append(_describe(layer, path))
            return next((argument for argument in arguments if isinstance(argument, str)), INPUT)
        is_layer = layer["module"] == "keras.layers"
        step = replace(step, name=self._choose_name(own), path=own if is_layer else ())
        self.steps.append(step)
        return step.name

    def _read_input(self, config: Mapping[str, Any]) -> None:
        shape = _shape_of(config)
        is_picture = isinstance(shape, list) and len(shape) == 4 and shape[3] == 3
        if not is_picture or not all(_is_side(side) for side in shape[1:3]):
            raise refuse_input(shape)
        self.size_wh = (shape[2], shape[1])

    def _choose_name(self, path: tuple[str, ...]) -> str:
        """Return the layer's own name, or where that is taken, one with its model's before it."""
        name, count = path[-1], 1
        while name in self._names:
            count += 1
            name = "_".join(path) + (f"_{count}" if count > 2 else "")
        self._names.add(name)
        return name


def _read_only_end(config: Mapping[str, Any], side: str, path: tuple[str, ...]) -> str:
    """Return the name of the only input or output layer of a model."""
    names = read_ends(config[f"{side}_layers"])
    if len(names) == 1:
        return names[0]
    where = f" of the model {path[-1]!r}" if path else ""
    advice = {
        "input": "Build it with the picture as its only input",
        "output": "Save a model that gives the scores alone: "
        "keras.Model(model.input, model.get_layer(NAME).output)",
    }
    raise ModelFileError(
        "A network must have one input, the picture, and one output, the scores",
        received=f"{len(names)} {side}s{where}: {', '.join(map(repr, names))}",
        fix=advice[side],
    )


def _read_step(layer: Mapping[str, Any], arguments: list[Any]) -> Step | None:
    """Return a nameless step, or `None` for what cannot be converted."""
    kind, config = layer["class_name"], layer["config"]
    if layer["module"] != "keras.layers":
        return _read_operator(OPERATORS.get(config.get("function", kind)), arguments)
    is_plain = config.get("data_format") in (None, "channels_last")
    is_plain &= _name_activation(config.get("activation", "linear")) in ACTIVATIONS
    if not (is_known(kind) and is_plain and all(isinstance(a, str) for a in arguments)):
        return None
    settings = {key: config[key] for key in SETTINGS.get(kind, ()) if key in config}
    if "activation" in settings:
        settings["activation"] = _name_activation(settings["activation"])
    return Step("", kind, tuple(arguments), settings)


def _read_operator(operator: str | None, arguments: list[Any]) -> Step | None:
    """Return plain arithmetic as the layer that does the same: numbers as a rescaling."""
    if operator is None or len(arguments) != 2:
        return None
    names = [argument for argument in arguments if isinstance(argument, str)]
    if len(names) == 2:
        return None if operator == "divide" else Step("", operator.title(), tuple(names))
    is_first = isinstance(arguments[0], str)
    number = np.asarray(arguments[1 if is_first else 0], np.float64)
    is_usable = names and np.isfinite(number).all() and (is_first or operator != "divide")
    if not is_usable or (operator == "divide" and not number.all()):
        return None
    scale = {"divide": 1 / number, "multiply": number}.get(operator, np.float64(1))
    offset = number if operator == "add" else np.float64(0)
    if operator == "subtract":
        scale, offset = (scale, -number) if is_first else (-scale, number)
    settings = {"scale": scale.tolist(), "offset": offset.tolist()}
    return Step("", "Rescaling", tuple(names), settings)


def _name_activation(activation: Any) -> Any:
    """Return the name of an activation, which may be written as a function."""
    if isinstance(activation, Mapping) and activation.get("class_name") == "function":
        return activation.get("config")
    return activation if isinstance(activation, str) else "linear" if activation is None else ""


def _shape_of(config: Mapping[str, Any]) -> Any:
    names = ("batch_shape", "batch_input_shape", "shape")
    return next((config[name] for name in names if config.get(name)), None)


def _is_side(side: Any) -> bool:
    return isinstance(side, int) and 0 < side <= LARGEST_SIDE


def _in_use(steps: Sequence[Step], output: str) -> tuple[Step, ...]:
    """Return the steps that the output rests on, it being the last."""
    wanted, kept = {output}, []
    for step in reversed(steps):
        if step.name in wanted:
            wanted.update(step.takes)
            kept.append(step)
    return tuple(reversed(kept))


def _drop_inactive(architecture: Architecture) -> Architecture:
    """Leave out what does nothing after training; augmentation is worth a word."""
    while (step := next(filter(_is_inactive, architecture.steps), None)) is not None:
        architecture = architecture.without(step)  # which changes what the next one takes
        if step.kind in AUGMENTATIONS:
            architecture = replace(architecture, dropped=(*architecture.dropped, step.name))
    return architecture


def _is_inactive(step: Step) -> bool:
    return step.kind in AUGMENTATIONS or step.kind in INACTIVE


def _describe(layer: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """Name a layer, its kind, and the model within the model that holds it."""
    config = layer["config"]
    kind = str(layer.get("registered_name") or layer["class_name"])
    if kind == "TFOpLambda":
        kind = f"tf.{config.get('function')}"
    if layer.get("module") != "keras.layers" and kind not in MODELS and ">" not in kind:
        kind = f"the operation {kind}"
    elif is_known(kind):
        activation, order = config.get("activation", "linear"), config.get("data_format")
        if order == "channels_first":
            kind += " with the channels first"
        elif _name_activation(activation) not in ACTIVATIONS:
            kind += (
                f" with the activation {activation if isinstance(activation, str) else 'of others'}"
            )
    where = f" in the model {path[-1]!r}" if path else ""
    return f"{layer.get('name', config.get('name'))!r} ({kind}){where}"


def _refuse_layers(problems: Sequence[str]) -> ModelFileError:
    shown = ", ".join(problems[:_NAMED_AT_MOST])
    more = len(problems) - _NAMED_AT_MOST
    return ModelFileError(
        "A Keras file must consist of layers that catseye can convert; no Python code of the file "
        "is run, as a Lambda layer would need",
        received=shown + (f" and {more} more" if more > 0 else ""),
        fix="; ".join((*(hint for sign, hint in _HINTS.items() if sign in shown), _BY_OTHERS)),
    )
