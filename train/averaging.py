"""An average of the weights that follows them, and judges better than any of them.

Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging",
https://doi.org/10.1137/0330046; as an exponential moving average in Tan and Le 2019,
https://arxiv.org/abs/1905.11946, and Morales-Brotons et al. 2024, "Exponential Moving Average of
Weights in Deep Learning: Dynamics and Benefits", https://arxiv.org/abs/2411.18704
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class WeightAverage:
    """Lets a network's variables follow another's, batch statistics included.

    Early in a training the average is young: it then decays by `(1 + step) / (10 + step)`, so
    that it does not hold on to the weights from before the first step.

    Args:
        leader: Variables of the network that learns.
        follower: Those of one of the same shape, in the same order.
        decay: Share of the average that stays at each step, in [0, 1); 0 to copy the leader.
    """

    def __init__(self, leader: Sequence[Any], follower: Sequence[Any], *, decay: float) -> None:
        self._pairs = list(zip(follower, leader, strict=True))
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
