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


def step_all(learner, seeds, **options):
    return [learner.step(make_batch(seed), learning_rate=0.05, **options) for seed in seeds]


def test_the_average_of_the_weights_scores_and_the_weights_learn_on():
    plain, averaged = make_learner(), make_learner(Recipe(averaging=0.9))
    start = plain.weights()
    for learner in (plain, averaged):
        step_all(learner, range(3))
    for one, two in zip(plain.weights(), averaged.weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)  # learning is the same
    for one, two in zip(plain.judged_weights(), plain.weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    kept = [2 / 11, 3 / 12, 4 / 13]  # young averages forget faster than 0.9 says
    first = kept[0] * kept[1] * kept[2]
    judged, last = averaged.judged_weights()[0], averaged.weights()[0]
    assert not np.allclose(judged, last)
    assert np.abs(judged - last).max() < np.abs(start[0] - last).max()
    assert 0 < first < 0.02  # of the start, hardly anything is left


def test_pieces_of_a_batch_learn_like_the_whole():
    """Without batch normalisation in training, whose statistics are those of a piece."""
    learners = [make_learner(Recipe(at_once=size), is_frozen=True) for size in (16, 8, 3)]
    results = [step_all(learner, range(3)) for learner in learners]
    for learner, found in zip(learners[1:], results[1:], strict=True):
        assert [r.hits for r in found] == [r.hits for r in results[0]]
        assert [r.loss for r in found] == pytest.approx([r.loss for r in results[0]], rel=1e-5)
        for one, two in zip(learner.weights(), learners[0].weights(), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_the_head_learns_alone_and_batch_statistics_stay():
    learner = make_learner()
    before = learner.weights()
    step_all(learner, range(2), is_head_only=True)
    *body, kernel, bias = [
        np.array_equal(one, two) for one, two in zip(before, learner.weights(), strict=True)
    ]
    assert all(body)
    assert not kernel
    assert not bias
    learner.begin_stage()
    assert not any(np.any(value) for value in learner.optimizer_state()[2:])
    step_all(learner, range(1))
    assert not np.array_equal(before[0], learner.weights()[0])


def test_a_mixed_batch_is_held_to_both_truths():
    learner = make_learner()
    batch = make_batch(0)
    other = 1 - batch.truth
    losses = [
        make_learner().step(mixed, learning_rate=0.0).loss
        for mixed in (batch, Batch(batch.pixels_rgb, other))
    ]
    mixed = learner.step(Batch(batch.pixels_rgb, batch.truth, other, 0.75), learning_rate=0.0)
    assert mixed.loss == pytest.approx(0.75 * losses[0] + 0.25 * losses[1], rel=1e-5)


def test_learner_with_dropout_and_averages_goes_on_bit_by_bit():
    def make():
        tf_keras.utils.set_random_seed(3)
        network = build()
        values = tf_keras.layers.Dropout(0.5)(network.layers[-2].output)
        scores = tf_keras.layers.Dense(2, activation="softmax")(values)
        network = tf_keras.Model(network.input, scores)
        recipe = Recipe(averaging=0.9, at_once=6)
        return Learner(network, label_weights=np.ones(2, np.float32), recipe=recipe)

    whole, resumed = make(), make()
    step_all(whole, range(3))
    step_all(resumed, range(7, 12))  # whatever was before must not matter
    resumed.set_weights(whole.weights(), whole.judged_weights())
    resumed.set_optimizer_state(whole.optimizer_state())
    assert step_all(whole, range(3, 6)) == step_all(resumed, range(3, 6))
    for one, two in zip(whole.judged_weights(), resumed.judged_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_learner_in_mixed_precision_learns_and_keeps_float_weights():
    learner = make_learner(Recipe(dtype_policy="mixed_float16"))
    results = [learner.step(make_batch(seed), learning_rate=0.05) for seed in range(30)]
    assert results[-1].loss < 0.8 * results[0].loss
    assert {weight.dtype for weight in learner.judged_weights()} == {np.dtype(np.float32)}
    assert {layer.dtype_policy.name for layer in learner.network.layers} == {"float32"}
    state = learner.optimizer_state()
    make_learner().set_optimizer_state(state)  # a machine without a GPU can go on
