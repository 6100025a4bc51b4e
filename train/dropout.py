"""Dropout that an epoch's number decides, so that a resumed training drops what it would have."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from train.networks import Network


class EpochDropout:
    """Stands in for a dropout layer's source of random numbers.

    Keras's own one counts inside the compiled graph, where nobody can read or set it: after a
    resume it would begin anew. `tf_keras.layers.Dropout` asks for `dropout` only.
    """

    _rng_type = "legacy_stateful"  # what the layer's saved configuration shall go on to say

    def __init__(self) -> None:
        self._generator = tf.random.Generator.from_seed(0)

    def begin(self, seed: Sequence[int]) -> None:
        """Begin a sequence that these numbers alone decide."""
        self._generator.reset_from_key_counter(_mix(seed), [0, 0])

    def dropout(self, inputs: Any, rate: float, noise_shape: Any = None) -> Any:
        """Return the inputs with a share of them set to zero, the others scaled up."""
        return tf.nn.experimental.general_dropout(
            inputs, rate=rate, noise_shape=noise_shape, uniform_sampler=self._generator.uniform
        )


def take_over_dropout(network: Network) -> list[EpochDropout]:
    """Give every dropout layer of a network a source that can be begun anew."""
    sources = []
    for layer in network.layers:
        if isinstance(layer, tf_keras.layers.Dropout):
            layer._random_generator = EpochDropout()
            sources.append(layer._random_generator)
    return sources


def _mix(seed: Sequence[int]) -> int:
    """Make one number below 2**63 of several."""
    return int(np.random.SeedSequence(list(seed)).generate_state(1, np.uint64)[0] >> np.uint64(1))
