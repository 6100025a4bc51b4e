"""Batches for training, augmented in threads while the network computes."""

import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels
from train.augment import Augmentation, augment
from train.cache import PixelCache

_PREFETCH = 4
_WORKERS = min(4, os.cpu_count() or 1)


SCENE_LABEL = "none"
"""Photos of nothing of interest; they also serve as backdrops for the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures for one step.

    Attributes:
        pixels_rgb: `(batch, side, side, 3)`, `uint8`, RGB.
        truth: `(batch,)`, `int64`, index of each picture's label.
    """

    pixels_rgb: Pixels
    truth: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatches:
    """The training part, in a new order and newly augmented in every epoch.

    Order and augmentation of an epoch follow from the seed and its number alone, whatever the
    threads do and whether or not the training was resumed in between. The few pictures that are
    left over when an epoch is cut into batches differ from epoch to epoch.

    Attributes:
        cache: The pictures, at least as large as the input.
        batch_size: Pictures per step, at most as many as there are.
        side: Width and height of the input in pixels.
        seed: Of all that is random here.
        strength: Of the augmentation.
        scenes: Rows of the pictures that may be a backdrop for others; may be empty.
    """

    cache: PixelCache
    batch_size: int
    side: int
    seed: int
    strength: Augmentation
    scenes: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return len(self.cache) // self.batch_size

    def epoch(self, number: int) -> Generator[Batch, None, None]:
        """Yield the batches of an epoch; closing the iterator early stops the threads."""
        order = np.random.default_rng([self.seed, number]).permutation(len(self.cache))
        rows = iter(order[: self.steps * self.batch_size].reshape(self.steps, self.batch_size))
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="augment")
        waiting: deque[Future[Batch]] = deque()
        try:
            for batch_rows in rows:
                waiting.append(pool.submit(self._make, batch_rows, number))
                if len(waiting) > _PREFETCH:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _make(self, rows: NDArray[np.intp], number: int) -> Batch:
        pixels = np.empty((len(rows), self.side, self.side, 3), np.uint8)
        for place, row in enumerate(rows):
            random = np.random.default_rng([self.seed, number, int(row)])
            pixels[place] = augment(
                self.cache.pixels_rgb[row],
                side=self.side,
                random=random,
                strength=self.strength,
                backdrop_rgb=self._draw_scene(random),
            )
        return Batch(pixels, self.cache.truth[rows])

    def _draw_scene(self, random: np.random.Generator) -> Pixels | None:
        return self.cache.pixels_rgb[random.choice(self.scenes)] if len(self.scenes) else None


def find_scenes(truth: NDArray[np.int64], labels: Sequence[str]) -> NDArray[np.intp]:
    """Return the rows of the pictures that show a scene and nothing else; maybe none.

    Example:
        >>> find_scenes(np.array([0, 1, 1]), ["cat", "none"]).tolist()
        [1, 2]
    """
    if SCENE_LABEL not in labels:
        return np.empty(0, np.intp)
    return np.flatnonzero(truth == list(labels).index(SCENE_LABEL))
