"""Who watches a training, and how it can be ended."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.records import Clock
from train.batches import ALONE, Portion
from train.checkpoint import EpochRecord
from train.progress import TrainProgress


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who watches a training, and how it can be ended.

    Attributes:
        progress: Told what happens.
        clock: Measures durations.
        stop: Ends the training in order once set; what was reached is kept.
        when_epoch_ends: Called after each epoch that is kept.
        portion: What this machine learns from, where several train together.
        agree: Returns the record of an epoch that all machines go by.
    """

    progress: TrainProgress
    clock: Clock
    stop: threading.Event
    when_epoch_ends: Callable[[EpochRecord], None]
    portion: Portion = ALONE
    agree: Callable[[EpochRecord], EpochRecord] = lambda record: record
