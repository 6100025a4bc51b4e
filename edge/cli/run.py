"""`edge run`: watch a live source and say what it shows."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edge.cli import output
from edge.cli import run_options as options
from edge.cli.options import JsonOption, ModelOption, RuntimeOption, ThreadsOption
from edge.cli.run_settings import (
    RunSettings,
    check_duration,
    check_max_fps,
    choose_source,
    keep_to_cpus,
    make_source_options,
    parse_size,
)
from edge.cli.signals import EndOnSignal, ends_in_order
from edge.errors import CatseyeError, MissingExtraError, SettingError, SourceError
from edge.native import spare_memory

if TYPE_CHECKING:
    from edge.capture.process import CaptureProcess
    from edge.classifier import Classifier
    from edge.modelfile import ModelFile
    from edge.records import Clock, Follower
    from edge.region import Region
    from edge.runtime import Tally


@ends_in_order
def run(
    context: typer.Context,
    camera: options.CameraOption = None,
    source: options.SourceOption = None,
    size: options.SizeOption = "640x480",
    rate: options.RateOption = None,
    pixel_format: options.PixelFormatOption = None,
    rotate: options.RotateOption = 0,
    flip: options.FlipOption = "none",
    region: options.RegionOption = None,
    show_regions: options.ShowRegionsOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = None,
    threshold: options.ThresholdOption = None,
    evidence: options.EvidenceOption = "",
    picture: options.PictureOption = "",
    no_motion_gate: options.NoMotionGateOption = False,
    max_fps: options.MaxFpsOption = None,
    cpus: options.CpusOption = None,
    max_frames: options.MaxFramesOption = None,
    duration: options.DurationOption = None,
    as_fast_as_possible: options.UnpacedOption = False,
    window: options.WindowOption = False,
    json: JsonOption = False,
) -> None:
    """Watch a camera, stream or recording and say what it shows.

    Always the newest frame is looked at. A label is believed on evidence, nothing is decided on a
    picture of no use, and a source that goes away is waited for. Ctrl-C, or q in the window, ends
    the run with a summary.
    """
    spare_memory()  # before NumPy is imported
    if cpus is not None:
        keep_to_cpus(cpus)
    settings = RunSettings(
        source=choose_source(context, camera, source),
        options=make_source_options(
            size_wh=parse_size(size),
            rate_hz=rate,
            pixel_format=pixel_format,
            rotate_degrees=rotate,
            flip=flip,
        ),
        region=_parse_region(region),
        is_paced=not as_fast_as_possible,
        model=model,
        runtime=runtime,
        threads=threads,
        thresholds=threshold or (),
        evidence=evidence,
        picture=picture,
        has_gate=not no_motion_gate,
        max_fps=check_max_fps(max_fps),
        max_frames=max_frames,
        duration_seconds=check_duration(duration),
        has_window=window,
        is_json=json,
    )
    if show_regions is None:
        _start(settings)
    else:
        _show_regions(settings, show_regions)


def _start(settings: RunSettings) -> None:
    """Open everything, then run; a signal at any time ends it with a report."""
    stop = threading.Event()
    model: ModelFile | None = None
    tally: Tally | None = None
    with EndOnSignal(stop) as signals:
        from edge.cli import run_parts
        from edge.clock import SystemClock

        clock = SystemClock(stop)
        try:
            with ExitStack() as opened:
                with signals.interrupting():
                    model = run_parts.read_model(settings)
                    capture = run_parts.open_capture(settings, model, clock=clock, stop=stop)
                    source = opened.enter_context(closing(capture))
                    tally = run_parts.make_tally(clock)  # from here on, while the source is opened
                    classifier = opened.enter_context(run_parts.load_model(settings, model))
                _run(settings, source, classifier, opened, tally=tally, clock=clock, stop=stop)
        except KeyboardInterrupt:
            pass  # while it started, or a second signal: whoever sends it does not want to wait
        except CatseyeError:
            if tally is not None and tally.frames_captured:
                _report(tally, settings, model=model)
            raise
        tally = tally or run_parts.make_tally(clock)
        _report(tally, settings, model=model)
    _check_frames(tally, settings)


def _run(
    settings: RunSettings,
    source: "CaptureProcess",
    classifier: "Classifier",
    opened: ExitStack,
    *,
    tally: "Tally",
    clock: "Clock",
    stop: threading.Event,
) -> None:
    from edge import runtime
    from edge.capture.process import RestNotice
    from edge.cli import live, run_parts

    watch = run_parts.make_watch(settings, classifier, clock=clock)
    display = run_parts.open_display(settings, classifier, tally=tally, clock=clock)
    opened.enter_context(closing(display))
    attended = live.Display(display, when_unread=stop.set)
    followers: list[Follower] = [tally, RestNotice(source), attended]
    if settings.has_window and _can_show():
        window = run_parts.open_window(settings, classifier, watch, clock=clock, stop=stop)
        followers.append(opened.enter_context(closing(window)))
    if settings.duration_seconds is not None:
        opened.enter_context(_ending_after(settings.duration_seconds, stop))
    runtime.run(
        source,
        watch.watcher,
        followers,
        clock=clock,
        max_frames=settings.max_frames,
        max_fps=settings.max_fps,
        until=stop.is_set,
    )
    if watch.decider.invalid_predictions:
        output.say(f"edge: {watch.decider.invalid_predictions} predictions were no probabilities")


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


def _check_frames(tally: "Tally", settings: RunSettings) -> None:
    """Fail where a live source has not delivered anything.

    Raises:
        SourceError: It has not.
    """
    from edge.address import is_live, parse_address

    if tally.frames_captured == 0 and is_live(settings.source):
        raise SourceError(
            "A camera or stream must deliver a frame",
            received=f"none from {parse_address(settings.source).shown} in the whole run",
            fix="Run edge doctor, which lists the cameras and what they lack",
        )


def _show_regions(settings: RunSettings, path: Path) -> None:
    """Write the region over a frame, and say where."""
    stop = threading.Event()
    with EndOnSignal(stop):
        from edge.cli import run_parts
        from edge.cli.region_file import check_picture_path, write_regions
        from edge.clock import SystemClock

        check_picture_path(path)
        clock = SystemClock(stop)
        with closing(run_parts.open_capture(settings, None, clock=clock, stop=stop)) as source:
            size_wh = write_regions(source, path, settings.region, run_parts.make_sensor(settings))
    if settings.is_json:
        output.emit_json({"type": "regions", "path": path, "size_wh": size_wh})
    else:
        output.say(f"{path}: the region over a frame of {size_wh[0]}x{size_wh[1]} pixels")


def _parse_region(text: str | None) -> "Region | None":
    if text is None:
        return None
    from edge.region import parse_region

    return parse_region(text)
