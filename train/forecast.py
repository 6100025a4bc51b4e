"""What twice as many photos would probably bring: a power law through the last points.

Cortes et al. 1993, "Learning Curves: Asymptotic Values and Rate of Convergence",
https://proceedings.neurips.cc/paper/1993/hash/1aa48fc4880bb0c9b8a3bf979d3b917e-Abstract.html;
Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically",
https://arxiv.org/abs/1712.00409: over a wide range the share of mistakes falls as a power of the
number of examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FITTED_POINTS = 4  # with a few photos per label, mistakes are bounded by guessing
_RESAMPLES = 400
_LEAST_MISTAKES = 3
_UNSEEN_MISTAKE = 0.5  # where none was made, so that there is a logarithm


@dataclass(frozen=True, slots=True)
class Forecast:
    """What twice as many photos would probably bring.

    Attributes:
        photos: Learned from.
        error: Expected share of mistakes, in [0, 1].
        low: Lower end of its 95 % interval.
        high: Upper end.
        exponent: Of the power law: 1 halves the mistakes, 0 leaves them where they are.
    """

    photos: int
    error: float
    low: float
    high: float
    exponent: float


def look_ahead(
    photos: Sequence[int], wrong: NDArray[np.float64], groups: NDArray[np.int64], seed: int
) -> Forecast | None:
    """Fit the last points and extend the line; `None` where too few mistakes were made.

    The interval comes from drawing the judging photos again and again with replacement, groups
    whole, and fitting anew (Efron 1979, the bootstrap).

    Args:
        photos: Learned from, of each point, ascending.
        wrong: `(points, photos)`, how often, in [0, 1], each judging photo got a wrong answer.
        groups: `(photos,)`, what each judging photo belongs to.
        seed: Of the drawing.
    """
    fitted = np.asarray(photos[-_FITTED_POINTS:], np.float64)
    names, members = np.unique(groups, return_inverse=True)
    mistakes = np.stack([np.bincount(members, row, len(names)) for row in wrong[-_FITTED_POINTS:]])
    sizes = np.bincount(members, minlength=len(names))
    if mistakes[-1].sum() < _LEAST_MISTAKES:
        return None

    def foresee(drawn: NDArray[np.intp]) -> tuple[float, float]:
        total = sizes[drawn].sum() + 1
        errors = (mistakes[:, drawn].sum(axis=1) + _UNSEEN_MISTAKE) / total
        return fit_power_law(fitted, errors)

    _, exponent = foresee(np.arange(len(names)))
    error = float(wrong[-1].mean())
    random = np.random.default_rng([seed, len(names)])
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = random.integers(len(names), size=len(names))
        last = mistakes[-1, chosen].sum() / sizes[chosen].sum()
        drawn.append(last * 0.5 ** foresee(chosen)[1])
    low, high = np.percentile(drawn, (2.5, 97.5))
    expected = error * 0.5**exponent
    return Forecast(2 * photos[-1], expected, float(low), float(high), exponent)


def fit_power_law(photos: NDArray[np.float64], errors: NDArray[np.float64]) -> tuple[float, float]:
    """Fit `error = factor * photos ** -exponent`, a straight line between the logarithms.

    Points count by their mistakes, as a Poisson regression has it: where few mistakes were made,
    chance moves the logarithm most. More photos are taken to do no harm: the exponent is at
    least 0.

    Returns:
        Factor and exponent.

    Example:
        >>> factor, exponent = fit_power_law(np.array([50.0, 100, 200]), np.array([0.2, 0.1, 0.05]))
        >>> round(factor, 6), round(exponent, 6)
        (10.0, 1.0)
    """
    weights = errors / errors.sum()
    across, down = np.log(photos), np.log(errors)
    middle, height = float(weights @ across), float(weights @ down)
    spread = float(weights @ (across - middle) ** 2)
    slope = float(weights @ ((across - middle) * (down - height))) / spread if spread else 0.0
    exponent = max(0.0, -slope)
    return float(np.exp(height + exponent * middle)), exponent
