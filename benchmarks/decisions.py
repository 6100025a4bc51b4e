"""Is a label ever decided on a frame that nobody should judge by? A million simulated frames.

    python benchmarks/decisions.py
    python benchmarks/decisions.py --frames 100000 --seed 7

A camera of 30 frames per second watches a door. Animals come and go; now and then, for one frame
or for ten seconds, frames arrive late or the model is slow, the camera repeats one picture, goes
away, sees nothing (dark, bright, covered, blurred) or is pushed aside, or the model gives scores
that are no probabilities. Every frame goes through what `edge run` is made of: a glance, the
sensor sense, the motion gate, the rules of evidence and the events, each the real one, in the
real `edge.watcher.Watcher`; only the clock and the model are acted. Every label that is decided on
such a frame, and every event that it starts, is counted; the figure to reach is 0. Decisions on
sound frames are counted as well, so that a 0 is not that of a program that never decides.
"""

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from edge.decision import Decider
from edge.events import EventTracker
from edge.evidence import RULES, EvidenceSpec
from edge.glance import glance
from edge.motion import MotionGate
from edge.records import UNKNOWN, Frame, Look, Offline, Pixels, Prediction
from edge.sensor import SensorSense
from edge.testing import ManualClock
from edge.watcher import Watcher

LABELS = ("cat", "dog", "none")
RATE_HZ = 30.0

SOUND, STALE, SLOW, AWAY, INVALID = "sound", "stale", "slow", "away", "invalid"
REPEATED, DARK, BRIGHT = "repeated", "dark", "bright"
COVERED, BLURRED, MOVED = "covered", "blurred", "moved"

NOTICED_SECONDS = {
    STALE: 0.0,
    SLOW: 0.0,
    AWAY: 0.0,
    INVALID: 0.0,
    REPEATED: 3.0,
    DARK: 0.0,
    BRIGHT: 0.0,
    COVERED: 0.5,
    BLURRED: 2.5,
    MOVED: 3.5,
}
"""From when on a fault forbids a label, by `docs/picture-states.md`: the state's own time, and
0.5 s for those that are looked for twice a second."""

_INVALID_ROWS = (
    (math.nan, 0.5, 0.5),
    (math.inf, 0.0, 0.0),
    (-1.0, 1.0, 1.0),
    (300.0, 0.0, 0.0),
    (),
    (0.9, 0.1),
    (0.9, 0.05, 0.03, 0.02),
)
_PICTURES = 16  # of each kind, with other noise


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one turn of the loop is given.

    Attributes:
        seen: A frame with its glance, or that there is none.
        prediction: What the model would say about it.
        model_seconds: How long the model takes to say it.
        now_seconds: Monotonic time at which the turn begins.
        fault: "sound", or one of `NOTICED_SECONDS`.
        is_unusable: Whether no label may be decided on it.
    """

    seen: Frame | Offline
    prediction: Prediction
    model_seconds: float
    now_seconds: float
    fault: str
    is_unusable: bool


Judge = Callable[[Step], Look]
"""Says what is believed after a step."""


class Album:
    """Pictures of a door, with and without an animal, and of the same door with a fault."""

    def __init__(self) -> None:
        noise = np.random.default_rng(5)
        coarse = cv2.resize(noise.integers(60, 190, (12, 16), np.uint8), (160, 120))
        door = coarse + noise.normal(0, 12, (120, 160))
        self._pictures: dict[tuple[str, int], list[Pixels]] = {}
        for label in range(len(LABELS)):
            scene = door.copy()
            if LABELS[label] != "none":
                scene[50:80, 60:94] = 60 + 110 * label + noise.normal(0, 12, (30, 34))
            for fault, view in _views(scene).items():
                self._pictures[fault, label] = [
                    _picture(view + noise.normal(0, 0.3, view.shape)) for _ in range(_PICTURES)
                ]

    def picture(self, fault: str, label: int, number: int) -> Pixels:
        """Return one of the pictures of a label; each number has its own noise."""
        key = fault if (fault, label) in self._pictures else SOUND
        return self._pictures[key, label][number % _PICTURES]


def _views(scene: np.ndarray) -> dict[str, np.ndarray]:
    return {
        SOUND: scene,
        DARK: np.full(scene.shape, 3.0),
        BRIGHT: np.full(scene.shape, 252.0),
        COVERED: np.broadcast_to(np.linspace(60, 120, scene.shape[1]), scene.shape),
        BLURRED: cv2.GaussianBlur(scene, (0, 0), 4.0),
        MOVED: np.roll(scene, 16, axis=1),
    }


def _picture(grey: np.ndarray) -> Pixels:
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def simulate(frames: int, *, seed: int) -> Iterator[Step]:
    """Make a camera's frames with faults, always the same for one seed."""
    chance = random.Random(seed)
    album = Album()
    faults = tuple(NOTICED_SECONDS)
    label, fault, fault_ends, faulty_since, seconds = 2, SOUND, 0, 0.0, 0.0
    previous_bgr = album.picture(SOUND, label, 0)
    for index in range(frames):
        if chance.random() < 0.02:
            label = chance.randrange(len(LABELS))
        if index >= fault_ends:
            fault = chance.choice(faults) if chance.random() < 0.03 else SOUND
            fault_ends = index + (chance.choice((1, 3, 30, 300)) if fault != SOUND else 1)
            # What is repeated was first seen one frame before.
            faulty_since = seconds - (1 / RATE_HZ if fault == REPEATED else 0.0)
        now_seconds = 1000.0 + seconds
        age_seconds = chance.uniform(1.001, 9.0) if fault == STALE else chance.uniform(0.0, 0.3)
        model_seconds = chance.uniform(1.001, 9.0) if fault == SLOW else 0.001
        seen: Frame | Offline = Offline("unplugged", now_seconds)
        if fault != AWAY:
            pixels_bgr = previous_bgr if fault == REPEATED else album.picture(fault, label, index)
            looked = glance(pixels_bgr, previous_bgr)
            seen = Frame(pixels_bgr, index, seconds, now_seconds - age_seconds, looked)
            previous_bgr = pixels_bgr
        noticed_seconds = faulty_since + NOTICED_SECONDS.get(fault, math.inf)
        yield Step(
            seen,
            _predict(chance, label, is_valid=fault != INVALID),
            model_seconds,
            now_seconds,
            fault,
            is_unusable=seconds >= noticed_seconds + 1e-6 or noticed_seconds == faulty_since,
        )
        seconds += 1 / RATE_HZ + (model_seconds if fault == SLOW else 0.0)


