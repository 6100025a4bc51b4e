"""Compare the training pipeline with Keras's own, timed in the same run.

The same photos, network, size, batch size, optimizer, loss and trainable layers on both sides, and
no augmentation on either, so that only the way from file to step differs:

- plain: `image_dataset_from_directory(...)` with its defaults, pixels scaled, and `model.fit`;
- catseye: hashing, looking for near-identical photos, decoding into the cache, threads that fill
  batches, and the step of `Learner`.

The first epoch of catseye includes looking at every file; that of plain has nothing before it.
Both sides learn a few steps first, so that neither pays for TensorFlow's warm-up. The sides take
turns, epoch by epoch, so that a busy machine slows both; the order of the turns alternates. The
processor time, of all threads, does not depend on what else the machine does. At the end it says
where catseye's time went: waiting for batches is what its pipeline costs, steps are the network's.

    python benchmarks/training_speed.py FOLDER --pictures 400 --network cnn
"""

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from edge.extras import require_desktop

require_desktop()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402

from edge.manifest import InputSpec  # noqa: E402
from train.augment import PRESETS  # noqa: E402
from train.batches import TrainingBatches  # noqa: E402
from train.cache import PixelCache  # noqa: E402
from train.data.groups import different_files, find_alike  # noqa: E402
from train.data.thumbnails import take_thumbnails  # noqa: E402
from train.folder import PhotoFolder, find_photos  # noqa: E402
from train.learner import Learner  # noqa: E402
from train.networks import INPUT_MEAN, INPUT_SCALE, NETWORK_NAMES, find_network  # noqa: E402
from train.scan import decode_files, hash_files  # noqa: E402
from train.settings import LABEL_SMOOTHING, WEIGHT_DECAY  # noqa: E402

_LEARNING_RATE = 1e-4


@dataclass(frozen=True, slots=True)
class Task:
    """What both sides do."""

    photos: PhotoFolder
    network: str
    side: int
    batch_size: int

    @property
    def pictures(self) -> int:
        """Pictures that an epoch learns from."""
        return len(self.photos.files)


@dataclass(frozen=True, slots=True)
class Cost:
    """What an epoch takes: by the clock, and of all threads on all processors.

    `spent` says where the seconds by the clock went, if that is known.
    """

    seconds: float
    processor_seconds: float
    spent: Counter[str] = field(default_factory=Counter)


class Stopwatch:
    """Measures a block; a context manager."""

    cost: Cost

    def __enter__(self) -> "Stopwatch":
        """Begin to measure."""
        self._began = (time.perf_counter(), time.process_time())
        return self

    def __exit__(self, *_: object) -> None:
        """Set `cost`."""
        now = (time.perf_counter(), time.process_time())
        self.cost = Cost(now[0] - self._began[0], now[1] - self._began[1])


