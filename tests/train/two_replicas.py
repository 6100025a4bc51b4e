"""Compares a learner on two made-up devices with one that takes the same batch in pieces.

Run as a program, because TensorFlow divides the processor into devices before anything else only.
Prints for each case the largest difference of results, of weights and of batch statistics.
"""

import json
import sys
import threading

import numpy as np
import tensorflow as tf

PROCESSOR = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(PROCESSOR, [tf.config.LogicalDeviceConfiguration()] * 2)

import tf_keras  # noqa: E402

from train.batches import Batch  # noqa: E402
from train.distribution import Team  # noqa: E402
from train.learner import Learner, Recipe  # noqa: E402
from train.replicas import ReplicatedLearner  # noqa: E402

CASES = {
    "plain": (16, {}),
    "normalised": (16, {}),
    "averaged": (16, {"averaging": 0.9}),
    "in pieces": (16, {"at_once": 4}),
    "half precision": (16, {"dtype_policy": "mixed_float16"}),
    "uneven": (15, {}),  # pieces are cut elsewhere, so that dropout hits others
}
LABEL_WEIGHTS = np.array([0.5, 1.5], np.float32)


def build(*, is_normalised=True, dropout=0.5):
    tf_keras.utils.set_random_seed(3)
    layers = tf_keras.layers
    pixels = layers.Input((8, 8, 3))
    values = layers.Conv2D(4, 3, use_bias=False)(pixels)
    if is_normalised:
        values = layers.BatchNormalization(momentum=0.9)(values)
    values = layers.ReLU(6.0)(values)
    values = layers.GlobalAveragePooling2D()(values)
    values = layers.Dropout(dropout)(layers.Dense(8)(values))
    return tf_keras.Model(pixels, layers.Dense(2, activation="softmax")(values))


def make_batch(seed, size):
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 2, size)
    pixels = chance.integers(0, 100, (size, 8, 8, 3)) + 120 * truth[:, None, None, None]
    return Batch(pixels.astype(np.uint8), truth, truth[::-1], 0.8)


def largest(ones, others):
    """Return the largest difference between arrays in pairs."""
    pairs = zip(ones, others, strict=True)
    return max((float(np.abs(one - other).max()) for one, other in pairs), default=0.0)


def learn(learner, steps, size):
    """Let the head learn alone for a step, and then the whole."""
    results = []
    for step in steps:
        if step == 1:
            learner.begin_stage()
        found = learner.step(make_batch(step, size), learning_rate=0.05, is_head_only=step == 0)
        results.append(np.array([found.loss, found.hits]))
    return results


def learned(learner, *, is_moving=False):
    """Return the weights, or the batch statistics."""
    pairs = zip(learner.network.weights, learner.weights(), strict=True)
    return [value for weight, value in pairs if ("moving" in weight.name) == is_moving]


def compare_statistics(team):
    """Hold the batch statistics after a step against the mean of those of each half."""
    batch = make_batch(0, 16)
    options = {"label_weights": LABEL_WEIGHTS}
    several = ReplicatedLearner(build(), team=team, **options)
    several.step(batch, learning_rate=0.05)
    halves = []
    for rows in (slice(8), slice(8, None)):
        single = Learner(build(), **options)
        single.step(batch.take(rows), learning_rate=0.05)
        halves.append(learned(single, is_moving=True))
    means = [(one + two) / 2 for one, two in zip(*halves, strict=True)]
    return {
        "between halves": largest(*halves),
        "from the mean": largest(means, learned(several, is_moving=True)),
    }


def compare(name, team):
    size, options = CASES[name]
    recipe = Recipe(**{"at_once": -(-size // 2), **options})
    kind = {"plain": {"is_normalised": False}, "uneven": {"is_normalised": False, "dropout": 0.0}}
    networks = [build(**kind.get(name, {})) for _ in range(3)]
    single = Learner(networks[0], label_weights=LABEL_WEIGHTS, recipe=recipe)
    several, resumed = (
        ReplicatedLearner(network, label_weights=LABEL_WEIGHTS, recipe=recipe, team=team)
        for network in networks[1:]
    )
    results = largest(learn(single, range(4), size), learn(several, range(4), size))
    weights = learned(single), learned(several)
    learn(resumed, range(2, 5), size)
    resumed.set_weights(several.weights(), several.judged_weights())
    resumed.set_optimizer_state(several.optimizer_state())
    ahead = learn(several, range(4, 6), size), learn(resumed, range(4, 6), size)
    return {
        "results": results,
        "weights": largest(*weights),
        "resumed": max(
            largest(*ahead),
            largest(several.weights(), resumed.weights()),
            largest(several.judged_weights(), resumed.judged_weights()),
        ),
    }


if __name__ == "__main__":
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    together = Team(mirrored, asked=threading.Event())
    found = {name: compare(name, together) for name in CASES}
    sys.stdout.write(json.dumps({**found, "statistics": compare_statistics(together)}))
