"""What a count of mistakes proves: a bound on their share, and how many pictures a proof takes."""

import math

import numpy as np

CONFIDENCE = 0.95
"""Of a bound: of twenty such bounds, one may be wrong."""

_HALVINGS = 50


def most_wrong_share(wrong: int, answers: int) -> float:
    """Return the share of wrong answers that is not exceeded with 95 % confidence.

    The one-sided bound of Clopper and Pearson 1934, "The use of confidence or fiducial limits
    illustrated in the case of the binomial", Biometrika 26. Without a mistake it is close to three
    over the number of answers, the "rule of three".

    Args:
        wrong: Mistakes.
        answers: Out of so many.

    Example:
        >>> round(most_wrong_share(0, 300), 4), most_wrong_share(0, 0)
        (0.0099, 1.0)
    """
    if wrong >= answers:
        return 1.0
    counts = np.arange(wrong + 1)
    logs = np.array([_log_choose(answers, int(count)) for count in counts])
    low, high = wrong / answers, 1.0
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        terms = logs + counts * math.log(share) + (answers - counts) * math.log1p(-share)
        if np.exp(terms).sum() > 1 - CONFIDENCE:
            low = share
        else:
            high = share
    return high


def answers_for(precision: float) -> int:
    """Return how many answers, none of them wrong, show a precision with 95 % confidence.

    Example:
        >>> answers_for(0.99), answers_for(0.999)
        (299, 2995)
    """
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(precision))


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
