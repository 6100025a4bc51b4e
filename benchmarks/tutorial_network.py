"""The network of many tutorials: convolution with a ReLU, then batch normalisation, pooling, dense.

Such as https://kgptalkie.com/tutorials/deep-learning/dog-cat-image-classification-cnn, but thinner.
For `edge train`, in this folder or with it in PYTHONPATH:

    edge train PHOTOS -o RUN --network tutorial_network:build_tutorial --size 32
"""

from typing import Any

import tf_keras

_CHANNELS = (16, 32, 64)
_UNITS = 64


def build_tutorial(labels: int, side: int) -> Any:
    """Build the network: 90,000 parameters at 32 pixels, and no ReLU that ends at 6."""
    layers = tf_keras.layers
    pixels = values = layers.Input((side, side, 3))
    for number, channels in enumerate(_CHANNELS, start=1):
        values = layers.Conv2D(
            channels, 3, padding="same", activation="relu", name=f"conv{number}"
        )(values)
        values = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(values)
        values = layers.MaxPooling2D(2, name=f"pool{number}")(values)
    values = layers.Flatten(name="flatten")(values)
    values = layers.Dense(_UNITS, activation="relu", name="dense")(values)
    values = layers.BatchNormalization(momentum=0.9, name="dense_norm")(values)
    values = layers.Dropout(0.5, name="dropout")(values)
    scores = layers.Dense(labels, activation="softmax", name="scores")(values)
    return tf_keras.Model(pixels, scores, name="tutorial")
