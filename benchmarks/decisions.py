"""Is a label ever decided on a frame that nobody should judge by? A million simulated frames.

    python benchmarks/decisions.py
    python benchmarks/decisions.py --frames 100000 --seed 7

A camera of 30 frames per second watches a door. Animals come and go; now and then, for one frame
or for ten seconds, frames arrive late, the camera repeats one picture, or the model gives scores
that are no probabilities. Every decision for a label on such a frame is counted; the figure to
reach is 0. Decisions on sound frames are counted as well, so that a 0 is not that of a program
that never decides.
"""

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from edge.decision import Decider
from edge.evidence import RULES, EvidenceSpec
from edge.records import UNKNOWN, Decision, Frame, Glance, Picture, Prediction

LABELS = ("cat", "dog", "none")
RATE_HZ = 30.0
LONGEST_AGE_SECONDS = 1.0
FROZEN_SECONDS = 4.0
"""A run of repeated pictures is frozen from this on; see `edge.sensor`."""

SOUND, STALE, REPEATED, INVALID = "sound", "stale", "repeated", "invalid"
_INVALID_ROWS = (
    (math.nan, 0.5, 0.5),
    (math.inf, 0.0, 0.0),
    (-1.0, 1.0, 1.0),
    (300.0, 0.0, 0.0),
    (),
    (0.9, 0.1),
    (0.9, 0.05, 0.03, 0.02),
)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one turn of the loop is given.

    Attributes:
        frame: With its glance; its pixels are of no matter.
        prediction: What the model would say about it.
        now_seconds: Monotonic time of the decision.
        fault: One of "sound", "stale", "repeated", "invalid".
        is_unusable: Whether no label may be decided on it.
    """

    frame: Frame
    prediction: Prediction
    now_seconds: float
    fault: str
    is_unusable: bool


Judge = Callable[[Step], Decision | None]
"""Decides on a step; `None` is no decision. Wrap a `Watcher` in one to try the whole path."""


def simulate(frames: int, *, seed: int) -> Iterator[Step]:
    """Make a camera's frames with faults, always the same for one seed."""
    chance = random.Random(seed)
    pixels_bgr = np.zeros((8, 8, 3), np.uint8)
    thumbnails = [np.full((60, 80), shade, np.uint8) for shade in range(64, 192)]
    label, fault, fault_ends, repeated_since = 2, SOUND, 0, math.inf
    for index in range(frames):
        seconds = index / RATE_HZ
        if chance.random() < 0.02:
            label = chance.randrange(len(LABELS))
        if index >= fault_ends:
            fault = chance.choice((STALE, REPEATED, INVALID)) if chance.random() < 0.03 else SOUND
            fault_ends = index + (chance.choice((1, 3, 30, 300)) if fault != SOUND else 1)
        repeated_since = min(repeated_since, seconds) if fault == REPEATED else math.inf
        age_seconds = chance.uniform(1.001, 9.0) if fault == STALE else chance.uniform(0.0, 0.3)
        glance = Glance(thumbnails[index % len(thumbnails)], is_repeat=fault == REPEATED)
        is_frozen = seconds - repeated_since >= FROZEN_SECONDS
        yield Step(
            Frame(pixels_bgr, index, seconds, seconds + 1000.0 - age_seconds, glance),
            _predict(chance, label, is_valid=fault != INVALID),
            seconds + 1000.0,
            fault,
            is_unusable=is_frozen or fault in (STALE, INVALID),
        )


def _predict(chance: random.Random, label: int, *, is_valid: bool) -> Prediction:
    if is_valid:
        best = chance.uniform(0.4, 1.0)
        row = tuple(best if column == label else (1 - best) / 2 for column in range(len(LABELS)))
    else:
        row = chance.choice(_INVALID_ROWS)
    return Prediction(LABELS[label], 0.9, np.array(row, np.float32), LABELS[label], 1.0)


class RulesAlone:
    """Judges by a decider, with the simplest guard before it that knows age and repetition."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._repeated_since = math.inf

    def __call__(self, step: Step) -> Decision | None:
        """Withhold what is old or frozen, decide on the rest."""
        frame, now_seconds = step.frame, step.now_seconds
        is_repeat = frame.glance is not None and frame.glance.is_repeat
        since = min(self._repeated_since, frame.time_seconds) if is_repeat else math.inf
        self._repeated_since = since
        if frame.time_seconds - since >= FROZEN_SECONDS:
            return self._decider.withhold(frame, Picture.FROZEN, now_seconds=now_seconds)
        if now_seconds - frame.captured_seconds > LONGEST_AGE_SECONDS:
            return self._decider.withhold(frame, Picture.LIVE, now_seconds=now_seconds)
        return self._decider.decide(frame, step.prediction, now_seconds=now_seconds)


def count(judge: Judge, *, frames: int, seed: int) -> Counter[tuple[str, bool, bool]]:
    """Count frames by fault, whether they are unusable, and whether a label was decided."""
    counts: Counter[tuple[str, bool, bool]] = Counter()
    for step in simulate(frames, seed=seed):
        decision = judge(step)
        is_decided = decision is not None and decision.label != UNKNOWN
        counts[step.fault, step.is_unusable, is_decided] += 1
    return counts


def decided_unusable(counts: Counter[tuple[str, bool, bool]]) -> int:
    """Return how many unusable frames a label was decided on."""
    return sum(number for (_, unusable, decided), number in counts.items() if unusable and decided)


def main() -> int:
    """Try every rule; 1 if a label was decided on an unusable frame."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    wrong = 0
    per_rule = -(-arguments.frames // len(RULES))
    for number, rule in enumerate(RULES):
        decider = Decider(
            LABELS, thresholds=dict.fromkeys(LABELS, 0.5), evidence=EvidenceSpec(rule=rule)
        )
        counts = count(RulesAlone(decider), frames=per_rule, seed=arguments.seed + number)
        wrong += decided_unusable(counts)
        print(f"{rule}: {per_rule} frames")
        for fault in (SOUND, STALE, REPEATED, INVALID):
            told = {
                unusable: (counts[fault, unusable, True], counts[fault, unusable, False])
                for unusable in (False, True)
            }
            for unusable, (decided, withheld) in told.items():
                if decided + withheld:
                    word = "unusable" if unusable else "usable"
                    print(f"  {fault}, {word}: {decided + withheld}, a label on {decided}")
    print(f"labels decided on unusable frames: {wrong} of {per_rule * len(RULES)} frames")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
