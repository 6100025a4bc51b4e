"""All clips of a replay: each opened, watched as `edge run` watches, and closed again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from edge.classifier import Classifier
from edge.decision import Decider
from edge.events import EventTracker
from edge.glance import THUMBNAIL_SHAPE
from edge.motion import MotionGate, MotionSpec
from edge.records import Clock, FrameSource
from edge.region import Region
from edge.replay.clips import Clip
from edge.replay.recording import Recording, StillClock, record_clip
from edge.replay.rules import BACKGROUND, Rules
from edge.sensor import SensorSense, SensorSpec
from edge.watcher import Watcher


@dataclass(frozen=True, slots=True)
class ReplaySetup:
    """How clips are watched.

    Attributes:
        rules: How predictions become decisions.
        region: What is cut out of the frames; all of it when `None`.
        has_gate: Whether the model is spared frames in which nothing moves.
    """

    rules: Rules
    region: Region | None = None
    has_gate: bool = True


def record_clips(
    clips: Sequence[Clip],
    classifier: Classifier,
    setup: ReplaySetup,
    *,
    when_done: Callable[[], None] = lambda: None,
) -> Iterator[Recording]:
    """Yield what is seen on each clip; every frame is looked at, as fast as possible.

    The decisions are those of `edge run` by the clip's own clock on a device that keeps up.

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
            watcher = make_watcher(classifier, setup, clock=clock)
            yield record_clip(clip.name, source, watcher, region=setup.region)
        when_done()


def open_clip(clip: Clip, *, clock: Clock) -> FrameSource:
    """Open a video file or a folder of pictures, unpaced."""
    if clip.path.is_dir():
        from edge.sources.folder import PictureFolder

        return PictureFolder(clip.path, clock=clock)
    from edge.sources.video import VideoFile

    return VideoFile(clip.path, clock=clock)


def make_watcher(classifier: Classifier, setup: ReplaySetup, *, clock: Clock) -> Watcher:
    """Make a new watcher, as `edge run` has one."""
    rules = setup.rules
    region = Region() if setup.region is None else setup.region
    cells = np.asarray(region.cells(THUMBNAIL_SHAPE), np.bool_)
    return Watcher(
        classifier,
        Decider(classifier.labels, thresholds=dict(rules.thresholds), evidence=rules.evidence),
        clock=clock,
        sensor=SensorSense(SensorSpec()),
        gate=MotionGate(MotionSpec(), cells) if setup.has_gate else None,
        events=EventTracker(BACKGROUND),
    )
