"""Pictures of easy textures, a folder per label, for the tests of training."""

from pathlib import Path

import numpy as np
from PIL import Image

LABELS = ("dots", "plain", "stripes")


def draw_texture(label, chance, side=48):
    """A noisy picture of one of the textures, `(side, side, 3)`, RGB."""
    rows, columns = np.mgrid[0:side, 0:side]
    period, turn = chance.uniform(6, 9), chance.uniform(0, 6)
    wave = np.zeros((side, side))
    if label != "plain":
        wave = np.sin(2 * np.pi * columns / period + turn)
    if label == "dots":
        wave = wave * np.sin(2 * np.pi * rows / period)
    base, contrast = chance.uniform(80, 170, 3), chance.uniform(40, 70)
    noise = chance.normal(0, 10, (side, side, 3))
    return np.clip(base + contrast * wave[..., np.newaxis] + noise, 0, 255).astype(np.uint8)


def write_textures(folder: Path, *, count, labels=LABELS, seed=0):
    """Write `count` pictures per label as PNG files; return the folder."""
    chance = np.random.default_rng(seed)
    for label in labels:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = folder / label / f"{number:03d}.png"
            Image.fromarray(draw_texture(label, chance)).save(path, compress_level=1)
    return folder
