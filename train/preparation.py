"""Everything before the first step: photos, split, network, decoded pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edge.errors import DataError, RunFolderError, SettingError
from train.beginning import check_beginning
from train.cache import PixelCache
from train.cluster import DISTRIBUTIONS
from train.data.groups import group_photos, say_groups
from train.folder import PARTS, PhotoFolder, find_photos, sort_labels
from train.networks import Network, find_network
from train.progress import TrainProgress
from train.run_folder import (
    RunFolder,
    check_is_free,
    clear,
    read_settings,
    write_settings,
)
from train.scan import SkippedFile, decode_files, hash_files
from train.settings import FRACTIONS, TrainOptions, TrainSettings, check_resumed, settle
from train.split import Split, draw_split, read_split, write_split
from train.tables import read_skipped, write_skipped

_SHOWN_SKIPPED = 5


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What the command line asks for.

    Attributes:
        folder: The photos.
        output: The run folder.
        options: How to train.
        is_resumed: Go on with the run in the folder.
        is_overwriting: Replace it.
        distribute: One of `train.cluster.DISTRIBUTIONS`; `None` to train in this process alone.

    Raises:
        SettingError: There is no such way to distribute a training.
    """

    folder: Path
    output: Path
    options: TrainOptions
    is_resumed: bool = False
    is_overwriting: bool = False
    distribute: str | None = None

    def __post_init__(self) -> None:
        """Refuse a way to distribute that is not known."""
        if self.distribute is not None and self.distribute not in DISTRIBUTIONS:
            raise SettingError(
                "--distribute must be one of " + ", ".join(DISTRIBUTIONS),
                received=self.distribute,
                fix=f"Use for example --distribute {DISTRIBUTIONS[0]}",
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained on what.

    Attributes:
        root: Folder of the photos, absolute.
        run: Where the results go.
        labels: In the order of the network's output.
        settings: How to train.
        split: The pictures that take part.
        is_split_given: The folder itself holds the parts.
        skipped: The files that do not.
    """

    root: Path
    run: RunFolder
    labels: tuple[str, ...]
    settings: TrainSettings
    split: Split
    is_split_given: bool
    skipped: tuple[SkippedFile, ...]

    def describe(self) -> str:
        """Say in a line what is trained on what."""
        counts = self.split.counts
        parts = ", ".join(f"{sum(counts[part].values())} {part}" for part in PARTS)
        return (
            f"{self.settings.network} at {self.settings.side} px, "
            f"labels {', '.join(self.labels)}; photos: {parts}; "
            f"{self.settings.epochs} epochs in batches of {self.settings.batch_size}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The decoded pictures.

    Attributes:
        train: To learn from; larger than the network's input where augmentation crops, otherwise
            at its size.
        validation: To choose by, at the size of the input.
        test: To judge with, once, at the size of the input.
    """

    train: PixelCache
    validation: PixelCache
    test: PixelCache


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What a training begins with.

    Attributes:
        plan: What is trained on what.
        network: As it is before the first step.
        parts: The decoded pictures.
    """

    plan: Plan
    network: Network
    parts: Parts


def prepare(
    request: TrainRequest,
    progress: TrainProgress,
    *,
    begin: Callable[[Plan], Network],
    when_planned: Callable[[Plan], object] = lambda _: None,
) -> Prepared:
    """Look at every file, draw or read the split, build the network, and decode the pictures.

    What cannot be begun with is named before the run folder is touched and before the pictures
    are decoded, which takes minutes.

    Args:
        request: What the command line asks for.
        progress: Told what happens.
        begin: Builds the network, such as `train.training.begin_network`.
        when_planned: Called when the run folder holds all that `--resume` needs.

    Raises:
        CatseyeError: `begin` raised it.
        DataError: The photos cannot be used.
        SettingError: An option cannot be used.
        RunFolderError: The run folder is occupied, or cannot be written or resumed.
    """
    cv2.setNumThreads(1)  # the threads here are our own
    plan = _resume(request, progress) if request.is_resumed else _plan(request, progress)
    network = begin(plan)
    if not request.is_resumed:
        _open_run(plan)
    when_planned(plan)
    plan, parts = _decode(plan, progress)
    return Prepared(plan, network, parts)


def _plan(request: TrainRequest, progress: TrainProgress) -> Plan:
    """Look at the photos and draw the split; nothing is written."""
    run = RunFolder(request.output.expanduser().resolve())
    check_is_free(run, is_overwriting=request.is_overwriting)
    photos = find_photos(request.folder)
    check_is_outside(run, photos)
    check_beginning(request.options, photos.labels)
    with progress.track("hashing photos", len(photos.files)) as advance:
        hashed = hash_files(photos.root, [file.path for file in photos.files], when_done=advance)
    seed = request.options.chosen_seed
    grouping = group_photos(
        photos.root, hashed.sha256, group_by=request.options.group_by, progress=progress
    )
    split = draw_split(photos, hashed.sha256, fractions=FRACTIONS, seed=seed, groups=grouping.names)
    say_groups(split, progress)
    network = find_network(request.options.chosen_network)
    settings = settle(request.options, network, pictures=len(split.part("train")))
    skipped = (*hashed.skipped, *split.skipped)
    is_given = bool(photos.parts)
    return Plan(photos.root, run, photos.labels, settings, split, is_given, skipped)


def _open_run(plan: Plan) -> None:
    """Make the run folder, in place of an earlier one, and write what `--resume` needs."""
    clear(plan.run)
    write_split(plan.run.split, plan.split)
    write_skipped(plan.run.skipped, plan.skipped)
    write_settings(plan.run, plan.settings)


def _resume(request: TrainRequest, progress: TrainProgress) -> Plan:
    """Read what the training began with, and see that the photos are still the same."""
    run = RunFolder(request.output.expanduser().resolve())
    settings = read_settings(run)
    check_resumed(request.options, settings)
    split = read_split(run.split)
    skipped = read_skipped(run.skipped)
    photos = find_photos(request.folder)
    paths = [entry.path for entry in split.entries]
    with progress.track("hashing photos", len(paths)) as advance:
        hashed = hash_files(photos.root, paths, when_done=advance)
    changed = [e.path for e in split.entries if hashed.sha256.get(e.path) != e.sha256]
    if changed:
        raise DataError(
            "A training goes on with the photos that it began with, on each of its machines",
            received=f"{len(changed)} changed or missing, the first {photos.root / changed[0]}",
            fix="Put them back, or begin anew with --overwrite",
        )
    labels = sort_labels({entry.label for entry in split.entries})
    return Plan(photos.root, run, labels, settings, split, bool(photos.parts), skipped)


def check_is_outside(run: RunFolder, photos: PhotoFolder) -> None:
    """Refuse a run folder among the photos.

    Raises:
        RunFolderError: It lies there.
    """
    if run.path.is_relative_to(photos.root):
        raise RunFolderError(
            "The run folder must not lie among the photos, which it would join the next time",
            received=str(run.path),
            fix=f"Name a folder outside {photos.root} with -o",
        )


def _decode(plan: Plan, progress: TrainProgress) -> tuple[Plan, Parts]:
    """Decode every picture into the cache of its part; the undecodable leave the split."""
    bad: list[SkippedFile] = []
    caches = []
    with progress.track("decoding photos", len(plan.split.entries)) as advance:
        for part in PARTS:
            entries = plan.split.part(part)
            paths = [entry.path for entry in entries]
            spec = plan.settings.cached(part)
            cache = PixelCache(
                plan.run.path,
                [plan.labels.index(entry.label) for entry in entries],
                side=spec.width,
            )
            caches.append(cache)
            skipped = decode_files(plan.root, paths, spec=spec, cache=cache, when_done=advance)
            gone = {file.path for file in skipped}
            cache.keep(np.flatnonzero([path not in gone for path in paths]))
            bad += skipped
    if bad:
        plan = _leave_out(plan, bad, progress)
    return plan, Parts(*caches)


def _leave_out(plan: Plan, bad: Sequence[SkippedFile], progress: TrainProgress) -> Plan:
    """Name the files that cannot be decoded and take them out of the split."""
    for file in bad[:_SHOWN_SKIPPED]:
        progress.say(f"left out {file.path}: {file.reason}")
    if len(bad) > _SHOWN_SKIPPED:
        progress.say(f"left out {len(bad) - _SHOWN_SKIPPED} more, listed in {plan.run.skipped}")
    skipped = (*plan.skipped, *bad)
    write_skipped(plan.run.skipped, skipped)
    split = plan.split.without(file.path for file in bad)
    for part in PARTS:
        for label in plan.labels:
            if not split.counts[part].get(label):
                raise DataError(
                    "Every label needs pictures that can be decoded, in every part",
                    received=f"none of {label} in the part {part}; {len(bad)} files cannot be "
                    f"decoded, the first {bad[0].path}: {bad[0].reason}",
                    fix=f"Replace the files; {plan.run.skipped} lists them",
                )
    write_split(plan.run.split, split)
    return replace(plan, split=split, skipped=skipped)
