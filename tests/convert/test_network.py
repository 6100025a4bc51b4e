"""The Keras model of a run, and what is said when it does not fit."""

import shutil

import pytest
from texture_runs import SIDE, build_network

from convert.network import load_network
from convert.run_folder import read_run
from edge.errors import RunFolderError


@pytest.fixture
def run_copy(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / "run")


def test_load_network_takes_scaled_pictures(run_folder):
    network = load_network(read_run(run_folder))
    assert network.input_shape == (None, SIDE, SIDE, 3)
    assert network.output_shape == (None, 3)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_load_network_refuses_what_is_no_keras_model(run_copy, content):
    (run_copy / "model.keras").write_bytes(content)
    with pytest.raises(RunFolderError, match="The Keras model of a run folder must load"):
        load_network(read_run(run_copy))


def test_load_network_refuses_other_shapes(run_copy):
    import tf_keras

    pixels = tf_keras.layers.Input((8, 8, 3))
    tf_keras.Model(pixels, tf_keras.layers.Flatten()(pixels)).save(run_copy / "model.keras")
    with pytest.raises(RunFolderError, match=r"\(None, 32, 32, 3\).*Received: \(None, 8, 8, 3\)"):
        load_network(read_run(run_copy))


def test_load_network_refuses_a_model_within_the_model(run_copy):
    import tf_keras

    pixels = tf_keras.layers.Input((SIDE, SIDE, 3))
    tf_keras.Model(pixels, build_network()(pixels)).save(run_copy / "model.keras")
    with pytest.raises(RunFolderError, match=r"must be flat.*Received: layer 'model"):
        load_network(read_run(run_copy))


def test_load_network_refuses_rescaling_inside(run_copy):
    import tf_keras

    layers = tf_keras.layers
    pixels = layers.Input((SIDE, SIDE, 3))
    x = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255, name="rescaling")(pixels))
    tf_keras.Model(pixels, layers.Dense(3)(x)).save(run_copy / "model.keras")
    with pytest.raises(RunFolderError, match=r"layer 'rescaling' \(Rescaling\)"):
        load_network(read_run(run_copy))
