"""From a folder of photos to a run folder: the stages of one training, in order."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import tf_keras

from edge.errors import DataError, RunFolderError
from edge.metrics import Evaluation, evaluate_scores
from edge.records import Clock
from train import charts, summary
from train.artefacts import Outcome, read_skipped, save_network, write_history, write_skipped
from train.augment import CACHE_SCALE
from train.batches import TrainingBatches
from train.cache import PixelCache
from train.checkpoint import EpochRecord, TrainState, load_state, save_state
from train.fit import FitContext, fit, has_ended
from train.folder import PARTS, PhotoFolder, find_photos, sort_labels
from train.learner import Learner, weigh_labels
from train.networks import find_network
from train.progress import TrainProgress
from train.run_folder import (
    RunFolder,
    check_is_free,
    prepare,
    read_settings,
    remove_checkpoint,
    write_manifest,
    write_settings,
)
from train.scan import SkippedFile, decode_files, hash_files
from train.settings import (
    DEFAULT_NETWORK,
    DEFAULT_SEED,
    FRACTIONS,
    TrainOptions,
    TrainSettings,
    check_resumed,
    settle,
)
from train.split import Split, draw_split, read_split, write_split

_SHOWN_SKIPPED = 5


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What the command line asks for.

    Attributes:
        folder: The photos.
        output: The run folder.
        options: How to train.
        resume: Go on with the run in the folder.
        overwrite: Replace it.
    """

    folder: Path
    output: Path
    options: TrainOptions
    resume: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who watches a training, and how it can be ended.

    Attributes:
        progress: Told what happens.
        clock: Measures durations.
        stop: Ends the training in order once set; what was reached is kept.
        interrupting: Makes a context in which a signal raises `KeyboardInterrupt` instead.
        when_epoch_ends: Called after each epoch that is kept.
    """

    progress: TrainProgress
    clock: Clock
    stop: threading.Event
    interrupting: Callable[[], AbstractContextManager[None]]
    when_epoch_ends: Callable[[EpochRecord], None]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known before the pictures are decoded."""

    root: Path
    run: RunFolder
    labels: tuple[str, ...]
    settings: TrainSettings
    split: Split
    is_split_given: bool
    skipped: tuple[SkippedFile, ...]


def train_network(request: TrainRequest, surroundings: Surroundings) -> Outcome:
    """Train, choose the best weights, judge them once, and write the run folder.

    Raises:
        DataError: The photos cannot be used.
        SettingError: An option cannot be used, or the network diverged under it.
        RunFolderError: The run folder is occupied, or cannot be written or resumed.
        MissingExtraError: The network's ImageNet weights are not installed.
    """
    cv2.setNumThreads(1)  # the threads here are our own
    with ExitStack() as caches:
        with surroundings.interrupting():
            plan = (
                _resume(request, surroundings) if request.resume else _begin(request, surroundings)
            )
            plan, parts = _decode(plan, surroundings, caches)
            learner = _make_learner(plan, parts["train"])
        surroundings.progress.say(_describe(plan))
        state = _fit(learner, plan, parts, surroundings)
        return _conclude(learner, plan, parts, state)


def _begin(request: TrainRequest, surroundings: Surroundings) -> _Plan:
    """Look at the photos, draw the split, and only then touch the run folder."""
    run = RunFolder(request.output.expanduser().resolve())
    network = find_network(request.options.network or DEFAULT_NETWORK)
    check_is_free(run, overwrite=request.overwrite)
    photos = find_photos(request.folder)
    _check_is_outside(run, photos)
    with surroundings.progress.track("hashing photos", len(photos.files)) as advance:
        hashed = hash_files(photos.root, [file.path for file in photos.files], when_done=advance)
    seed = request.options.seed
    split = draw_split(
        photos, hashed.sha256, fractions=FRACTIONS, seed=DEFAULT_SEED if seed is None else seed
    )
    settings = settle(request.options, network, pictures=len(split.part("train")))
    prepare(run)
    skipped = (*hashed.skipped, *split.skipped)
    write_split(run.split, split)
    write_skipped(run, skipped)
    write_settings(run, settings)
    is_given = bool(photos.parts)
    return _Plan(photos.root, run, photos.labels, settings, split, is_given, skipped)


def _resume(request: TrainRequest, surroundings: Surroundings) -> _Plan:
    """Read what the training began with, and see that the photos are still the same."""
    run = RunFolder(request.output.expanduser().resolve())
    settings = read_settings(run)
    check_resumed(request.options, settings)
    split = read_split(run.split)
    photos = find_photos(request.folder)
    paths = [entry.path for entry in split.entries]
    with surroundings.progress.track("hashing photos", len(paths)) as advance:
        hashed = hash_files(photos.root, paths, when_done=advance)
    changed = [e.path for e in split.entries if hashed.sha256.get(e.path) != e.sha256]
    if changed:
        raise DataError(
            "--resume needs the photos that the training began with",
            received=f"{len(changed)} changed or missing, the first {photos.root / changed[0]}",
            fix="Put them back, or begin anew with --overwrite",
        )
    skipped = read_skipped(run)
    labels = sort_labels({entry.label for entry in split.entries})
    return _Plan(photos.root, run, labels, settings, split, bool(photos.parts), skipped)


def _check_is_outside(run: RunFolder, photos: PhotoFolder) -> None:
    if run.path.is_relative_to(photos.root):
        raise RunFolderError(
            "The run folder must not lie among the photos, which it would join the next time",
            received=str(run.path),
            fix=f"Name a folder outside {photos.root} with -o",
        )


