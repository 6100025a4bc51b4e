"""LeNet-5, the convolutional network that read the cheques of the 1990s.

LeCun, Bottou, Bengio and Haffner 1998, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE 86(11), section II.B and figure 2, https://doi.org/10.1109/5.726791
"""

from typing import Any

import tf_keras

from train.networks import Network

_KERNEL = 5


def build_lenet5(labels: int, side: int) -> Network:
    """Build LeNet-5: C1, S2, C3, S4, C5 and F6 with the published sizes, kernels and squashing.

    As published: 6, 16 and 120 maps from 5x5 kernels without padding, subsampling over 2x2
    with a coefficient and an offset that each map learns, 84 units, and a hyperbolic tangent
    behind every one of these layers.

    Adapted:

    - The input has three colours, not one grey value; its kernels have three planes.
    - At 32 pixels, the published input, C5 sees its whole map. A larger input leaves more than
      one place of C5, and F6 takes their mean, as the paper's replicated networks look everywhere.
    - C3 reads all six maps of S2. The published table of which map reads which saved time.
    - The tangent is plain; the paper's 1.7159 and 2/3 only scale it, which weights can learn.
    - The output is a softmax instead of distances to drawn digits, since labels are not digits.

    61,000 parameters and no batch normalisation or dropout: neither had been invented.

    Args:
        labels: How many there are.
        side: Width and height of the input in pixels, at least 32.
    """
    layers = tf_keras.layers
    pixels = layers.Input((side, side, 3), name="pixels")
    values = _convolve(pixels, "c1", maps=6)
    values = _subsample(values, "s2")
    values = _convolve(values, "c3", maps=16)
    values = _subsample(values, "s4")
    values = _convolve(values, "c5", maps=120)
    values = layers.GlobalAveragePooling2D(name="places")(values)
    values = layers.Dense(84, name="f6")(values)
    values = layers.Activation("tanh", name="f6_tanh")(values)
    scores = layers.Dense(labels, activation="softmax", name="scores")(values)
    return tf_keras.Model(pixels, scores, name="lenet5")


def _convolve(values: Any, name: str, *, maps: int) -> Any:
    values = tf_keras.layers.Conv2D(maps, _KERNEL, name=name)(values)
    return tf_keras.layers.Activation("tanh", name=f"{name}_tanh")(values)


def _subsample(values: Any, name: str) -> Any:
    """Take the mean of 2x2, times a coefficient plus an offset of each map, squashed."""
    layers = tf_keras.layers
    values = layers.AveragePooling2D(2, name=f"{name}_mean")(values)
    values = layers.DepthwiseConv2D(1, depthwise_initializer="ones", name=name)(values)
    return layers.Activation("tanh", name=f"{name}_tanh")(values)
