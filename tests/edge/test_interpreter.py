import subprocess
import sys

import numpy as np
import pytest
from colour_model import build_colour_model, need_newer_runtime, write_colour_model

from edge import interpreter
from edge.errors import MissingExtraError, ModelFileError, NotVerifiableError, SettingError
from edge.interpreter import (
    RuntimeInterpreter,
    available_runtimes,
    check_threads,
    choose_runtime,
    load_runtime,
    open_interpreter,
    runtime_version,
)
from edge.modelfile import read_model_file


@pytest.fixture
def only_installed(monkeypatch):
    """Return a function that makes these modules the only installed ones."""

    def install(*modules):
        monkeypatch.setattr(
            interpreter, "find_spec", lambda name: object() if name in modules else None
        )

    return install


@pytest.mark.parametrize(
    ("modules", "chosen"),
    [
        (("ai_edge_litert",), "litert"),
        (("tflite_runtime",), "tflite-runtime"),
        (("ai_edge_litert", "tflite_runtime", "tensorflow"), "litert"),
    ],
)
def test_auto_chooses_the_first_installed_runtime_for_devices(only_installed, modules, chosen):
    only_installed(*modules)
    assert choose_runtime() == chosen


def test_auto_never_chooses_tensorflow(only_installed):
    only_installed("tensorflow")
    assert available_runtimes() == ("tensorflow",)
    with pytest.raises(MissingExtraError, match="pip install ai-edge-litert"):
        choose_runtime()


def test_missing_runtime_says_what_to_install_and_what_to_use_instead(only_installed):
    only_installed("ai_edge_litert")
    with pytest.raises(MissingExtraError, match=r".\[tflite-runtime\].*--runtime litert"):
        choose_runtime("tflite-runtime")


def test_unknown_runtime_is_a_wrong_setting():
    with pytest.raises(SettingError, match="auto, litert, tflite-runtime, tensorflow"):
        choose_runtime("onnx")


def test_runtime_that_does_not_load_says_so(only_installed, monkeypatch):
    only_installed("ai_edge_litert")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingExtraError, match="does not load"):
        open_interpreter(build_colour_model())


def test_tflite_runtime_beside_numpy_2_says_what_to_install(only_installed, monkeypatch):
    only_installed("tflite_runtime")
    monkeypatch.setattr(interpreter.np, "__version__", "2.2.6")
    with pytest.raises(MissingExtraError, match=r"NumPy 2\.2\.6.*.\[tflite-runtime\]"):
        load_runtime("tflite-runtime")


@pytest.mark.parametrize("threads", [0, -1, 65, 10**9])
def test_threads_out_of_range_are_a_wrong_setting(threads):
    with pytest.raises(SettingError, match=f"from 1 to 64.*{threads}"):
        check_threads(threads)


def test_runtime_version_is_that_of_the_package():
    assert runtime_version("litert").split(".")[0].isdigit()


@pytest.mark.parametrize(
    ("model_bytes", "message"),
    [
        (b"", "must be specified"),
        (b"<html>", "not a valid Flatbuffer"),
        (b"\x18\x00\x00\x00TFL3", "not a valid Flatbuffer"),
        (bytes(4096), "not a valid Flatbuffer"),
        (build_colour_model()[:300], "not a valid Flatbuffer"),
    ],
)
def test_bytes_that_are_no_model_are_refused(model_bytes, message):
    with pytest.raises(ModelFileError, match=message):
        open_interpreter(model_bytes)


def need_other_runtime(model):
    """Spoil a model: it needs an operator that no runtime has yet."""
    model.operatorCodes[0].builtinCode = 999
    model.operatorCodes[0].deprecatedBuiltinCode = 127


@pytest.mark.parametrize("spoil", [need_newer_runtime, need_other_runtime])
def test_operator_newer_than_the_runtime_says_so(tmp_path, spoil):
    path = write_colour_model(tmp_path / "newer.tflite", spoil=spoil)
    with pytest.raises(NotVerifiableError, match=r"litert is older.*--upgrade ai-edge-litert"):
        open_interpreter(read_model_file(path).model_bytes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 1}, r"Received: \(1, 6, 8, 1\) uint8"),
        ({"batch": 2}, r"Received: \(2, 6, 8, 3\) uint8"),
    ],
)
def test_models_that_take_no_single_colour_picture_are_refused(arguments, message):
    with pytest.raises(ModelFileError, match=message):
        open_interpreter(build_colour_model(**arguments))


class NativeInterpreter:
    """Says what a model of any shape takes and gives."""

    def __init__(
        self, inputs=1, outputs=1, shape=(1, 3), dtype=np.uint8, scale=1 / 256, takes=np.uint8
    ):
        picture = {"index": 0, "shape": (1, 6, 8, 3), "dtype": takes, "quantization": (1.0, 0)}
        row = {"index": 1, "shape": shape, "dtype": dtype, "quantization": (scale, 0)}
        self.get_input_details = lambda: [picture] * inputs
        self.get_output_details = lambda: [row] * outputs


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"inputs": 2}, "has one input. Received: 2 of them"),
        ({"outputs": 4}, "has one output. Received: 4 of them"),  # an object detector
        ({"shape": (1, 80, 80, 3)}, r"output of shape \(1, labels\).*\(1, 80, 80, 3\) uint8"),
        ({"dtype": np.int64}, r"Received: \(1, 3\) int64"),
        ({"shape": (1, 1, 2, 3)}, r"Received: \(1, 1, 2, 3\) uint8"),
        ({"shape": (3,)}, r"Received: \(3\) uint8"),
        ({"takes": np.int16}, r"int8 or float32. Received: \(1, 6, 8, 3\) int16"),
        ({"scale": 0.0}, r"quantization of its integer output. Received: scale 0\.0"),
    ],
)
def test_models_that_are_no_classifiers_are_refused(details, message):
    with pytest.raises(ModelFileError, match=message):
        RuntimeInterpreter(NativeInterpreter(**details))


def test_closed_interpreter_cannot_be_used_and_closes_twice():
    opened = open_interpreter(build_colour_model())
    opened.close()
    opened.close()
    with pytest.raises(ValueError, match="closed"):
        opened.invoke()


def test_opening_writes_nothing_to_standard_error(capfd):
    open_interpreter(build_colour_model(size_wh=(64, 64), dtype="float32")).close()
    assert capfd.readouterr().err == ""


def test_opening_works_with_standard_error_closed():
    code = (
        "import os; os.close(2)\n"
        "from colour_model import build_colour_model\n"
        "from edge.interpreter import open_interpreter\n"
        "open_interpreter(build_colour_model()).invoke()"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)})
    assert done.returncode == 0


def test_output_row_outlives_the_next_picture():
    opened = open_interpreter(build_colour_model())
    opened.input_view()[:] = np.array((255, 0, 0), np.uint8)
    opened.invoke()
    first = opened.output()
    opened.input_view()[:] = np.array((0, 255, 0), np.uint8)
    opened.invoke()
    assert (first.argmax(), opened.output().argmax()) == (0, 1)
