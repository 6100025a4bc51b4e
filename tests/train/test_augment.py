"""Augmentation: same generator, same picture; always the shape and range that was asked for."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from textures import draw_texture

from edge.preprocess import PADDING
from train.augment import PRESETS, augment, suit_resize
from train.batches import TrainingBatches, find_scenes
from train.cache import PixelCache

NONE, DOOR = PRESETS["none"], PRESETS["door"]


@pytest.fixture
def picture():
    return draw_texture("dots", np.random.default_rng(1), side=77)


@pytest.mark.parametrize("side", [32, 64, 96])
def test_augment_keeps_dtype_and_shape(picture, side):
    for seed in range(40):
        changed = augment(picture, side=side, random=np.random.default_rng(seed), strength=DOOR)
        assert changed.dtype == np.uint8
        assert changed.shape == (side, side, 3)
        assert changed.flags.c_contiguous


def test_augment_follows_the_generator(picture):
    def make(seed):
        return augment(picture, side=64, random=np.random.default_rng(seed), strength=DOOR)

    for seed in range(20):
        np.testing.assert_array_equal(make(seed), make(seed))
    assert len({make(seed).tobytes() for seed in range(20)}) == 20


def test_augment_leaves_the_original_alone(picture):
    before = picture.copy()
    for seed in range(40):
        augment(picture, side=64, random=np.random.default_rng(seed), strength=DOOR)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(("name", "is_kept"), [("none", True), ("light", False), ("door", False)])
def test_only_without_crops_and_zoom_the_frame_is_kept(name, is_kept):
    assert PRESETS[name].is_frame_kept == is_kept
    assert not replace(NONE, zoom_out=0.1).is_frame_kept
    assert not replace(NONE, aspect=1.1).is_frame_kept
    assert replace(DOOR, smallest_area=1.0, aspect=1.0, zoom_out=0.0).is_frame_kept


def test_pictures_of_the_inputs_size_are_never_drawn_on(picture):
    """Those of the cache are to be the same in the next epoch."""
    square, scene = picture[:64, :64].copy(), picture[13:, 13:].copy()
    before = square.copy(), scene.copy()
    strength = replace(NONE, zoom_out=0.5, erase=1.0)
    for seed in range(40):
        random = np.random.default_rng(seed)
        changed = augment(square, side=64, random=random, strength=strength, backdrop_rgb=scene)
        changed[:] = 0
    np.testing.assert_array_equal((square, scene), before)


def test_augment_without_strength_only_mirrors(picture):
    square = picture[:64, :64].copy()
    seen = {
        augment(square, side=64, random=np.random.default_rng(seed), strength=NONE).tobytes()
        for seed in range(20)
    }
    assert seen == {square.tobytes(), np.ascontiguousarray(square[:, ::-1]).tobytes()}


@pytest.mark.parametrize(
    "effect",
    ["zoom_out", "colour", "grey", "night", "backlight", "blur", "noise", "compression", "erase"],
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
        augment(picture, side=64, random=np.random.default_rng(seed), strength=DOOR).mean()
        for seed in range(200)
    ]
    assert 0.8 * picture.mean() < np.median(means) < 1.2 * picture.mean()


def test_after_sunset_half_is_infrared_a_quarter_dusk_and_a_quarter_night():
    blue = np.full((64, 64, 3), (60, 120, 240), np.uint8)
    strength = replace(NONE, night=1.0)
    counts = {"infrared": 0, "dusk": 0, "night": 0}
    for seed in range(200):
        seen = augment(blue, side=64, random=np.random.default_rng(seed), strength=strength)
        colour = seen.mean(axis=(0, 1))
        is_coloured, brightest = np.ptp(colour) > 15, cv2.blur(seen, (16, 16)).max()
        kind = "dusk" if is_coloured else "night" if brightest < 40 else "infrared"
        counts[kind] += 1
    assert counts["infrared"] == pytest.approx(100, abs=25)
    assert counts["dusk"] == pytest.approx(50, abs=20)
    assert counts["night"] == pytest.approx(50, abs=20)


def test_door_squashes_a_wide_frame_to_a_square():
    assert 16 / 9 <= DOOR.aspect <= 1.8


@pytest.mark.parametrize(
    "name", ["night", "backlight", "blur", "noise", "compression", "zoom_out", "erase"]
)
def test_door_holds_what_a_door_camera_delivers(name):
    assert getattr(DOOR, name) > 0
    assert DOOR.smallest_area < 0.5  # animals that are cut off
    assert DOOR.smallest_scale < 0.25  # and small ones


def test_a_shrunk_picture_lies_in_a_scene():
    white, black = (np.full((64, 64, 3), value, np.uint8) for value in (255, 0))
    strength = replace(NONE, zoom_out=1.0, smallest_scale=0.25)
    sheet = [
        augment(
            white,
            side=64,
            random=np.random.default_rng(seed),
            strength=strength,
            backdrop_rgb=black,
        )
        for seed in range(200)
    ]
    in_scene = [picture for picture in sheet if (picture == 0).mean() > 0]
    assert 0.55 < len(in_scene) / len(sheet) < 0.85
    shares = [(picture > 127).mean() for picture in in_scene]
    assert 0.02 < min(shares) < 0.1
    assert 0.4 < max(shares) < 0.9


def test_backdrops_are_the_photos_of_nothing(tmp_path):
    assert find_scenes(np.array([0, 1, 2, 1]), ["cat", "none", "owl"]).tolist() == [1, 3]
    assert find_scenes(np.array([0, 1]), ["cat", "owl"]).tolist() == []
    cache = PixelCache(tmp_path, [0, 1] * 8, side=32)
    cache.pixels_rgb[0::2], cache.pixels_rgb[1::2] = 255, 90
    strength = replace(NONE, zoom_out=1.0)
    batches = TrainingBatches(
        cache,
        batch_size=16,
        side=32,
        seed=1,
        strength=strength,
        scenes=find_scenes(cache.truth, ["cat", "none"]),
    )
    (batch,) = batches.epoch(1)
    cats = batch.pixels_rgb[batch.truth == 0]
    assert 1 < sum((picture == 90).any() for picture in cats) < len(cats)


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
    batches = TrainingBatches(cache, batch_size=8, side=32, seed=3, strength=DOOR)
    one, two = (np.concatenate([batch.pixels_rgb for batch in batches.epoch(5)]) for _ in range(2))
    assert one.shape == (24, 32, 32, 3)
    np.testing.assert_array_equal(one, two)


def test_batches_may_be_left_early(tmp_path):
    cache = PixelCache(tmp_path, [0] * 64, side=32)
    epoch = TrainingBatches(cache, batch_size=2, side=32, seed=1, strength=NONE).epoch(1)
    next(epoch)
    epoch.close()
    assert list(epoch) == []


def test_letterbox_lays_what_is_cut_out_between_bars():
    """Nothing changes but the crop, whose aspect ratio is up to 1.8: a frame of 16 to 9."""
    white = np.full((77, 77, 3), 255, np.uint8)
    strength = replace(NONE, smallest_area=0.5, aspect=1.8)
    sheet = [
        augment(
            white,
            side=64,
            random=np.random.default_rng(seed),
            strength=strength,
            resize="letterbox",
        )
        for seed in range(100)
    ]
    assert {*np.unique(sheet)} == {PADDING, 255}
    shown = [(picture == 255).all(axis=2).mean() for picture in sheet]
    assert 1 / 1.81 < min(shown) < 0.65
    assert max(shown) > 0.97
    sides = {
        (bool((picture[0] == 255).any()), bool((picture[:, 0] == 255).any())) for picture in sheet
    }
    assert {(True, False), (False, True)} <= sides  # bars above and below, or left and right


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_squash_and_crop_add_no_bars(picture, resize):
    one, other = (
        augment(picture, side=64, random=np.random.default_rng(4), strength=DOOR, **settings)
        for settings in ({}, {"resize": resize})
    )
    np.testing.assert_array_equal(one, other)


def test_a_cropped_frame_keeps_its_proportions_in_training():
    assert suit_resize(DOOR, "squash") is DOOR
    assert suit_resize(DOOR, "letterbox") is DOOR  # there the aspect is that of the bars
    assert suit_resize(DOOR, "crop") == replace(DOOR, aspect=4 / 3)
    assert suit_resize(NONE, "crop") == NONE
