"""What the augmentation presets make of a frame of the demo scene; see make_pictures.py."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from edge.records import Pixels
from edge.sources.demo import DemoScene
from train.augment import CACHE_SCALE, PRESETS, Augmentation, augment
from train.sheet import TILE, SheetRow, draw_sheet

CAT_SECONDS, EMPTY_SECONDS = 17.6, 1.6
VARIANTS = 8
SEEDS = range(1, VARIANTS + 1)
NONE = PRESETS["none"]
EFFECTS = {  # what is drawn alone, and with which chance it comes out as it is called
    "dusk": (replace(NONE, night=1.0), 6),
    "night": (replace(NONE, night=1.0), 7),
    "infrared": (replace(NONE, night=1.0), 4),
    "backlight": (replace(NONE, backlight=1.0), 9),
    "noise": (replace(NONE, noise=1.0), 5),
    "in motion": (replace(NONE, blur=1.0), 12),
    "compressed": (replace(NONE, compression=1.0), 4),
    "small": (replace(NONE, zoom_out=1.0, smallest_scale=0.22), 6),
    "cut off": (replace(NONE, smallest_area=0.4, aspect=1.8), 9),
}


def draw_all(folder: Path) -> None:
    """Draw `presets.png`, the presets below each other, and `door.png`, what door can do."""
    cat_rgb, empty_rgb = (_read_frame(seconds) for seconds in (CAT_SECONDS, EMPTY_SECONDS))
    photo_rgb = np.asarray(cv2.resize(cat_rgb, (TILE, TILE), interpolation=cv2.INTER_AREA))
    rows = [
        SheetRow(name, [photo_rgb, *(_change(cat_rgb, empty_rgb, preset, seed) for seed in SEEDS)])
        for name, preset in PRESETS.items()
    ]
    columns = ["photo", *(f"epoch {number}" for number in range(1, VARIANTS + 1))]
    _draw(rows, folder / "presets.png", "The presets of --augment", columns)
    effects = [_change(cat_rgb, empty_rgb, *effect) for effect in EFFECTS.values()]
    _draw(
        [SheetRow("cat", effects)],
        folder / "door.png",
        "What door adds now and then, each by itself",
        list(EFFECTS),
    )


def _change(picture_rgb: Pixels, empty_rgb: Pixels, strength: Augmentation, seed: int) -> Pixels:
    random = np.random.default_rng(seed)
    return augment(picture_rgb, side=TILE, random=random, strength=strength, backdrop_rgb=empty_rgb)


def _read_frame(seconds: float) -> Pixels:
    """Return a frame of the demo as a training reads it, RGB."""
    scene = DemoScene()
    while (frame := scene.read()) is not None:
        if frame.time_seconds >= seconds:
            break
    assert frame is not None
    side = round(TILE * CACHE_SCALE)
    squashed = cv2.resize(frame.pixels_bgr, (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(squashed[..., ::-1])


def _draw(rows: list[SheetRow], path: Path, title: str, columns: list[str]) -> None:
    draw_sheet(rows, path, title=title, columns=columns)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, kmeans=2)
    small.save(path, optimize=True)
