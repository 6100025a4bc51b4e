"""The learning-rate range test: let the rate climb, watch the loss, suggest a rate.

Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3,
https://arxiv.org/abs/1506.01186
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from train.batches import Batch, TrainingBatches

if TYPE_CHECKING:
    from train.learner import Learner

LOWEST, HIGHEST = 1e-6, 1.0
MOST_STEPS = 120
_MEMORY = 0.9
_DIVERGED = 4.0
_SAFETY = 10.0
_EARLY_STEPS = 20  # up to a rate of 1e-5, which moves next to nothing
_CLEAR = 3.0  # standard errors that the loss must fall by, to have fallen


@dataclass(frozen=True, slots=True)
class RateRange:
    """What a range test has found.

    Attributes:
        rates: Of each step, ascending.
        losses: Smoothed, of each step.
        suggested: Rate to train with: a tenth of the one with the lowest loss. There learning
            is still quick, and the rate is a safe way off where it breaks down. `None` when the
            loss has not fallen by more than it differs from batch to batch.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggested: float | None


def climb_rates(
    learner: "Learner",
    batches: TrainingBatches,
    *,
    when_done: Callable[[], None],
    is_stopped: Callable[[], bool],
) -> RateRange:
    """Learn with a rate that grows from step to step until the loss breaks out.

    Args:
        learner: Is of no use afterwards.
        batches: The training part.
        when_done: Called after each step.
        is_stopped: Asked before each step; the test then ends with what it has.
    """
    rates: list[float] = []
    losses: list[float] = []
    for rate, batch in zip(rate_ladder(MOST_STEPS), _endless(batches), strict=False):
        if is_stopped():
            break
        loss = learner.step(batch, learning_rate=rate).loss
        when_done()
        if not math.isfinite(loss):
            break
        rates.append(rate)
        losses.append(loss)
        if has_diverged(smooth(losses)):
            break
    return read_range(rates, losses)


def rate_ladder(steps: int) -> Iterator[float]:
    """Yield rates from `LOWEST` to `HIGHEST`, each the same factor above the one before.

    Example:
        >>> [f"{rate:.0e}" for rate in rate_ladder(3)]
        ['1e-06', '1e-03', '1e+00']
    """
    for step in range(steps):
        yield LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))


def read_range(rates: Sequence[float], losses: Sequence[float]) -> RateRange:
    """Smooth the losses and suggest a rate, where one can be told from them.

    Example:
        >>> rates = list(rate_ladder(120))
        >>> falling = [1.0] * 60 + [0.5] * 59 + [9.0]
        >>> found = read_range(rates, falling)
        >>> f"{found.suggested:.0e}", read_range(rates, [1.0] * 120).suggested
        ('9e-02', None)
    """
    smoothed = smooth(losses)
    return RateRange(tuple(rates), tuple(smoothed), _suggest(rates, losses, smoothed))


def _suggest(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float]
) -> float | None:
    """Return a tenth of the rate of the lowest loss, if that is lower than chance makes it."""
    early = np.asarray(losses[:_EARLY_STEPS])
    if len(losses) <= _EARLY_STEPS:
        return None
    lowest = min(range(_EARLY_STEPS, len(smoothed)), key=smoothed.__getitem__)
    deviation = float(np.diff(early).std()) / math.sqrt(2)  # of batches, whatever the slope
    averaged = (1 + _MEMORY) / (1 - _MEMORY)  # losses that a smoothed one is worth
    chance = deviation * math.sqrt(1 / len(early) + 1 / averaged)
    has_fallen = float(early.mean()) - smoothed[lowest] > _CLEAR * chance
    return rates[lowest] / _SAFETY if has_fallen else None


def smooth(losses: Iterable[float]) -> list[float]:
    """Return a moving average in which the first values count in full.

    Example:
        >>> smooth([1.0, 1.0, 1.0])
        [1.0, 1.0, 1.0]
    """
    found, average = [], 0.0
    for number, loss in enumerate(losses, start=1):
        average = _MEMORY * average + (1 - _MEMORY) * loss
        found.append(round(average / (1 - _MEMORY**number), 9))
    return found


def has_diverged(smoothed: Sequence[float]) -> bool:
    """Return whether the loss is far above its lowest so far."""
    return smoothed[-1] > _DIVERGED * min(smoothed)


def _endless(batches: TrainingBatches) -> Iterator[Batch]:
    for epoch in count(1):
        yield from batches.epoch(epoch)
