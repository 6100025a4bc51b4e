"""How far a share that was counted may lie from the true one."""

import math
from dataclasses import dataclass

_Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true value lies in 95 of 100 cases.

    Attributes:
        low: In [0, 1].
        high: In [0, 1].
    """

    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return both ends as plain values."""
        return {"low": self.low, "high": self.high}


def wilson_interval(part: int, whole: int) -> Interval:
    """Return the 95 % confidence interval of a share.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference"; unlike
    the textbook interval it holds for few pictures and for shares near 0 and 1.

    Args:
        part: How many were counted.
        whole: Out of how many; of none, nothing is known.

    Example:
        >>> found = wilson_interval(98, 100)
        >>> round(found.low, 3), round(found.high, 3)
        (0.93, 0.994)
    """
    if not whole:
        return Interval(0.0, 1.0)
    share, square = part / whole, _Z * _Z
    centre = share + square / (2 * whole)
    spread = _Z * math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    scale = 1 + square / whole
    return Interval(max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))
