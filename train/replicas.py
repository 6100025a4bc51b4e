"""A learner on several GPUs or machines, each of which takes a part of every batch.

A replica is to the others what a piece of a large batch is to the next piece: it normalises by
its own pictures, and its gradients are added to theirs. Whatever the replicas have to tell each
other after a step goes into one sum: gradients, figures, the batch statistics, whose mean all go
on with, and whether somebody wants to stop. So they are the same, bit for bit, after each step.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from train.averaging import WeightAverage
from train.batches import Batch, Portion
from train.distribution import Team
from train.learner import PER_REPLICA, Learner, Recipe, StepResult, to_tensors
from train.networks import Network


class ReplicatedLearner(Learner):
    """Trains replicas of a network in step, one per GPU of each machine, or one per machine.

    `step` takes this machine's portion of the batch and returns the result of the whole. The
    network itself is judged and saved on this machine alone.

    Args:
        network: Takes scaled pixels, returns probabilities; gets the first machine's weights.
        label_weights: `(labels,)`, how much a picture of each label counts.
        recipe: How it learns; each replica computes `at_once` pictures at once.
        team: Those that learn together.

    Raises:
        WorkerError: A machine was lost, or has built another network.
    """

    def __init__(
        self,
        network: Network,
        *,
        label_weights: NDArray[np.float32],
        team: Team,
        recipe: Recipe | None = None,
    ) -> None:
        self._team = team
        network.set_weights(team.hand_out_arrays(network.get_weights()))
        with team.watching(), team.strategy.scope():
            super().__init__(network, label_weights=label_weights, recipe=recipe)
            self._sums = [_make_sum(variable.shape) for variable in self._variables]
            self._figures = _make_sum((3,))  # pictures, sum of their losses, hits
        self._statistics = [
            variable
            for layer in self._pupil.layers
            if isinstance(layer, tf_keras.layers.BatchNormalization) and layer.trainable
            for variable in (layer.moving_mean, layer.moving_variance)
        ]
        self._average = WeightAverage(
            [self._local(variable)[0] for variable in self._pupil.variables],
            network.variables,
            decay=self.recipe.averaging,
        )
        self._gather_all = tf.function(self._run_gather, reduce_retracing=True)
        self._finish_all = tf.function(self._run_finish)

    def step(self, batch: Batch, *, learning_rate: float, is_head_only: bool = False) -> StepResult:
        """Learn from one batch together with the others.

        Args:
            batch: The portion of this machine, at least a picture per replica.
            learning_rate: Of this step.
            is_head_only: The last layer learns alone, and batch statistics stay as they are.

        Raises:
            WorkerError: A machine was lost.
        """
        self._adam.learning_rate.assign(learning_rate)
        for pieces in self._deal(batch, int(self._adam.iterations.numpy())):
            self._gather_all(self._spread(pieces.__getitem__), is_head_only)
        asks = tf.constant(float(self._team.asked.is_set()))
        with self._team.watching():
            figures = self._finish_all(asks, is_head_only).numpy()
        pictures, losses, hits, asking = figures.tolist()
        if asking:
            self._team.agreed.set()
        return StepResult(losses / pictures, int(hits))

    def weights(self) -> list[NDArray[Any]]:
        """Return copies of the weights that learn."""
        return [self._local(variable)[0].numpy() for variable in self._pupil.weights]

    def set_weights(
        self, weights: Sequence[NDArray[Any]], judged: Sequence[NDArray[Any]] | None = None
    ) -> None:
        """Put weights into the replicas of this machine, without a word to the others."""
        for variable, value in zip(self._pupil.weights, weights, strict=True):
            for copy in self._local(variable):
                copy.assign(value)
        self.network.set_weights(weights if judged is None else judged)

    def begin_with(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put the first machine's weights into the replicas of all machines.

        Raises:
            WorkerError: A machine was lost.
        """
        self.set_weights(self._team.hand_out_arrays(weights))

    def optimizer_state(self) -> list[NDArray[Any]]:
        """Return copies of what the optimizer remembers."""
        return [self._local(variable)[0].numpy() for variable in self._adam.variables]

    def _deal(self, batch: Batch, step: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rounds of a piece for each replica of this machine, with its weight and seed."""
        replicas, size = self._team.local_replicas, len(batch.truth)
        rounds = -(-size // (replicas * self.recipe.at_once))
        dealt = []
        for number in range(replicas * rounds):
            piece = batch.take(Portion(number, replicas * rounds).cut(size))
            overall = self._team.portion.worker * replicas * rounds + number
            seed = tf.constant([self.recipe.seed * 1000, step + (overall << 32)], tf.int64)
            weight = tf.constant(len(piece.truth), tf.float32)
            dealt.append((*to_tensors(piece), weight, seed))
        for start in range(rounds):
            yield dealt[start::rounds]

    def _spread(self, choose: Callable[[int], Any]) -> Any:
        """Give each replica of this machine its value, by its number here."""
        first = self._team.portion.worker * self._team.local_replicas
        return self._team.strategy.experimental_distribute_values_from_function(
            lambda context: choose(context.replica_id_in_sync_group - first)
        )

    def _local(self, value: Any) -> tuple[Any, ...]:
        """Return what the replicas of this machine hold."""
        found: tuple[Any, ...] = self._team.strategy.experimental_local_results(value)
        return found

    def _run_gather(self, pieces: Any, is_head_only: bool) -> None:
        self._team.strategy.run(self._gather_piece, args=(pieces, is_head_only))

    def _gather_piece(self, piece: tuple[Any, ...], is_head_only: bool) -> None:
        pixels, truth, partner, share, weight, seed = piece
        self._seed.assign(seed)
        loss, hits = self._add_up(pixels, truth, partner, share, weight, is_head_only)
        self._figures.assign_add(tf.stack([weight, weight * loss, tf.cast(hits, tf.float32)]))

    def _run_finish(self, asks: Any, is_head_only: bool) -> Any:
        figures = self._team.strategy.run(self._learn_together, args=(asks, is_head_only))
        self._average.follow(self._adam.iterations)
        return self._local(figures)[0]

    def _learn_together(self, asks: Any, is_head_only: bool) -> Any:
        """Add up what all replicas have found, and learn from that."""
        sums = self._learning_sums(is_head_only)
        statistics = [] if is_head_only else self._statistics
        figures = tf.concat([self._figures, [asks]], 0)
        figures, *totals = _add_over_replicas([figures, *sums, *statistics])
        gradients = [total / figures[0] for total in totals[: len(sums)]]
        for variable, total in zip(statistics, totals[len(sums) :], strict=True):
            variable.assign(total / self._team.replicas)
        variables = self._learning_variables(is_head_only)
        self._optimizer.apply_gradients(
            zip(gradients, variables, strict=True), skip_gradients_aggregation=True
        )
        for used in (*sums, self._figures):
            used.assign(tf.zeros_like(used))
        return figures


def _add_over_replicas(values: list[Any]) -> list[Any]:
    """Return the sum of each value over all replicas, for the price of one message."""
    sizes = [value.shape.num_elements() for value in values]
    flat = tf.concat([tf.reshape(value, [-1]) for value in values], 0)
    context = tf.distribute.get_replica_context()
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, flat)
    parts = tf.split(total, sizes)
    return [tf.reshape(part, value.shape) for part, value in zip(parts, values, strict=True)]


def _make_sum(shape: Any) -> Any:
    return tf.Variable(tf.zeros(shape), trainable=False, **PER_REPLICA)
