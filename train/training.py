"""From decoded pictures to a finished run folder: learn, choose, judge once, write down."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tf_keras

from edge.metrics import Evaluation, evaluate_scores
from edge.records import Clock
from train import charts, summary
from train.artefacts import Outcome, save_network
from train.augment import PRESETS
from train.batches import TrainingBatches, find_scenes
from train.building import build_network, choose_dtype_policy
from train.cache import PixelCache
from train.checkpoint import EpochRecord, TrainState, load_state, save_state
from train.event_log import log_epoch
from train.fit import FitContext, fit, has_ended
from train.judging import PartScores, exhibit_mistakes, judge_part
from train.learner import Learner, Recipe
from train.losses import weigh_labels
from train.preparation import Parts, Plan
from train.progress import TrainProgress
from train.report import write_report
from train.run_folder import remove_checkpoint, write_manifest
from train.settings import TrainSettings
from train.start import load_start
from train.tables import write_history


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who watches a training, and how it can be ended.

    Attributes:
        progress: Told what happens.
        clock: Measures durations.
        stop: Ends the training in order once set; what was reached is kept.
        when_epoch_ends: Called after each epoch that is kept.
    """

    progress: TrainProgress
    clock: Clock
    stop: threading.Event
    when_epoch_ends: Callable[[EpochRecord], None]


def make_learner(plan: Plan, parts: Parts) -> Learner:
    """Build the network, from the seed, and what trains it.

    Raises:
        MissingExtraError: The network's ImageNet weights are not installed.
        DataError: They are damaged or cannot be downloaded, or the run to start from has seen
            the pictures that judge.
        RunFolderError: There is no run to start from.
        SettingError: The run to start from trained another network or other labels, or a
            network of the user's cannot be used.
    """
    settings = plan.settings
    tf_keras.utils.set_random_seed(settings.seed)
    network = build_network(settings, labels=len(plan.labels))
    if settings.start is not None and not plan.run.state.is_file():
        load_start(network, plan, Path(settings.start))
    weights = weigh_labels(parts.train.truth, labels=len(plan.labels))
    recipe = Recipe(
        label_smoothing=settings.label_smoothing,
        weight_decay=settings.weight_decay,
        averaging=settings.averaging,
        at_once=settings.at_once,
        dtype_policy=choose_dtype_policy(settings.mixed_precision),
        seed=settings.seed,
    )
    return Learner(network, label_weights=weights, recipe=recipe)


def make_batches(
    settings: TrainSettings, labels: Sequence[str], part: PixelCache
) -> TrainingBatches:
    """Return the batches of the training part, as the settings ask for them."""
    return TrainingBatches(
        part,
        batch_size=min(settings.batch_size, len(part)),
        side=settings.side,
        seed=settings.seed,
        strength=PRESETS[settings.augment],
        scenes=find_scenes(part.truth, labels),
        mixup=settings.mixup,
    )


def train_network(
    learner: Learner, plan: Plan, parts: Parts, *, surroundings: Surroundings
) -> Outcome:
    """Train, keep the best weights, judge them once, and write the run folder.

    Raises:
        SettingError: The network diverged under the settings.
        RunFolderError: The run folder cannot be written or resumed.
    """
    surroundings.progress.say(plan.describe())
    state = _fit(learner, plan, parts, surroundings)
    surroundings.progress.say("judging the best weights and writing the run folder")
    return _conclude(learner, plan, parts, state)


def _fit(learner: Learner, plan: Plan, parts: Parts, surroundings: Surroundings) -> TrainState:
    settings = plan.settings
    state = load_state(plan.run.state)
    if state is not None:
        learner.set_weights(state.weights, state.judged or state.weights)
        learner.set_optimizer_state(state.optimizer)
        surroundings.progress.say(f"going on after epoch {len(state.history)}")

    def keep(state: TrainState) -> None:
        save_state(plan.run.state, state)
        write_history(plan.run.history, state.history)
        if settings.tensorboard:
            log_epoch(plan.run.events, state.history[-1])
        surroundings.when_epoch_ends(state.history[-1])

    context = FitContext(
        batches=make_batches(settings, plan.labels, parts.train),
        validation=parts.validation,
        labels=plan.labels,
        keep=keep,
        progress=surroundings.progress,
        clock=surroundings.clock,
        stop=surroundings.stop,
    )
    with surroundings.progress.training(settings.epochs):
        return fit(learner, settings, context, state=state)


def _conclude(learner: Learner, plan: Plan, parts: Parts, state: TrainState) -> Outcome:
    """Write the run folder; the test part is looked at here and nowhere else."""
    run, is_complete = plan.run, has_ended(state.history, plan.settings)
    if state.history:
        learner.set_weights(state.best_weights)
    save_network(run, learner.network)
    write_history(run.history, state.history)
    judged = chosen_by = _score(learner, "validation", parts.validation)
    if is_complete:
        judged = _score(learner, "test", parts.test)
    validation = _evaluate(plan, chosen_by)
    test = _evaluate(plan, judged) if is_complete else None
    outcome = Outcome(
        status="complete" if is_complete else "interrupted",
        plan=plan,
        history=state.history,
        parameters=learner.network.count_params(),
        dtype_policy=learner.recipe.dtype_policy,
        validation=validation,
        test=test,
    )
    charts.draw_curves(outcome.history, run.curves)
    charts.draw_confusion(
        test or validation, run.confusion, title="Test part" if test else "Validation part"
    )
    summary.write_summary(run.summary, outcome)
    write_manifest(run, outcome.to_dict())
    judgement = judge_part(learner, plan, judged, chosen_by)
    exhibits = exhibit_mistakes(learner, plan, judged, judgement)
    write_report(outcome, judged.name, judgement, exhibits)
    if is_complete:
        remove_checkpoint(run)
    return outcome


def _score(learner: Learner, name: str, part: PixelCache) -> PartScores:
    return PartScores(name, part, learner.scores(part.pixels_rgb))


def _evaluate(plan: Plan, part: PartScores) -> Evaluation:
    return evaluate_scores(part.scores, part.cache.truth, labels=plan.labels)
