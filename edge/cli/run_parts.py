"""What `edge run` is put together of, made from its settings."""

import mimetypes
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.address import GLOB, PATH, is_live, parse_address
from edge.cli import output
from edge.cli.run_settings import RunSettings, list_labels, make_decider, make_thresholds
from edge.errors import SettingError
from edge.records import Clock, Follower

if TYPE_CHECKING:
    from edge.capture.process import CaptureProcess
    from edge.classifier import Classifier
    from edge.decision import Decider
    from edge.modelfile import ModelFile
    from edge.motion import MotionGate
    from edge.runtime import Tally
    from edge.sensor import SensorSense
    from edge.watcher import Watcher
    from edge.window import Window


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """A watcher, and those of its parts that others look at."""

    watcher: "Watcher"
    decider: "Decider"
    gate: "MotionGate | None"


def read_model(settings: RunSettings) -> "ModelFile":
    """Read the model file, without loading it.

    Raises:
        ModelFileError: It is missing, damaged or foreign.
    """
    from edge.modelfile import default_model_path, read_model_file

    return read_model_file(settings.model or default_model_path())


def load_model(settings: RunSettings, model: "ModelFile") -> "Classifier":
    """Make sure that a model is intact, and load it.

    Raises:
        ModelFileError: It is damaged or does not run.
        SettingError: Unknown runtime, or threads out of range.
    """
    from edge.classifier import load_classifier

    return load_classifier(
        model, runtime=settings.runtime, threads=settings.threads, region=settings.region
    )


def open_capture(
    settings: RunSettings, model: "ModelFile | None", *, clock: Clock, stop: threading.Event
) -> "CaptureProcess":
    """Start the process that reads the source; the model, if any, says what to fit frames to.

    Raises:
        SettingError: The address is of no known kind, or a live source is to run unpaced.
    """
    from edge.capture.process import CaptureProcess
    from edge.capture.request import LensRequest

    is_source_live = is_live(settings.source)
    if is_source_live and not settings.is_paced:
        raise SettingError(
            "Only a recording can run as fast as possible",
            received=parse_address(settings.source).shown,
            fix="Leave --as-fast-as-possible out",
        )
    request = LensRequest(
        settings.source,
        is_live=is_source_live,
        options=settings.options,
        every_frame=not settings.is_paced,
        input=None if model is None else model.manifest.input,
        region=settings.region,
    )
    return CaptureProcess(request, clock=clock, stop=stop)


def make_tally(clock: Clock) -> "Tally":
    """Make what counts; it brings the loop and the classifier, which take a while to import."""
    from edge.runtime import Tally

    return Tally(clock)


def make_watch(settings: RunSettings, classifier: "Classifier", *, clock: Clock) -> Watch:
    """Put the watcher together; pictures of a folder are no scene, so each is looked at.

    Raises:
        SettingError: A rule does not fit.
    """
    from edge.events import EventTracker
    from edge.watcher import LONGEST_AGE_SECONDS, Watcher

    decider = make_decider(classifier.model.manifest, settings)
    gate = make_gate(settings)
    watcher = Watcher(
        classifier,
        decider,
        clock=clock,
        sensor=make_sensor(settings),
        gate=gate,
        events=EventTracker(),
        longest_age_seconds=LONGEST_AGE_SECONDS if settings.is_paced else None,
    )
    return Watch(watcher, decider, gate)


def make_sensor(settings: RunSettings) -> "SensorSense | None":
    """Make what tells the state of the picture; `None` for a folder of pictures.

    Raises:
        SettingError: A rule does not fit.
    """
    from edge.assignments import parse_assignments
    from edge.sensor import SensorSense, SensorSpec

    spec = parse_assignments(settings.picture, SensorSpec(), option="--picture")
    return None if _are_stills(settings.source) else SensorSense(spec)


def make_gate(settings: RunSettings) -> "MotionGate | None":
    """Make what spares the model still pictures; `None` where it is not wanted."""
    from edge.glance import THUMBNAIL_SHAPE
    from edge.motion import MotionGate, MotionSpec

    if not settings.has_gate or _are_stills(settings.source):
        return None
    region = settings.region
    return MotionGate(MotionSpec(), None if region is None else region.cells(THUMBNAIL_SHAPE))


def open_display(
    settings: RunSettings, classifier: "Classifier", *, tally: "Tally", clock: Clock
) -> Follower:
    """Open what tells people or programs: JSON lines, the panel, or plain lines."""
    from edge.cli import live

    if settings.is_json:
        return live.JsonLines()
    manifest = classifier.model.manifest
    source = parse_address(settings.source).shown
    output.say(f"{source}, model {manifest.name}: {list_labels(manifest.labels)}. Ctrl-C ends.")
    if not output.has_terminal():
        return live.PlainLines(tally, clock=clock)
    from edge.cli.panel import Panel
    from edge.cli.vitals import Vitals

    return Panel(
        tally,
        clock=clock,
        console=output.console(),
        title=output.escape_control(f"{source}, {manifest.name}"),
        thresholds=make_thresholds(manifest, settings),
        vitals=Vitals(),
    )


def open_window(
    settings: RunSettings,
    classifier: "Classifier",
    watch: Watch,
    *,
    clock: Clock,
    stop: threading.Event,
) -> "Window":
    """Open the window; closing it ends the run."""
    from edge.painting import Painter
    from edge.window import Window

    gate = watch.gate
    painter = Painter(
        clock=clock,
        spec=classifier.model.manifest.input,
        region=settings.region,
        thresholds=make_thresholds(classifier.model.manifest, settings),
        moved=(lambda: None) if gate is None else (lambda: gate.mask),
    )
    return Window(painter, when_closed=stop.set)


def _are_stills(source: str) -> bool:
    """Whether a source is a heap of pictures, of which each shows something else."""
    address = parse_address(source)
    if address.kind != PATH:
        return address.kind == GLOB
    path = Path(address.target)
    kind = mimetypes.guess_type(path, strict=False)[0] or ""  # by its name; Pillow takes longer
    return path.is_dir() or (kind.startswith("image/") and kind != "image/gif")
