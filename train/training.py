"""From decoded pictures to a finished run folder: learn, choose, judge once, write down."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tf_keras

from edge.metrics import Evaluation, evaluate_scores
from train import charts, summary
from train.artefacts import Outcome, save_network
from train.augment import PRESETS, suit_resize
from train.batches import TrainingBatches, find_scenes
from train.building import build_network, choose_dtype_policy
from train.cache import PixelCache
from train.checkpoint import TrainState, load_state, save_state
from train.computed_head import compute_head
from train.distribution import Team
from train.event_log import log_epoch
from train.fit import FitContext, fit, has_ended
from train.judging import PartScores, exhibit_mistakes, judge_part
from train.learner import Learner, Recipe
from train.losses import weigh_labels
from train.networks import Network
from train.preparation import Parts, Plan, Prepared
from train.replicas import ReplicatedLearner
from train.report import write_report
from train.run_folder import remove_checkpoint, write_manifest
from train.settings import TrainSettings, explain_choices
from train.sheet import EPOCHS, SheetRow, draw_sheet, show_augmentation
from train.start import load_start
from train.surroundings import Surroundings
from train.tables import write_history


def begin_network(plan: Plan) -> Network:
    """Build the network, from the seed, as it is before the first step.

    Raises:
        MissingExtraError: The network's ImageNet weights are not installed.
        DataError: They are damaged or cannot be downloaded, or the run to start from trained
            other labels or has seen the pictures that judge.
        RunFolderError: There is no run to start from.
        SettingError: The run to start from trained another network, or a network of the user's
            cannot be used.
    """
    settings = plan.settings
    tf_keras.utils.set_random_seed(settings.seed)
    network = build_network(settings, labels=len(plan.labels))
    if settings.start is not None and not plan.run.state.is_file():
        load_start(network, plan, Path(settings.start))
    return network


def make_learner(prepared: Prepared, team: Team | None = None) -> Learner:
    """Return what trains the network.

    Args:
        prepared: The network, and what is trained on what.
        team: Those that train it together, where there are several.

    Raises:
        WorkerError: A machine was lost, or has built another network.
    """
    plan, network, parts = prepared.plan, prepared.network, prepared.parts
    settings = plan.settings
    weights = weigh_labels(parts.train.truth, labels=len(plan.labels))
    recipe = Recipe(
        label_smoothing=settings.label_smoothing,
        weight_decay=settings.weight_decay,
        averaging=settings.averaging,
        at_once=settings.at_once,
        dtype_policy=choose_dtype_policy(settings.mixed_precision),
        seed=settings.seed,
    )
    if team is None:
        return Learner(network, label_weights=weights, recipe=recipe)
    return ReplicatedLearner(network, label_weights=weights, recipe=recipe, team=team)


def make_batches(
    settings: TrainSettings, labels: Sequence[str], part: PixelCache
) -> TrainingBatches:
    """Return the batches of the training part, as the settings ask for them."""
    return TrainingBatches(
        part,
        batch_size=min(settings.batch_size, len(part)),
        side=settings.side,
        seed=settings.seed,
        strength=suit_resize(PRESETS[settings.augment], settings.resize),
        resize=settings.resize,
        scenes=find_scenes(part.truth, labels),
        mixup=settings.mixup,
    )


def train_network(
    learner: Learner, plan: Plan, parts: Parts, *, surroundings: Surroundings
) -> Outcome:
    """Train, keep the best weights, judge them once, and write the run folder.

    Where several machines train together, the first judges and writes; the outcome of the others
    has no evaluation.

    Raises:
        DivergenceError: The loss is no number any more.
        RunFolderError: The run folder cannot be written or resumed.
        WorkerError: A machine was lost.
    """
    surroundings.progress.say(plan.describe())
    choices = explain_choices(plan.settings, pictures=len(parts.train))
    if choices:
        surroundings.progress.say(choices)
    batches = make_batches(plan.settings, plan.labels, parts.train)
    batches = replace(batches, portion=surroundings.portion)
    sheet = show_augmentation(batches, plan.labels)
    if surroundings.portion.is_first:
        _draw_sheet(plan, sheet)
    state = _fit(learner, plan, parts.validation, batches, surroundings)
    if not surroundings.portion.is_first:
        return _outcome(learner, plan, state)
    surroundings.progress.say("judging the best weights and writing the run folder")
    return _conclude(learner, plan, parts, state=state, sheet=sheet)


def _draw_sheet(plan: Plan, sheet: Sequence[SheetRow]) -> None:
    """Draw what the network is going to see, to be looked at while it learns."""
    epochs = [f"epoch {number}" for number in range(1, EPOCHS + 1)]
    draw_sheet(
        sheet,
        plan.run.augmentation,
        title=f"What the network sees, with --augment {plan.settings.augment}",
        columns=["photo", *epochs],
    )


def _fit(
    learner: Learner,
    plan: Plan,
    validation: PixelCache,
    batches: TrainingBatches,
    surroundings: Surroundings,
) -> TrainState:
    settings = plan.settings
    state = load_state(plan.run.state)
    if state is not None:
        learner.set_weights(state.weights, state.judged or state.weights)
        learner.set_optimizer_state(state.optimizer)
        surroundings.progress.say(f"going on after epoch {len(state.history)}")
    elif settings.is_head_computed:
        compute_head(learner, batches.cache, surroundings)

    def keep(state: TrainState) -> None:
        if not surroundings.portion.is_first:
            return
        save_state(plan.run.state, state)
        write_history(plan.run.history, state.history)
        if settings.tensorboard:
            log_epoch(plan.run.events, state.history[-1])
        surroundings.when_epoch_ends(state.history[-1])

    context = FitContext(
        batches=batches,
        validation=validation,
        labels=plan.labels,
        keep=keep,
        progress=surroundings.progress,
        clock=surroundings.clock,
        stop=surroundings.stop,
        agree=surroundings.agree,
    )
    with surroundings.progress.training(settings.epochs):
        return fit(learner, settings, context, state=state)


def _conclude(
    learner: Learner, plan: Plan, parts: Parts, *, state: TrainState, sheet: Sequence[SheetRow]
) -> Outcome:
    """Write the run folder; the test part is looked at here and nowhere else."""
    run, outcome = plan.run, _outcome(learner, plan, state)
    is_complete = outcome.status == "complete"
    if state.history:
        learner.set_weights(state.best_weights)
    save_network(run, learner.network)
    write_history(run.history, state.history)
    judged = chosen_by = _score(learner, "validation", parts.validation)
    if is_complete:
        judged = _score(learner, "test", parts.test)
    validation = _evaluate(plan, chosen_by)
    test = _evaluate(plan, judged) if is_complete else None
    outcome = replace(outcome, validation=validation, test=test)
    charts.draw_curves(outcome.history, run.curves)
    charts.draw_confusion(
        test or validation, run.confusion, title="Test part" if test else "Validation part"
    )
    summary.write_summary(run.summary, outcome)
    write_manifest(run, outcome.to_dict())
    judgement = judge_part(learner, plan, judged, chosen_by)
    exhibits = exhibit_mistakes(learner, plan, judged, judgement)
    write_report(outcome, judged.name, judgement, exhibits, sheet=sheet)
    if is_complete:
        remove_checkpoint(run)
    return outcome


def _outcome(learner: Learner, plan: Plan, state: TrainState) -> Outcome:
    return Outcome(
        status="complete" if has_ended(state.history, plan.settings) else "interrupted",
        plan=plan,
        history=state.history,
        parameters=learner.network.count_params(),
        dtype_policy=learner.recipe.dtype_policy,
        validation=None,
        test=None,
    )


def _score(learner: Learner, name: str, part: PixelCache) -> PartScores:
    return PartScores(name, part, learner.scores(part.pixels_rgb))


def _evaluate(plan: Plan, part: PartScores) -> Evaluation:
    return evaluate_scores(part.scores, part.cache.truth, labels=plan.labels)
