"""A clip run once through picture sense, motion gate and model: what rules are played on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge.glance import glance
from edge.records import Frame, FrameSource, Offline, Picture, Pixels, Prediction
from edge.region import Region
from edge.watcher import FrameClassifier, Gate, PictureJudge

_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """What sees a clip, as an `edge.watcher.Watcher` has it; new for each clip.

    Attributes:
        classifier: Says what is on a frame.
        sensor: Tells the state of the picture; every picture is live when `None`.
        gate: Says whether something moves; something always does when `None`.
    """

    classifier: FrameClassifier
    sensor: PictureJudge | None = None
    gate: Gate | None = None

    def see(self, frame: Frame) -> "Sight":
        """Return all that rules may ask about a frame, the next one of its clip.

        The model is asked about each live picture: whether it may rest depends on the rules.
        """
        stub = Frame(_NO_PIXELS, frame.index, frame.time_seconds, captured_seconds=0.0)
        picture = Picture.LIVE if self.sensor is None else self.sensor.judge(frame)
        if picture is not Picture.LIVE:
            return Sight(stub, picture)
        is_still = self.gate is not None and not self.gate.is_open(frame)
        prediction = self.classifier.classify_frame(frame)
        kept = replace(prediction, scores=prediction.scores.copy())
        return Sight(stub, picture, kept, is_still)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What was seen on one frame, without its pixels.

    Attributes:
        frame: Its number and time.
        picture: State of the picture.
        prediction: What the model says; `None` unless the picture is live.
        is_still: Whether nothing moves, so that the model may be spared.
    """

    frame: Frame
    picture: Picture
    prediction: Prediction | None = None
    is_still: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What was seen on a clip; what is decided on it, `edge.replay.rules` says.

    Attributes:
        clip: Its name.
        seconds: Its length: to the end of the last frame.
        sights: One per frame, in order.
    """

    clip: str
    seconds: float
    sights: tuple[Sight, ...]


def record_clip(
    clip: str, source: FrameSource, eyes: Eyes, *, region: Region | None = None
) -> Recording:
    """Look at every frame of a clip and keep what is seen.

    Args:
        clip: Its name.
        source: Its frames, unpaced; closed by who opened it.
        eyes: New ones.
        region: What is cut out of the frames for the model.

    Raises:
        SourceError: The clip cannot be decoded.
    """
    sights = tuple(eyes.see(frame) for frame in _prepare(source, region))
    times = [sight.frame.time_seconds for sight in sights]
    period_seconds = times[-1] - times[-2] if len(times) > 1 else 0.0
    seconds = times[-1] + max(0.0, period_seconds) if times else 0.0
    return Recording(clip, seconds, sights)


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
