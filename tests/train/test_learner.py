"""One step of learning: what moves, what stays, and that it can be taken up again."""

import numpy as np
import pytest
import tf_keras

from train.batches import Batch
from train.learner import Learner, Recipe
from train.losses import mean_loss, weigh_labels


def build(is_frozen=False):
    layers = tf_keras.layers
    pixels = layers.Input((8, 8, 3))
    values = layers.Conv2D(4, 3, use_bias=False, name="first")(pixels)
    values = layers.BatchNormalization(name="first_bn")(values)
    values = layers.ReLU(6.0)(values)
    values = layers.GlobalAveragePooling2D()(values)
    scores = layers.Dense(2, activation="softmax", name="scores")(values)
    network = tf_keras.Model(pixels, scores)
    if is_frozen:
        for name in ("first", "first_bn"):
            network.get_layer(name).trainable = False
    return network


def make_learner(recipe=None, **options):
    tf_keras.utils.set_random_seed(3)
    return Learner(build(**options), label_weights=np.ones(2, np.float32), recipe=recipe)


def make_batch(seed):
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 2, 16)
    pixels = chance.integers(0, 100, (16, 8, 8, 3)) + 120 * truth[:, None, None, None]
    return Batch(pixels.astype(np.uint8), truth)


def test_learner_learns():
    learner = make_learner()
    results = [learner.step(make_batch(seed), learning_rate=0.05) for seed in range(40)]
    assert results[-1].loss < 0.7 * results[0].loss
    assert results[-1].hits >= 14
    batch = make_batch(99)
    assert (learner.scores(batch.pixels_rgb).argmax(axis=1) == batch.truth).mean() > 0.9


def test_frozen_layers_do_not_move():
    learner = make_learner(is_frozen=True)
    names = ("first", "first_bn", "scores")
    before = {name: learner.network.get_layer(name).get_weights() for name in names}
    for seed in range(3):
        learner.step(make_batch(seed), learning_rate=0.05)
    after = {name: learner.network.get_layer(name).get_weights() for name in names}
    for name in ("first", "first_bn"):  # statistics of the batch normalisation included
        for one, two in zip(before[name], after[name], strict=True):
            np.testing.assert_array_equal(one, two)
    assert not np.array_equal(before["scores"][0], after["scores"][0])


def test_weights_decay_but_not_biases_and_normalisation():
    decaying = make_learner()
    plain = make_learner(Recipe(weight_decay=0.0))
    for learner in (decaying, plain):
        learner.step(make_batch(0), learning_rate=0.5)
    for one, two in zip(
        decaying.network.trainable_variables, plain.network.trainable_variables, strict=True
    ):
        assert np.allclose(one, two) == (len(one.shape) < 2), one.name


def test_learner_goes_on_as_if_it_had_not_stopped():
    whole = make_learner()
    for seed in range(3):
        whole.step(make_batch(seed), learning_rate=0.05)
    resumed = make_learner()
    resumed.set_weights(whole.weights())
    resumed.set_optimizer_state(whole.optimizer_state())
    for seed in range(3, 6):
        one = whole.step(make_batch(seed), learning_rate=0.05)
        two = resumed.step(make_batch(seed), learning_rate=0.05)
        assert one.loss == pytest.approx(two.loss, rel=1e-5)


def test_learner_refuses_the_state_of_another_network():
    with pytest.raises(ValueError, match="shape"):
        make_learner().set_optimizer_state(make_learner(is_frozen=True).optimizer_state())


def test_scores_are_probabilities_and_may_be_stopped():
    learner = make_learner()
    pixels = np.zeros((130, 8, 8, 3), np.uint8)
    scores = learner.scores(pixels)
    assert scores.shape == (130, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    answers = iter([False, True])
    assert len(learner.scores(pixels, is_stopped=lambda: next(answers))) == 64
    assert learner.scores(pixels[:0]).shape == (0, 2)


def test_mean_loss_is_lowest_for_smoothed_truth():
    truth = np.array([0, 1])
    best = np.array([[0.95, 0.05], [0.05, 0.95]], np.float32)
    sure = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    assert mean_loss(best, truth, smoothing=0.1) < mean_loss(sure, truth, smoothing=0.1)


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ((5, 5), (1.0, 1.0)),
        ((90, 10), (0.556, 5.0)),  # each label counts the same in sum
        ((990, 10), (0.917, 9.174)),  # but ten times as much at most
    ],
)
def test_weigh_labels_evens_out(counts, weights):
    truth = np.repeat([0, 1], counts)
    found = weigh_labels(truth, labels=2)
    assert found.tolist() == pytest.approx(weights, abs=1e-3)
    assert found[truth].mean() == pytest.approx(1.0)
