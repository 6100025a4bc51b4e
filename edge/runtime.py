"""The loop: frames in, looks out, and a count of what happened.

Everything that touches hardware, files or time is passed in; `edge.testing` has a fake of each.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.records import Clock, Follower, Frame, FrameSource, Look, Picture
from edge.watcher import Watcher

logger = logging.getLogger(__name__)

_SHORTEST_MS = 0.01
_LONGEST_MS = 1_000_000.0
_STEP = math.log(1.01)  # each bucket is 1 % wider than the one before
_LOG_SECONDS = 600.0  # until a follower that fails in the same way is logged again


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

    Every captured frame was either classified, dropped, resting or unusable.

    Attributes:
        frames_captured: Frames that the source delivered until the last one was looked at.
        frames_classified: Frames that the model has seen.
        frames_dropped: Frames that were replaced by a newer one before anybody looked at them.
        frames_resting: Frames that the model was spared because nothing moved.
        frames_unusable: Frames that the model was spared because of their picture state or age.
        seconds: From the capture of the first frame to the end of the last look.
        fps: Frames classified per second of that time.
        age_ms: From the capture of a frame to its decision, of the classified ones; `None`
            without any.
        decisions: Decisions made, one per classified or unusable frame.
        decided: Decisions per label, the most frequent first.
        events: Appearances that started.
        outages: How often a live source went away, a wait for it at the start included.
        failures: how often a follower failed.
    """

    frames_captured: int
    frames_classified: int
    frames_dropped: int
    frames_resting: int
    frames_unusable: int
    seconds: float
    fps: float
    age_ms: Percentiles | None
    decisions: int
    decided: Mapping[str, int]
    events: int
    outages: int
    failures: int = 0


def run(
    source: FrameSource,
    watcher: Watcher,
    followers: Sequence[Follower],
    *,
    clock: Clock,
    max_frames: int | None = None,
    max_fps: float | None = None,
    until: Callable[[], bool] = lambda: False,
) -> RunSummary:
    """Look at a source's frames and hand every look to the followers, until the source ends.

    Nothing is closed: who opened it closes it. An `edge.runtime.Tally` among the followers keeps
    the count for those who need it when an error ends the run. Events that are open at the end
    are ended, in a look without a frame. A follower that fails ends nothing: its error is logged
    and counted, and it gets the next look as the others do.

    Args:
        source: Where the frames come from.
        watcher: Says what is believed after each frame.
        followers: What follows from a look, in this order.
        clock: The one that stamps the frames.
        max_frames: Classify at most so many; `None` for no limit.
        max_fps: Classify at most so many per second; then the newest frame is taken.
        until: Asked before each frame; the run ends once it says yes.

    Raises:
        SourceError: The source is lost.

    Example:
        >>> from edge.classifier import Classifier
        >>> from edge.decision import Decider
        >>> from edge.testing import (
        ...     FakeInterpreter, FakeSource, ManualClock, blank_frame, fake_model)
        >>> classifier = Classifier(fake_model(["cat", "none"]), FakeInterpreter([(0.9, 0.1)]))
        >>> decider = Decider(["cat", "none"], thresholds={"cat": 0.5, "none": 0.5})
        >>> watcher = Watcher(classifier, decider, clock=ManualClock())
        >>> source = FakeSource([blank_frame(index) for index in range(5)])
        >>> run(source, watcher, [], clock=ManualClock()).frames_classified
        5
    """
    tally = next((one for one in followers if isinstance(one, Tally)), None)
    if tally is None:
        tally = Tally(clock)
        followers = (tally, *followers)
    audience = _Followers(followers, tally, clock)
    try:
        while tally.frames_classified != max_frames and not until():
            started_seconds = clock.monotonic()
            seen = source.read()
            if seen is None:
                break
            look = watcher.look(seen)
            audience.tell(look)
            if max_fps is not None and look.prediction is not None:
                clock.wait(started_seconds + 1.0 / max_fps - clock.monotonic())
    finally:
        last = watcher.finish()
        if last.events:
            audience.tell(last)
    return tally.summary()


