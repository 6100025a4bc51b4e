"""Looks for labels or pixels that were given wrongly, by what the float network says of pictures.

Nobody can read from a Keras file in which order its scores mean the labels, or how pixels were
scaled outside of it. Whoever got that wrong sees a network that is right too rarely.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.records import Scores

_MORE_OFTEN = 0.1  # share of pictures that another order must be right on more
_NAMED_AT_MOST = 3


def doubt_labels(scores: Scores, truth: NDArray[np.int64], *, labels: Sequence[str]) -> str:
    """Return what seems wrong with labels or pixels, in a sentence; empty for nothing.

    Args:
        scores: Of the float network, `(pictures, labels)`.
        truth: Place of each picture's label, `(pictures,)`.
        labels: In the order of the scores as it was given.

    Example:
        >>> scores, truth = np.eye(2, dtype=np.float32)[[1, 1, 0]], np.array([0, 0, 1])
        >>> doubt_labels(scores, truth, labels=("cat", "dog"))[:60]
        "the labels may be in another order: pictures of 'cat' are mo"
        >>> doubt_labels(scores, 1 - truth, labels=("cat", "dog"))
        ''
    """
    counts = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts, (truth, scores.argmax(axis=1)), 1)
    accuracy = float(np.trace(counts) / len(truth))
    favourites = counts.argmax(axis=1)
    is_order = sorted(favourites) == list(range(len(labels)))
    reordered = float(counts.max(axis=1).sum() / len(truth))
    if is_order and reordered > accuracy + _MORE_OFTEN:
        return (
            f"the labels may be in another order: {_name_moved(favourites, labels)}; in the order "
            f"of these answers the float network is right on {reordered:.1%} of the validation "
            f"pictures, and as they are on {accuracy:.1%}"
        )
    commonest = int(counts.sum(axis=1).argmax())
    chance = float(counts[commonest].sum() / len(truth))
    if accuracy <= chance:
        return (
            f"the float network is right on {accuracy:.1%} of the validation pictures, no more "
            f"than who always says {labels[commonest]!r} ({chance:.1%}): look whether the labels "
            "are in the order of its scores, and pixels scaled as in its training"
        )
    return ""


def _name_moved(favourites: NDArray[np.int64], labels: Sequence[str]) -> str:
    moved = [
        f"pictures of {labels[place]!r} are mostly called {labels[favourite]!r}"
        for place, favourite in enumerate(favourites)
        if place != favourite
    ]
    return ", ".join(moved[:_NAMED_AT_MOST])
