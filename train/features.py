"""What a network makes of pictures before its last layer."""

from collections.abc import Callable

import cv2
import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edge.records import Pixels
from train.networks import INPUT_MEAN, INPUT_SCALE, Network

_BATCH = 64


def extract_features(
    network: Network,
    pixels_rgb: Pixels,
    *,
    when_done: Callable[[], None] = lambda: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """Return what the last layer gets to see, `(pictures, channels)`.

    Args:
        network: Takes scaled pixels of `side` by `side`; ends with a `Dense` layer.
        pixels_rgb: `(pictures, any, any, 3)`, `uint8`, RGB; resized where they do not fit.
        when_done: Called after each picture.
        is_stopped: Asked between batches; the rows after a "yes" are missing.
    """
    trunk = tf_keras.Model(network.inputs, network.layers[-1].input)
    see = tf.function(lambda pixels: trunk(pixels, training=False), reduce_retracing=True)
    side = network.input_shape[1]
    rows = [np.empty((0, trunk.output_shape[-1]), np.float32)]
    for start in range(0, len(pixels_rgb), _BATCH):
        if is_stopped():
            break
        batch = np.stack([_fit(one, side) for one in pixels_rgb[start : start + _BATCH]])
        scaled = (batch.astype(np.float32) - INPUT_MEAN) / INPUT_SCALE
        rows.append(see(tf.constant(scaled)).numpy())
        for _ in batch:
            when_done()
    return np.concatenate(rows)


def _fit(picture_rgb: Pixels, side: int) -> Pixels:
    if picture_rgb.shape[0] == side:
        return picture_rgb
    return np.asarray(cv2.resize(picture_rgb, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
