"""Batches for training, augmented in threads while the network computes."""

import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.manifest import RESIZE_MODES
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
        mixed_truth: Likewise of the picture that is mixed into each; `None` when none is.
        share: Of the picture itself where another is mixed in, in [0, 1].
    """

    pixels_rgb: Pixels
    truth: NDArray[np.int64]
    mixed_truth: NDArray[np.int64] | None = None
    share: float = 1.0

    @property
    def partner_truth(self) -> NDArray[np.int64]:
        """`mixed_truth`, or the truth itself when nothing is mixed in."""
        return self.truth if self.mixed_truth is None else self.mixed_truth

    def take(self, rows: slice) -> "Batch":
        """Return the batch of these rows."""
        mixed = None if self.mixed_truth is None else self.mixed_truth[rows]
        return Batch(self.pixels_rgb[rows], self.truth[rows], mixed, self.share)


@dataclass(frozen=True, slots=True)
class Portion:
    """Which part of each batch a machine learns from.

    Attributes:
        worker: Number of the machine, from 0; the first writes down what comes of it.
        workers: How many machines there are.

    Example:
        >>> [Portion(worker, 3).cut(8) for worker in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
    """

    worker: int = 0
    workers: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this machine writes down what comes of the training."""
        return self.worker == 0

    def cut(self, size: int) -> slice:
        """Return the rows of a batch of this size; those of all machines make up the whole."""
        return slice(self.worker * size // self.workers, (self.worker + 1) * size // self.workers)


ALONE = Portion()
"""The only machine."""


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
        mixup: How evenly pairs of pictures are mixed, see `mix`; 0 for not at all.
        portion: The part of each batch that is made here.
        resize: How the device resizes frames, one of `edge.manifest.RESIZE_MODES`.
    """

    cache: PixelCache
    batch_size: int
    side: int
    seed: int
    strength: Augmentation
    scenes: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    mixup: float = 0.0
    portion: Portion = ALONE
    resize: str = RESIZE_MODES[0]

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

    def picture(self, row: int, *, epoch: int) -> Pixels:
        """Return a picture as the network sees it in an epoch, before mixup.

        Args:
            row: Of the cache.
            epoch: From 1 on.

        Returns:
            `(side, side, 3)`, `uint8`, RGB.
        """
        random = np.random.default_rng([self.seed, epoch, row])
        return augment(
            self.cache.pixels_rgb[row],
            side=self.side,
            random=random,
            strength=self.strength,
            backdrop_rgb=self._draw_scene(random),
            resize=self.resize,
        )

    def _make(self, rows: NDArray[np.intp], number: int) -> Batch:
        own = self.portion.cut(len(rows))
        if not self.mixup:
            return self._draw(rows[own], number)
        random = np.random.default_rng([self.seed, number, *map(int, rows)])
        return mix(self._draw(rows, number), self.mixup, random).take(own)

    def _draw(self, rows: NDArray[np.intp], number: int) -> Batch:
        pixels = np.empty((len(rows), self.side, self.side, 3), np.uint8)
        for place, row in enumerate(rows):
            pixels[place] = self.picture(int(row), epoch=number)
        return Batch(pixels, self.cache.truth[rows])

    def _draw_scene(self, random: np.random.Generator) -> Pixels | None:
        return self.cache.pixels_rgb[random.choice(self.scenes)] if len(self.scenes) else None


def mix(batch: Batch, alpha: float, random: np.random.Generator) -> Batch:
    """Lay a picture of the batch over each of the others, half transparent, truths likewise.

    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization",
    https://arxiv.org/abs/1710.09412

    Args:
        batch: Pictures and their truth.
        alpha: Of the beta distribution that the share is drawn from; at 0.2 most batches stay
            nearly what they are, at 1 every share is as likely.
        random: Draws the share and who is mixed with whom.
    """
    share = float(random.beta(alpha, alpha))
    share = max(share, 1.0 - share)
    order = random.permutation(len(batch.truth))
    pixels = np.empty_like(batch.pixels_rgb)
    for place, partner in enumerate(order):
        one, other = batch.pixels_rgb[place], batch.pixels_rgb[partner]
        pixels[place] = cv2.addWeighted(one, share, other, 1.0 - share, 0.0)
    return Batch(pixels, batch.truth, batch.truth[order], share)


def find_scenes(truth: NDArray[np.int64], labels: Sequence[str]) -> NDArray[np.intp]:
    """Return the rows of the pictures that show a scene and nothing else; maybe none.

    Example:
        >>> find_scenes(np.array([0, 1, 1]), ["cat", "none"]).tolist()
        [1, 2]
    """
    if SCENE_LABEL not in labels:
        return np.empty(0, np.intp)
    return np.flatnonzero(truth == list(labels).index(SCENE_LABEL))
