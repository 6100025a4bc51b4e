"""The training loop with a learner made of numbers: when it ends, what it keeps, what it tells."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from edge.errors import DivergenceError
from edge.testing import ManualClock
from train.augment import PRESETS
from train.batches import TrainingBatches
from train.cache import PixelCache
from train.fit import FitContext, fit, has_ended
from train.learner import StepResult
from train.schedule import learning_rate_at, warm_up_steps
from train.settings import TrainSettings

STEPS = 3
SETTINGS = TrainSettings("cnn", 32, epochs=5, batch_size=2, learning_rate=0.1, seed=1, patience=2)


class FakeLearner:
    """Says the truth about validation with a confidence that is given per epoch."""

    def __init__(self, confidences, when_step=lambda count: None):
        self.confidences = iter(confidences)
        self.rates, self.heads, self.sizes = [], [], []
        self.began_stages = []
        self.when_step = when_step

    def step(self, batch, *, learning_rate, is_head_only=False):
        self.rates.append(learning_rate)
        self.heads.append(is_head_only)
        self.sizes.append(len(batch.truth))
        self.when_step(len(self.rates))
        return StepResult(loss=1.0, hits=1)

    def scores(self, pixels_rgb, *, is_stopped=lambda: False):
        if is_stopped():
            return np.empty((0, 2), np.float32)
        confidence = next(self.confidences)
        return np.tile(np.array([confidence, 1 - confidence], np.float32), (len(pixels_rgb), 1))

    def weights(self):
        return [np.array(len(self.rates))]

    def judged_weights(self):
        return self.weights()

    def begin_stage(self):
        self.began_stages.append(len(self.rates))

    def optimizer_state(self):
        return [np.array(-len(self.rates))]


class FakeProgress:
    def __init__(self):
        self.events = []

    def begin_epoch(self, epoch, *, pictures):
        self.events.append(("begin", epoch, pictures))

    def advance(self, pictures, *, loss, accuracy):
        self.events.append(("advance", pictures, loss, accuracy))

    def end_epoch(self, record):
        self.events.append(("end", record.epoch))


@pytest.fixture
def context(tmp_path):
    kept = []
    return SimpleNamespace(
        kept=kept,
        stop=threading.Event(),
        value=lambda stop: FitContext(
            batches=TrainingBatches(
                PixelCache(tmp_path, [0] * (2 * STEPS + 1), side=32),
                batch_size=2,
                side=32,
                seed=1,
                strength=PRESETS["none"],
            ),
            validation=PixelCache(tmp_path, [0] * 4, side=32),
            labels=("cat", "dog"),
            keep=kept.append,
            progress=FakeProgress(),
            clock=ManualClock(),
            stop=stop,
        ),
    )


def run(context, learner, *, state=None, settings=SETTINGS):
    return fit(learner, settings, context.value(context.stop), state=state)


def test_fit_ends_with_the_last_epoch_and_keeps_the_best(context):
    state = run(context, FakeLearner([0.5, 0.7, 0.95, 0.9, 0.85]))
    assert [record.epoch for record in state.history] == [1, 2, 3, 4, 5]
    assert state.best_weights == [3 * STEPS]  # after the epoch of the lowest loss
    assert state.weights == [5 * STEPS]
    assert state.optimizer == [-5 * STEPS]
    assert [len(kept.history) for kept in context.kept] == [1, 2, 3, 4, 5]


def test_fit_stops_when_the_loss_falls_no_more(context):
    state = run(context, FakeLearner([0.5, 0.9, 0.8, 0.7, 0.6]))
    assert len(state.history) == 4  # the second was the best, patience is two
    assert has_ended(state.history, SETTINGS)
    assert not has_ended(state.history[:3], SETTINGS)


def test_fit_follows_the_schedule_over_all_epochs(context):
    learner = FakeLearner([0.5, 0.6, 0.7, 0.8, 0.9])
    state = run(context, learner)
    steps = 5 * STEPS
    assert learner.rates == [
        learning_rate_at(step, peak=0.1, steps=steps, warm_up_steps=warm_up_steps(steps))
        for step in range(steps)
    ]
    assert state.history[-1].learning_rate == learner.rates[-1]


def test_fit_goes_on_where_a_state_ends(context):
    whole = FakeLearner([0.5, 0.6, 0.7, 0.8, 0.9])
    run(context, whole)
    state = context.kept[1]
    rest = FakeLearner([0.7, 0.8, 0.9])
    resumed = run(context, rest, state=state)
    assert rest.rates == whole.rates[2 * STEPS :]
    assert [record.epoch for record in resumed.history] == [1, 2, 3, 4, 5]


def test_fit_of_a_finished_state_does_nothing(context):
    state = run(context, FakeLearner([0.5, 0.6, 0.7, 0.8, 0.9]))
    learner = FakeLearner([])
    assert run(context, learner, state=state) is state
    assert learner.rates == []


def test_fit_goes_by_the_record_that_all_machines_agree_on(context):
    """What a machine has found itself, in its own last digits, decides nothing."""
    first = run(context, FakeLearner([0.5, 0.9, 0.8, 0.7, 0.6]))
    records = iter(first.history)
    value = replace(context.value(context.stop), agree=lambda _: next(records))
    learner = FakeLearner([0.5, 0.6, 0.7, 0.8, 0.9])
    state = fit(learner, SETTINGS, value, state=None)
    assert state.history == first.history
    assert state.best_weights == first.best_weights


@pytest.mark.parametrize("step", [1, STEPS + 1, 2 * STEPS])
def test_fit_ends_within_the_epoch_once_stopped(context, step):
    learner = FakeLearner(
        [0.5, 0.6], when_step=lambda count: context.stop.set() if count == step else None
    )
    state = run(context, learner)
    assert len(learner.rates) == step
    assert len(state.history) == (step - 1) // STEPS  # the epoch that was cut short is not kept
    assert len(context.kept) == len(state.history)


def test_fit_says_what_to_do_when_the_loss_is_lost(context):
    with pytest.raises(DivergenceError, match=r"nan, in epoch 1.*lower --learning-rate than 0\.1"):
        run(context, FakeLearner([float("nan")]))
    assert context.kept == []


def test_fit_tells_who_watches(context):
    value = context.value(context.stop)
    settings = TrainSettings("cnn", 32, 1, batch_size=2, learning_rate=0.1, seed=1, patience=2)
    fit(FakeLearner([0.5]), settings, value, state=None)
    assert value.progress.events == [
        ("begin", 1, 6),
        ("advance", 2, 1.0, 0.5),
        ("advance", 2, 1.0, 0.5),
        ("advance", 2, 1.0, 0.5),
        ("end", 1),
    ]
