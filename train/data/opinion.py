"""What a model, trained or deployed, says about the photos of a folder."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import PictureError, RunFolderError
from edge.images import read_picture
from edge.labels import match_label
from edge.manifest import InputSpec
from edge.modelfile import read_model_file
from edge.preprocess import fit_frame
from edge.records import Pixels, Scores
from train.data.measures import PhotoMeasures
from train.data.mislabels import Mislabel, rank_mislabels
from train.folder import absolute_folder, find_label_folders
from train.run_folder import RunFolder

_BATCH = 64


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


def check_opinion(model: Path, folder: Path) -> None:
    """See that a model knows the labels of a folder, before anybody waits for its answers.

    Args:
        model: A run folder of `edge train`, or a file of `edge convert`.
        folder: Of the photos.

    Raises:
        ModelFileError: The file cannot be used.
        RunFolderError: The folder is no run.
        DataError: A label is none of the model's.
    """
    labels = _read_run(model)[0] if model.is_dir() else read_model_file(model).manifest.labels
    for place in find_label_folders(absolute_folder(folder)):
        match_label(place.label, labels)


def _read_run(model: Path) -> tuple[tuple[str, ...], InputSpec]:
    """Return the labels of a run and what its network takes."""
    try:
        manifest = json.loads(RunFolder(model).manifest.read_text(encoding="utf-8"))
        given = manifest["input"]
        spec = InputSpec(
            width=int(given["width"]),
            height=int(given["height"]),
            mean=float(given["mean"]),
            scale=float(given["scale"]),
        )
        return tuple(manifest["labels"]), spec
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _no_run(model, error) from error


def _no_run(model: Path, error: Exception) -> RunFolderError:
    return RunFolderError(
        "--model names the folder of a run or a model file",
        received=f"{model}: {error}",
        fix="Name a folder that edge train has written, or a .tflite file",
    )


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
    import tf_keras

    labels, spec = _read_run(model)
    width, height = spec.size_wh
    try:
        network = tf_keras.models.load_model(os.fspath(RunFolder(model).model), compile=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _no_run(model, error) from error
    scores = np.zeros((len(photos), len(labels)), np.float32)
    known = np.zeros(len(photos), np.bool_)
    for start in range(0, len(photos), _BATCH):
        some = photos[start : start + _BATCH]
        batch = np.zeros((len(some), height, width, 3), np.uint8)
        for place, photo in enumerate(some):
            frame_bgr = _read(root / photo.path)
            if frame_bgr is not None:
                fit_frame(frame_bgr, size_wh=spec.size_wh, out=batch[place])
                known[start + place] = True
            when_done()
        scaled = (batch.astype(np.float32) - spec.mean) / spec.scale
        scores[start : start + len(some)] = network(scaled, training=False).numpy()
    return labels, scores, known


def _read(path: Path) -> Pixels | None:
    """Return a photo; `None` when it has gone since it was measured."""
    try:
        return read_picture(path)
    except PictureError:
        return None
