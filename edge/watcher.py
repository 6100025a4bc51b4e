"""From a frame to what is believed: picture state, motion, model, evidence, events, in this order.

What costs least comes first, and what makes a decision impossible ends the turn: an unusable or
old picture is not shown to the model, and neither is one in which nothing moves.
"""

from typing import Protocol

from edge.decision import Decider
from edge.events import EventTracker
from edge.records import Clock, Event, Frame, Look, Offline, Picture, Prediction

LONGEST_AGE_SECONDS = 1.0
"""Frames older than this are not decided on, unless told otherwise."""


class FrameClassifier(Protocol):
    """Says what is on a frame; `edge.classifier.Classifier` is one."""

    def classify_frame(self, frame: Frame) -> Prediction:
        """Classify one frame."""


class PictureJudge(Protocol):
    """Tells the state of the picture; `edge.sensor.SensorSense` is one.

    Attributes:
        reason: Why the last picture was not live; else empty.
    """

    reason: str

    def judge(self, frame: Frame) -> Picture:
        """Say which state the picture is in, from this frame and those before it."""


class Gate(Protocol):
    """Spares the model frames in which nothing moves; `edge.motion.MotionGate` is one."""

    def is_open(self, frame: Frame) -> bool:
        """Whether the model should see this frame."""


class Watcher:
    """Makes a look out of each frame; from one thread.

    Args:
        classifier: Says what is on a frame; not closed.
        decider: Turns predictions into decisions.
        clock: The one that stamps the frames.
        sensor: Tells the state of the picture; every picture is live when `None`.
        gate: Spares the model still pictures; none is spared when `None`.
        events: Makes appearances of decisions; there are none when `None`.
        longest_age_seconds: From capture; older frames are not decided on, whether they were old
            before the model or after it. `None` for a recording that nobody watches live.

    Example:
        >>> from edge.classifier import Classifier
        >>> from edge.testing import FakeInterpreter, ManualClock, blank_frame, fake_model
        >>> labels = ("cat", "none")
        >>> classifier = Classifier(fake_model(labels), FakeInterpreter([(0.9, 0.1)]))
        >>> decider = Decider(labels, thresholds={"cat": 0.5, "none": 0.5})
        >>> watcher = Watcher(classifier, decider, clock=ManualClock(7.0))
        >>> look = watcher.look(blank_frame(captured_seconds=5.0))
        >>> look.decision.label, look.reason
        ('unknown', 'the frame is 2.0 s old')
        >>> look = watcher.look(Offline("the camera does not answer", since_seconds=5.0))
        >>> look.picture.value, look.decision, look.reason
        ('offline', None, 'the camera does not answer')
    """

    def __init__(
        self,
        classifier: FrameClassifier,
        decider: Decider,
        *,
        clock: Clock,
        sensor: PictureJudge | None = None,
        gate: Gate | None = None,
        events: EventTracker | None = None,
        longest_age_seconds: float | None = LONGEST_AGE_SECONDS,
    ) -> None:
        self._classifier = classifier
        self._decider = decider
        self._clock = clock
        self._sensor = sensor
        self._gate = gate
        self._events = events
        self._longest_age_seconds = longest_age_seconds
        self._latest: Frame | None = None
        self._picture = Picture.LIVE

    def look(self, seen: Frame | Offline) -> Look:
        """Look at what a source handed over and say what is believed now.

        Args:
            seen: A frame, the next one of its source, or that there is none.
        """
        if isinstance(seen, Offline):
            return self._miss(seen)
        self._latest = seen
        self._picture = Picture.LIVE if self._sensor is None else self._sensor.judge(seen)
        if self._sensor is not None and self._picture is not Picture.LIVE:
            return self._withhold(seen, reason=self._sensor.reason)
        if self._is_old(seen, self._clock.monotonic()):
            return self._withhold(seen, reason=self._describe_age(seen))
        if self._may_rest(seen):
            return self._rest(seen)
        prediction = self._classifier.classify_frame(seen)
        now_seconds = self._clock.monotonic()  # the age that is judged is the age that is told
        if self._is_old(seen, now_seconds):
            return self._withhold(seen, prediction, reason=self._describe_age(seen))
        return self._decide(seen, prediction, now_seconds)

    def finish(self) -> Look:
        """Return a last look, without a frame, at the events that end with the run."""
        events = () if self._events is None else self._events.finish()
        return Look(self._picture, events=events)

    def _decide(self, frame: Frame, prediction: Prediction, now_seconds: float) -> Look:
        decision = self._decider.decide(frame, prediction, now_seconds=now_seconds)
        events = () if self._events is None else self._events.update(decision, prediction)
        return Look(self._picture, frame, prediction, decision, events)

    def _withhold(
        self, frame: Frame, prediction: Prediction | None = None, *, reason: str = ""
    ) -> Look:
        now_seconds = self._clock.monotonic()
        decision = self._decider.withhold(frame, self._picture, now_seconds=now_seconds)
        events = () if self._events is None else self._events.update(decision, None)
        return Look(self._picture, frame, prediction, decision, events, reason=reason)

    def _rest(self, frame: Frame) -> Look:
        self._decider.rest(frame)
        events = () if self._events is None else self._events.rest(frame.time_seconds)
        return Look(self._picture, frame, events=events, is_resting=True)

    def _miss(self, offline: Offline) -> Look:
        """Forget what was seen before: it must not count once the source is back."""
        events: tuple[Event, ...] = ()
        if self._latest is not None:
            if self._picture is not Picture.OFFLINE:
                self._picture = Picture.OFFLINE
                events = self._withhold(self._latest).events
            if self._events is not None:  # time goes on without frames
                time_seconds = self._latest.time_seconds + self._age_seconds(self._latest)
                events += self._events.rest(time_seconds)
        self._picture = Picture.OFFLINE
        return Look(Picture.OFFLINE, events=events, reason=offline.reason)

    def _may_rest(self, frame: Frame) -> bool:
        """Whether nothing moves, and what is believed is what was seen last."""
        is_still = self._gate is not None and not self._gate.is_open(frame)
        return is_still and not self._decider.is_undecided

    def _is_old(self, frame: Frame, now_seconds: float) -> bool:
        limit_seconds = self._longest_age_seconds
        return limit_seconds is not None and now_seconds - frame.captured_seconds > limit_seconds

    def _describe_age(self, frame: Frame) -> str:
        return f"the frame is {self._age_seconds(frame):.1f} s old"

    def _age_seconds(self, frame: Frame) -> float:
        return self._clock.monotonic() - frame.captured_seconds
