"""A watcher whose sensor, gate and model play back what was seen before: pure, and quick."""

from edge.decision import Decider
from edge.events import EventTracker
from edge.records import Event, Frame, Picture, Prediction
from edge.replay.recording import Recording, Sight
from edge.watcher import Watcher


class StillClock:
    """A clock that stands still: to it no frame is old, as on a device that keeps up."""

    def monotonic(self) -> float:
        """Return 0."""
        return 0.0

    def wait(self, seconds: float) -> None:
        """Go on at once."""


class Playback:
    """Sensor, gate and classifier in one, for an `edge.watcher.Watcher`; they repeat a sight.

    Example:
        >>> from edge.testing import blank_frame
        >>> sight = Sight(blank_frame(3), Picture.DARK)
        >>> playback = Playback()
        >>> playback.show(sight)
        >>> playback.judge(sight.frame).value
        'dark'
    """

    reason = ""

    def __init__(self) -> None:
        self._sight: Sight | None = None

    def show(self, sight: Sight) -> None:
        """Repeat this one from now on."""
        self._sight = sight

    def judge(self, frame: Frame) -> Picture:
        """Say which state the picture was in."""
        return self._shown(frame).picture

    def is_open(self, frame: Frame) -> bool:
        """Say whether something moved."""
        return not self._shown(frame).is_still

    def classify_frame(self, frame: Frame) -> Prediction:
        """Say what the model said.

        Raises:
            LookupError: It was not asked, because the picture was not live.
        """
        prediction = self._shown(frame).prediction
        if prediction is None:
            raise LookupError(f"frame {frame.index}: the model was not asked")
        return prediction

    def _shown(self, frame: Frame) -> Sight:
        if self._sight is None or self._sight.frame is not frame:
            raise LookupError(f"frame {frame.index}: another one is shown")
        return self._sight


def watch_recording(
    recording: Recording, decider: Decider, events: EventTracker
) -> tuple[Event, ...]:
    """Return the appearances that a watcher reports of what was seen, each once, in order.

    Args:
        recording: What was seen.
        decider: A new one.
        events: A new one.
    """
    playback = Playback()
    watcher = Watcher(
        playback, decider, clock=StillClock(), sensor=playback, gate=playback, events=events
    )
    found: list[Event] = []
    for sight in recording.sights:
        playback.show(sight)
        found += watcher.look(sight.frame).events
    found += watcher.finish().events
    return tuple(event for event in found if event.end_seconds is not None)
