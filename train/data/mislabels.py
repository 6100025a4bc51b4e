"""Photos whose label is probably wrong, by what a model says about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.records import Scores


@dataclass(frozen=True, slots=True)
class Mislabel:
    """A photo that a model takes for something else, with good reason.

    Attributes:
        path: Relative to the data's root.
        label: What its folder says.
        suggested: What the model says.
        score: Of that, in [0, 1].
        own_score: Of the folder's label, in [0, 1].
    """

    path: str
    label: str
    suggested: str
    score: float
    own_score: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {
            "path": self.path,
            "label": self.label,
            "suggested": self.suggested,
            "score": self.score,
            "own_score": self.own_score,
        }


def rank_mislabels(
    paths: Sequence[str],
    truth: NDArray[np.integer[Any]],
    scores: Scores,
    *,
    labels: Sequence[str],
) -> tuple[Mislabel, ...]:
    """Rank photos by how probably their label is wrong; those beyond doubt are left out.

    Confident learning (Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating
    Uncertainty in Dataset Labels", https://arxiv.org/abs/1911.00068): a photo is suspected of
    another label when its score for that is at least what photos of that label have on average.
    The ones whose scores lie furthest apart come first.

    Args:
        paths: Of the photos.
        truth: `(photos,)`, index of what the folder says.
        scores: `(photos, labels)`, in [0, 1].
        labels: In the order of the scores.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.05, 0.95]], np.float32)
        >>> [found.path for found in rank_mislabels("abcd", np.array([0, 0, 1, 1]), scores,
        ...                                         labels=("cat", "dog"))]
        []
        >>> scores[1] = 0.1, 0.9
        >>> [found.path for found in rank_mislabels("abcd", np.array([0, 0, 1, 1]), scores,
        ...                                         labels=("cat", "dog"))]
        ['b']
    """
    usual = np.array(
        [
            scores[truth == index, index].mean() if (truth == index).any() else np.inf
            for index in range(len(labels))
        ]
    )
    rows = np.arange(len(truth))
    confident = np.where(scores >= usual, scores, -1.0)
    confident[rows, truth] = -1.0
    best = confident.argmax(axis=1)
    margin = confident[rows, best] - scores[rows, truth]
    suspected = np.flatnonzero((confident[rows, best] >= 0) & (margin > 0))
    return tuple(
        Mislabel(
            paths[row],
            labels[truth[row]],
            labels[best[row]],
            float(scores[row, best[row]]),
            float(scores[row, truth[row]]),
        )
        for row in sorted(suspected.tolist(), key=lambda row: -margin[row])
    )
