"""Quantization-aware fine-tuning: the eight-bit network learns to agree with the float one.

The recipe, and why:

- Ranges are measured before anything is learned, and stay (see `convert.emulation`).
- Batch normalisation keeps its statistics, since small batches would spoil them; its scales and
  offsets learn, and take back much of what rounding has shifted.
- The teacher is the float network itself, so that no label, right or wrong, pulls the weights
  elsewhere. The pupil follows its features, the input of the last layer, as well as its scores:
  three scores say little about a picture, 1,280 features say where rounding hurts.
- The learning rate is small and ends at zero.
- Of all states, the untouched one included, the one nearest to the teacher on validation
  pictures is kept.

Hinton et al. 2015, "Distilling the Knowledge in a Neural Network",
https://arxiv.org/abs/1503.02531; Romero et al. 2015, "FitNets: Hints for Thin Deep Nets",
https://arxiv.org/abs/1412.6550.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from convert.emulation import RANGES, Emulation
from convert.parity import divergence
from convert.pictures import PictureSet
from convert.progress import Progress, no_progress
from edge.manifest import InputSpec
from edge.records import Scores

logger = logging.getLogger(__name__)

_SMALLEST_LENGTH = 1e-6
_SMALLEST_SCORE = 1e-7


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how boldly to fine-tune.

    Attributes:
        pictures: Training pictures to learn from, at most.
        epochs: Times that each is seen.
        learning_rate: At its highest; rises over the first tenth of the steps, then falls to
            zero along a cosine.
        softness: Temperature at which the scores of teacher and pupil are compared; above 1
            the teacher's doubts count more.
        batch_pictures: Pictures per step.
        checks: States that are compared, evenly spread over the steps.
        settling_pictures: Training pictures that the ranges are measured with.
        judging_pictures: Validation pictures that the states are compared with, at most.
        seed: Of order and mirroring.
    """

    pictures: int = 2000
    epochs: int = 1
    learning_rate: float = 2e-5
    softness: float = 2.0
    batch_pictures: int = 16
    checks: int = 4
    settling_pictures: int = 512
    judging_pictures: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """A state of the pupil on the way.

    Attributes:
        step: Batches learned from; 0 before any learning.
        divergence: From the teacher on validation pictures, in nats.
        agreement: Share of validation pictures with the teacher's best label, in [0, 1].
    """

    step: int
    divergence: float
    agreement: float


@dataclass(frozen=True, slots=True, eq=False)
class FineTuning:
    """What a fine-tuning has led to.

    Attributes:
        emulation: The network, with the weights of the best state.
        settled_weights: Its weights before any learning.
        states: Every state that was compared, in the order of their steps.
        best: The one whose weights `emulation` has.
        pictures: Training pictures learned from.
        images_per_second: While learning.
        seconds: For all of it.
    """

    emulation: Emulation
    settled_weights: list[NDArray[np.float32]]
    states: tuple[State, ...]
    best: State
    pictures: int
    images_per_second: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values for JSON."""
        return {
            "pictures": self.pictures,
            "states": [asdict(state) for state in self.states],
            "best_step": self.best.step,
            "images_per_second": self.images_per_second,
            "seconds": self.seconds,
        }


def fine_tune(
    original: Any,
    training: PictureSet,
    validation: PictureSet,
    *,
    spec: InputSpec,
    recipe: Recipe,
    progress: Progress = no_progress,
) -> FineTuning:
    """Teach the eight-bit version of a network to agree with the float one.

    Args:
        original: The float network, a flat Keras model; it is not changed.
        training: Pictures to learn from, stratified from the first on.
        validation: Pictures to compare states with, stratified from the first on.
        spec: What the network takes.
        recipe: How long and how boldly.
        progress: Told about each step.

    Raises:
        RunFolderError: The network has a layer that tfmot cannot quantize.
    """
    started = time.monotonic()
    emulation = Emulation(original, spec=spec)
    settling = training.head(recipe.settling_pictures)
    emulation.settle(list(_batches(settling, spec, recipe.batch_pictures)), progress=progress)
    judge = _Judge(original, validation.head(recipe.judging_pictures), spec)
    training = training.head(recipe.pictures)
    states = [_choose_ranges(emulation, judge)]
    settled_weights = emulation.model.get_weights()
    best_weights, learning_seconds = settled_weights, 0.0
    for step, seconds in _learn(original, emulation, training, spec, recipe, progress):
        states.append(judge.compare(emulation.model, step=step))
        learning_seconds += seconds
        if states[-1].divergence < min(state.divergence for state in states[:-1]):
            best_weights = emulation.model.get_weights()
    emulation.model.set_weights(best_weights)
    seen = len(training) * recipe.epochs
    return FineTuning(
        emulation=emulation,
        settled_weights=settled_weights,
        states=tuple(states),
        best=min(states, key=lambda state: state.divergence),
        pictures=len(training),
        images_per_second=seen / learning_seconds if learning_seconds else 0.0,
        seconds=time.monotonic() - started,
    )


def scale_pixels(pixels_rgb: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Scale pixels as the network learned them: `(pixels - mean) / scale`, `float32`."""
    scaled: NDArray[np.float32] = (pixels_rgb - np.float32(spec.mean)) / np.float32(spec.scale)
    return scaled


