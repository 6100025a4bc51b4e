"""Augmentation: same generator, same picture; always the shape and range that was asked for."""

from dataclasses import replace

import numpy as np
import pytest
from textures import draw_texture

from train.augment import Augmentation, augment
from train.batches import TrainingBatches
from train.cache import PixelCache

NONE = Augmentation(
    smallest_area=1.0, aspect=1.0, zoom_out=0, colour=0, grey=0, night=0, blur=0, noise=0, erase=0
)


@pytest.fixture
def picture():
    return draw_texture("dots", np.random.default_rng(1), side=77)


@pytest.mark.parametrize("side", [32, 64, 96])
def test_augment_keeps_dtype_and_shape(picture, side):
    for seed in range(40):
        changed = augment(picture, side=side, random=np.random.default_rng(seed))
        assert changed.dtype == np.uint8
        assert changed.shape == (side, side, 3)
        assert changed.flags.c_contiguous


def test_augment_follows_the_generator(picture):
    def make(seed):
        return augment(picture, side=64, random=np.random.default_rng(seed))

    for seed in range(20):
        np.testing.assert_array_equal(make(seed), make(seed))
    assert len({make(seed).tobytes() for seed in range(20)}) == 20


def test_augment_leaves_the_original_alone(picture):
    before = picture.copy()
    for seed in range(40):
        augment(picture, side=64, random=np.random.default_rng(seed))
    np.testing.assert_array_equal(picture, before)


def test_augment_without_strength_only_mirrors(picture):
    square = picture[:64, :64].copy()
    seen = {
        augment(square, side=64, random=np.random.default_rng(seed), strength=NONE).tobytes()
        for seed in range(20)
    }
    assert seen == {square.tobytes(), np.ascontiguousarray(square[:, ::-1]).tobytes()}


@pytest.mark.parametrize(
    "effect", ["zoom_out", "colour", "grey", "night", "blur", "noise", "erase"]
)
def test_augment_has_each_effect(picture, effect):
    square = picture[:64, :64].copy()
    plain = {square.tobytes(), np.ascontiguousarray(square[:, ::-1]).tobytes()}
    strength = replace(NONE, **{effect: 1.0})
    for seed in range(5):
        changed = augment(square, side=64, random=np.random.default_rng(seed), strength=strength)
        assert changed.tobytes() not in plain


def test_augment_keeps_the_light_of_most_pictures(picture):
    means = [
        augment(picture, side=64, random=np.random.default_rng(seed)).mean() for seed in range(200)
    ]
    assert 0.8 * picture.mean() < np.median(means) < 1.2 * picture.mean()


def test_batches_show_every_picture_at_most_once_in_an_order_of_the_seed(tmp_path):
    cache = PixelCache(tmp_path, range(10), side=32)
    batches = TrainingBatches(cache, batch_size=4, side=32, seed=3, strength=NONE)
    assert batches.steps == 2
    first = [batch.truth.tolist() for batch in batches.epoch(1)]
    assert len({row for rows in first for row in rows}) == 8
    assert first == [batch.truth.tolist() for batch in batches.epoch(1)]
    assert first != [batch.truth.tolist() for batch in batches.epoch(2)]


def test_batches_are_the_same_whatever_the_threads_do(tmp_path, picture):
    cache = PixelCache(tmp_path, [0] * 24, side=77)
    cache.pixels_rgb[:] = picture
    batches = TrainingBatches(cache, batch_size=8, side=32, seed=3)
    one, two = (np.concatenate([batch.pixels_rgb for batch in batches.epoch(5)]) for _ in range(2))
    assert one.shape == (24, 32, 32, 3)
    np.testing.assert_array_equal(one, two)


def test_batches_may_be_left_early(tmp_path):
    cache = PixelCache(tmp_path, [0] * 64, side=32)
    epoch = TrainingBatches(cache, batch_size=2, side=32, seed=1).epoch(1)
    next(epoch)
    epoch.close()
    assert list(epoch) == []
