"""The copy of a network that learns: its dropout can be repeated, its arithmetic may be mixed.

The network itself is only judged and saved. Keras's `Dropout` counts its random numbers inside
TensorFlow, where no checkpoint reaches them; here they follow from the seed and the step.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from train.networks import Network

MIXED = "mixed_float16"
_FLOAT = "float32"


class RepeatableDropout(tf_keras.layers.Layer):  # type: ignore[misc]
    """Dropout whose mask follows from its number in the network and the step alone.

    Srivastava et al. 2014, "Dropout", https://jmlr.org/papers/v15/srivastava14a.html

    Args:
        rate: Share of the values that are set to zero in training.
        read_seed: Returns the seed of the step, `(2,)`; were the layer to hold the variable
            itself, Keras would count it among the weights.
        number: Of the layer in its network.
        **options: Name and type of the layer.
    """

    def __init__(
        self, rate: float, *, read_seed: Callable[[], Any], number: int, **options: Any
    ) -> None:
        super().__init__(**options)
        self._rate, self._read_seed, self._number = rate, read_seed, number

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Set some of the values to zero and scale the others up, in training only."""
        if not training or not self._rate:
            return inputs
        seed = self._read_seed() + tf.constant([self._number, 0], tf.int64)
        return tf.nn.experimental.stateless_dropout(inputs, self._rate, seed=seed)


def copy_network(network: Network, *, seed: Any, dtype_policy: str = _FLOAT) -> Network:
    """Copy a flat network with its weights, to learn in its place.

    Args:
        network: Flat, of Keras's own layers.
        seed: `(2,)`, `int64`, a variable that differs from step to step.
        dtype_policy: "float32", or "mixed_float16" to compute all but the last layer in 16 bits
            (Micikevicius et al. 2018, "Mixed Precision Training",
            https://arxiv.org/abs/1710.03740); the weights stay `float32` either way.
    """
    exempt = {network.layers[0].name, network.layers[-1].name}
    numbers = {layer.name: number for number, layer in enumerate(network.layers)}

    def copy_layer(layer: Any) -> Any:
        policy = _FLOAT if layer.name in exempt else dtype_policy
        if isinstance(layer, tf_keras.layers.Dropout):
            return RepeatableDropout(
                layer.rate,
                read_seed=seed.value,
                number=numbers[layer.name],
                name=layer.name,
                dtype=policy,
            )
        config = layer.get_config()
        if dtype_policy != _FLOAT and layer.name not in exempt:
            config["dtype"] = policy
        return type(layer).from_config(config)

    copy = tf_keras.models.clone_model(network, clone_function=copy_layer)
    copy.set_weights(network.get_weights())
    return copy
