"""Does a rule ever fire that must not? A million simulated frames with faults.

    python benchmarks/rules.py
    python benchmarks/rules.py --frames 100000 --seed 7

The camera, its faults and the watcher are those of `benchmarks/decisions.py`; here the looks go on
to a real `edge.rules.RuleBook` with four rules: one that fires whenever it may, one that fires once
per appearance, one with a veto, and one with hours and a limit. Meanwhile the wall clock steps by
up to two days and is now and then not trusted. Every firing is held against what a firing must
never be, worked out here a second time from the simulation itself; the figure to reach is 0 for
each. Firings on sound frames are counted as well, so that a 0 is not that of rules that never fire.
"""

import math
import random
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from decisions import LABELS, SOUND, Step, WatcherJudge, read_runs, simulate

from edge.occurrence import Instant
from edge.records import Look
from edge.rules import FIRED, RuleBook, RuleSpec
from edge.testing import ManualWallClock

BAD_FRAME = "decided on a frame > 1.0 s old, frozen, unusable or with invalid scores"
IN_VETO = "within a veto"
OUT_OF_HOURS = "outside hours, or by a clock that is not trusted"
TOO_FAST = "faster than the limit"
TWICE = "twice on one look"
NEVERS = (BAD_FRAME, IN_VETO, OUT_OF_HOURS, TOO_FAST, TWICE)
"""What a firing must never be."""

SPECS = (
    RuleSpec("whenever", labels=("cat",), at_most_every_seconds=0, when="present"),
    RuleSpec("once", labels=("cat", "dog"), min_score=0.6, at_most_every_seconds=0),
    RuleSpec(
        "no dog",
        labels=("cat",),
        at_most_every_seconds=0,
        when="present",
        vetoed_by=("dog",),
        veto_seconds=3,
        veto_score=0.5,
    ),
    RuleSpec(
        "by day",
        labels=("cat",),
        min_seconds=0.2,
        hours="06:00-22:00",
        at_most_every_seconds=5,
        when="present",
    ),
)
_DAWN, _DUSK = 6 * 3600, 22 * 3600
_DAY_SECONDS = 86_400.0


@dataclass(slots=True)
class Witness:
    """Remembers what the rules must mind, without looking into the book."""

    dog_seconds: float = -math.inf
    fired_seconds: float = -math.inf

    def note(self, look: Look, at: Instant) -> None:
        """Remember a dog that was decided, or had half of the score in one frame."""
        is_decided = look.decision is not None and look.decision.label == "dog"
        row = () if look.prediction is None else look.prediction.scores.tolist()
        if is_decided or (len(row) == len(LABELS) and row[LABELS.index("dog")] >= 0.5):
            self.dog_seconds = at.monotonic_seconds

    def faults_of(self, fired: list[str], step: Step, at: Instant) -> list[str]:
        """Return what is wrong with the firings of one look."""
        faults = [BAD_FRAME] * len(fired) if step.is_unusable else []
        if len(set(fired)) < len(fired):
            faults.append(TWICE)
        if "no dog" in fired and at.monotonic_seconds - self.dog_seconds < 3:
            faults.append(IN_VETO)
        if "by day" in fired:
            is_day = _DAWN <= at.wall_seconds % _DAY_SECONDS < _DUSK
            faults += [] if is_day and at.is_trusted else [OUT_OF_HOURS]
            faults += [TOO_FAST] if at.monotonic_seconds - self.fired_seconds < 5 else []
            self.fired_seconds = at.monotonic_seconds
        return faults


def count(judge: WatcherJudge, *, frames: int, seed: int) -> Counter[str]:
    """Let rules follow a watcher; count firings by rule on sound frames, and those in `NEVERS`."""
    chance = random.Random(seed)
    book = RuleBook(SPECS, labels=LABELS, local=lambda s: datetime.fromtimestamp(s, UTC))
    wall, witness, counts = ManualWallClock(judge.clock), Witness(), Counter[str]()
    for step in simulate(frames, seed=seed):
        look = judge(step)
        if chance.random() < 0.001:
            wall.offset_seconds += chance.choice((-1, 1)) * chance.uniform(1.0, 2 * _DAY_SECONDS)
            wall.is_trusted = chance.random() < 0.7
        at = wall.now()
        witness.note(look, at)
        fired = [one.rule.name for one in book.update(look, at) if one.result == FIRED]
        if fired:
            counts.update(witness.faults_of(fired, step, at))
            counts.update(fired if step.fault == SOUND else ())
    return counts


def main() -> int:
    """Try every rule of evidence with and without the motion gate; 1 if a firing was wrong."""
    totals: Counter[str] = Counter()
    frames = 0
    for run in read_runs((__doc__ or "").partition("\n")[0]):
        totals += count(run.judge, frames=run.frames, seed=run.seed)
        frames += run.frames
        print(run.title, flush=True)
    for spec in SPECS:
        print(f"rule {spec.name!r}: fired {totals[spec.name]} times on sound frames")
    for never in NEVERS:
        print(f"opens {never}: {totals[never]} of {frames} frames")
    return int(any(totals[never] for never in NEVERS))


if __name__ == "__main__":
    sys.exit(main())
