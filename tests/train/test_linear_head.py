"""The computed last layer: the optimum, whatever the features are like, and put in its place."""

import threading

import numpy as np
import pytest
import tf_keras

from edge.clock import SystemClock
from train.cache import PixelCache
from train.computed_head import MOST_PICTURES, choose_rows, compute_head
from train.features import extract_features
from train.learner import Learner
from train.linear_head import solve_head
from train.progress import TrainProgress
from train.surroundings import Surroundings


def draw(count, *, features=12, labels=3, seed=0):
    """Features that tell the labels apart, most of the time."""
    chance = np.random.default_rng(seed)
    truth = np.arange(count) % labels
    centres = np.random.default_rng(99).normal(0, 1.5, (labels, features))
    return (centres[truth] + chance.normal(0, 1, (count, features))).astype(np.float32), truth


def loss(head, features, truth, label_weights, *, penalty):
    """The objective in the terms of its definition, on standardised features."""
    spread = features.std(axis=0)
    scale = 0.5 * spread + 0.5 * spread.mean() + 1e-6
    kernel = head.kernel * scale[:, None]
    shift = head.bias + features.mean(axis=0) @ head.kernel
    values = features @ head.kernel + head.bias
    logs = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    data = -(label_weights[truth] * logs[np.arange(len(truth)), truth]).sum()
    size = (kernel**2).sum() + (shift**2).sum()
    return data + 0.5 * penalty * features.shape[1] * size


def test_no_other_last_layer_is_better():
    features, truth = draw(90)
    weights, chance = np.array([1.0, 0.5, 2.0], np.float32), np.random.default_rng(1)
    best = solve_head(features, truth, label_weights=weights)
    least = loss(best, features, truth, weights, penalty=0.1)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(20):
            kernel = best.kernel + chance.normal(0, size, best.kernel.shape)
            bias = best.bias + chance.normal(0, size, best.bias.shape)
            other = type(best)(kernel.astype(np.float32), bias.astype(np.float32))
            assert loss(other, features, truth, weights, penalty=0.1) > least - 1e-3


def test_more_features_than_photos_are_told_apart_on_new_ones():
    features, truth = draw(30, features=600)
    others, right = draw(300, features=600, seed=1)
    head = solve_head(features, truth, label_weights=np.ones(3, np.float32))
    assert (head.choose(features) == truth).all()
    assert (head.choose(others) == right).mean() > 0.95


@pytest.mark.parametrize(("factor", "offset"), [(1e3, 0.0), (1e-3, 0.0), (1.0, 100.0)])
def test_scale_and_offset_of_the_features_do_not_matter(factor, offset):
    features, truth = draw(60)
    others, _ = draw(200, seed=1)
    weights = np.ones(3, np.float32)
    plain = solve_head(features, truth, label_weights=weights).choose(others)
    moved = features * np.float32(factor) + np.float32(offset)
    head = solve_head(moved, truth, label_weights=weights)
    found = head.choose(others * np.float32(factor) + np.float32(offset))
    assert (found == plain).mean() > 0.98


def test_dead_features_and_a_single_photo_do_no_harm():
    features, truth = draw(60)
    features[:, 3] = 0
    head = solve_head(features, truth, label_weights=np.ones(3, np.float32))
    assert np.isfinite(head.kernel).all()
    head = solve_head(features[:1], truth[:1], label_weights=np.ones(3, np.float32))
    assert head.choose(features[:1]) == truth[0]


def test_rare_labels_count_by_their_weight():
    chance = np.random.default_rng(2)
    features = np.concatenate([chance.normal(0, 1, (95, 4)), chance.normal(1, 1, (5, 4))])
    truth = np.repeat([0, 1], [95, 5])
    features = features.astype(np.float32)
    even = solve_head(features, truth, label_weights=np.ones(2, np.float32))
    fair = solve_head(features, truth, label_weights=np.array([0.5, 10], np.float32))
    assert (fair.choose(features) == 1).sum() > (even.choose(features) == 1).sum()


def build_network():
    layers = tf_keras.layers
    pixels = layers.Input((8, 8, 3))
    values = layers.Conv2D(6, 3, activation="relu")(pixels)
    values = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(values))
    return tf_keras.Model(pixels, layers.Dense(2, activation="softmax")(values))


def make_part(folder, count=40, side=10):
    cache = PixelCache(folder, np.arange(count) % 2, side=side)
    chance = np.random.default_rng(0)
    cache.pixels_rgb[:] = chance.integers(0, 60, cache.pixels_rgb.shape)
    cache.pixels_rgb[cache.truth == 1, ..., 0] += 90
    return cache


def make_surroundings(stop):
    clock = SystemClock(stop)
    return Surroundings(TrainProgress(clock=clock), clock, stop, lambda _: None)


def test_features_are_what_the_last_layer_sees(tmp_path):
    network, done = build_network(), []
    pixels = make_part(tmp_path, count=70, side=8).pixels_rgb
    features = extract_features(network, pixels, when_done=lambda: done.append(1))
    assert features.shape == (70, 6)
    assert len(done) == 70
    kernel, bias = network.layers[-1].get_weights()
    values = np.exp(features @ kernel + bias)
    scores = network((pixels.astype(np.float32) - 127) / 128, training=False).numpy()
    np.testing.assert_allclose(values / values.sum(axis=1, keepdims=True), scores, atol=1e-5)
    assert len(extract_features(network, pixels, is_stopped=lambda: True)) == 0


def test_computed_layer_answers_right_before_the_first_step(tmp_path, capfd):
    tf_keras.utils.set_random_seed(4)
    part = make_part(tmp_path)
    learner = Learner(build_network(), label_weights=np.ones(2, np.float32))
    compute_head(learner, part, make_surroundings(threading.Event()))
    scores = learner.scores(np.ascontiguousarray(part.pixels_rgb[:, :8, :8]))
    assert (scores.argmax(axis=1) == part.truth).all()
    for one, two in zip(learner.weights(), learner.judged_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert "computing the last layer: 40 in" in capfd.readouterr().err


def test_a_stop_leaves_the_last_layer_as_it_is(tmp_path):
    learner, stop = (
        Learner(build_network(), label_weights=np.ones(2, np.float32)),
        threading.Event(),
    )
    stop.set()
    before = learner.weights()
    compute_head(learner, make_part(tmp_path), make_surroundings(stop))
    for one, two in zip(before, learner.weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_rows_to_compute_from_are_bounded_and_even():
    truth = np.repeat([0, 1, 2], [9_000, 50, 4_000])
    rows = choose_rows(truth, labels=3)
    counts = np.bincount(truth[rows])
    assert counts.tolist() == [MOST_PICTURES // 3, 50, MOST_PICTURES // 3]
    assert len(set(rows.tolist())) == len(rows)
    assert choose_rows(truth[:100], labels=3).tolist() == list(range(100))