class _Followers:
    """The followers of a run, of which one that fails stops neither the others nor the loop."""

    def __init__(self, followers: Sequence[Follower], tally: "Tally", clock: Clock) -> None:
        self._followers = followers
        self._tally = tally
        self._clock = clock
        self._logged_seconds: dict[tuple[str, str], float] = {}  # by follower and kind of error

    def tell(self, look: Look) -> None:
        """Hand a look to each."""
        for follower in self._followers:
            try:
                follower.handle(look)
            except Exception as error:  # noqa: BLE001 - a camera goes on whatever a follower meets
                self._note_failure(follower, error)

    def _note_failure(self, follower: Follower, error: Exception) -> None:
        """Count it, and log it unless the same was logged just now."""
        self._tally.failures += 1
        failure = type(follower).__name__, type(error).__name__
        now_seconds = self._clock.monotonic()
        if now_seconds - self._logged_seconds.get(failure, -math.inf) >= _LOG_SECONDS:
            self._logged_seconds[failure] = now_seconds
            debugged = logger.isEnabledFor(logging.DEBUG)
            text = "%s: failed, the run goes on (%s: %s)"
            logger.warning(text, *failure, error, exc_info=debugged)


class Tally:
    """A follower that counts; its memory does not grow with the length of the run.

    Args:
        clock: The one that stamps the frames.

    Attributes:
        frames_captured: Frames that the source delivered so far.
        frames_classified: Of these, how many the model has seen.
        frames_resting: Of these, how many it was spared because nothing moved.
        frames_unusable: Of these, how many it was spared because of their state or age.
        decisions: Decisions made.
        events: Appearances that started.
        outages: How often the source went away.
        failures: how often a follower failed.

    Example:
        >>> from edge.records import Look
        >>> from edge.testing import ManualClock, blank_frame
        >>> tally = Tally(ManualClock(10.0))
        >>> tally.handle(Look(Picture.LIVE, blank_frame(3, captured_seconds=9.5), is_resting=True))
        >>> summary = tally.summary()
        >>> summary.frames_captured, summary.frames_dropped, summary.frames_resting
        (4, 3, 1)
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_seconds: float | None = None
        self._end_seconds = 0.0
        self._picture = Picture.LIVE
        self._was_resting = False
        self._first_index = 0  # what the frame 0 of the source counts as
        self._ages = DurationHistogram()
        self._decided: Counter[str] = Counter()
        self.frames_captured = 0
        self.frames_classified = 0
        self.frames_resting = 0
        self.frames_unusable = 0
        self.decisions = 0
        self.events = 0
        self.outages = 0
        self.failures = 0

    def handle(self, look: Look) -> None:
        """Count a look."""
        if look.frame is not None:
            self._count_frame(look, look.frame)
        if look.decision is not None:
            self.decisions += 1
            self._decided[look.decision.label] += 1
        if look.events:
            self.events += sum(event.end_seconds is None for event in look.events)
        if look.picture is Picture.OFFLINE and self._picture is not Picture.OFFLINE:
            self.outages += 1
        self._picture = look.picture

    def close(self) -> None:
        """Hold nothing; the counts stay."""

    def go_on(self) -> None:
        """Count on with a source that was opened anew, whose frames begin with 0 again."""
        self._first_index = self.frames_captured
        self._was_resting = False

    @property
    def frames_dropped(self) -> int:
        """Frames that the source delivered and nobody looked at."""
        looked_at = self.frames_classified + self.frames_resting + self.frames_unusable
        return self.frames_captured - looked_at

    def summary(self) -> RunSummary:
        """Sum up the run so far."""
        seconds = 0.0 if self._start_seconds is None else self._end_seconds - self._start_seconds
        ages = self._ages
        return RunSummary(
            frames_captured=self.frames_captured,
            frames_classified=self.frames_classified,
            frames_dropped=self.frames_dropped,
            frames_resting=self.frames_resting,
            frames_unusable=self.frames_unusable,
            seconds=seconds,
            fps=self.frames_classified / seconds if seconds > 0 else 0.0,
            age_ms=Percentiles(ages.percentile(50), ages.percentile(99)) if ages.count else None,
            decisions=self.decisions,
            decided=dict(self._decided.most_common()),
            events=self.events,
            outages=self.outages,
            failures=self.failures,
        )

    def _count_frame(self, look: Look, frame: Frame) -> None:
        self._end_seconds = self._clock.monotonic()
        if self._start_seconds is None:
            self._start_seconds = frame.captured_seconds
        index = self._first_index + frame.index
        passed_over = index - self.frames_captured  # or dropped, while the model was busy
        self.frames_captured = index + 1
        if self._was_resting:
            self.frames_resting += passed_over
        if look.is_resting:
            self.frames_resting += 1
        elif look.prediction is None:
            self.frames_unusable += 1
        else:
            self.frames_classified += 1
            if look.decision is not None:
                self._ages.add(look.decision.age_ms)
        self._was_resting = look.is_resting


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
