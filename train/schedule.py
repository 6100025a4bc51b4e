"""Learning rate and batch size over time."""

import math
from dataclasses import dataclass

SCHEDULES = ("cosine", "step", "grow-batch")

STEP_FACTOR = 5
STEP_SHARES = (0.3, 0.6, 0.8)
"""After these shares of the epochs the rate falls, or the batch grows, by `STEP_FACTOR`: those of
the wide residual networks with which Smith et al. compare both."""

HEAD_RATE_FACTOR = 10.0
_LARGEST_BATCH_PART = 10


@dataclass(frozen=True, slots=True)
class Schedule:
    """What an epoch's batches are, and the learning rate of each step.

    `cosine`: Loshchilov and Hutter 2017, "SGDR", https://arxiv.org/abs/1608.03983, without
    restart. `step`: the rate is divided at fixed epochs. `grow-batch`: where `step` divides the
    rate, the batch grows instead (Smith et al. 2018, "Don't Decay the Learning Rate, Increase the
    Batch Size", https://arxiv.org/abs/1711.00489). The noise of the steps goes with rate x
    pictures / batch, so that both cool alike in as many epochs, the latter in fewer steps. As
    in the paper, a batch grows to a tenth of the pictures at most, and then the rate falls.

    Attributes:
        kind: One of `SCHEDULES`.
        peak: Highest learning rate of the whole network.
        epochs: Of the whole training.
        batch_size: At first.
        pictures: Of the training part.
        head_epochs: In the beginning, for the last layer alone, at a higher rate.
    """

    kind: str
    peak: float
    epochs: int
    batch_size: int
    pictures: int
    head_epochs: int = 0

    def batch_size_in(self, epoch: int) -> int:
        """Return the pictures per step of an epoch, from 1.

        Example:
            >>> schedule = Schedule("grow-batch", 0.1, epochs=10, batch_size=32, pictures=20_000)
            >>> [schedule.batch_size_in(epoch) for epoch in (1, 3, 4, 7, 9)]
            [32, 32, 160, 800, 2000]
        """
        if self.kind != "grow-batch":
            return self.batch_size
        largest = max(self.batch_size, self.pictures // _LARGEST_BATCH_PART)
        return min(self.batch_size * self._division(epoch), largest)

    def steps_in(self, epoch: int) -> int:
        """Return the steps of an epoch."""
        return self.pictures // self.batch_size_in(epoch)

    def is_head_only(self, epoch: int) -> bool:
        """Return whether only the last layer learns in an epoch."""
        return epoch <= self.head_epochs

    def rate(self, epoch: int, step: int) -> float:
        """Return the learning rate of a step.

        The whole network's rate begins with a short climb, which lets Adam's averages settle
        before they steer pretrained weights.

        Args:
            epoch: From 1.
            step: In the epoch, from 0.
        """
        if self.is_head_only(epoch):
            return self.peak * HEAD_RATE_FACTOR
        steps_each = self.pictures // self.batch_size
        all_steps = (self.epochs - self.head_epochs) * steps_each
        climb = warm_up_steps(all_steps)
        done = (epoch - self.head_epochs - 1) * steps_each + step
        if self.kind == "cosine" or (done < climb and self._division(epoch) == 1):
            return learning_rate_at(done, peak=self.peak, steps=all_steps, warm_up_steps=climb)
        growth = self.batch_size_in(epoch) / self.batch_size
        return self.peak * growth / self._division(epoch)

    def _division(self, epoch: int) -> int:
        """Return what `step` divides the peak by in an epoch."""
        epochs, done = self.epochs - self.head_epochs, epoch - self.head_epochs - 1
        return int(STEP_FACTOR ** sum(done >= round(share * epochs) for share in STEP_SHARES))


def learning_rate_at(step: int, *, peak: float, steps: int, warm_up_steps: int) -> float:
    """Return the learning rate of a step: a climb, then half a cosine down to zero.

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