def _predict(chance: random.Random, label: int, *, is_valid: bool) -> Prediction:
    if is_valid:
        best = chance.uniform(0.4, 1.0)
        row = tuple(best if column == label else (1 - best) / 2 for column in range(len(LABELS)))
    else:
        row = chance.choice(_INVALID_ROWS)
    return Prediction(LABELS[label], 0.9, np.array(row, np.float32), LABELS[label], 1.0)


class ActedModel:
    """Says what a step foresees, and lets that take its time."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.step: Step | None = None

    def classify_frame(self, frame: Frame) -> Prediction:
        """Say it."""
        if self.step is None or frame is not self.step.seen:
            raise LookupError("A model is shown the frame of its step; received another one")
        self._clock.advance(self.step.model_seconds)
        return self.step.prediction


class WatcherJudge:
    """Judges by a watcher, made as `edge run` makes it.

    Args:
        rule: Of evidence.
        has_sensor: Whether the picture's state is judged, as it always is but for photos.
        has_gate: Whether still pictures are spared the model.
        longest_age_seconds: As for `Watcher`.

    Attributes:
        clock: Shows when the latest look was made.
    """

    def __init__(
        self,
        rule: str,
        *,
        has_sensor: bool = True,
        has_gate: bool = True,
        longest_age_seconds: float | None = 1.0,
    ) -> None:
        self.clock = ManualClock()
        self._model = ActedModel(self.clock)
        self._watcher = Watcher(
            self._model,
            Decider(
                LABELS, thresholds=dict.fromkeys(LABELS, 0.5), evidence=EvidenceSpec(rule=rule)
            ),
            clock=self.clock,
            sensor=SensorSense() if has_sensor else None,
            gate=MotionGate() if has_gate else None,
            events=EventTracker(),
            longest_age_seconds=longest_age_seconds,
        )

    def __call__(self, step: Step) -> Look:
        """Look at what the step shows, at its time."""
        self.clock.advance(step.now_seconds - self.clock.monotonic())
        self._model.step = step
        return self._watcher.look(step.seen)


Counts = Counter[tuple[str, bool, bool]]
"""Frames by fault, whether they are unusable, and whether a label was decided."""


def count(judge: Judge, *, frames: int, seed: int) -> Counts:
    """Let a judge look at simulated frames, and count them."""
    counts: Counts = Counter()
    for step in simulate(frames, seed=seed):
        counts[step.fault, step.is_unusable, has_decided(judge(step))] += 1
    return counts


def has_decided(look: Look) -> bool:
    """Say whether a label was decided, or an event started."""
    is_label = look.decision is not None and look.decision.label != UNKNOWN
    return is_label or any(event.end_seconds is None for event in look.events)


def decided_unusable(counts: Counts) -> int:
    """Return how many unusable frames a label was decided on."""
    return sum(number for (_, unusable, decided), number in counts.items() if unusable and decided)


@dataclass(frozen=True, slots=True)
class Run:
    """One rule of evidence, with or without the motion gate, and the frames to try it on."""

    title: str
    judge: WatcherJudge
    frames: int
    seed: int


def read_runs(summary: str) -> Iterator[Run]:
    """Share the frames of the command line out among every rule with and without the gate."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    kinds = [(rule, has_gate) for rule in RULES for has_gate in (False, True)]
    frames = -(-arguments.frames // len(kinds))
    for number, (rule, has_gate) in enumerate(kinds):
        title = f"{rule}, motion gate {'on' if has_gate else 'off'}: {frames} frames"
        yield Run(title, WatcherJudge(rule, has_gate=has_gate), frames, arguments.seed + number)


def main() -> int:
    """Try every rule with and without the motion gate; 1 if a label stands on an unusable frame."""
    wrong = frames = 0
    for run in read_runs((__doc__ or "").partition("\n")[0]):
        counts = count(run.judge, frames=run.frames, seed=run.seed)
        wrong += decided_unusable(counts)
        frames += run.frames
        print(run.title)
        _print_counts(counts)
    print(f"labels decided on unusable frames: {wrong} of {frames} frames")
    return min(wrong, 1)


def _print_counts(counts: Counts) -> None:
    for fault in (SOUND, *NOTICED_SECONDS):
        for is_unusable in (False, True):
            decided = counts[fault, is_unusable, True]
            total = decided + counts[fault, is_unusable, False]
            if total:
                word = "unusable" if is_unusable else "usable"
                print(f"  {fault}, {word}: {total}, a label on {decided}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
