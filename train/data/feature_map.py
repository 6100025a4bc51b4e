"""Photos as a network that knows ImageNet sees them, laid out in two dimensions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import PictureError
from edge.images import read_picture
from edge.manifest import InputSpec
from edge.preprocess import fit_frame
from edge.quality.robustness import choose_rows
from edge.records import Pixels
from train.data.measures import PhotoMeasures
from train.scan import map_in_threads

MOST_PHOTOS = 2_000
"""So many are laid out, at most, each label with its share."""

_SIDE = 96
_NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A photo's place.

    Attributes:
        path: Relative to the data's root.
        label: Its label.
        x: Along the direction in which the photos differ most.
        y: Along the one in which they differ most next to that.
    """

    path: str
    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """Photos laid out so that those which look alike lie near each other.

    Attributes:
        points: The photos.
        explained: Share of all differences that the two directions show, in [0, 1].
        agreement: By label, the share of its photos, in [0, 1], whose nearest neighbours, by all
            features, mostly carry the same label.
    """

    points: tuple[MapPoint, ...]
    explained: float
    agreement: dict[str, float]


def map_features(
    root: Path,
    photos: Sequence[PhotoMeasures],
    *,
    when_done: Callable[[], None] = lambda: None,
) -> FeatureMap:
    """Lay out photos by the features of EfficientNet-Lite0 with its ImageNet weights.

    Args:
        root: What the paths are relative to.
        photos: Those that can be decoded.
        when_done: Called after each of `count_mapped(photos)` photos.

    Raises:
        MissingExtraError: The package that carries the weights is not installed.
    """
    chosen = _choose(photos)

    def read(photo: PhotoMeasures) -> Pixels | None:
        try:
            frame_bgr = read_picture(root / photo.path, least_side=_SIDE)
        except PictureError:
            return None
        return fit_frame(frame_bgr, spec=InputSpec(_SIDE, _SIDE))

    pixels = map_in_threads(read, chosen, when_done=lambda: None)
    known = [(photo, one) for photo, one in zip(chosen, pixels, strict=True) if one is not None]
    if not known:
        return FeatureMap((), 0.0, {})
    features = compute_features(np.stack([one for _, one in known]), when_done=when_done)
    places, explained = project(features)
    points = tuple(
        MapPoint(photo.path, photo.label, float(x), float(y))
        for (photo, _), (x, y) in zip(known, places, strict=True)
    )
    agreement = measure_agreement(features, [photo.label for photo, _ in known])
    return FeatureMap(points, explained, agreement)


def count_mapped(photos: Sequence[PhotoMeasures]) -> int:
    """Return how many photos `map_features` lays out."""
    return min(MOST_PHOTOS, len(photos))


def compute_features(
    pixels_rgb: Pixels, *, when_done: Callable[[], None] = lambda: None
) -> NDArray[np.float32]:
    """Return what the network makes of pictures before its last layer, `(pictures, 1280)`.

    Args:
        pixels_rgb: `(pictures, side, side, 3)`, `uint8`, RGB.
        when_done: Called after each picture.
    """
    from train.features import extract_features
    from train.networks.efficientnet_lite0 import build_pretrained

    network = build_pretrained(2, pixels_rgb.shape[1])
    return extract_features(network, pixels_rgb, when_done=when_done)


def project(features: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Project onto the two directions of the greatest variance (Pearson 1901).

    Args:
        features: `(pictures, any)`.

    Returns:
        `(pictures, 2)`, and the share of the variance that they hold, in [0, 1].

    Example:
        >>> places, share = project(np.array([[0, 0, 0], [2, 0, 0], [4, 0, 0]], np.float32))
        >>> np.abs(places[:, 0]).round(6).tolist(), round(share, 6)
        ([2.0, 0.0, 2.0], 1.0)
    """
    centred = features.astype(np.float64) - features.mean(axis=0)
    spread = centred.T @ centred if centred.shape[0] > centred.shape[1] else None
    if spread is None:
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        variances, places = sizes**2, left[:, :2] * sizes[:2]
    else:
        values, vectors = np.linalg.eigh(spread)
        variances, places = values[::-1], centred @ vectors[:, ::-1][:, :2]
    total = float(variances.sum())
    padded = np.zeros((len(features), 2))
    padded[:, : places.shape[1]] = places
    return padded, float(variances[:2].sum()) / total if total > 0 else 0.0


def measure_agreement(features: NDArray[np.float32], labels: Sequence[str]) -> dict[str, float]:
    """Return, by label, how many photos are like their neighbours: what is easy to tell apart.

    A photo agrees when most of its five nearest neighbours by cosine carry its label (Cover and
    Hart 1967, "Nearest Neighbor Pattern Classification").

    Args:
        features: `(photos, any)`.
        labels: Of the photos.
    """
    names = sorted(set(labels))
    numbers = np.array([names.index(label) for label in labels])
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.maximum(lengths, 1e-9)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -np.inf)
    count = min(_NEIGHBOURS, len(labels) - 1)
    nearest = np.argsort(-likeness, axis=1)[:, :count]
    shares = (numbers[nearest] == numbers[:, np.newaxis]).mean(axis=1) if count else np.ones(1)
    return {name: float((shares[numbers == i] > 0.5).mean()) for i, name in enumerate(names)}


def _choose(photos: Sequence[PhotoMeasures]) -> list[PhotoMeasures]:
    labels = sorted({photo.label for photo in photos})
    numbers = np.array([labels.index(photo.label) for photo in photos])
    return [photos[row] for row in choose_rows(numbers, most=count_mapped(photos))]
