"""What the network is held to: cross-entropy against a smoothed truth, labels evened out."""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edge.records import Scores

_HEAVIEST_LABEL = 10.0


def cross_entropy(truth: Any, scores: Any, *, smoothing: float) -> Any:
    """Return the loss of each picture against the smoothed truth, `(pictures,)`.

    Smoothing (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567) keeps wrong labels from
    being learned by heart.

    Args:
        truth: `(pictures,)`, index of each picture's label.
        scores: `(pictures, labels)`, probabilities.
        smoothing: Share of the truth that is spread over all labels, in [0, 1).
    """
    return tf_keras.losses.categorical_crossentropy(
        tf.one_hot(truth, scores.shape[-1]), scores, label_smoothing=smoothing
    )


def mean_loss(scores: Scores, truth: NDArray[np.int64], *, smoothing: float) -> float:
    """Return the mean cross-entropy against the smoothed truth, as in training."""
    losses = cross_entropy(tf.constant(truth), tf.constant(scores), smoothing=smoothing)
    return float(tf.reduce_mean(losses))


def weigh_labels(truth: NDArray[np.int64], *, labels: int) -> NDArray[np.float32]:
    """Return how much a picture of each label counts, so that all labels count the same.

    The mean over the pictures is 1; a label with very few pictures is held back.

    Example:
        >>> weigh_labels(np.array([0, 0, 0, 1, 1, 1, 2, 2, 2]), labels=3).tolist()
        [1.0, 1.0, 1.0]
        >>> weigh_labels(np.array([0, 0, 0, 0, 0, 0, 1, 1]), labels=2)[1]
        np.float32(2.0)
    """
    counts = np.maximum(np.bincount(truth, minlength=labels), 1)
    weights = np.minimum(counts.max() / counts, _HEAVIEST_LABEL)
    weighted: NDArray[np.float32] = (weights * len(truth) / (weights @ counts)).astype(np.float32)
    return weighted
