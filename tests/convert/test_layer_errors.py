"""Which layers 8-bit numbers hurt most."""

import numpy as np
import pytest
from texture_runs import LABELS, SIDE, build_network, draw

from convert.layer_errors import measure_layers
from edge.errors import ModelFileError
from edge.manifest import InputSpec

SPEC = InputSpec(width=SIDE, height=SIDE)


def textures(count):
    chance = np.random.default_rng(0)
    return np.stack([draw(LABELS[number % 3], chance, SIDE) for number in range(count)])


def test_layers_are_ranked_by_what_rounding_changes_in_them():
    """Of an outlier among its inputs' weights, a dense layer keeps little else."""
    network = build_network()
    kernel, bias = network.layers[-1].get_weights()
    kernel[0] *= 1e4  # one range holds the weights of a label
    network.layers[-1].set_weights([kernel, bias])
    norm = network.get_layer("last_scale")
    gamma, beta, *others = norm.get_weights()
    gamma[0] = beta[0] = 0.0  # which multiplies nothing
    norm.set_weights([gamma, beta, *others])
    found = measure_layers(network, textures(40), spec=SPEC)
    errors = [layer.error for layer in found]
    assert errors == sorted(errors, reverse=True)
    assert (found[0].layer, found[0].operator) == ("last_layer", "FULLY_CONNECTED")
    assert errors[0] > 0.1 > 2 * errors[1]
    assert {layer.layer for layer in found} < {layer.name for layer in network.layers}
    assert {layer.operator for layer in found} == {
        *("CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"),
    }


def test_network_that_the_debugger_cannot_run_is_named():
    import tensorflow as tf
    import tf_keras

    pixels = tf_keras.layers.Input((SIDE, SIDE, 3))
    strange = tf_keras.layers.Lambda(lambda x: tf.linalg.expm(tf.reduce_mean(x, axis=3)))(pixels)
    network = tf_keras.Model(pixels, tf_keras.layers.Flatten()(strange))
    with pytest.raises(ModelFileError, match="quantization debugger"):
        measure_layers(network, textures(2), spec=SPEC)
