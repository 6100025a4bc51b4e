"""Near-identical photos: the same picture stored again, resized, cropped a little, or a burst.

First candidates, then proof. A candidate is a pair whose low frequencies agree: the discrete
cosine transform of the thumbnail, as in perceptual hashing (Zauner 2010, "Implementation and
Benchmarking of Perceptual Image Hash Functions", https://www.phash.org/docs/pubs/thesis_zauner.pdf),
but kept as numbers instead of one bit each, so that one matrix product compares all with all. Each
photo is looked up whole and without its margins on either side, so that a crop finds its original.

The proof is the normalized correlation of the two thumbnails' details, one laid over the other in
several sizes at the place where they fit best (Lewis 1995, "Fast Normalized Cross-Correlation").
Coarse light and shade, which photos of a kind have in common, is taken out first.
A picture that repeats itself, such as one of tiles, must agree better than with itself displaced.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Pixels
from train.data.thumbnails import THUMBNAIL_SIDE, Thumbnails
from train.scan import WORKERS

LEAST_LIKENESS = 0.66
"""Correlation of details from which two photos count as one picture."""

_FREQUENCIES = 12  # per direction; those whose sum is larger are left out
_LEAST_AGREEMENT = 0.65  # cosine of two descriptors
_LEAST_CONTRAST = 2.0  # grey levels; a picture with less, dark or plain, resembles nothing
_MARGIN = round(0.1 * THUMBNAIL_SIDE)
_BLOCK = 512
_CHUNK = 64  # candidates that a thread proves at a time
_BLUR_SIGMA = 4.0
_FAINT = 5.0  # grey levels; details fainter than this are mostly noise
_LEAST_DETAIL = 0.2  # deviation of the evened details, which is near 1 for most photos
_EDGE = 8  # pixels of the thumbnail, twice the deviation of the blur
# A copy laid over its original: whole, cropped by up to a seventh, or cropped one way only.
_OVERLAYS_WH = ((64, 64), (61, 61), (58, 58), (55, 55), (64, 59), (59, 64))
_SHIFT = 5  # pixels of the thumbnail that two frames of a burst may be apart

_PATCH = slice(20, 44)  # of the thumbnail: what is looked for elsewhere in the same picture
_NEAR = 4  # pixels within which any picture resembles itself

_Descriptors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SimilarPair:
    """Two photos that show the same.

    Attributes:
        first: Index of one.
        second: Index of the other, larger.
        likeness: Correlation of their details, up to 1.
    """

    first: int
    second: int
    likeness: float


def find_similar(thumbnails: Thumbnails) -> list[SimilarPair]:
    """Find all pairs of near-identical photos, sorted by index."""
    candidates = find_candidates(thumbnails.grey)
    chunks = [candidates[start : start + _CHUNK] for start in range(0, len(candidates), _CHUNK)]

    def prove(chunk: NDArray[np.int64]) -> list[SimilarPair]:
        proven = []
        for first, second in chunk.tolist():
            one, other = thumbnails.grey[first], thumbnails.grey[second]
            likeness = measure_likeness(one, other)
            if likeness >= LEAST_LIKENESS and likeness >= max(_bar(one), _bar(other)):
                proven.append(SimilarPair(first, second, likeness))
        return proven

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="similar") as pool:
        return [pair for proven in pool.map(prove, chunks) for pair in proven]


def find_candidates(grey: Pixels) -> NDArray[np.int64]:
    """Find the pairs of thumbnails whose low frequencies agree.

    Args:
        grey: `(count, 64, 64)`, `uint8`.

    Returns:
        Indices, `(pairs, 2)`, the smaller first, each pair once, sorted.
    """
    whole = _describe(grey)
    found = [_agreeing(whole, whole)]
    found += [_agreeing(_describe(window), whole) for window in _windows(grey)]
    pairs = np.concatenate(found)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    pairs.sort(axis=1)
    return np.unique(pairs, axis=0)


def measure_likeness(one: Pixels, other: Pixels) -> float:
    """Return the correlation of the details of two thumbnails, laid over each other to fit best.

    Args:
        one: `(64, 64)`, `uint8`.
        other: Of the same shape.

    Returns:
        Up to 1; 0 where there are no details.

    Example:
        >>> import numpy as np
        >>> noise = np.random.default_rng(1).integers(0, 256, (2, 64, 64), np.uint8)
        >>> round(measure_likeness(noise[0], noise[0]), 3)
        1.0
        >>> measure_likeness(noise[0], noise[1]) < 0.3
        True
    """
    best = 0.0
    for above, below in ((one, other), (other, one)):
        ground = _details(below)
        if _is_plain(ground):
            return 0.0
        for overlay in _overlays(above):
            if not _is_plain(overlay):
                fits = cv2.matchTemplate(ground, overlay, cv2.TM_CCOEFF_NORMED)
                best = max(best, float(fits.max()))
        if best >= LEAST_LIKENESS:
            break
    return min(best, 1.0)


def _bar(grey: Pixels) -> float:
    """Return the likeness from which a photo is the same as this one.

    A picture of stripes or tiles resembles itself when displaced, and so any other picture of
    them: there, only what agrees far better than the picture with itself is the same.
    """
    ground = _details(grey)
    fits = cv2.matchTemplate(ground, ground[_PATCH, _PATCH], cv2.TM_CCOEFF_NORMED)
    middle = slice(_PATCH.start - _NEAR, _PATCH.start + _NEAR + 1)
    fits[middle, middle] = 0.0
    repeat = float(fits.max())
    return LEAST_LIKENESS if repeat < LEAST_LIKENESS else repeat + 0.8 * (1.0 - repeat)


def _overlays(grey: Pixels) -> Iterator[NDArray[np.float32]]:
    """Yield the details of a thumbnail in several sizes, and of its middle alone."""
    for size_wh in _OVERLAYS_WH:
        yield _details(cv2.resize(grey, size_wh, interpolation=cv2.INTER_AREA))
    yield np.ascontiguousarray(_details(grey)[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT])


def _details(grey: Pixels | NDArray[np.generic]) -> NDArray[np.float32]:
    """Take out coarse light and shade, and make faint details count as much as strong ones.

    Otherwise two photos with the same white frame around them would be alike.
    """
    values = np.asarray(grey, np.float32)
    fine = values - _blur(values)
    strength = np.sqrt(_blur(np.square(fine)) + np.float32(_FAINT**2))
    return np.asarray(fine / strength, np.float32)


def _is_plain(details: NDArray[np.float32]) -> bool:
    """Whether nothing is in the middle; a smooth picture seems to have details at its edges."""
    return float(details[_EDGE:-_EDGE, _EDGE:-_EDGE].std()) < _LEAST_DETAIL


def _blur(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _BLUR_SIGMA), np.float32)


def _windows(grey: Pixels) -> Iterator[Pixels]:
    """Yield the thumbnails without their margins: four corners and the middle."""
    side = THUMBNAIL_SIDE - _MARGIN
    half = _MARGIN // 2
    for top, left in ((0, 0), (0, _MARGIN), (_MARGIN, 0), (_MARGIN, _MARGIN), (half, half)):
        yield grey[:, top : top + side, left : left + side]


def _describe(grey: Pixels) -> _Descriptors:
    """Return the low frequencies as unit vectors, `(count, frequencies)`; zeros if there are none.

    The high ones weigh more, because photos have less of them.
    """
    basis = _cosines(grey.shape[1])
    steps = np.arange(_FREQUENCIES)
    sums = steps[:, np.newaxis] + steps
    is_used = (sums > 0) & (sums <= _FREQUENCIES)
    weights = np.hypot(steps[:, np.newaxis], steps)[is_used].astype(np.float32)
    described = np.zeros((len(grey), int(is_used.sum())), np.float32)
    for start in range(0, len(grey), _BLOCK):
        block = grey[start : start + _BLOCK].astype(np.float32)
        frequencies = (basis @ block @ basis.T)[:, is_used]
        contrast = np.sqrt(np.square(frequencies).sum(axis=1)) / grey.shape[1]
        vectors = frequencies * weights
        lengths = np.linalg.norm(vectors, axis=1)
        lengths[contrast < _LEAST_CONTRAST] = np.inf
        described[start : start + _BLOCK] = vectors / lengths[:, np.newaxis]
    return described


def _cosines(side: int) -> _Descriptors:
    """Return the first rows of the orthonormal cosine transform, `(frequencies, side)`."""
    steps = np.arange(_FREQUENCIES)[:, np.newaxis]
    rows = np.cos(np.pi * (2 * np.arange(side) + 1) * steps / (2 * side)) * np.sqrt(2 / side)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


def _agreeing(one: _Descriptors, other: _Descriptors) -> NDArray[np.int64]:
    """Return the pairs of rows, `(pairs, 2)`, whose cosine is high enough."""
    found = [np.empty((0, 2), np.int64)]
    room = np.empty((_BLOCK, len(other)), np.float32)
    for start in range(0, len(one), _BLOCK):
        block = one[start : start + _BLOCK]
        agreement = np.matmul(block, other.T, out=room[: len(block)])
        rows, columns = np.divmod(np.flatnonzero(agreement >= _LEAST_AGREEMENT), len(other))
        found.append(np.stack([rows + start, columns], axis=1))
    return np.concatenate(found)
