"""Puts a computed last layer into a network before the first step."""

import numpy as np
from numpy.typing import NDArray

from train.cache import PixelCache
from train.features import extract_features
from train.learner import Learner
from train.linear_head import solve_head
from train.losses import weigh_labels
from train.surroundings import Surroundings

MOST_PICTURES = 2_000
"""So many, at most, the layer is computed from; with more the steps to come say the rest."""


def compute_head(learner: Learner, part: PixelCache, surroundings: Surroundings) -> None:
    """Replace the last layer by the best one for what the network sees now.

    Args:
        learner: Its network ends with a `Dense` layer.
        part: The training part.
        surroundings: Told what happens; a stop leaves the layer as it is.
    """
    network, is_stopped = learner.network, surroundings.stop.is_set
    labels = network.output_shape[-1]
    rows = choose_rows(part.truth, labels=labels)
    with surroundings.progress.track("computing the last layer", len(rows)) as advance:
        features = extract_features(
            network, part.pixels_rgb[rows], when_done=advance, is_stopped=is_stopped
        )
    if is_stopped():
        return
    truth = part.truth[rows]
    head = solve_head(features, truth, label_weights=weigh_labels(truth, labels=labels))
    network.layers[-1].set_weights([head.kernel, head.bias])
    learner.begin_with(network.get_weights())


def choose_rows(truth: NDArray[np.int64], *, labels: int) -> NDArray[np.intp]:
    """Return the rows to compute from: all, or evenly spread ones, as many of each label.

    Example:
        >>> len(choose_rows(np.repeat([0, 1], [5000, 300]), labels=2))
        1300
    """
    if len(truth) <= MOST_PICTURES:
        return np.arange(len(truth))
    kept = []
    for label in range(labels):
        own = np.flatnonzero(truth == label)
        count = min(len(own), MOST_PICTURES // labels)
        kept.append(own[np.linspace(0, len(own) - 1, count).astype(np.intp)])
    return np.sort(np.concatenate(kept))
