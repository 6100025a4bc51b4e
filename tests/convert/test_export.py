"""Converted models take uint8 RGB pixels as they are, whatever was learned and measured."""

import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from convert import export
from convert.network import load_network
from convert.qat import scale_pixels
from convert.run_folder import read_run
from edge.errors import ModelFileError
from edge.interpreter import open_interpreter
from edge.manifest import InputSpec

SPEC = InputSpec(width=32, height=32)


@pytest.fixture(scope="module")
def network(run_folder):
    return load_network(read_run(run_folder))


def quantization(model_bytes, side):
    """Type, scale and zero point of the model's input or output."""
    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model_bytes, 0)).subgraphs[0]
    tensor = graph.tensors[getattr(graph, side)[0]]
    return tensor.type, list(tensor.quantization.scale), list(tensor.quantization.zeroPoint)


@pytest.mark.parametrize(
    "levels",
    [
        (0, 255),  # spans everything
        (100, 120),  # low contrast: measured alone it would give another scale
        (127, 127),  # flat grey
    ],
)
def test_export_int8_input_is_exact(network, levels):
    chance = np.random.default_rng(0)
    calibration_rgb = chance.integers(*levels, (8, 32, 32, 3), endpoint=True).astype(np.uint8)
    kept = calibration_rgb.copy()
    model_bytes = export.export_int8(network, calibration_rgb, spec=SPEC)
    assert quantization(model_bytes, "inputs") == (schema.TensorType.UINT8, [1 / 128], [127])
    assert quantization(model_bytes, "outputs") == (schema.TensorType.UINT8, [1 / 256], [0])
    assert np.array_equal(calibration_rgb, kept)


def test_export_float32_says_what_the_network_says(network):
    pixels_rgb = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    interpreter = open_interpreter(export.export_float32(network))
    expected = network.predict(scale_pixels(pixels_rgb, SPEC), verbose=0)
    for pixels, scores in zip(scale_pixels(pixels_rgb, SPEC), expected, strict=True):
        interpreter.input_view()[0] = pixels
        interpreter.invoke()
        assert interpreter.output() == pytest.approx(scores, abs=1e-5)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (InputSpec(width=32, height=32, scale=255.0), "input must be uint8 with scale 0.0039"),
        (InputSpec(width=32, height=32, mean=128.0), "zero point 128"),
    ],
)
def test_check_quantization_says_what_the_converter_did_otherwise(network, spec, said):
    calibration_rgb = np.zeros((2, 32, 32, 3), np.uint8)
    model_bytes = export.export_int8(network, calibration_rgb, spec=SPEC)
    with pytest.raises(ModelFileError, match=said):
        export.check_quantization(model_bytes, spec=spec)


def test_check_quantization_refuses_a_float_model(network):
    with pytest.raises(ModelFileError, match=r"input must be uint8.*Received: type 0"):
        export.check_quantization(export.export_float32(network), spec=SPEC)


def test_export_of_what_tflite_cannot_do_is_refused_in_words():
    import tensorflow as tf
    import tf_keras

    pixels = tf_keras.layers.Input((32, 32, 3))
    strange = tf_keras.layers.Lambda(lambda x: tf.linalg.expm(tf.reduce_mean(x, axis=3)))(pixels)
    network = tf_keras.Model(pixels, tf_keras.layers.Flatten()(strange))
    with pytest.raises(
        ModelFileError, match=r"must convert to TFLite\. Received: Custom ops: MatrixSolve"
    ):
        export.export_float32(network)
