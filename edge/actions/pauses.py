"""How long to wait before something that failed is tried again."""

import random

_MOST_DOUBLINGS = 10  # a larger power overflows one day


def pause_seconds(failures: int, *, first_seconds: float, longest_seconds: float) -> float:
    """Say how long to wait: each time twice as long, by chance, so that not all come at once.

    Args:
        failures: In a row, before the latest one.
        first_seconds: What is waited for after the first failure, at most.
        longest_seconds: What is never exceeded.

    Example:
        >>> 0.5 <= pause_seconds(0, first_seconds=1.0, longest_seconds=60.0) <= 1.0
        True
        >>> 30.0 <= pause_seconds(10_000, first_seconds=1.0, longest_seconds=60.0) <= 60.0
        True
    """
    growing_seconds = first_seconds * 2.0 ** min(failures, _MOST_DOUBLINGS)
    return random.uniform(0.5, 1.0) * min(longest_seconds, growing_seconds)
