"""Layers of Keras files in the order and the places in which people put them."""

import importlib

import numpy as np
import pytest
from keras_models import KERASES, ask, build_base, pixels, scramble
from texture_runs import SIDE


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
