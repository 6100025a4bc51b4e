"""Opens models in a TFLite runtime; the only file of the project that imports one.

Three runtimes share one Python interface: LiteRT (`ai-edge-litert`, the default),
`tflite-runtime` (older, the only one for 32-bit ARM) and TensorFlow's own (desktop only).
https://ai.google.dev/edge/litert/inference
"""

import importlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.chatter import chatter_kept_back
from edge.errors import MissingExtraError, ModelFileError, NotVerifiableError, SettingError
from edge.extras import install_hint
from edge.records import Interpreter, Scores

AUTO = "auto"
MAX_THREADS = 64

_TYPES = (np.uint8, np.int8, np.float32)
_TOO_OLD = "old TFLite binary"  # which every runtime says of an operator newer than itself


@dataclass(frozen=True, slots=True)
class _Runtime:
    module: str  # has the class Interpreter
    install: str


_RUNTIMES = {
    "litert": _Runtime("ai_edge_litert.interpreter", "pip install ai-edge-litert"),
    "tflite-runtime": _Runtime("tflite_runtime.interpreter", install_hint("tflite-runtime")),
    "tensorflow": _Runtime("tensorflow.lite.python.interpreter", install_hint("desktop")),
}

RUNTIMES = tuple(_RUNTIMES)
"""The runtimes by name, the preferred one first."""

INSTALL_RUNTIME = f"{_RUNTIMES['litert'].install}; on 32-bit ARM: {install_hint()}"
"""How to come by a runtime where there is none."""

DEVICE_RUNTIMES = ("litert", "tflite-runtime")
"""What "auto" chooses from: TensorFlow takes seconds to import and is used only when named."""


def available_runtimes() -> tuple[str, ...]:
    """Return the names of the runtimes that are installed, the preferred one first."""
    return tuple(name for name in RUNTIMES if _is_installed(_RUNTIMES[name]))


def choose_runtime(runtime: str = AUTO) -> str:
    """Return the name of the runtime to use; "auto" takes the first installed for devices.

    Raises:
        SettingError: No runtime has that name.
        MissingExtraError: It is not installed; for "auto", none is.
    """
    if runtime == AUTO:
        for name in DEVICE_RUNTIMES:
            if _is_installed(_RUNTIMES[name]):
                return name
        raise MissingExtraError(
            "A TFLite runtime must be installed",
            received="neither " + " nor ".join(DEVICE_RUNTIMES),
            fix=f"Run: {INSTALL_RUNTIME}",
        )
    if runtime not in _RUNTIMES:
        raise SettingError(
            "The runtime must be one of " + ", ".join((AUTO, *RUNTIMES)),
            received=runtime,
            fix="Leave --runtime out to use the best one installed",
        )
    if not _is_installed(_RUNTIMES[runtime]):
        raise _missing(runtime, "it is not installed")
    return runtime


def load_runtime(runtime: str) -> None:
    """Import a runtime, to see whether it can be.

    Raises:
        SettingError: No runtime has that name.
        MissingExtraError: It is not installed or does not load.
    """
    _import(runtime, _RUNTIMES[choose_runtime(runtime)].module)


def runtime_version(runtime: str) -> str:
    """Return the installed version of a runtime, such as "2.3.0".

    Raises:
        SettingError: No runtime has that name.
        MissingExtraError: It is not installed.
    """
    name = choose_runtime(runtime)
    package = _import(name, _RUNTIMES[name].module.partition(".")[0])
    return str(getattr(package, "__version__", "unknown"))


def open_interpreter(model_bytes: bytes, *, runtime: str = AUTO, threads: int = 1) -> Interpreter:
    """Load a classifier into a runtime.

    Some runtimes crash on a damaged model: `edge.classifier.open_classifier` tries it first.

    Args:
        model_bytes: A TFLite FlatBuffer whose input is `(1, height, width, 3)` and whose output is
            `(1, labels)` or `(1, 1, 1, labels)`; both `uint8`, `int8` or `float32`.
        runtime: One of `RUNTIMES`, or "auto" for the first of them that suits a device.
        threads: 1 to 64.

    Raises:
        SettingError: Unknown runtime or a number of threads out of range.
        MissingExtraError: The runtime is not installed or does not load.
        NotVerifiableError: The runtime is too old for an operator of the model.
        ModelFileError: The runtime refuses the model, or its input or output is another.
    """
    check_threads(threads)
    name = choose_runtime(runtime)
    module = _import(name, _RUNTIMES[name].module)
    with chatter_kept_back():  # a greeting for every model, which no setting stops
        try:
            native = module.Interpreter(model_content=model_bytes, num_threads=threads)
            native.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise _not_loaded(name, " ".join(str(error).split())) from error
    return RuntimeInterpreter(native)


def check_threads(threads: int) -> int:
    """Return a usable number of threads.

    Raises:
        SettingError: Not from 1 to 64.
    """
    if not 1 <= threads <= MAX_THREADS:
        raise SettingError(
            f"The number of threads must be from 1 to {MAX_THREADS}",
            received=str(threads),
            fix="Use 1, or at most the number of processor cores",
        )
    return threads


