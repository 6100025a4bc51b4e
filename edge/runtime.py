"""The loop: frames in, decisions out, and a count of what happened.

Everything that touches hardware, files or time is passed in; `edge.testing` has a fake of each.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.classifier import Classifier
from edge.decision import Decider
from edge.records import Action, Clock, Decision, FrameSource

_SHORTEST_MS = 0.01
_LONGEST_MS = 1_000_000.0
_STEP = math.log(1.01)  # each bucket is 1 % wider than the one before


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long something took, in milliseconds.

    Attributes:
        p50: Half took at most this long.
        p99: 99 of 100 took at most this long.
    """

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did.

    Attributes:
        frames_captured: Frames that the source delivered until the last one was classified.
        frames_classified: Frames that the model has seen.
        frames_dropped: Frames that were replaced by a newer one before the model was free.
        seconds: From the capture of the first frame to the last decision.
        fps: Frames classified per second of that time.
        age_ms: From the capture of a frame to its decision; `None` without a frame.
        decisions: Decisions made, one per classified frame.
        decided: Decisions per label, the most frequent first.
    """

    frames_captured: int
    frames_classified: int
    frames_dropped: int
    seconds: float
    fps: float
    age_ms: Percentiles | None
    decisions: int
    decided: Mapping[str, int]


def run(
    source: FrameSource,
    classifier: Classifier,
    decider: Decider,
    actions: Sequence[Action],
    *,
    clock: Clock,
    max_frames: int | None = None,
    until: Callable[[], bool] = lambda: False,
) -> RunSummary:
    """Classify a source's frames and hand every decision to the actions, until it ends.

    Nothing is closed: who opened it closes it. An `edge.runtime.Tally` among the actions keeps
    the count for those who need it when an error ends the run.

    Args:
        source: Where the frames come from.
        classifier: Says what is on a frame.
        decider: Turns predictions into decisions.
        actions: What follows from a decision, in this order.
        clock: The one that stamps the frames.
        max_frames: Classify at most so many; `None` for no limit.
        until: Asked before each frame; the run ends once it says yes.

    Raises:
        SourceError: The source is lost.

    Example:
        >>> from edge.testing import (
        ...     FakeInterpreter, FakeSource, ManualClock, blank_frame, fake_model)
        >>> classifier = Classifier(fake_model(["cat", "none"]), FakeInterpreter([(0.9, 0.1)]))
        >>> decider = Decider(["cat", "none"], thresholds={"cat": 0.5, "none": 0.5},
        ...                   votes=2, window=3)
        >>> source = FakeSource([blank_frame(index) for index in range(5)])
        >>> run(source, classifier, decider, [], clock=ManualClock()).decided
        {'cat': 4, 'unknown': 1}
    """
    tally = Tally(clock)
    while tally.frames_classified != max_frames and not until():
        frame = source.read()
        if frame is None:
            break
        prediction = classifier.classify(frame.pixels_bgr)
        decision = decider.decide(frame, prediction, now_seconds=clock.monotonic())
        for action in (tally, *actions):
            action.handle(decision)
    return tally.summary()


class Tally:
    """An action that counts; its memory does not grow with the length of the run.

    Args:
        clock: The one that stamps the frames.

    Example:
        >>> from edge.testing import ManualClock
        >>> clock = ManualClock(10.0)
        >>> tally = Tally(clock)
        >>> tally.handle(Decision("cat", 0.9, frame=3, time_seconds=0.1, age_ms=500.0))
        >>> summary = tally.summary()
        >>> summary.frames_captured, summary.frames_dropped, summary.fps
        (4, 3, 2.0)
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_seconds = self._end_seconds = 0.0
        self._ages = DurationHistogram()
        self._decided: Counter[str] = Counter()
        self.frames_captured = 0
        self.frames_classified = 0

    def handle(self, decision: Decision) -> None:
        """Count a decision."""
        self._end_seconds = self._clock.monotonic()
        if not self.frames_classified:
            self._start_seconds = self._end_seconds - decision.age_ms / 1000
        self.frames_captured = decision.frame + 1
        self.frames_classified += 1
        self._ages.add(decision.age_ms)
        self._decided[decision.label] += 1

    def close(self) -> None:
        """Hold nothing; the counts stay."""

    @property
    def frames_dropped(self) -> int:
        """Frames that the source delivered and nobody classified."""
        return self.frames_captured - self.frames_classified

    def summary(self) -> RunSummary:
        """Sum up the run so far."""
        seconds = self._end_seconds - self._start_seconds
        ages = self._ages
        return RunSummary(
            frames_captured=self.frames_captured,
            frames_classified=self.frames_classified,
            frames_dropped=self.frames_dropped,
            seconds=seconds,
            fps=self.frames_classified / seconds if seconds > 0 else 0.0,
            age_ms=Percentiles(ages.percentile(50), ages.percentile(99)) if ages.count else None,
            decisions=self.frames_classified,
            decided=dict(self._decided.most_common()),
        )


class DurationHistogram:
    """Percentiles of any number of durations in constant memory, right to 1 %.

    Buckets whose width grows by 1 % cover 0.01 ms to 1,000 s; what lies outside counts as the
    nearest of these.

    Example:
        >>> durations = DurationHistogram()
        >>> for milliseconds in range(1, 1001):
        ...     durations.add(milliseconds)
        >>> round(durations.percentile(50), -1), round(durations.percentile(99), -1)
        (500.0, 990.0)
    """

    def __init__(self) -> None:
        self._counts = [0] * (_bucket(_LONGEST_MS) + 1)
        self.count = 0

    def add(self, milliseconds: float) -> None:
        """Count a duration."""
        self._counts[_bucket(milliseconds)] += 1
        self.count += 1

    def percentile(self, share: float) -> float:
        """Return the duration that `share` percent of all do not exceed; 0 without any."""
        wanted = self.count * share / 100
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return _SHORTEST_MS * math.exp((bucket + 0.5) * _STEP)
        return 0.0


def _bucket(milliseconds: float) -> int:
    clipped = min(max(milliseconds, _SHORTEST_MS), _LONGEST_MS)
    return int(math.log(clipped / _SHORTEST_MS) / _STEP)
