"""`edge run`: classify a live source and say what it shows."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.options import JsonOption, ModelOption, RuntimeOption, ThreadsOption
from edge.cli.run_settings import (
    RunSettings,
    check_duration,
    list_labels,
    make_decider,
    parse_size,
)
from edge.cli.signals import EndOnSignal, ends_in_order
from edge.errors import CatseyeError, MissingExtraError, SettingError

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.manifest import Manifest
    from edge.modelfile import ModelFile
    from edge.records import Action, Clock, FrameSource
    from edge.runtime import Tally


CameraOption = Annotated[
    int | None, typer.Option("--camera", "-c", min=0, help="Number of the camera.")
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        "-s",
        envvar="EDGE_SOURCE",
        help="Camera (0, /dev/video0), video file, folder of pictures, or demo:.",
        show_default="0",
    ),
]
SizeOption = Annotated[
    str, typer.Option("--size", metavar="WxH", help="Picture size to ask a camera for.")
]
VotesOption = Annotated[
    int | None,
    typer.Option("--votes", help="Frames that a label must win.", show_default="the model's"),
]
OfOption = Annotated[
    int | None,
    typer.Option("--of", help="Out of this many latest frames.", show_default="the model's"),
]
ThresholdOption = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="[LABEL=]SCORE",
        help="Score that wins a frame, for all labels or for one; repeatable.",
        show_default="the model's",
    ),
]
MaxFramesOption = Annotated[
    int | None, typer.Option("--max-frames", min=1, help="End after this many classified frames.")
]
DurationOption = Annotated[
    float | None, typer.Option("--duration", metavar="SECONDS", help="End after this time.")
]
UnpacedOption = Annotated[
    bool, typer.Option("--as-fast-as-possible", help="Classify every frame of a recording.")
]
WindowOption = Annotated[
    bool, typer.Option("--window", help="Show the frames; needs the extra 'window'.")
]


@ends_in_order
def run(
    context: typer.Context,
    camera: CameraOption = None,
    source: SourceOption = None,
    size: SizeOption = "640x480",
    model: ModelOption = None,
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = None,
    votes: VotesOption = None,
    of: OfOption = None,
    threshold: ThresholdOption = None,
    max_frames: MaxFramesOption = None,
    duration: DurationOption = None,
    as_fast_as_possible: UnpacedOption = False,
    window: WindowOption = False,
    json: JsonOption = False,
) -> None:
    """Classify the frames of a camera or recording and say what they show.

    Always the newest frame is classified. A label is believed once it won enough of the latest
    frames. Ctrl-C, or q in the window, ends the run with a summary.
    """
    settings = RunSettings(
        source=_choose_source(context, camera, source),
        size_wh=parse_size(size),
        is_paced=not as_fast_as_possible,
        model=model,
        runtime=runtime,
        threads=threads,
        votes=votes,
        vote_frames=of,
        thresholds=threshold or (),
        max_frames=max_frames,
        duration_seconds=check_duration(duration),
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
                window = Window(source, clock=clock, spec=manifest.input)
                source = opened.enter_context(closing(window))
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
    from edge.sources import SourceOptions, is_live, open_source
    from edge.sources.pacing import PacedSource

    if not settings.is_paced and is_live(settings.source):
        raise SettingError(
            "Only a recording can run as fast as possible",
            received=f"camera {settings.source}",
            fix="Leave --as-fast-as-possible out",
        )
    options = SourceOptions(size_wh=settings.size_wh)
    source = open_source(settings.source, clock=clock, options=options)
    if not settings.is_paced:
        return source
    if not is_live(settings.source):
        source = PacedSource(source, clock=clock)
    return NewestFrame(source, stop=stop)


def _open_display(
    settings: RunSettings, manifest: "Manifest", tally: "Tally", clock: "Clock"
) -> "Action":
    from edge.cli import live

    if settings.is_json:
        return live.JsonLines()
    output.say(
        f"{_describe_source(settings.source)}, model {manifest.name}: "
        f"{list_labels(manifest.labels)}. Ctrl-C ends."
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
