"""What the network sees: some photos, and what augmentation makes of them epoch by epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from edge.quality.robustness import choose_rows
from edge.records import Pixels
from train.batches import TrainingBatches
from train.charts import DPI, save_figure

EPOCHS = 8
"""So many are shown; what comes after them is of the same kind."""

TILE = 112
_MOST_PHOTOS = 6
_GAP, _MARGIN, _NAMES, _HEAD = 4, 14, 22, 58
_LONGEST_NAME = 14
_INK, _FAINT = "#223344", "#667788"


@dataclass(frozen=True, slots=True, eq=False)
class SheetRow:
    """A photo and what becomes of it.

    Attributes:
        name: Its label.
        tiles_rgb: Pictures `(side, side, 3)`, `uint8`, RGB; the photo itself first.
    """

    name: str
    tiles_rgb: Sequence[Pixels]


def show_augmentation(batches: TrainingBatches, labels: Sequence[str]) -> list[SheetRow]:
    """Return some photos of the training part with what the network sees of them.

    Not pictures of the same kind: the very ones, as order and augmentation follow from the seed.
    What mixup lays over them is left out.

    Args:
        batches: The training part.
        labels: In the order of the network's output; of each of the first there is a photo.
    """
    cache = batches.cache
    rows = []
    for row in _choose_photos(batches, len(labels)):
        photo = cv2.resize(cache.pixels_rgb[row], (batches.side,) * 2, interpolation=cv2.INTER_AREA)
        seen = [batches.picture(row, epoch=epoch) for epoch in range(1, EPOCHS + 1)]
        rows.append(SheetRow(labels[cache.truth[row]], [np.asarray(photo, np.uint8), *seen]))
    return rows


def _choose_photos(batches: TrainingBatches, labels: int) -> list[int]:
    """Return rows of the cache: evenly spread, of every label as many, in the labels' order."""
    truth = batches.cache.truth
    each = max(1, _MOST_PHOTOS // labels)
    chosen: list[int] = []
    for label in range(labels):
        own = np.flatnonzero(truth == label)
        chosen += own[choose_rows(np.zeros(len(own), np.int64), most=each)].tolist()
    return chosen[:_MOST_PHOTOS]


def draw_sheet(rows: Sequence[SheetRow], path: Path, *, title: str, columns: Sequence[str]) -> None:
    """Draw rows of pictures as a PNG file, pixel for pixel.

    Args:
        rows: From top to bottom.
        path: The file.
        title: Above all.
        columns: Above each picture of a row.

    Raises:
        RunFolderError: It cannot be written.
    """
    step = TILE + _GAP
    width = 2 * _MARGIN + _NAMES + len(columns) * step
    height = _MARGIN + _HEAD + len(rows) * step
    paper = np.full((height, width, 3), 255, np.uint8)
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    left = _MARGIN + _NAMES
    figure.text(left / width, 1 - 16 / height, title, weight="bold", color=_INK, va="center")
    for place, words in enumerate(columns):
        across = (left + place * step + TILE / 2) / width
        figure.text(across, 1 - 44 / height, words, color=_FAINT, ha="center", va="center", size=8)
    for place, row in enumerate(rows):
        top = _HEAD + place * step
        middle = 1 - (top + TILE / 2) / height
        name = row.name if len(row.name) <= _LONGEST_NAME else row.name[: _LONGEST_NAME - 1] + "…"
        figure.text(
            (_MARGIN + 8) / width,
            middle,
            name,
            color=_INK,
            ha="center",
            va="center",
            rotation=90,
            parse_math=False,
        )
        for column, tile_rgb in enumerate(row.tiles_rgb):
            start = left + column * step
            paper[top : top + TILE, start : start + TILE] = _fit_tile(tile_rgb)
    figure.figimage(paper)
    save_figure(figure, path)


def _fit_tile(picture_rgb: Pixels) -> Pixels:
    is_large = picture_rgb.shape[0] > TILE
    way = cv2.INTER_AREA if is_large else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture_rgb, (TILE, TILE), interpolation=way), np.uint8)
