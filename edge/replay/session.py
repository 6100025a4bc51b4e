"""All clips of a replay: each opened, watched as `edge run` watches, and closed again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from edge.classifier import Classifier
from edge.glance import THUMBNAIL_SHAPE
from edge.motion import MotionGate, MotionSpec
from edge.records import Clock, FrameSource
from edge.region import Region
from edge.replay.clips import Clip
from edge.replay.playback import StillClock
from edge.replay.recording import Eyes, Recording, record_clip
from edge.sensor import SensorSense, SensorSpec


@dataclass(frozen=True, slots=True)
class ReplaySetup:
    """How clips are watched.

    Attributes:
        region: What is cut out of the frames; all of it when `None`.
        has_gate: Whether the model is spared frames in which nothing moves.
        sensor: When a picture is of no use.
    """

    region: Region | None = None
    has_gate: bool = True
    sensor: SensorSpec = SensorSpec()  # noqa: RUF009 - frozen


def record_clips(
    clips: Sequence[Clip],
    classifier: Classifier,
    setup: ReplaySetup,
    *,
    when_done: Callable[[], None] = lambda: None,
) -> Iterator[Recording]:
    """Yield what is seen on each clip; every frame is looked at, as fast as possible.

    Args:
        clips: These.
        classifier: The model.
        setup: How they are watched.
        when_done: Called after each.

    Raises:
        SourceError: A clip cannot be decoded.
    """
    clock = StillClock()
    for clip in clips:
        with closing(open_clip(clip, clock=clock)) as source:
            yield record_clip(
                clip.name, source, make_eyes(classifier, setup, clip), region=setup.region
            )
        when_done()


def open_clip(clip: Clip, *, clock: Clock) -> FrameSource:
    """Open a video file or a folder of pictures, unpaced."""
    if clip.path.is_dir():
        from edge.sources.folder import PictureFolder

        return PictureFolder(clip.path, clock=clock)
    from edge.sources.video import VideoFile

    return VideoFile(clip.path, clock=clock)


def make_eyes(classifier: Classifier, setup: ReplaySetup, clip: Clip) -> Eyes:
    """Make what sees a clip, as `edge run` has it; pictures of a folder are no scene."""
    if clip.path.is_dir():
        return Eyes(classifier)
    region = Region() if setup.region is None else setup.region
    cells = np.asarray(region.cells(THUMBNAIL_SHAPE), np.bool_)
    gate = MotionGate(MotionSpec(), cells) if setup.has_gate else None
    return Eyes(classifier, SensorSense(setup.sensor), gate)
