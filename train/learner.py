"""A network that learns: one step of AdamW, and scores for pictures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edge.records import Pixels, Scores
from train.averaging import WeightAverage
from train.batches import Batch
from train.losses import cross_entropy
from train.networks import INPUT_MEAN, INPUT_SCALE, Network
from train.pupil import MIXED, copy_network

_SCORING_BATCH = 64

PER_REPLICA = {
    "synchronization": tf.VariableSynchronization.ON_READ,
    "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
}
"""Options of a variable of which each replica has its own; see `train.replicas`."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step found before it learned.

    Attributes:
        loss: Mean cross-entropy against the smoothed truth, labels not weighted.
        hits: Pictures whose best label was right.
    """

    loss: float
    hits: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network learns.

    Attributes:
        label_smoothing: Share of the truth that is spread over all labels, in [0, 1).
        weight_decay: Of AdamW.
        averaging: Decay of the average of the weights, in [0, 1); 0 for the weights themselves.
        at_once: Pictures that are computed at once; larger batches are taken in pieces.
        dtype_policy: Of Keras, "float32" or "mixed_float16".
        seed: Of dropout.
    """

    label_smoothing: float = 0.1
    weight_decay: float = 0.02
    averaging: float = 0.0
    at_once: int = 64
    dtype_policy: str = "float32"
    seed: int = 1