def main() -> None:
    """Run both sides in turns and print what an epoch costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of photos per label")
    parser.add_argument("--pictures", type=int, default=400, help="in all, evenly over the labels")
    parser.add_argument("--network", choices=NETWORK_NAMES, default="cnn")
    parser.add_argument("--size", type=int, help="width and height of the input, in pixels")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole_batches = arguments.pictures // arguments.batch_size * arguments.batch_size
        photos = copy_sample(arguments.folder, Path(folder), pictures=whole_batches)
        side = arguments.size or find_network(arguments.network).side
        task = Task(photos, arguments.network, side, arguments.batch_size)
        describe(task)
        compare(task, epochs=arguments.epochs)


def compare(task: Task, *, epochs: int) -> None:
    """Let the sides take turns, and print an epoch per line."""
    plain, ours = run_plain(task), run_catseye(task)
    costs = []
    print("            images per second            processor time, ms per image")
    print("epoch    plain  catseye    ratio    plain  catseye    ratio")
    for epoch in range(1, epochs + 1):
        if epoch % 2:
            theirs, own = next(plain), next(ours)
        else:
            own, theirs = next(ours), next(plain)
        rates = [task.pictures / cost.seconds for cost in (theirs, own)]
        loads = [1e3 * cost.processor_seconds / task.pictures for cost in (theirs, own)]
        print(
            f"{epoch:5} {rates[0]:8.1f} {rates[1]:8.1f} {rates[1] / rates[0]:8.2f} "
            f"{loads[0]:8.2f} {loads[1]:8.2f} {loads[0] / loads[1]:8.2f}"
        )
        costs.append(own)
    print("\nepoch   where the time of catseye goes, seconds")
    for epoch, cost in enumerate(costs, start=1):
        spent = "   ".join(f"{name} {seconds:.2f}" for name, seconds in cost.spent.items())
        print(f"{epoch:5}   {spent}   all {cost.seconds:.2f}")


def run_plain(task: Task) -> Iterator[Cost]:
    """Train as Keras's guides do; yields the cost of each epoch."""
    model = build(task)
    model.compile(
        tf_keras.optimizers.AdamW(_LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        tf_keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
    )
    warm = np.zeros((task.batch_size, task.side, task.side, 3), np.float32)
    truth = np.eye(len(task.photos.labels), dtype=np.float32)[np.zeros(task.batch_size, int)]
    model.fit(warm, truth, batch_size=task.batch_size, epochs=3, verbose=0)
    dataset = tf_keras.utils.image_dataset_from_directory(
        task.photos.root,
        label_mode="categorical",
        image_size=(task.side, task.side),
        batch_size=task.batch_size,
        seed=1,
    )
    dataset = dataset.map(lambda pixels, truth: ((pixels - INPUT_MEAN) / INPUT_SCALE, truth))
    dataset = dataset.prefetch(tf.data.AUTOTUNE)
    while True:
        with Stopwatch() as watch:
            model.fit(dataset, epochs=1, verbose=0)
        yield watch.cost


def run_catseye(task: Task) -> Iterator[Cost]:
    """Train as `edge train` does, without augmentation; yields the cost of each epoch."""
    labels = task.photos.labels
    learner = Learner(build(task), label_weights=np.ones(len(labels), np.float32))
    with tempfile.TemporaryDirectory() as folder:
        warm = PixelCache(Path(folder), [0] * task.batch_size, side=task.side)
        warm.pixels_rgb[:] = 0
        for epoch in range(3):
            learn(learner, warm, task, epoch, Counter())
        cache = PixelCache(
            Path(folder),
            [labels.index(file.label) for file in task.photos.files],
            side=task.side,
        )
        for epoch in range(1, 1_000_000):
            spent: Counter[str] = Counter()
            with Stopwatch() as watch:
                if epoch == 1:
                    look(task, cache, spent)
                learn(learner, cache, task, epoch, spent)
            yield replace(watch.cost, spent=spent)


def look(task: Task, cache: PixelCache, spent: Counter[str]) -> None:
    """Do what `edge train` does with every photo before the first step."""
    photos, spec = task.photos, InputSpec(task.side, task.side)
    paths = [file.path for file in photos.files]
    with spending(spent, "hashing"):
        hashed = hash_files(photos.root, paths)
    with spending(spent, "comparing"):
        different = different_files(hashed.sha256)
        find_alike(take_thumbnails(photos.root, different, when_done=lambda: None))
    with spending(spent, "decoding"):
        decode_files(photos.root, paths, spec=spec, cache=cache)


def learn(learner: Learner, cache: PixelCache, task: Task, epoch: int, spent: Counter[str]) -> None:
    """Learn from every batch of an epoch."""
    batches = TrainingBatches(
        cache, batch_size=task.batch_size, side=task.side, seed=1, strength=PRESETS["none"]
    )
    drawn = batches.epoch(epoch)
    while True:
        with spending(spent, "waiting for batches"):
            batch = next(drawn, None)
        if batch is None:
            return
        with spending(spent, "steps"):
            learner.step(batch, learning_rate=_LEARNING_RATE)


@contextmanager
def spending(spent: Counter[str], name: str) -> Iterator[None]:
    """Add the seconds that a block takes to those of its name."""
    began = time.perf_counter()
    yield
    spent[name] += time.perf_counter() - began


def build(task: Task) -> Any:
    """Build the network, with the layers frozen that `edge train` freezes."""
    tf_keras.utils.set_random_seed(1)
    return find_network(task.network).load()(len(task.photos.labels), task.side)


def copy_sample(folder: Path, target: Path, *, pictures: int) -> PhotoFolder:
    """Copy so many pictures, of every label in turn; neither side reads from a cold disk."""
    found = find_photos(folder)
    queues = [[f for f in found.files if f.label == label] for label in found.labels]
    in_turn = (file for files in zip_longest(*queues) for file in files if file)
    for number, file in enumerate(islice(in_turn, pictures)):
        (target / file.label).mkdir(exist_ok=True)
        source = found.root / file.path
        shutil.copyfile(source, target / file.label / f"{number:05d}{source.suffix}")
    return find_photos(target)


def describe(task: Task) -> None:
    """Print what is compared, and on what."""
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(
        f"Python {platform.python_version()}, TensorFlow {tf.__version__}, "
        f"tf-keras {tf_keras.__version__}"
    )
    print(
        f"{task.network} at {task.side} px, batches of {task.batch_size}, {task.pictures} "
        f"pictures an epoch of {', '.join(task.photos.labels)}; no augmentation on either side"
    )


if __name__ == "__main__":
    main()
