"""The learning rate over time: a short climb, then half a cosine down to zero."""

import math


def learning_rate_at(step: int, *, peak: float, steps: int, warm_up_steps: int) -> float:
    """Return the learning rate of a step.

    The climb lets Adam's averages settle before they steer pretrained weights; the cosine is
    that of Loshchilov and Hutter 2017, "SGDR", https://arxiv.org/abs/1608.03983, without restart.

    Args:
        step: From 0.
        peak: Rate at the end of the climb.
        steps: Of the whole training, at least 1.
        warm_up_steps: Of the climb, fewer than `steps`.

    Example:
        >>> [round(learning_rate_at(step, peak=1.0, steps=10, warm_up_steps=2), 2)
        ...  for step in (0, 1, 2, 6, 10)]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    if step < warm_up_steps:
        return peak * (step + 1) / warm_up_steps
    done = (step - warm_up_steps) / max(1, steps - warm_up_steps)
    return peak * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


def warm_up_steps(steps: int) -> int:
    """Return how long the climb takes: a twentieth of the training, at most 300 steps."""
    return min(300, steps // 20)
