"""What a model, trained or deployed, says about the photos of a folder."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import PictureError, RunFolderError
from edge.images import read_picture
from edge.labels import match_label
from edge.manifest import InputSpec
from edge.preprocess import fit_frame
from edge.records import Pixels, Scores
from train.data.measures import PhotoMeasures
from train.data.mislabels import Mislabel, rank_mislabels
from train.networks import Network
from train.run_folder import RunFolder

_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class _TrainedNetwork:
    network: Network
    labels: tuple[str, ...]
    spec: InputSpec


def check_opinion(model: Path, labels: Iterable[str]) -> None:
    """See that a model can be asked about photos with these labels, before they are looked at.

    Args:
        model: A run folder of `edge train`, or a file of `edge convert`.
        labels: Of the photos.

    Raises:
        ModelFileError: The file cannot be used.
        RunFolderError: The folder is no run.
        DataError: A label is none of the model's.
    """
    if model.is_dir():
        known = _open_run(model).labels
    else:
        from edge.classifier import open_classifier

        with open_classifier(model) as classifier:
            known = classifier.labels
    for label in labels:
        match_label(label, known)


def find_mislabels(
    root: Path,
    photos: Sequence[PhotoMeasures],
    model: Path,
    *,
    when_done: Callable[[], None] = lambda: None,
) -> tuple[Mislabel, ...]:
    """Rank the photos whose label a model doubts.

    Args:
        root: What the paths are relative to.
        photos: Those that can be decoded.
        model: A run folder of `edge train`, or a file of `edge convert`.
        when_done: Called after each photo.

    Raises:
        ModelFileError: The file cannot be used.
        RunFolderError: The folder is no run.
        DataError: A label is none of the model's.
    """
    score = _score_by_run if model.is_dir() else _score_by_file
    labels, scores, known = score(root, photos, model, when_done)
    matched = {label: match_label(label, labels) for label in {photo.label for photo in photos}}
    kept = [photo for photo, is_known in zip(photos, known, strict=True) if is_known]
    truth = np.array([labels.index(matched[photo.label]) for photo in kept], np.int64)
    return rank_mislabels([photo.path for photo in kept], truth, scores[known], labels=labels)


def _score_by_file(
    root: Path, photos: Sequence[PhotoMeasures], model: Path, when_done: Callable[[], None]
) -> tuple[tuple[str, ...], Scores, NDArray[np.bool_]]:
    from edge.classifier import open_classifier

    with open_classifier(model) as classifier:
        scores = np.zeros((len(photos), len(classifier.labels)), np.float32)
        known = np.zeros(len(photos), np.bool_)
        for row, photo in enumerate(photos):
            frame_bgr = _read(root / photo.path)
            if frame_bgr is not None:
                scores[row], known[row] = classifier.classify(frame_bgr).scores, True
            when_done()
        return classifier.labels, scores, known


def _score_by_run(
    root: Path, photos: Sequence[PhotoMeasures], model: Path, when_done: Callable[[], None]
) -> tuple[tuple[str, ...], Scores, NDArray[np.bool_]]:
    trained = _open_run(model)
    labels, spec = trained.labels, trained.spec
    scores = np.zeros((len(photos), len(labels)), np.float32)
    known = np.zeros(len(photos), np.bool_)
    for start in range(0, len(photos), _BATCH):
        some = photos[start : start + _BATCH]
        batch = np.zeros((len(some), spec.height, spec.width, 3), np.uint8)
        for place, photo in enumerate(some):
            frame_bgr = _read(root / photo.path)
            if frame_bgr is not None:
                fit_frame(frame_bgr, spec=spec, out=batch[place])
                known[start + place] = True
            when_done()
        scaled = (batch.astype(np.float32) - spec.mean) / spec.scale
        scores[start : start + len(some)] = trained.network(scaled, training=False).numpy()
    return labels, scores, known


def _open_run(model: Path) -> _TrainedNetwork:
    import tf_keras

    run = RunFolder(model)
    try:
        manifest = json.loads(run.manifest.read_text(encoding="utf-8"))
        return _TrainedNetwork(
            tf_keras.models.load_model(os.fspath(run.model), compile=False),
            labels=tuple(manifest["labels"]),
            spec=InputSpec.from_dict(manifest["input"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            "--model names the folder of a run or a model file",
            received=f"{model}: {error}",
            fix="Name a folder that edge train has written, or a .tflite file",
        ) from error


def _read(path: Path) -> Pixels | None:
    """Return a photo; `None` when it has gone since it was measured."""
    try:
        return read_picture(path)
    except PictureError:
        return None
