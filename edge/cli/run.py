"""`edge run`: classify a live source and say what it shows."""

import math
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.signals import EndOnSignal
from edge.errors import CatseyeError, MissingExtraError, SettingError

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.decision import Decider
    from edge.manifest import Manifest
    from edge.modelfile import ModelFile
    from edge.records import Action, Clock, FrameSource
    from edge.runtime import Tally

_MOST_LABELS = 10
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the command line asks for."""

    source: str
    size_wh: tuple[int, int]
    is_paced: bool
    model: Path | None
    runtime: str
    threads: int | None
    votes: int | None
    vote_frames: int | None
    thresholds: Sequence[str]
    max_frames: int | None
    duration_seconds: float | None
    has_window: bool
    is_json: bool


def run(
    context: typer.Context,
    camera: Annotated[
        int | None, typer.Option("--camera", "-c", min=0, help="Number of the camera.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            envvar="EDGE_SOURCE",
            help="Camera (0, /dev/video0), video file, folder of pictures, or demo: (default: 0).",
        ),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="Picture size to ask a camera for.")
    ] = "640x480",
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", "-m", envvar="EDGE_MODEL", help="Model file (default: cat, dog or none)."
        ),
    ] = None,
    runtime: Annotated[
        str, typer.Option(envvar="EDGE_RUNTIME", help="auto, litert, tflite-runtime or tensorflow.")
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(envvar="EDGE_THREADS", help="Threads for the model.")
    ] = None,
    votes: Annotated[
        int | None, typer.Option(help="Frames a label must win (default: the model's).")
    ] = None,
    of: Annotated[
        int | None, typer.Option(help="Out of this many latest frames (default: the model's).")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[LABEL=]SCORE",
            help="Score that wins a frame, for all labels or for one; repeatable.",
        ),
    ] = None,
    max_frames: Annotated[
        int | None, typer.Option(min=1, help="End after this many classified frames.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End after this time.")
    ] = None,
    as_fast_as_possible: Annotated[
        bool, typer.Option("--as-fast-as-possible", help="Classify every frame of a recording.")
    ] = False,
    window: Annotated[
        bool, typer.Option("--window", help="Show the frames; needs the extra 'window'.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Write decisions and summary as JSON lines.")
    ] = False,
) -> None:
    """Classify the frames of a camera or recording and say what they show.

    Always the newest frame is classified. A label is believed once it won enough of the latest
    frames. Ctrl-C, or q in the window, ends the run with a summary.
    """
    settings = RunSettings(
        source=_choose_source(context, camera, source),
        size_wh=_parse_size(size),
        is_paced=not as_fast_as_possible,
        model=model,
        runtime=runtime,
        threads=threads,
        votes=votes,
        vote_frames=of,
        thresholds=threshold or (),
        max_frames=max_frames,
        duration_seconds=_check_duration(duration),
        has_window=window,
        is_json=json,
    )
    _start(settings)


def _start(settings: RunSettings) -> None:
    """Load the model, then run; a signal at any time ends it with a report."""
    stop = threading.Event()
    with EndOnSignal(stop) as signals:
        from edge.classifier import open_classifier
        from edge.clock import SystemClock
        from edge.modelfile import default_model_path
        from edge.runtime import Tally

        clock = SystemClock(stop)
        tally = Tally(clock)
        try:
            with signals.interrupting():
                path = settings.model or default_model_path()
                classifier = open_classifier(
                    path, runtime=settings.runtime, threads=settings.threads
                )
        except KeyboardInterrupt:
            _report(tally, settings, model=None)
            return
        with classifier:
            _run(classifier, settings, tally=tally, clock=clock, stop=stop)


def _run(
    classifier: "Classifier",
    settings: RunSettings,
    *,
    tally: "Tally",
    clock: "Clock",
    stop: threading.Event,
) -> None:
    from edge import runtime
    from edge.window import Window

    manifest = classifier.model.manifest
    decider = make_decider(manifest, settings)
    has_window = settings.has_window and _can_show()
    try:
        with ExitStack() as opened:
            source = opened.enter_context(closing(_open_source(settings, clock, stop)))
            display = _open_display(settings, manifest, tally, clock)
            actions = [opened.enter_context(closing(display))]
            if has_window:
                source = window = opened.enter_context(closing(Window(source, clock=clock)))
                actions.append(window)
            if settings.duration_seconds is not None:
                opened.enter_context(_ending_after(settings.duration_seconds, stop))
            runtime.run(
                source,
                classifier,
                decider,
                (tally, *actions),
                clock=clock,
                max_frames=settings.max_frames,
                until=stop.is_set,
            )
        if decider.invalid_predictions:
            output.say(f"edge: {decider.invalid_predictions} predictions were no probabilities")
    except KeyboardInterrupt:
        pass  # a second signal: whoever sends it does not want to wait
    except CatseyeError:
        if tally.frames_classified:
            _report(tally, settings, model=classifier.model)
        raise
    _report(tally, settings, model=classifier.model)


def _open_source(settings: RunSettings, clock: "Clock", stop: threading.Event) -> "FrameSource":
    from edge.capture import NewestFrame
    from edge.sources import DeferredSource, open_source

    opener = partial(
        open_source, settings.source, clock=clock, pace=settings.is_paced, size_wh=settings.size_wh
    )
    return NewestFrame(DeferredSource(opener), stop=stop) if settings.is_paced else opener()


def _open_display(
    settings: RunSettings, manifest: "Manifest", tally: "Tally", clock: "Clock"
) -> "Action":
    from edge.cli import live

    if settings.is_json:
        return live.JsonLines()
    output.say(
        f"{_describe_source(settings.source)}, model {manifest.name}: "
        f"{_list_labels(manifest.labels)}. Ctrl-C ends."
    )
    console = output.console()
    if console.is_terminal and not console.is_dumb_terminal:
        return live.LiveLine(tally, clock=clock, console=console)
    return live.PlainLines(tally, clock=clock)


def _can_show() -> bool:
    """Whether a window can be opened; if not, say what to do about it."""
    from edge.window import check_window

    try:
        check_window()
    except (MissingExtraError, SettingError) as error:
        output.say(f"edge: {error} The run goes on without a window.")
        return False
    return True


@contextmanager
def _ending_after(seconds: float, stop: threading.Event) -> Iterator[None]:
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _report(tally: "Tally", settings: RunSettings, *, model: "ModelFile | None") -> None:
    from edge.cli import live

    summary = tally.summary()
    if settings.is_json:
        live.emit_summary(summary, model_sha256=None if model is None else model.sha256)
    else:
        output.say(live.describe_summary(summary))


def make_decider(manifest: "Manifest", settings: RunSettings) -> "Decider":
    """Make the decider that the model's manifest asks for, with what the settings change.

    Raises:
        SettingError: A changed number does not fit.
    """
    from edge.decision import Decider

    decision = manifest.decision
    thresholds = dict(decision.thresholds)
    thresholds.update(parse_thresholds(settings.thresholds, manifest.labels))
    return Decider(
        manifest.labels,
        thresholds=thresholds,
        votes=decision.votes if settings.votes is None else settings.votes,
        window=decision.window if settings.vote_frames is None else settings.vote_frames,
    )


def parse_thresholds(texts: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Read thresholds such as "0.8", for every label, or "cat=0.8"; later ones win.

    Raises:
        SettingError: No number, or no label of the model.

    Example:
        >>> parse_thresholds(["0.8", "cat=0.9"], ["cat", "dog"])
        {'cat': 0.9, 'dog': 0.8}
    """
    thresholds: dict[str, float] = {}
    for text in texts:
        label, _, number = text.rpartition("=")
        try:
            score = float(number)
        except ValueError:
            score = math.nan
        if not 0.0 <= score <= 1.0 or (label and label not in labels):
            raise SettingError(
                "--threshold must be a score from 0 to 1, or a label with one; the labels are "
                + _list_labels(labels),
                received=text,
                fix=f"Write for example --threshold 0.8 or --threshold {labels[0]}=0.8",
            )
        thresholds.update(dict.fromkeys([label] if label else labels, score))
    return thresholds


def _list_labels(labels: Sequence[str]) -> str:
    more = len(labels) - _MOST_LABELS
    return ", ".join(labels[:_MOST_LABELS]) + (f" and {more} more" if more > 0 else "")


def _describe_source(source: str) -> str:
    return f"camera {source}" if source.isdecimal() else source


def _choose_source(context: typer.Context, camera: int | None, source: str | None) -> str:
    """Prefer flags to the environment; camera 0 if nothing is named."""
    if camera is None:
        return "0" if source is None else source
    origin = context.get_parameter_source("source")
    if source is not None and (origin is None or origin.name != "ENVIRONMENT"):
        raise SettingError(
            "There can be only one source",
            received=f"--camera {camera} and --source {source}",
            fix="Leave one of them out",
        )
    return str(camera)


def _parse_size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise SettingError(
            "--size must be width and height in pixels", received=text, fix="Write --size 640x480"
        )
    return int(match[1]), int(match[2])


def _check_duration(seconds: float | None) -> float | None:
    if seconds is not None and not 0 < seconds <= threading.TIMEOUT_MAX:
        raise SettingError(
            "--duration must be a number of seconds above 0",
            received=str(seconds),
            fix="Leave it out to run until Ctrl-C",
        )
    return seconds
