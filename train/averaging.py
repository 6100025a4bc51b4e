"""An average of the weights that follows them, and judges better than any of them.

Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging",
https://doi.org/10.1137/0330046; as an exponential moving average in Tan and Le 2019,
https://arxiv.org/abs/1905.11946, and Morales-Brotons et al. 2024, "Exponential Moving Average of
Weights in Deep Learning: Dynamics and Benefits", https://arxiv.org/abs/2411.18704
"""

from typing import Any

import tensorflow as tf

from train.networks import Network


class WeightAverage:
    """Lets one network follow another's weights, batch statistics included.

    Early in a training the average is young: it then decays by `(1 + step) / (10 + step)`, so
    that it does not hold on to the weights from before the first step.

    Args:
        leader: The network that learns.
        follower: Of the same shape.
        decay: Share of the average that stays at each step, in [0, 1); 0 to copy the leader.
    """

    def __init__(self, leader: Network, follower: Network, *, decay: float) -> None:
        pairs = zip(follower.variables, leader.variables, strict=True)
        self._pairs = [(average, value) for average, value in pairs]
        self._decay = decay

    def follow(self, step: Any) -> None:
        """Take one more state of the leader into the average; `step` counts from 1."""
        count = tf.cast(step, tf.float32)
        kept = tf.minimum(self._decay, (1.0 + count) / (10.0 + count))
        for average, value in self._pairs:
            if self._decay:
                average.assign(kept * average + (1.0 - kept) * value)
            else:
                average.assign(value)
