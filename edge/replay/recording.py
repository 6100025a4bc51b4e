"""A clip run once through picture sense, motion gate and model: what the rules are played on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge.glance import glance
from edge.records import Event, Frame, FrameSource, Look, Offline, Picture, Pixels, Prediction
from edge.region import Region
from edge.watcher import Watcher

_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


class StillClock:
    """A clock that stands still: to it no frame is old, as on a device that keeps up."""

    def monotonic(self) -> float:
        """Return 0."""
        return 0.0

    def wait(self, seconds: float) -> None:
        """Go on at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What was seen on one frame, without its pixels.

    Attributes:
        frame: Its number and time.
        picture: State of the picture.
        prediction: What the model says; `None` where it was not asked.
        is_resting: Whether the model was spared because nothing moved.
    """

    frame: Frame
    picture: Picture
    prediction: Prediction | None
    is_resting: bool


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What was seen on a clip.

    Attributes:
        clip: Its name.
        seconds: Its length: to the end of the last frame.
        sights: One per frame, in order.
        events: The appearances that were reported, in order.
    """

    clip: str
    seconds: float
    sights: tuple[Sight, ...]
    events: tuple[Event, ...]


def record_clip(
    clip: str, source: FrameSource, watcher: Watcher, *, region: Region | None = None
) -> Recording:
    """Run every frame of a clip through a watcher and keep what it sees.

    Args:
        clip: Its name.
        source: Its frames, unpaced; closed by who opened it.
        watcher: A new one, with an `edge.events.EventTracker`.
        region: What is cut out of the frames for the model.

    Raises:
        SourceError: The clip cannot be decoded.
    """
    sights: list[Sight] = []
    events: list[Event] = []
    for frame in _prepare(source, region):
        look = watcher.look(frame)
        sights.append(_keep(frame, look))
        events += look.events
    events += watcher.finish().events
    ended = tuple(event for event in events if event.end_seconds is not None)
    times = [sight.frame.time_seconds for sight in sights]
    period_seconds = times[-1] - times[-2] if len(times) > 1 else 0.0
    seconds = times[-1] + max(0.0, period_seconds) if times else 0.0
    return Recording(clip, seconds, tuple(sights), ended)


def _prepare(source: FrameSource, region: Region | None) -> Iterator[Frame]:
    """Yield the frames as the lens of `edge run` hands them over."""
    previous_bgr: Pixels | None = None
    while (frame := source.read()) is not None:
        if isinstance(frame, Offline):
            continue
        pixels_bgr = frame.pixels_bgr
        seen = glance(pixels_bgr, previous_bgr)
        previous_bgr = pixels_bgr.copy()  # the source may write the next frame over this one
        cut_bgr = pixels_bgr if region is None else region.apply(pixels_bgr)
        yield replace(frame, pixels_bgr=cut_bgr, captured_seconds=0.0, glance=seen)


def _keep(frame: Frame, look: Look) -> Sight:
    prediction = look.prediction
    if prediction is not None:
        prediction = replace(prediction, scores=prediction.scores.copy())
    stub = Frame(_NO_PIXELS, frame.index, frame.time_seconds, captured_seconds=0.0)
    return Sight(stub, look.picture, prediction, look.is_resting)
