"""Lets nothing of a Keras file reach Keras that could run code.

Keras imports what the JSON of a file names, and its safe mode has had holes, such as CVE-2025-1550.
So every name is held against a short list before Keras sees it; the safe mode comes on top. What
only training needs is left out, and need not be known.
"""

from collections.abc import Mapping
from typing import Any

from convert.keras_file.layers import ACTIVATIONS, MODELS, OPERATORS, is_known
from edge.errors import ModelFileError

_TRAINING_ONLY = ("compile_config", "_initializer", "_regularizer", "_constraint")
_MODEL_HOMES = ("keras.src.models.", "keras.src.engine.", "keras.engine.", "tf_keras.src.engine.")
_POLICIES = frozenset({"DTypePolicy", "FloatDTypePolicy", "Policy"})
_POLICY_HOMES = frozenset({"keras", "keras.dtype_policies", "keras.mixed_precision"})
_MARKERS = frozenset({"__keras_tensor__", "__tuple__", "__numpy__", "__tensor__"})


def vet_config(config: Mapping[str, Any], *, is_legacy: bool) -> Any:
    """Return a model's description that names Keras's own layers and numbers, and no other code.

    Args:
        config: As the file has it.
        is_legacy: Whether tf_keras is to read it.

    Raises:
        ModelFileError: It names something else.
    """
    try:
        return _vet(config, is_legacy, "the model")
    except RecursionError:
        raise _foreign("the model", "parts within parts without end") from None


def _vet(value: Any, is_legacy: bool, place: str) -> Any:
    if isinstance(value, list):
        return [_vet(item, is_legacy, place) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = dict(value)
    if "class_name" in found:
        place = _name_place(found, place)
        if not _is_marker(found):
            _check_class(found, place)
            found["module"] = _find_home(found["module"], is_legacy)
    return {
        key: _vet(item, is_legacy, place)
        for key, item in found.items()
        if not key.endswith(_TRAINING_ONLY)
    }


def _check_class(found: Mapping[str, Any], place: str) -> None:
    """Refuse what is not, by its full name, one of the few things that a network needs."""
    kind, module, config = (found.get(name) for name in ("class_name", "module", "config"))
    if not (isinstance(kind, str) and isinstance(module, str)):
        raise _foreign(place, f"{module}.{kind}")
    is_builtin = found.get("registered_name") in (None, kind)
    if kind in MODELS:
        is_known_here = module in ("keras", "keras.models") or module.startswith(_MODEL_HOMES)
    elif kind in _POLICIES:
        is_known_here = module in _POLICY_HOMES
    elif module == "keras.src.ops.numpy":
        is_known_here = kind in OPERATORS
    elif kind == "TFOpLambda":
        is_known_here = module.endswith("keras.src.layers.core.tf_op_layer")
        is_known_here &= isinstance(config, Mapping) and config.get("function") in OPERATORS
    elif kind == "function":
        is_known_here, is_builtin = module == "builtins" and config in ACTIVATIONS, True
    else:
        is_known_here = module == "keras.layers" and is_known(kind)
    if not (is_known_here and is_builtin):
        raise _foreign(place, f"{module}.{kind}")


def _is_marker(found: Mapping[str, Any]) -> bool:
    return "module" not in found and found["class_name"] in _MARKERS


def _find_home(module: str, is_legacy: bool) -> str:
    """Return where tf_keras has what its ancestors, up to TensorFlow 2.15, had elsewhere."""
    for old in ("keras.src.", "keras."):
        rest = module.removeprefix(old)
        if is_legacy and rest != module and rest.startswith(("engine.", "layers.core.")):
            return "tf_keras.src." + rest
    return module


def _name_place(found: Mapping[str, Any], place: str) -> str:
    config = found.get("config")
    name = config.get("name") if isinstance(config, Mapping) else None
    return f"layer {name!r}" if name and found["class_name"] not in _POLICIES else place


def _foreign(place: str, name: str) -> ModelFileError:
    return ModelFileError(
        "A Keras file must consist of Keras's own layers; no code that it names or holds is run",
        received=f"{name} in {place}",
        fix="Replace it by layers of Keras and save the model again",
    )
