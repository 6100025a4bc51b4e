"""Where a network looks: Grad-CAM.

Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", https://arxiv.org/abs/1610.02391.
"""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edge.records import Pixels
from train.networks import INPUT_MEAN, INPUT_SCALE, Network

_FEWEST_CELLS = 4  # of a side: 2 x 2 would say no more than which quarter
_SMALLEST_SCORE = 1e-7


class GradCam:
    """Maps what speaks for a label, at the resolution of the last convolution.

    Args:
        network: Takes scaled pixels, returns probabilities.
    """

    def __init__(self, network: Network) -> None:
        last = _last_map(network)
        self._network = tf_keras.Model(network.inputs, [last.output, network.output])

    def explain(self, pixels_rgb: Pixels, label_index: int) -> NDArray[np.float32]:
        """Return how much each part of a picture speaks for a label.

        The gradient is taken of the score's logarithm, which is the label's logit but for what
        all labels share.

        Args:
            pixels_rgb: `(side, side, 3)`, `uint8`, RGB, as large as the network's input.
            label_index: Of the label.

        Returns:
            `(rows, columns)` of the last convolution, in [0, 1]; all 0 when nothing speaks for it.
        """
        scaled = (tf.cast(pixels_rgb[np.newaxis], tf.float32) - INPUT_MEAN) / INPUT_SCALE
        with tf.GradientTape() as tape:
            features, scores = self._network(scaled, training=False)
            said = tf.math.log(tf.cast(scores[0, label_index], tf.float32) + _SMALLEST_SCORE)
        gradients = tf.cast(tape.gradient(said, features), tf.float32)
        weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
        weighted = tf.reduce_sum(weights * tf.cast(features, tf.float32), axis=-1)
        heat: NDArray[np.float32] = np.maximum(weighted[0].numpy(), 0).astype(np.float32)
        greatest = float(heat.max())
        return heat / np.float32(greatest) if greatest > 0 else heat


def _last_map(network: Network) -> Any:
    """Return the last layer whose output has enough rows and columns to say where."""
    maps = [layer for layer in network.layers if _fewest_cells(layer) >= _FEWEST_CELLS]
    return maps[-1] if maps else network.layers[0]


def _fewest_cells(layer: Any) -> int:
    """Return the smaller of the rows and columns of what a layer gives; 0 when it has none."""
    shape = layer.output_shape
    is_map = isinstance(shape, tuple) and len(shape) == 4 and None not in shape[1:3]
    return min(shape[1:3]) if is_map else 0
