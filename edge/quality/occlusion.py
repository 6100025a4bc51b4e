"""Where a model looks, found by covering the picture bit by bit: needs nothing but its answers."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels, Scores

GRID = 7
_COVER = 1.6  # a cover is this much larger than a cell, so that nothing shows between two


def map_occlusion(
    frame_bgr: Pixels, label_index: int, *, score: Callable[[Pixels], Scores]
) -> NDArray[np.float32]:
    """Return how much a label's score falls when a part of the picture is covered.

    Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks",
    https://arxiv.org/abs/1311.2901; the cover is the picture itself, blurred beyond recognition,
    which adds no edges of its own.

    Args:
        frame_bgr: `(height, width, 3)`, `uint8`, BGR.
        label_index: Of the label.
        score: Returns the scores of a frame, `(labels,)`; it is called `GRID * GRID + 1` times.

    Returns:
        `(GRID, GRID)`, in [0, 1]; 1 where covering costs most, all 0 when it costs nothing.
    """
    height, width = frame_bgr.shape[:2]
    deviation = max(height, width) / 8
    blurred = np.asarray(cv2.GaussianBlur(frame_bgr, (0, 0), deviation), np.uint8)
    whole = float(score(frame_bgr)[label_index])
    lost = np.zeros((GRID, GRID), np.float32)
    for row in range(GRID):
        for column in range(GRID):
            rows, columns = _cover(row, height), _cover(column, width)
            covered = frame_bgr.copy()
            covered[rows, columns] = blurred[rows, columns]
            lost[row, column] = max(0.0, whole - float(score(covered)[label_index]))
    greatest = float(lost.max())
    return lost / np.float32(greatest) if greatest > 0 else lost


def _cover(cell: int, length: int) -> slice:
    half = _COVER * length / GRID / 2
    centre = (cell + 0.5) * length / GRID
    return slice(max(0, round(centre - half)), min(length, round(centre + half)))
