"""The best last layer for given features: logistic regression, solved and not learned step by step.

A last layer that is drawn at random keeps chance in all directions that few photos say nothing
about; one that is solved for has none there. What learns from there on does not distort good
features for the sake of a layer that knows nothing (Kumar et al. 2022, "Fine-Tuning can Distort
Pretrained Features and Underperform Out-of-Distribution", https://arxiv.org/abs/2202.10054).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]

PENALTY = 0.1
"""On the squared weights of standardised features, per feature."""

_EVENNESS = 0.5
"""How far the features are brought to one scale: of few photos, no feature's spread is known well,
and rare ones would be blown up; of many, evening out helps. Half way does well for both."""

_MOST_STEPS = 30
_MOST_DIRECTIONS = 60
_TOLERANCE = 1e-3
_LEAST_STEP = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """A last layer.

    Attributes:
        kernel: `(features, labels)`, `float32`.
        bias: `(labels,)`, `float32`.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    def choose(self, features: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the index of the best label for each row of features."""
        best: NDArray[np.intp] = (features @ self.kernel + self.bias).argmax(axis=1)
        return best


def solve_head(
    features: NDArray[np.float32],
    truth: NDArray[np.int64],
    *,
    label_weights: Floats,
    penalty: float = PENALTY,
) -> LinearHead:
    """Minimise the cross-entropy of a last layer plus a penalty on large weights.

    Newton's method, each step by conjugate gradients; the optimum is unique.

    Args:
        features: `(pictures, features)`.
        truth: `(pictures,)`, index of each picture's label.
        label_weights: `(labels,)`, how much a picture of each label counts.
        penalty: See `PENALTY`.

    Example:
        >>> features, weights = np.array([[0, 1], [1, 3], [5, 2]], np.float32), np.ones(2)
        >>> head = solve_head(features, np.array([0, 0, 1]), label_weights=weights)
        >>> head.choose(features).tolist()
        [0, 0, 1]
    """
    mean = features.mean(axis=0)
    spread = features.std(axis=0)
    scale = _EVENNESS * spread + (1 - _EVENNESS) * spread.mean() + 1e-6
    rows = np.hstack([(features - mean) / scale, np.ones((len(features), 1), np.float32)])
    problem = _Problem(rows, truth, label_weights, penalty * features.shape[1])
    weights = _minimise(problem)
    kernel = weights[:-1] / scale[:, np.newaxis]
    return LinearHead(kernel.astype(np.float32), (weights[-1] - mean @ kernel).astype(np.float32))


class _Problem:
    """The loss of the weights `(features + 1, labels)`, its slope and its curvature."""

    def __init__(
        self, rows: Floats, truth: NDArray[np.int64], label_weights: Floats, penalty: float
    ) -> None:
        self.rows = rows.astype(np.float32)
        self.truth = np.eye(len(label_weights), dtype=np.float32)[truth]
        self.counts = label_weights[truth][:, np.newaxis].astype(np.float32)
        self.penalty = penalty
        self.shape = (rows.shape[1], len(label_weights))

    def loss(self, weights: Floats) -> float:
        values = self.rows @ weights
        values = values - values.max(axis=1, keepdims=True)
        logs = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
        data = float(-(self.counts * self.truth * logs).sum(dtype=np.float64))
        return data + 0.5 * self.penalty * float((weights**2).sum(dtype=np.float64))

    def scores(self, weights: Floats) -> Floats:
        values = self.rows @ weights
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        scores: Floats = powers / powers.sum(axis=1, keepdims=True)
        return scores

    def slope(self, weights: Floats, scores: Floats) -> Floats:
        slope: Floats = self.rows.T @ (self.counts * (scores - self.truth)) + self.penalty * weights
        return slope

    def bend(self, direction: Floats, scores: Floats) -> Floats:
        """Return the change of the slope along a direction."""
        moved = scores * (self.rows @ direction)
        moved = moved - scores * moved.sum(axis=1, keepdims=True)
        bent: Floats = self.rows.T @ (self.counts * moved) + self.penalty * direction
        return bent


def _minimise(problem: _Problem) -> Floats:
    weights: Floats = np.zeros(problem.shape, np.float32)
    goal: float | None = None
    for _ in range(_MOST_STEPS):
        scores = problem.scores(weights)
        slope = problem.slope(weights, scores)
        size = float(np.linalg.norm(slope))
        goal = _TOLERANCE * size if goal is None else goal
        if size <= goal:
            break
        direction = _solve_step(problem, scores, slope)
        step, before = 1.0, problem.loss(weights)
        while problem.loss(weights - step * direction) > before and step > _LEAST_STEP:
            step /= 2
        weights = weights - step * direction
    return weights


def _solve_step(problem: _Problem, scores: Floats, slope: Floats) -> Floats:
    """Return the direction whose bend is the slope, by conjugate gradients."""
    found: Floats = np.zeros_like(slope)
    rest, way = slope.copy(), slope.copy()
    size = first = float((rest * rest).sum())
    for _ in range(_MOST_DIRECTIONS):
        if size <= 1e-4 * first:
            break
        bent = problem.bend(way, scores)
        step = size / float((way * bent).sum())
        found, rest = found + step * way, rest - step * bent
        before, size = size, float((rest * rest).sum())
        way = rest + (size / before) * way
    return found
