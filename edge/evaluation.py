"""How good a deployed file is on a folder per label, judged by the device's own code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.classifier import Classifier
from edge.errors import DataError, PictureError, SettingError
from edge.images import is_hidden, list_pictures, read_picture
from edge.labels import match_label, name_some, suggest_mapping
from edge.metrics import Evaluation, evaluate_scores
from edge.quality.judgement import Verdicts


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture file and what it shows."""

    path: Path
    label: str


@dataclass(frozen=True, slots=True)
class SkippedPicture:
    """A picture file that was not judged, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class FolderEvaluation:
    """What was said about a folder's pictures.

    Attributes:
        result: The counts, over the pictures that could be read.
        skipped: The others.
        judged: The pictures that could be read.
        verdicts: What was said about these, in the same order.
    """

    result: Evaluation
    skipped: tuple[SkippedPicture, ...]
    judged: tuple[LabelledPicture, ...]
    verdicts: Verdicts


def find_labelled_pictures(
    folder: Path, *, labels: Sequence[str], mapping: Mapping[str, str] | None = None
) -> list[LabelledPicture]:
    """List the pictures of a folder whose subfolders are named after labels.

    Args:
        folder: Holds a subfolder for some or all of the labels.
        labels: The model's labels.
        mapping: Other names for labels, such as `{"Cats": "cat"}`.

    Raises:
        SettingError: A mapping to no label of the model's.
        DataError: No such folder, no subfolders, or one that stands for no label.
    """
    for name, label in (mapping or {}).items():
        if label.casefold() not in {known.casefold() for known in labels}:
            raise SettingError(
                "A folder is mapped to one of the model's labels: " + name_some(labels, like=label),
                received=f"{name}={label}",
                fix=f"Use for example {suggest_mapping(name, labels, like=label)}",
            )
    return [
        LabelledPicture(path, label)
        for subfolder in _subfolders(folder)
        for label in [match_label(subfolder.name, labels, mapping=mapping)]
        for path in list_pictures(subfolder)
    ]


def evaluate_pictures(
    classifier: Classifier,
    pictures: Sequence[LabelledPicture],
    *,
    when_judged: Callable[[], None] | None = None,
) -> FolderEvaluation:
    """Classify pictures whose label is known and count what is right.

    Args:
        classifier: The deployed file.
        pictures: What to judge.
        when_judged: Called after each picture, for a progress bar.

    Raises:
        DataError: None of the pictures can be read.
    """
    judged, scores, skipped = [], [], []
    for picture in pictures:
        try:
            frame_bgr = read_picture(picture.path)
        except PictureError as error:
            reason = error.received.removeprefix(f"{picture.path}: ")
            skipped.append(SkippedPicture(picture.path, reason))
        else:
            scores.append(classifier.classify(frame_bgr).scores)
            judged.append(picture)
        if when_judged is not None:
            when_judged()
    if not scores:
        raise DataError(
            "An evaluation needs at least one picture that can be read",
            received=f"{len(pictures)} picture files, {len(skipped)} of them unreadable",
            fix="Put pictures into the subfolders, for example FOLDER/cat/photo.jpg",
        )
    decision = classifier.model.manifest.decision
    verdicts = Verdicts(
        paths=[str(picture.path) for picture in judged],
        truth=np.array([classifier.labels.index(picture.label) for picture in judged]),
        scores=np.stack(scores),
        labels=classifier.labels,
        temperature=decision.temperature,
        thresholds=decision.thresholds,
    )
    result = evaluate_scores(
        verdicts.scores,
        verdicts.truth,
        labels=verdicts.labels,
        thresholds=decision.thresholds,
    )
    return FolderEvaluation(result, tuple(skipped), tuple(judged), verdicts)


def _subfolders(folder: Path) -> Iterator[Path]:
    try:
        found = sorted(
            path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name)
        )
    except OSError as error:
        raise DataError(
            "A folder of labelled pictures must be readable",
            received=f"{folder}: {error.strerror or error}",
            fix="Name a folder that holds a subfolder per label",
        ) from error
    if not found:
        raise DataError(
            "A folder of labelled pictures holds a subfolder per label",
            received=f"{folder}, which has no subfolder",
            fix="Sort the pictures into subfolders, for example FOLDER/cat and FOLDER/dog",
        )
    yield from found
