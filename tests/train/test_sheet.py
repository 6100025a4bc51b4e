"""The sheet of what the network sees: the very pictures, of every label, drawn pixel for pixel."""

import numpy as np
import pytest
from PIL import Image
from textures import draw_texture

from train.augment import PRESETS
from train.batches import TrainingBatches
from train.cache import PixelCache
from train.sheet import EPOCHS, TILE, SheetRow, draw_sheet, show_augmentation

SIDE = 32


@pytest.fixture
def batches(tmp_path):
    chance = np.random.default_rng(1)
    cache = PixelCache(tmp_path, [0] * 8 + [1] * 8 + [2] * 8, side=38)
    for row in range(24):
        cache.pixels_rgb[row] = draw_texture("dots", chance, side=38)
    return TrainingBatches(cache, batch_size=4, side=SIDE, seed=5, strength=PRESETS["door"])


def test_sheet_shows_the_very_pictures_that_are_learned_from(batches):
    sheet = show_augmentation(batches, ["cat", "dog", "none"])
    for epoch in (1, EPOCHS):
        learned = [picture for batch in batches.epoch(epoch) for picture in batch.pixels_rgb]
        for row in sheet:
            assert any(np.array_equal(row.tiles_rgb[epoch], picture) for picture in learned)


def test_sheet_begins_each_row_with_the_photo(batches):
    for row in show_augmentation(batches, ["cat", "dog", "none"]):
        assert len(row.tiles_rgb) == 1 + EPOCHS
        assert {tile.shape for tile in row.tiles_rgb} == {(SIDE, SIDE, 3)}
        means = batches.cache.pixels_rgb.mean(axis=(1, 2, 3))
        assert np.abs(means - row.tiles_rgb[0].mean()).min() < 1


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["cat", "dog", "none"], ["cat", "cat", "dog", "dog", "none", "none"]),
        # more labels than there is room for, and one without a photo
        ([f"l{n}" for n in range(20)], ["l0", "l1", "l2"]),
    ],
)
def test_sheet_shows_every_label_as_often(batches, labels, names):
    assert [row.name for row in show_augmentation(batches, labels)] == names


def test_sheet_is_drawn_pixel_for_pixel(tmp_path):
    tile = np.random.default_rng(1).integers(0, 255, (TILE, TILE, 3), np.uint8)
    rows = [SheetRow("größe $x_1$", [tile, tile]), SheetRow("a very long label", [tile])]
    draw_sheet(rows, tmp_path / "sheet.png", title="Sheet", columns=["photo", "epoch 1"])
    with Image.open(tmp_path / "sheet.png") as picture:
        drawn = np.asarray(picture.convert("RGB"))
    corners = np.argwhere((drawn == tile[0, 0]).all(axis=2))
    found = [
        (top, left)
        for top, left in corners
        if np.array_equal(drawn[top : top + TILE, left : left + TILE], tile)
    ]
    assert len(found) == 3
    assert (drawn[:58] != 255).any()  # the titles
    assert (drawn[58:, :36] != 255).any()  # the names of the labels
