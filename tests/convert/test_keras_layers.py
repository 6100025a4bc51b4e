"""Layers of Keras files in the order and the places in which people put them."""

import importlib

import numpy as np
import pytest
from keras_models import KERASES, ask, build, build_base, pixels, scramble
from texture_runs import SIDE

from convert.emulation import Emulation
from edge.errors import ModelFileError


@pytest.mark.parametrize("kind", KERASES)
@pytest.mark.parametrize("count", [2, 3])
def test_layers_for_training_only_are_left_out_when_they_follow_each_other(prepare, kind, count):
    keras = importlib.import_module(kind)
    layers = keras.layers
    random = [layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1)]
    quiet = [layers.Dropout(0.1), layers.GaussianNoise(0.1), layers.Dropout(0.2)]
    model = keras.Sequential(
        [
            *(layers.Input((SIDE, SIDE, 3)), *random[:count], layers.Rescaling(1 / 255)),
            *(build_base(keras), *quiet[:count], layers.GlobalAveragePooling2D()),
            *(layers.Dense(3), layers.Softmax()),
        ]
    )
    origin = prepare(scramble(model))
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )
    left_out = next(note for note in origin.notes if note.startswith("augmentation"))
    assert left_out.count("random_") == count


@pytest.mark.parametrize("kind", KERASES)
def test_scaling_in_branches_is_computed_within_the_network_and_can_be_8_bit(prepare, kind):
    keras = importlib.import_module(kind)
    layers = keras.layers
    entry = layers.Input((SIDE, SIDE, 3))
    ways = [layers.Rescaling(1 / 255, name="way"), layers.Rescaling(1 / 127.5, -1, name="other")]
    both = [layers.Conv2D(4, 3, 2)(way(entry)) for way in ways]
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.Concatenate()(both)))
    model = scramble(keras.Model(entry, layers.Dense(3, "softmax")(x)))
    origin = prepare(model)
    assert (origin.input.mean, origin.input.scale) == (0, 1)
    assert any("by its own 'way', 'other' in branches" in note for note in origin.notes)
    assert ask(origin, pixels()) == pytest.approx(
        np.asarray(model(pixels(), training=False)), abs=1e-5
    )
    Emulation(origin.network, spec=origin.input)


@pytest.mark.parametrize("kind", KERASES)
def test_scaling_that_differs_by_place_is_refused(prepare, kind):
    layers = importlib.import_module(kind).layers
    shape = (SIDE, SIDE, 3)
    scaler = layers.Normalization((1, 2, 3), np.full(shape, 120.0), np.full(shape, 3600.0))
    with pytest.raises(
        ModelFileError, match=r"the same everywhere.*\(Normalization\) with 3072 numbers"
    ):
        prepare(build(kind, front=lambda _, x: scaler(x)))
