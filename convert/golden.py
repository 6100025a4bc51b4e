"""Chooses the golden examples of a model: small pictures by which a copy proves that it works.

They are generated patterns, not photos, so that a model file carries nobody's picture. Kernels of
other processors round otherwise, so patterns are preferred whose scores hardly move when their
pixels do; among those, the ones that the model is least sure about, because a score of exactly
1 would survive much damage. One score must stand out, though: where a thousand labels share a
picture, each has so little that none would be missed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from convert.parity import run_model
from convert.pictures import PictureSet
from edge.manifest import GoldenExample, InputSpec
from edge.records import Scores

SIDE = 16
"""Width and height of a golden example, in pixels."""

CANDIDATES = 24
"""Patterns that examples are chosen from."""

_TELLING = 0.25  # least score of the best label; of a thousand low ones none would be off by 0.05
_STEADY = 0.02  # largest change of a score under the jitter; the tolerance is 0.05
_JITTER = 2  # grey levels


def choose_examples(
    model_bytes: bytes, *, spec: InputSpec, count: int = 4, candidates: int = CANDIDATES
) -> tuple[GoldenExample, ...]:
    """Return patterns with the raw scores that the device's interpreter gives them.

    Args:
        model_bytes: The FlatBuffer that goes into the file.
        spec: What it takes.
        count: Examples wanted, at most `candidates`.
        candidates: Patterns to choose from.
    """
    patterns = make_patterns(candidates)
    scores = ask_model(model_bytes, patterns, spec=spec)
    jittered = [ask_model(model_bytes, _jitter(patterns, seed), spec=spec) for seed in (1, 2)]
    shifts = np.max([np.abs(other - scores).max(axis=1) for other in jittered], axis=0)
    chosen = rank_patterns(scores, shifts)[:count]
    return tuple(
        GoldenExample(patterns[index], tuple(float(score) for score in scores[index]))
        for index in chosen
    )


def make_patterns(count: int) -> NDArray[np.uint8]:
    """Return different patterns of soft colour blobs, `(count, 16, 16, 3)`, `uint8`, RGB.

    The same number always gives the same patterns.
    """
    chance = np.random.default_rng(16)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    patterns = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for pattern in patterns:
        turns_x, turns_y, shift = chance.uniform(-2.5, 2.5, (3, 3))
        waves = rows[..., None] * turns_y + columns[..., None] * turns_x + shift
        levels = 127.5 + chance.uniform(40, 127) * np.sin(2 * np.pi * waves)
        pattern[:] = np.rint(levels).astype(np.uint8)
    return patterns


def ask_model(model_bytes: bytes, patterns: NDArray[np.uint8], *, spec: InputSpec) -> Scores:
    """Return what a model says about patterns, as the device asks it: raw scores.

    Args:
        model_bytes: The FlatBuffer.
        patterns: `(patterns, height, width, 3)`, `uint8`, RGB, of any size.
        spec: What the model takes.

    Returns:
        `(patterns, labels)`.
    """
    pictures = PictureSet(patterns, np.zeros(len(patterns), np.intp))
    return run_model(model_bytes, pictures, spec=spec)[0]


def _jitter(patterns: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(-_JITTER, _JITTER + 1, patterns.shape)
    jittered: NDArray[np.uint8] = np.clip(patterns + noise, 0, 255).astype(np.uint8)
    return jittered


def rank_patterns(scores: Scores, shifts: NDArray[np.float32]) -> Sequence[int]:
    """Order patterns: steady and telling ones by doubt, then steady ones, then the others.

    Args:
        scores: `(patterns, labels)`.
        shifts: `(patterns,)`, largest change of a score when pixels change a little.

    Example:
        >>> scores = np.array([[0.1, 0.1], [0.4, 0.1], [0.9, 0.1], [0.5, 0.1]], np.float32)
        >>> rank_patterns(scores, np.array([0.0, 0.0, 0.0, 0.1], np.float32))
        [1, 2, 0, 3]
    """
    keys = []
    for best, shift in zip(scores.max(axis=1).tolist(), shifts.tolist(), strict=True):
        if shift > _STEADY:
            keys.append((2, shift))
        else:
            keys.append((0, best) if best >= _TELLING else (1, -best))
    return sorted(range(len(keys)), key=lambda index: keys[index])