def _decode(
    plan: _Plan, surroundings: Surroundings, caches: ExitStack
) -> tuple[_Plan, dict[str, PixelCache]]:
    """Decode every picture into the cache of its part; the undecodable leave the split."""
    side = plan.settings.side
    sides = {"train": round(side * CACHE_SCALE), "validation": side, "test": side}
    parts: dict[str, PixelCache] = {}
    bad: list[SkippedFile] = []
    with surroundings.progress.track("decoding photos", len(plan.split.entries)) as advance:
        for name in PARTS:
            entries = plan.split.part(name)
            truth = [plan.labels.index(entry.label) for entry in entries]
            cache = caches.enter_context(PixelCache(plan.run.path, truth, side=sides[name]))
            paths = [entry.path for entry in entries]
            skipped = decode_files(plan.root, paths, cache=cache, when_done=advance)
            gone = {file.path for file in skipped}
            cache.keep(np.flatnonzero([path not in gone for path in paths]))
            parts[name] = cache
            bad += skipped
    if bad:
        plan = _leave_out(plan, bad, surroundings)
    return plan, parts


def _leave_out(plan: _Plan, bad: Sequence[SkippedFile], surroundings: Surroundings) -> _Plan:
    for file in bad[:_SHOWN_SKIPPED]:
        surroundings.progress.say(f"left out {file.path}: {file.reason}")
    if len(bad) > _SHOWN_SKIPPED:
        path = plan.run.path / "skipped.csv"
        surroundings.progress.say(f"left out {len(bad) - _SHOWN_SKIPPED} more: {path}")
    split = plan.split.without(file.path for file in bad)
    for part in PARTS:
        for label in plan.labels:
            if not split.counts[part].get(label):
                raise DataError(
                    "Every label needs pictures that can be decoded, in every part",
                    received=f"none of {label} in the part {part}; "
                    f"{len(bad)} files cannot be decoded, the first {bad[0].path}: {bad[0].reason}",
                    fix="Replace the files; skipped.csv in the run folder lists them",
                )
    skipped = (*plan.skipped, *bad)
    write_skipped(plan.run, skipped)
    write_split(plan.run.split, split)
    return replace(plan, split=split, skipped=skipped)


def _make_learner(plan: _Plan, training: PixelCache) -> Learner:
    tf_keras.utils.set_random_seed(plan.settings.seed)
    build = find_network(plan.settings.network).build
    network = build(len(plan.labels), plan.settings.side)
    weights = weigh_labels(training.truth, labels=len(plan.labels))
    return Learner(network, label_weights=weights)


def _describe(plan: _Plan) -> str:
    counts = plan.split.counts
    parts = ", ".join(f"{sum(counts[part].values())} {part}" for part in PARTS)
    settings = plan.settings
    return (
        f"{settings.network} at {settings.side} px, labels {', '.join(plan.labels)}; "
        f"photos: {parts}; {settings.epochs} epochs in batches of {settings.batch_size}"
    )


def _fit(
    learner: Learner, plan: _Plan, parts: Mapping[str, PixelCache], surroundings: Surroundings
) -> TrainState:
    settings = plan.settings
    state = load_state(plan.run.state)
    if state is not None:
        learner.set_weights(state.weights)
        learner.set_optimizer_state(state.optimizer)
        surroundings.progress.say(f"going on after epoch {len(state.history)}")

    def keep(state: TrainState) -> None:
        save_state(plan.run.state, state)
        write_history(plan.run, state.history)
        surroundings.when_epoch_ends(state.history[-1])

    context = FitContext(
        batches=TrainingBatches(
            parts["train"],
            batch_size=min(settings.batch_size, len(parts["train"])),
            side=settings.side,
            seed=settings.seed,
        ),
        validation=parts["validation"],
        labels=plan.labels,
        keep=keep,
        progress=surroundings.progress,
        clock=surroundings.clock,
        stop=surroundings.stop,
    )
    with surroundings.progress.training(settings.epochs):
        return fit(learner, settings, context, state=state)


def _conclude(
    learner: Learner, plan: _Plan, parts: Mapping[str, PixelCache], state: TrainState
) -> Outcome:
    """Write the run folder; the test part is looked at here and nowhere else."""
    is_complete = has_ended(state.history, plan.settings)
    if state.history:
        learner.set_weights(state.best_weights)
    save_network(plan.run, learner.network)
    write_history(plan.run, state.history)
    validation = _evaluate(learner, plan.labels, parts["validation"])
    outcome = Outcome(
        status="complete" if is_complete else "interrupted",
        root=plan.root,
        labels=plan.labels,
        settings=plan.settings,
        split=plan.split,
        is_split_given=plan.is_split_given,
        skipped=plan.skipped,
        history=state.history,
        parameters=learner.network.count_params(),
        validation=validation,
        test=_evaluate(learner, plan.labels, parts["test"]) if is_complete else None,
    )
    charts.draw_curves(outcome.history, plan.run.path / "curves.png")
    charts.draw_confusion(
        outcome.test or validation,
        plan.run.path / "confusion.png",
        title="Test part" if outcome.test else "Validation part",
    )
    summary.write_summary(plan.run, outcome)
    write_manifest(plan.run, outcome.to_dict())
    if is_complete:
        remove_checkpoint(plan.run)
    return outcome


def _evaluate(learner: Learner, labels: tuple[str, ...], part: PixelCache) -> Evaluation:
    return evaluate_scores(learner.scores(part.pixels_rgb), part.truth, labels=labels)
