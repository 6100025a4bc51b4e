"""The training loop: epochs until there are enough, nothing more to gain, or a stop."""

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from edge.errors import SettingError
from edge.metrics import evaluate_scores
from edge.records import Clock
from train.batches import TrainingBatches
from train.cache import PixelCache
from train.checkpoint import EpochRecord, TrainState, best_epoch
from train.learner import Learner, mean_loss
from train.schedule import learning_rate_at, warm_up_steps
from train.settings import TrainSettings


class FitProgress(Protocol):
    """Who watches the training; every method must be overridden."""

    def begin_epoch(self, epoch: int, *, pictures: int) -> None:
        """An epoch of so many pictures begins."""

    def advance(self, pictures: int, *, loss: float, accuracy: float) -> None:
        """So many more pictures were learned from; the means are those of the epoch so far."""

    def end_epoch(self, record: EpochRecord) -> None:
        """An epoch is over and kept."""


@dataclass(frozen=True, slots=True, eq=False)
class FitContext:
    """What the loop works with.

    Attributes:
        batches: The training part.
        validation: The part to choose by, at the size of the input.
        labels: In the order of the network's output.
        keep: Called with the state after each epoch.
        progress: Told what happens.
        clock: Measures durations.
        stop: Ends the training once set, in the middle of an epoch.
    """

    batches: TrainingBatches
    validation: PixelCache
    labels: tuple[str, ...]
    keep: Callable[[TrainState], None]
    progress: FitProgress
    clock: Clock
    stop: threading.Event


def fit(
    learner: Learner, settings: TrainSettings, context: FitContext, *, state: TrainState | None
) -> TrainState:
    """Train until the last epoch, early stopping, or the stop event.

    Args:
        learner: The network, with the weights and optimizer of `state`.
        settings: Epochs, learning rate, patience.
        context: Data and those who watch.
        state: What an earlier run of the same training reached.

    Returns:
        The last state; its history is empty when it was stopped in the first epoch.
    """
    state = state or TrainState((), learner.weights(), learner.weights(), ())
    for epoch in range(len(state.history) + 1, settings.epochs + 1):
        if context.stop.is_set() or has_ended(state.history, settings):
            break
        record = _run_epoch(learner, settings, context, epoch=epoch)
        if record is None:
            break
        _check_converges(record, settings)
        history = (*state.history, record)
        weights = learner.weights()
        is_best = best_epoch(history) is record
        best_weights = weights if is_best else state.best_weights
        state = TrainState(history, weights, best_weights, learner.optimizer_state())
        context.keep(state)
        context.progress.end_epoch(record)
    return state


def _run_epoch(
    learner: Learner, settings: TrainSettings, context: FitContext, *, epoch: int
) -> EpochRecord | None:
    """Learn from every batch once and validate; `None` when stopped on the way."""
    began = context.clock.monotonic()
    steps, batch_size = context.batches.steps, context.batches.batch_size
    context.progress.begin_epoch(epoch, pictures=steps * batch_size)
    learner.begin_epoch(epoch, seed=settings.seed)
    first_step, all_steps = (epoch - 1) * steps, settings.epochs * steps
    loss_sum, hits, rate = 0.0, 0, 0.0
    with closing(context.batches.epoch(epoch)) as batches:
        for done, batch in enumerate(batches, start=1):
            if context.stop.is_set():
                return None
            rate = learning_rate_at(
                first_step + done - 1,
                peak=settings.learning_rate,
                steps=all_steps,
                warm_up_steps=warm_up_steps(all_steps),
            )
            result = learner.step(batch, learning_rate=rate)
            loss_sum, hits = loss_sum + result.loss, hits + result.hits
            context.progress.advance(
                batch_size, loss=loss_sum / done, accuracy=hits / (done * batch_size)
            )
    learned = context.clock.monotonic()
    scores = learner.scores(context.validation.pixels_rgb, is_stopped=context.stop.is_set)
    truth = context.validation.truth
    if len(scores) < len(truth):
        return None
    return EpochRecord(
        epoch=epoch,
        loss=loss_sum / steps,
        accuracy=hits / (steps * batch_size),
        val_loss=mean_loss(scores, truth),
        val_accuracy=evaluate_scores(scores, truth, labels=context.labels).accuracy,
        learning_rate=rate,
        images_per_second=steps * batch_size / max(learned - began, 1e-9),
        seconds=context.clock.monotonic() - began,
    )


def has_ended(history: Sequence[EpochRecord], settings: TrainSettings) -> bool:
    """Return whether the last epoch is done, or the loss has not fallen for too long."""
    best = best_epoch(history)
    if best is None:
        return False
    return len(history) == settings.epochs or len(history) - best.epoch >= settings.patience


def _check_converges(record: EpochRecord, settings: TrainSettings) -> None:
    if not (math.isfinite(record.loss) and math.isfinite(record.val_loss)):
        raise SettingError(
            "The loss must stay finite",
            received=f"loss {record.loss:g}, of the validation part {record.val_loss:g}, in epoch "
            f"{record.epoch}",
            fix=f"Begin anew with --overwrite and a lower --learning-rate than "
            f"{settings.learning_rate:g}",
        )
