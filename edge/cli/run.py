"""`edge run`: watch a live source and say what it shows."""

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edge.cli import output
from edge.cli import run_options as options
from edge.cli.options import JsonOption, ModelOption, RuntimeOption, ThreadsOption
from edge.cli.run_config import RunPlan, given_options, read_plan
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
from edge.errors import CatseyeError, SettingError, SourceError
from edge.native import spare_memory

if TYPE_CHECKING:
    from edge.cli.run_session import Session
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
    config: options.ConfigOption = None,
    dry_run: options.DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Watch a camera, stream or recording, say what it shows, and do what follows.

    Always the newest frame is looked at. A label is believed on evidence, nothing is decided on a
    picture of no use, and a source that goes away is waited for. Ctrl-C, or q in the window, ends
    the run with a summary. What follows is what the rules of a configuration say; without --config
    nothing does. SIGHUP takes up a changed configuration.
    """
    spare_memory()  # before NumPy is imported
    if cpus is not None:
        keep_to_cpus(cpus)
    flags = RunSettings(
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
    if config is None and dry_run:
        raise SettingError(
            "--dry-run says what the rules of a configuration would do",
            received="no configuration",
            fix="Name one with --config edge.toml",
        )
    if config is None and Path("edge.toml").is_file():
        output.say("edge.toml is here but not used: nothing follows without --config edge.toml")
    read = None if config is None else _make_reader(context, config, flags, is_dry=dry_run)
    plan = RunPlan(flags) if read is None else read()
    if show_regions is None:
        _start(plan, read)
    else:
        _show_regions(plan.settings, show_regions)


def _make_reader(
    context: typer.Context, path: Path, flags: RunSettings, *, is_dry: bool
) -> "Callable[[], RunPlan]":
    """Return what reads the configuration, now and on SIGHUP."""
    given = given_options(context)
    absolute = path.absolute()
    return lambda: read_plan(absolute, flags, given, is_dry=is_dry)


def _start(plan: RunPlan, read: "Callable[[], RunPlan] | None") -> None:
    """Open everything, then run; a signal at any time ends it with a report."""
    stop = threading.Event()
    with EndOnSignal(stop) as signals:
        from edge.cli.run_session import Session

        session = Session(plan, read, signals=signals, stop=stop)
        try:
            with session.reloader:
                session.run()
        except KeyboardInterrupt:
            pass  # while it started, or a second signal: whoever sends it does not want to wait
        except CatseyeError:
            if session.has_frames:
                _report(session)
            raise
        _report(session)
    _check_frames(session.tally(), session.plan.settings)


def _report(session: "Session") -> None:
    from edge.cli import live

    summary = session.tally().summary()
    model = session.model
    if session.plan.settings.is_json:
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