class Learner:
    """Trains a network step by step; its layers that are not trainable stay as they are.

    A copy learns; the network holds the copy's weights, or their average, and is what scores and
    what is saved. Weight decay (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101)
    leaves batch normalisation and biases alone.

    Args:
        network: Takes scaled pixels, returns probabilities.
        label_weights: `(labels,)`, how much a picture of each label counts.
        recipe: How it learns.
    """

    def __init__(
        self, network: Network, *, label_weights: NDArray[np.float32], recipe: Recipe | None = None
    ) -> None:
        self.network = network
        self.recipe = recipe or Recipe()
        self._label_weights = tf.constant(label_weights, tf.float32)
        self._seed = tf.Variable([0, 0], dtype=tf.int64, trainable=False, **PER_REPLICA)
        self._pupil = copy_network(network, seed=self._seed, dtype_policy=self.recipe.dtype_policy)
        self._variables = self._pupil.trainable_variables
        self._head = [layer for layer in self._pupil.layers if layer.trainable_variables][-1]
        self._adam = _make_optimizer(self._variables, self.recipe.weight_decay)
        is_mixed = self.recipe.dtype_policy == MIXED
        self._optimizer = (
            tf_keras.mixed_precision.LossScaleOptimizer(self._adam) if is_mixed else self._adam
        )
        self._average = WeightAverage(
            self._pupil.variables, network.variables, decay=self.recipe.averaging
        )
        self._sums: list[Any] = []
        self._step = tf.function(self._learn, reduce_retracing=True)
        self._gather = tf.function(self._add_up, reduce_retracing=True)
        self._finish = tf.function(self._learn_sums)
        self._score = tf.function(
            lambda pixels: network(_scale(pixels), training=False), reduce_retracing=True
        )

    def step(self, batch: Batch, *, learning_rate: float, is_head_only: bool = False) -> StepResult:
        """Learn from one batch; in pieces, whose gradients add up, where it is a large one.

        Args:
            batch: The pictures.
            learning_rate: Of this step.
            is_head_only: The last layer learns alone, and batch statistics stay as they are.
        """
        self._adam.learning_rate.assign(learning_rate)
        self._seed.assign([self.recipe.seed * 1000, int(self._adam.iterations)])
        pieces = list(_cut(batch, self.recipe.at_once))
        if len(pieces) == 1:
            loss, hits = self._step(*pieces[0], is_head_only)
            return StepResult(float(loss), int(hits))
        if not self._sums:
            self._sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self._variables]
        loss_sum, hits = 0.0, 0
        for piece in pieces:
            share = tf.constant(len(piece[0]) / len(batch.truth), tf.float32)
            piece_loss, piece_hits = self._gather(*piece, share, is_head_only)
            loss_sum += float(piece_loss) * float(share)
            hits += int(piece_hits)
            self._seed.assign_add([0, 1 << 32])
        self._finish(is_head_only)
        return StepResult(loss_sum, hits)

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

    def begin_stage(self) -> None:
        """Forget what the optimizer remembers: a new stage moves other weights."""
        for variable in self._adam.variables:
            if variable is not self._adam.learning_rate:
                variable.assign(tf.zeros_like(variable))

    def weights(self) -> list[NDArray[Any]]:
        """Return copies of the weights that learn."""
        return list(self._pupil.get_weights())

    def judged_weights(self) -> list[NDArray[Any]]:
        """Return copies of the weights that score: those that learn, or their average."""
        return list(self.network.get_weights())

    def set_weights(
        self, weights: Sequence[NDArray[Any]], judged: Sequence[NDArray[Any]] | None = None
    ) -> None:
        """Put weights into the network, and others into its average if they differ."""
        self._pupil.set_weights(weights)
        self.network.set_weights(weights if judged is None else judged)

    def begin_with(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights that this machine has computed into the network, before the first step."""
        self.set_weights(weights)

    def optimizer_state(self) -> list[NDArray[Any]]:
        """Return copies of what the optimizer remembers."""
        return [variable.numpy() for variable in self._adam.variables]

    def set_optimizer_state(self, values: Sequence[NDArray[Any]]) -> None:
        """Put back what the optimizer remembers.

        Raises:
            ValueError: The values are those of another network.
        """
        for variable, value in zip(self._adam.variables, values, strict=True):
            variable.assign(value)

    def _learn(
        self, pixels: Any, truth: Any, partner: Any, share: Any, is_head_only: bool
    ) -> tuple[Any, Any]:
        gradients, loss, hits = self._differentiate(pixels, truth, partner, share, is_head_only)
        variables = self._learning_variables(is_head_only)
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._average.follow(self._adam.iterations)
        return loss, hits

    def _add_up(
        self, pixels: Any, truth: Any, partner: Any, share: Any, weight: Any, is_head_only: bool
    ) -> tuple[Any, Any]:
        gradients, loss, hits = self._differentiate(pixels, truth, partner, share, is_head_only)
        for total, gradient in zip(self._learning_sums(is_head_only), gradients, strict=True):
            total.assign_add(weight * gradient)
        return loss, hits

    def _learn_sums(self, is_head_only: bool) -> None:
        sums = self._learning_sums(is_head_only)
        variables = self._learning_variables(is_head_only)
        self._optimizer.apply_gradients(zip(sums, variables, strict=True))
        for total in sums:
            total.assign(tf.zeros_like(total))
        self._average.follow(self._adam.iterations)

    def _differentiate(
        self, pixels: Any, truth: Any, partner: Any, share: Any, is_head_only: bool
    ) -> tuple[list[Any], Any, Any]:
        """Return gradients, mean loss and hits; the loss is between two truths where mixed."""
        smoothing = self.recipe.label_smoothing
        with tf.GradientTape() as tape:
            scores = self._pupil(_scale(pixels), training=not is_head_only)
            losses, weighted = 0.0, 0.0
            for labels, part in ((truth, share), (partner, 1.0 - share)):
                found = part * cross_entropy(labels, scores, smoothing=smoothing)
                losses += found
                weighted += found * tf.gather(self._label_weights, labels)
            objective = tf.reduce_mean(weighted)
            if self._optimizer is not self._adam:
                objective = self._optimizer.get_scaled_loss(objective)
        gradients = tape.gradient(objective, self._learning_variables(is_head_only))
        if self._optimizer is not self._adam:
            gradients = self._optimizer.get_unscaled_gradients(gradients)
        hits = tf.reduce_sum(tf.cast(tf.equal(tf.argmax(scores, axis=1), truth), tf.int32))
        return gradients, tf.reduce_mean(losses), hits

    def _learning_variables(self, is_head_only: bool) -> list[Any]:
        return list(self._head.trainable_variables if is_head_only else self._variables)

    def _learning_sums(self, is_head_only: bool) -> list[Any]:
        count = len(self._head.trainable_variables) if is_head_only else len(self._sums)
        return self._sums[-count:]  # the head's are the last


def _make_optimizer(variables: Sequence[Any], weight_decay: float) -> Any:
    optimizer = tf_keras.optimizers.AdamW(weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) < 2])
    optimizer.build(variables)
    return optimizer


def _cut(batch: Batch, size: int) -> Iterator[tuple[Any, Any, Any, Any]]:
    for start in range(0, len(batch.truth), size):
        yield to_tensors(batch.take(slice(start, start + size)))


def to_tensors(batch: Batch) -> tuple[Any, Any, Any, Any]:
    """Return pixels, truth, truth of what is mixed in, and share of the picture itself."""
    return (
        tf.constant(batch.pixels_rgb),
        tf.constant(batch.truth),
        tf.constant(batch.partner_truth),
        tf.constant(batch.share, tf.float32),
    )


def _scale(pixels: Any) -> Any:
    return (tf.cast(pixels, tf.float32) - INPUT_MEAN) / INPUT_SCALE
