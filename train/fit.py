"""The training loop: epochs until there are enough, nothing more to gain, or a stop."""

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from edge.errors import DivergenceError
from edge.metrics import evaluate_scores
from edge.records import Clock
from train.batches import TrainingBatches
from train.cache import PixelCache
from train.checkpoint import EpochRecord, TrainState, best_epoch
from train.learner import Learner, StepResult
from train.losses import mean_loss
from train.schedule import Schedule
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
        agree: Returns the record that all machines go by, where several train together.
    """

    batches: TrainingBatches
    validation: PixelCache
    labels: tuple[str, ...]
    keep: Callable[[TrainState], None]
    progress: FitProgress
    clock: Clock
    stop: threading.Event
    agree: Callable[[EpochRecord], EpochRecord] = lambda record: record


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
    schedule = make_schedule(settings, context.batches)
    state = state or TrainState((), learner.weights(), learner.judged_weights(), ())
    for epoch in range(len(state.history) + 1, settings.epochs + 1):
        if context.stop.is_set() or has_ended(state.history, settings):
            break
        if epoch == schedule.head_epochs + 1:
            learner.begin_stage()
        record = _run_epoch(learner, schedule, context, settings, epoch=epoch)
        if record is None:
            break
        record = context.agree(record)
        _check_converges(record, settings)
        history = (*state.history, record)
        judged = learner.judged_weights()
        best_weights = judged if best_epoch(history) is record else state.best_weights
        state = TrainState(
            history, learner.weights(), best_weights, learner.optimizer_state(), judged
        )
        context.keep(state)
        context.progress.end_epoch(record)
    return state


def make_schedule(settings: TrainSettings, batches: TrainingBatches) -> Schedule:
    """Return the schedule of a training on the pictures that could be decoded."""
    return Schedule(
        settings.schedule,
        settings.learning_rate,
        epochs=settings.epochs,
        batch_size=batches.batch_size,
        pictures=len(batches.cache),
        head_epochs=settings.head_epochs,
    )


def _run_epoch(
    learner: Learner,
    schedule: Schedule,
    context: FitContext,
    settings: TrainSettings,
    *,
    epoch: int,
) -> EpochRecord | None:
    """Learn from every batch once and validate; `None` when stopped on the way."""
    began = context.clock.monotonic()
    learned = _learn(learner, schedule, context, epoch=epoch)
    if learned is None:
        return None
    ended = context.clock.monotonic()
    scores = learner.scores(context.validation.pixels_rgb, is_stopped=context.stop.is_set)
    truth = context.validation.truth
    if len(scores) < len(truth):
        return None
    steps, batch_size = schedule.steps_in(epoch), schedule.batch_size_in(epoch)
    return EpochRecord(
        epoch=epoch,
        loss=learned.loss,
        accuracy=learned.hits / (steps * batch_size),
        val_loss=mean_loss(scores, truth, smoothing=settings.label_smoothing),
        val_accuracy=evaluate_scores(scores, truth, labels=context.labels).accuracy,
        learning_rate=schedule.rate(epoch, steps - 1),
        images_per_second=steps * batch_size / max(ended - began, 1e-9),
        seconds=context.clock.monotonic() - began,
        batch_size=batch_size,
    )


def _learn(
    learner: Learner, schedule: Schedule, context: FitContext, *, epoch: int
) -> StepResult | None:
    """Learn from every batch once; return mean loss and all hits, or `None` when stopped."""
    batches = replace(context.batches, batch_size=schedule.batch_size_in(epoch))
    size, is_head_only = batches.batch_size, schedule.is_head_only(epoch)
    context.progress.begin_epoch(epoch, pictures=batches.steps * size)
    loss_sum, hits = 0.0, 0
    with closing(batches.epoch(epoch)) as drawn:
        for done, batch in enumerate(drawn, start=1):
            if context.stop.is_set():
                return None
            rate = schedule.rate(epoch, done - 1)
            result = learner.step(batch, learning_rate=rate, is_head_only=is_head_only)
            loss_sum, hits = loss_sum + result.loss, hits + result.hits
            context.progress.advance(size, loss=loss_sum / done, accuracy=hits / (done * size))
    return StepResult(loss_sum / batches.steps, hits)


def has_ended(history: Sequence[EpochRecord], settings: TrainSettings) -> bool:
    """Return whether the last epoch is done, or the loss has not fallen for too long."""
    best = best_epoch(history)
    if best is None:
        return False
    return len(history) == settings.epochs or len(history) - best.epoch >= settings.patience


def _check_converges(record: EpochRecord, settings: TrainSettings) -> None:
    if not (math.isfinite(record.loss) and math.isfinite(record.val_loss)):
        raise DivergenceError(
            "The loss must stay finite",
            received=f"loss {record.loss:g}, of the validation part {record.val_loss:g}, in epoch "
            f"{record.epoch}",
            fix=f"Begin anew with --overwrite and a lower --learning-rate than "
            f"{settings.learning_rate:g}",
        )
