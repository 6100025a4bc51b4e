"""A network that learns: one step of AdamW, and scores for pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edge.records import Pixels, Scores
from train.batches import Batch
from train.dropout import take_over_dropout
from train.networks import INPUT_MEAN, INPUT_SCALE, Network
from train.settings import LABEL_SMOOTHING, WEIGHT_DECAY

_SCORING_BATCH = 64
_HEAVIEST_LABEL = 10.0


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step found before it learned.

    Attributes:
        loss: Mean cross-entropy against the smoothed truth, labels not weighted.
        hits: Pictures whose best label was right.
    """

    loss: float
    hits: int


class Learner:
    """Trains a network step by step; its layers that are not trainable stay as they are.

    Weight decay (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101) leaves batch
    normalisation and biases alone; the truth is smoothed (Szegedy et al. 2016,
    https://arxiv.org/abs/1512.00567), which keeps wrong labels from being learned by heart.

    Args:
        network: Takes scaled pixels, returns probabilities.
        label_weights: `(labels,)`, how much a picture of each label counts.
    """

    def __init__(self, network: Network, *, label_weights: NDArray[np.float32]) -> None:
        self.network = network
        self._label_weights = tf.constant(label_weights, tf.float32)
        self._optimizer = tf_keras.optimizers.AdamW(weight_decay=WEIGHT_DECAY)
        self._optimizer.exclude_from_weight_decay(
            var_list=[v for v in network.trainable_variables if len(v.shape) < 2]
        )
        self._optimizer.build(network.trainable_variables)
        self._dropouts = take_over_dropout(network)
        self._step = tf.function(self._compute_step, reduce_retracing=True)
        self._score = tf.function(
            lambda pixels: network(_scale(pixels), training=False), reduce_retracing=True
        )

    def begin_epoch(self, epoch: int, *, seed: int) -> None:
        """Let what is random in the network depend on the seed and the epoch alone."""
        for number, dropout in enumerate(self._dropouts):
            dropout.begin((seed, epoch, number))

    def step(self, batch: Batch, *, learning_rate: float) -> StepResult:
        """Learn from one batch."""
        self._optimizer.learning_rate.assign(learning_rate)
        loss, hits = self._step(tf.constant(batch.pixels_rgb), tf.constant(batch.truth))
        return StepResult(float(loss), int(hits))

    def scores(
        self, pixels_rgb: Pixels, *, is_stopped: Callable[[], bool] = lambda: False
    ) -> Scores:
        """Return the probabilities for pictures, `(pictures, labels)`.

        Args:
            pixels_rgb: `(pictures, side, side, 3)`, `uint8`, RGB.
            is_stopped: Asked between batches; the rows after a "yes" are missing.
        """
        rows = [np.empty((0, self.network.output_shape[-1]), np.float32)]
        for start in range(0, len(pixels_rgb), _SCORING_BATCH):
            if is_stopped():
                break
            batch = pixels_rgb[start : start + _SCORING_BATCH]
            rows.append(self._score(tf.constant(batch)).numpy())
        return np.concatenate(rows)

    def weights(self) -> list[NDArray[Any]]:
        """Return copies of the network's weights."""
        return list(self.network.get_weights())

    def set_weights(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights into the network."""
        self.network.set_weights(weights)

    def optimizer_state(self) -> list[NDArray[Any]]:
        """Return copies of what the optimizer remembers."""
        return [variable.numpy() for variable in self._optimizer.variables]

    def set_optimizer_state(self, values: Sequence[NDArray[Any]]) -> None:
        """Put back what the optimizer remembers.

        Raises:
            ValueError: The values are those of another network.
        """
        for variable, value in zip(self._optimizer.variables, values, strict=True):
            variable.assign(value)

    def _compute_step(self, pixels: Any, truth: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            scores = self.network(_scale(pixels), training=True)
            losses = _cross_entropy(truth, scores)
            weighted = tf.reduce_mean(losses * tf.gather(self._label_weights, truth))
        variables = self.network.trainable_variables
        self._optimizer.apply_gradients(
            zip(tape.gradient(weighted, variables), variables, strict=True)
        )
        hits = tf.reduce_sum(tf.cast(tf.equal(tf.argmax(scores, axis=1), truth), tf.int32))
        return tf.reduce_mean(losses), hits


def mean_loss(scores: Scores, truth: NDArray[np.int64]) -> float:
    """Return the mean cross-entropy against the smoothed truth, as in training."""
    return float(tf.reduce_mean(_cross_entropy(tf.constant(truth), tf.constant(scores))))


def weigh_labels(truth: NDArray[np.int64], *, labels: int) -> NDArray[np.float32]:
    """Return how much a picture of each label counts, so that all labels count the same.

    The mean over the pictures is 1; a label with very few pictures is held back.

    Example:
        >>> weigh_labels(np.array([0, 0, 0, 1, 1, 1, 2, 2, 2]), labels=3).tolist()
        [1.0, 1.0, 1.0]
        >>> weigh_labels(np.array([0, 0, 0, 0, 0, 0, 1, 1]), labels=2)[1]
        np.float32(2.0)
    """
    counts = np.maximum(np.bincount(truth, minlength=labels), 1)
    weights = np.minimum(counts.max() / counts, _HEAVIEST_LABEL)
    weighted: NDArray[np.float32] = (weights * len(truth) / (weights @ counts)).astype(np.float32)
    return weighted


def _scale(pixels: Any) -> Any:
    return (tf.cast(pixels, tf.float32) - INPUT_MEAN) / INPUT_SCALE


def _cross_entropy(truth: Any, scores: Any) -> Any:
    return tf_keras.losses.categorical_crossentropy(
        tf.one_hot(truth, scores.shape[-1]), scores, label_smoothing=LABEL_SMOOTHING
    )