def predict(
    model: Any,
    pictures: PictureSet,
    *,
    spec: InputSpec,
    stage: str = "asking the float network",
    progress: Progress = no_progress,
) -> Scores:
    """Return the scores of a Keras model, `(pictures, labels)`."""
    rows: list[Scores] = []
    for batch in _batches(pictures, spec, 32):
        rows.append(model.predict_on_batch(batch))
        progress(stage, done=sum(map(len, rows)), total=len(pictures))
    return np.concatenate(rows)


class _Judge:
    """Compares states of the pupil with the teacher on pictures that neither learns from."""

    def __init__(self, teacher: Any, pictures: PictureSet, spec: InputSpec) -> None:
        self._pictures = pictures
        self._spec = spec
        self._taught = predict(teacher, pictures, spec=spec)

    def compare(self, pupil: Any, *, step: int) -> State:
        said = predict(pupil, self._pictures, spec=self._spec)
        agreement = float((said.argmax(axis=1) == self._taught.argmax(axis=1)).mean())
        state = State(step, divergence(self._taught, said), agreement)
        logger.info("fine-tuning: %s", state)
        return state


def _choose_ranges(emulation: Emulation, judge: _Judge) -> State:
    """Use the kind of ranges with which the untouched weights are nearest to the teacher."""
    found = []
    for kind in RANGES:
        emulation.use_ranges(kind)
        found.append(judge.compare(emulation.model, step=0))
    nearest = min(found, key=lambda state: state.divergence)
    emulation.use_ranges(RANGES[found.index(nearest)])
    return nearest


def _learn(
    teacher: Any,
    emulation: Emulation,
    training: PictureSet,
    spec: InputSpec,
    recipe: Recipe,
    progress: Progress,
) -> Iterator[tuple[int, float]]:
    """Learn; yield step number and seconds taken whenever a state is due to be compared."""
    total = max(1, len(training) * recipe.epochs // recipe.batch_pictures)
    due = {round(total * (check + 1) / recipe.checks) for check in range(recipe.checks)}
    take_step = _make_step(teacher, emulation.model, total, recipe)
    started = time.monotonic()
    for step, indices in enumerate(_order(len(training), total, recipe), start=1):
        take_step(scale_pixels(training.pixels_rgb[indices], spec))
        progress("fine-tuning", done=step, total=total)
        if step in due:
            yield step, time.monotonic() - started
            started = time.monotonic()


def _make_step(teacher: Any, pupil: Any, total: int, recipe: Recipe) -> Any:
    teacher, pupil = _with_features(teacher), _with_features(pupil)
    rising = max(1, total // 10)
    rate = tf_keras.optimizers.schedules.CosineDecay(
        0.0, max(1, total - rising), warmup_target=recipe.learning_rate, warmup_steps=rising
    )
    optimizer = tf_keras.optimizers.legacy.Adam(rate)
    generator = tf.random.Generator.from_seed(recipe.seed)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def take_step(batch: Any) -> Any:
        is_mirrored = generator.uniform((tf.shape(batch)[0], 1, 1, 1)) < 0.5
        batch = tf.where(is_mirrored, tf.reverse(batch, [2]), batch)
        taught = teacher(batch, training=False)
        with tf.GradientTape() as tape:
            said = pupil(batch, training=False)
            loss = _distance(taught[0], said[0])
            loss += _soft_divergence(taught[1], said[1], recipe.softness)
        weights = pupil.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    return take_step


def _with_features(model: Any) -> Any:
    """Return the model with two outputs: the input of its last layer, and its scores."""
    last = model.get_layer(model.output_names[0])
    return tf_keras.Model(model.inputs, [last.input, model.output])


def _distance(taught: Any, said: Any) -> Any:
    """Return the squared distance of features, relative to the teacher's length squared."""
    axes = list(range(1, len(taught.shape)))
    lengths = tf.reduce_sum(tf.square(taught), axes) + _SMALLEST_LENGTH
    return tf.reduce_mean(tf.reduce_sum(tf.square(said - taught), axes) / lengths)


def _soft_divergence(taught: Any, said: Any, softness: float) -> Any:
    taught, said = (
        tf.nn.log_softmax(tf.math.log(tf.maximum(scores, _SMALLEST_SCORE)) / softness)
        for scores in (taught, said)
    )
    divergences = tf.reduce_sum(tf.exp(taught) * (taught - said), axis=1)
    return tf.reduce_mean(divergences) * softness**2


def _order(pictures: int, steps: int, recipe: Recipe) -> Iterator[NDArray[np.intp]]:
    """Yield the pictures of each step; every epoch has an order of its own."""
    chance = np.random.default_rng(recipe.seed)
    orders = [chance.permutation(pictures) for _ in range(recipe.epochs)]
    flat = np.concatenate(orders)
    for step in range(steps):
        yield flat[step * recipe.batch_pictures : (step + 1) * recipe.batch_pictures]


def _batches(pictures: PictureSet, spec: InputSpec, size: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(pictures), size):
        yield scale_pixels(pictures.pixels_rgb[start : start + size], spec)