class RuntimeInterpreter:
    """The `Interpreter` of every TFLite runtime.

    Args:
        native: The runtime's own interpreter, tensors allocated.

    Raises:
        ModelFileError: The input or output is not that of a picture classifier.
    """

    def __init__(self, native: Any) -> None:
        takes = _only_tensor("input", native.get_input_details())
        gives = _only_tensor("output", native.get_output_details())
        _check_input(takes)
        _check_output(gives)
        self._invoke = native.invoke
        self._input = native.tensor(takes["index"])
        self._output = native.tensor(gives["index"])
        self._table = _dequantization_table(gives)

    def input_view(self) -> NDArray[Any]:
        """Return the live input tensor, `(1, height, width, 3)`; drop it before `invoke`."""
        view: NDArray[Any] = self._input()
        return view

    def invoke(self) -> None:
        """Run the model on what the input tensor holds."""
        self._invoke()

    def output(self) -> Scores:
        """Return the output row, `(labels,)`, `float32`, dequantized."""
        row: NDArray[Any] = self._output().reshape(-1)
        return row.copy() if self._table is None else self._table.take(row)

    def close(self) -> None:
        """Release the model; a second call does nothing."""
        self._invoke = self._input = self._output = _closed


def _closed(*_: object) -> Any:
    raise ValueError("the interpreter is closed")


def _is_installed(runtime: _Runtime) -> bool:
    return find_spec(runtime.module.partition(".")[0]) is not None


def _import(name: str, module: str) -> ModuleType:
    if name == "tensorflow":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # or it talks about GPUs
    if name == "tflite-runtime" and not np.__version__.startswith("1."):
        # Its last version, 2.14, imports beside NumPy 2 and fails at the first model.
        raise _missing(name, f"it was built for NumPy 1, and NumPy {np.__version__} is installed")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(name, f"it is installed but does not load ({error})") from error


def _missing(name: str, received: str) -> MissingExtraError:
    others = [other for other in available_runtimes() if other != name]
    instead = f", or use --runtime {others[0]}" if others else ""
    return MissingExtraError(
        f"The runtime {name} must be installed to be used",
        received=received,
        fix=f"Run: {_RUNTIMES[name].install}{instead}",
    )


def _not_loaded(name: str, reason: str) -> ModelFileError:
    if _TOO_OLD in reason:
        upgrade = _RUNTIMES[name].install.replace("install", "install --upgrade")
        newer = f"Run: {upgrade}" if name == "litert" else "Use --runtime litert"
        return NotVerifiableError(
            f"The runtime must be as new as the operators of the model ({name} is older)",
            received=reason,
            fix=f"{newer}, or convert the model again with this catseye's edge convert",
        )
    return ModelFileError(
        f"A model file must load in its runtime ({name})",
        received=reason or "no reason given, as when memory is short",
        fix="Copy the file again, or convert the model again with edge convert",
    )


def _only_tensor(side: str, details: list[dict[str, Any]]) -> dict[str, Any]:
    if len(details) != 1:
        raise _unfit(f"one {side}", f"{len(details)} of them")
    return details[0]


def _check_input(details: dict[str, Any]) -> None:
    shape = tuple(int(side) for side in details["shape"])
    is_picture = len(shape) == 4 and shape[0] == 1 and shape[3] == 3 and min(shape) >= 1
    if not is_picture or details["dtype"] not in _TYPES:
        raise _unfit(
            "an input of shape (1, height, width, 3), uint8, int8 or float32", _describe(details)
        )


def _check_output(details: dict[str, Any]) -> None:
    shape = tuple(int(side) for side in details["shape"])
    is_row = len(shape) in (2, 4) and set(shape[:-1]) == {1} and shape[-1] >= 1
    if not is_row or details["dtype"] not in _TYPES:
        raise _unfit("an output of shape (1, labels), uint8, int8 or float32", _describe(details))
    scale = float(details["quantization"][0])
    if details["dtype"] != np.float32 and not 0.0 < scale < float("inf"):
        raise _unfit("the quantization of its integer output", f"scale {scale}")


def _describe(details: dict[str, Any]) -> str:
    shape = ", ".join(str(int(side)) for side in details["shape"])
    return f"({shape}) {np.dtype(details['dtype']).name}"


def _unfit(rule: str, received: str) -> ModelFileError:
    return ModelFileError(
        f"A picture classifier has {rule}",
        received=received,
        fix="Convert the model with edge convert",
    )


def _dequantization_table(details: dict[str, Any]) -> Scores | None:
    """Return the real value of each of the 256 numbers that an integer output can hold.

    Those of `int8` below zero stand in the second half, where they point to as indices.
    """
    if details["dtype"] == np.float32:
        return None
    scale, zero_point = details["quantization"]
    numbers = np.arange(256, dtype=np.uint8).view(details["dtype"])
    steps = numbers.astype(np.float32) - np.float32(zero_point)
    table: Scores = (steps * np.float32(scale)).astype(np.float32)
    return table
