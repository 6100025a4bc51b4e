"""The pictures of a run as the pixels that the device would feed, and samples of them."""

import hashlib
import os
import random
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convert.progress import Progress, no_progress, track_iterable
from convert.run_folder import RunPicture
from edge.errors import PictureError, RunFolderError
from edge.images import read_picture
from edge.manifest import InputSpec
from edge.preprocess import fit_frame

_LARGEST_IN_MEMORY_BYTES = 512 * 1024 * 1024
_NAMED_AT_MOST = 3


@dataclass(frozen=True, slots=True, eq=False)
class PictureSet:
    """Pictures ready for a network, and what they show.

    Attributes:
        pixels_rgb: `(pictures, height, width, 3)`, `uint8`, RGB; lies on disk when large.
        truth: `(pictures,)`, index of the right label.
    """

    pixels_rgb: NDArray[np.uint8]
    truth: NDArray[np.intp]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.truth)

    def head(self, count: int) -> "PictureSet":
        """Return the first pictures, at most `count`."""
        return PictureSet(self.pixels_rgb[:count], self.truth[:count])


def sample_pictures(
    pictures: Sequence[RunPicture], *, count: int | None = None, seed: int = 0
) -> list[RunPicture]:
    """Shuffle pictures, the labels taking turns, so that every beginning is stratified.

    Args:
        pictures: What to choose from.
        count: Most pictures wanted; all by default. Labels that run out are passed over.
        seed: The same seed gives the same choice.
    """
    chance = random.Random(seed)
    by_label: dict[str, list[RunPicture]] = {}
    for picture in pictures:
        by_label.setdefault(picture.label, []).append(picture)
    queues = [by_label[label] for label in sorted(by_label)]
    for queue in queues:
        chance.shuffle(queue)
    turns = range(max((len(queue) for queue in queues), default=0))
    dealt = [queue[turn] for turn in turns for queue in queues if turn < len(queue)]
    return dealt[:count]


def load_pictures(
    pictures: Sequence[RunPicture],
    *,
    labels: Sequence[str],
    spec: InputSpec,
    stage: str = "reading pictures",
    progress: Progress = no_progress,
) -> PictureSet:
    """Read pictures with the device's own decoding and resizing, several at a time.

    Args:
        pictures: What to read.
        labels: In the order of the network's output.
        spec: What the network takes.
        stage: What the progress is called.
        progress: Told about each picture.

    Raises:
        RunFolderError: A picture is gone, has changed since training or cannot be decoded.
    """
    pixels_rgb = _allocate((len(pictures), spec.height, spec.width, 3))
    places = {label: index for index, label in enumerate(labels)}
    truth = np.array([places[picture.label] for picture in pictures], np.intp)

    def load(index: int) -> str | None:
        return _load_one(pictures[index], spec, pixels_rgb[index])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(load, range(len(pictures)))
        tracked = track_iterable(results, stage=stage, total=len(pictures), progress=progress)
        problems = [problem for problem in tracked if problem]
    if problems:
        raise _unusable(problems, len(pictures))
    return PictureSet(pixels_rgb, truth)


def _load_one(picture: RunPicture, spec: InputSpec, out: NDArray[np.uint8]) -> str | None:
    """Fill `out` with the picture, or return why that cannot be."""
    try:
        with picture.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{picture.path} ({error.strerror or error})"
    if sha256 != picture.sha256:
        return f"{picture.path} (changed since training)"
    try:
        fit_frame(read_picture(picture.path), spec=spec, out=out)
    except PictureError as error:
        return error.received
    return None


def _allocate(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    size_bytes = int(np.prod(shape))
    if size_bytes <= _LARGEST_IN_MEMORY_BYTES:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile(prefix="catseye-convert-") as file:  # gone with the array
        return np.memmap(file, np.uint8, mode="w+", shape=shape)


def _unusable(problems: Sequence[str], total: int) -> RunFolderError:
    named = ", ".join(problems[:_NAMED_AT_MOST])
    more = f" and {len(problems) - _NAMED_AT_MOST} more" if len(problems) > _NAMED_AT_MOST else ""
    return RunFolderError(
        "The pictures that a run was trained on must still be there, unchanged",
        received=f"{len(problems)} of {total} are not: {named}{more}",
        fix="Put the pictures back where they were, or train again: edge train FOLDER -o RUN",
    )
