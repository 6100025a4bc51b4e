"""Batch normalisation behind an activation: rewritten without changing what is computed."""

import importlib

import numpy as np
import pytest
import tf_keras
from keras_models import KERASES
from texture_runs import LABELS, SIDE, build_network

from convert.candidates import Workshop
from convert.emulation import Emulation
from convert.folding import rewrite_batch_norms
from convert.gate import Limits
from convert.progress import no_progress
from convert.qat import Recipe
from edge.manifest import InputSpec

layers = tf_keras.layers


def build_lone(*, last_bias=True, **norm):
    """Convolution, ReLU, batch normalisation, as in tutorials; statistics drawn at random."""
    tf_keras.utils.set_random_seed(5)
    pixels = layers.Input((SIDE, SIDE, 3))
    values = layers.Conv2D(6, 3, 2, activation="relu")(pixels)
    values = layers.BatchNormalization(name="lone", **norm)(values)
    values = layers.MaxPooling2D(2)(values)
    values = layers.Conv2D(8, 3, use_bias=False)(values)
    values = layers.BatchNormalization(name="absorbed")(values)
    values = layers.ReLU()(values)
    values = layers.Flatten()(values)
    values = layers.Dense(10, activation="relu")(values)
    values = layers.BatchNormalization(name="behind_dense", **norm)(values)
    values = layers.Dropout(0.5)(values)
    scores = layers.Dense(3, activation="softmax", use_bias=last_bias)(values)
    network = tf_keras.Model(pixels, scores)
    chance = np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([chance.uniform(0.2, 3.0, w.shape) for w in layer.get_weights()])
    return network


def say(network):
    pictures = np.random.default_rng(2).uniform(-1, 1, (20, SIDE, SIDE, 3)).astype(np.float32)
    return network.predict_on_batch(pictures)


@pytest.mark.parametrize(
    "norm", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}], ids=str
)
def test_rewritten_network_is_the_same_function(norm):
    network = build_lone(**norm)
    before = say(network)
    rewritten = rewrite_batch_norms(network)
    assert say(rewritten) == pytest.approx(before, abs=1e-5)
    assert say(network) == pytest.approx(before, abs=0)
    kinds = {layer.name: type(layer) for layer in rewritten.layers}
    assert kinds["lone"] is layers.DepthwiseConv2D
    assert kinds["absorbed"] is layers.BatchNormalization
    assert kinds["behind_dense"] is layers.Dropout


def test_rewritten_network_can_learn_to_be_8_bit():
    """Which tfmot refuses of the network as it was."""
    emulation = Emulation(rewrite_batch_norms(build_lone()), spec=InputSpec(SIDE, SIDE))
    assert emulation.model.output_shape == (None, len(LABELS))


@pytest.mark.parametrize("kind", KERASES)
def test_network_of_a_keras_file_is_rewritten_before_it_is_converted(prepare, kind):
    others = importlib.import_module(kind)
    model = others.Sequential(
        [
            *(others.layers.Input((SIDE, SIDE, 3)), others.layers.Rescaling(1 / 255)),
            others.layers.Conv2D(4, 3, 2, activation="relu"),
            *(others.layers.BatchNormalization(name="lone"), others.layers.Flatten()),
            others.layers.Dense(3, activation="softmax"),
        ]
    )
    origin = prepare(model)
    shop = Workshop(origin, recipe=Recipe(), limits=Limits(), progress=no_progress)
    assert isinstance(shop.network.get_layer("lone"), layers.DepthwiseConv2D)
    Emulation(shop.network, spec=origin.input)  # which tfmot refuses of the network as it was


def test_network_without_lone_ones_stays_itself():
    network = build_network()
    assert rewrite_batch_norms(network) is network


def test_what_no_dense_layer_can_take_in_stays():
    rewritten = rewrite_batch_norms(build_lone(last_bias=False))
    assert isinstance(rewritten.get_layer("behind_dense"), layers.BatchNormalization)
    assert isinstance(rewritten.get_layer("lone"), layers.DepthwiseConv2D)
