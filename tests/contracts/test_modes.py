"""What each mode of `edge convert` makes, on every runtime that is installed.

The files in `modes/` are one small network of textures in every mode, the FlatBuffers alone, so
that a runtime can be tried where there is no TensorFlow to convert with (tests/convert does both).
"""

from pathlib import Path

import numpy as np
import pytest
from texture_runs import LABELS, SIDE, draw

from edge.classifier import input_filler
from edge.interpreter import open_interpreter
from edge.manifest import InputSpec

FOLDER = Path(__file__).parent / "modes"
MODES = sorted(path.stem for path in FOLDER.glob("*.tflite"))


def classify(mode, runtime, count=90):
    """Return what a mode says about pictures, by the device's own code."""
    chance = np.random.default_rng(7)
    interpreter = open_interpreter((FOLDER / f"{mode}.tflite").read_bytes(), runtime=runtime)
    dtype = interpreter.input_view().dtype.name
    fill = input_filler(InputSpec(width=SIDE, height=SIDE, dtype=dtype))
    rows = []
    for number in range(count):
        pixels_bgr = np.ascontiguousarray(draw(LABELS[number % 3], chance)[:, :, ::-1])
        fill(pixels_bgr, interpreter.input_view()[0])
        interpreter.invoke()
        rows.append(np.array(interpreter.output()))
    interpreter.close()
    return np.stack(rows), dtype


@pytest.mark.parametrize("mode", MODES)
def test_mode_says_on_every_runtime_what_the_float_network_says(mode, runtime):
    expected, _ = classify("float32", "auto")
    found, dtype = classify(mode, runtime)
    assert dtype == ("uint8" if mode in ("qat", "int8") else "float32")
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.97
    assert np.abs(found - expected).mean() < 0.02


def test_every_mode_has_a_file():
    assert MODES == ["dynamic", "float16", "float32", "int16x8", "int8", "qat"]
