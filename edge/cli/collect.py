"""`edge collect`: photos for training from the camera that will be used later."""

import math
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli import run_options as options
from edge.cli.options import JsonOption
from edge.cli.run_settings import RunSettings, choose_source, make_source_options, parse_size
from edge.cli.signals import EndOnSignal, ends_in_order
from edge.errors import CatseyeError, SettingError, SourceError
from edge.native import spare_memory

if TYPE_CHECKING:
    from edge.cli.keys import Keys
    from edge.collect import Collector, CollectSpec, CollectSummary, Stored
    from edge.records import Frame, Offline

_MOTION_SECONDS = 1.0  # from one picture to the next while something moves
_TAKING = frozenset(" \r\n")
_ENDING = frozenset("qQ\x04")


@ends_in_order
def collect(
    context: typer.Context,
    label: Annotated[str, typer.Option(help="Class of the pictures, and name of their folder.")],
    camera: options.CameraOption = None,
    source: options.SourceOption = None,
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Holds a folder per label.")] = Path(
        "photos"
    ),
    every: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Take a picture each time so much time has passed.",
            show_default="by key",
        ),
    ] = None,
    on_motion: Annotated[
        bool,
        typer.Option("--on-motion", help="Take a picture a second while something moves."),
    ] = False,
    max_pictures: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End after so many pictures.")
    ] = None,
    size: options.SizeOption = "640x480",
    rate: options.RateOption = None,
    pixel_format: options.PixelFormatOption = None,
    rotate: options.RotateOption = 0,
    flip: options.FlipOption = "none",
    as_fast_as_possible: options.UnpacedOption = False,
    json: JsonOption = False,
) -> None:
    """Collect photos for training from the camera that will be used later.

    Enter or the space bar takes a picture, q or Ctrl-C ends; --every and --on-motion need no keys.
    What is nearly the same as a picture of this run is left out, and a source that goes away is
    waited for. The names of the files tell which pictures belong together, so that training and
    edge data split keep these on one side.

    Raises:
        CatseyeError: The source cannot be opened, or a picture cannot be stored.
    """
    spare_memory()  # before NumPy is imported
    settings = RunSettings(
        source=choose_source(context, camera, source),
        options=make_source_options(
            size_wh=parse_size(size),
            rate_hz=rate,
            pixel_format=pixel_format,
            rotate_degrees=rotate,
            flip=flip,
        ),
        is_paced=not as_fast_as_possible,
        is_json=json,
    )
    _check_trigger(every, is_on_motion=on_motion)
    from edge.collect import CollectSpec

    _start(settings, CollectSpec(label, into, max_pictures), every=every, is_on_motion=on_motion)


def _check_trigger(every: float | None, *, is_on_motion: bool) -> None:
    if every is not None and not 0 < every < math.inf:
        raise SettingError(
            "--every must be a number of seconds above 0",
            received=str(every),
            fix="Write for example --every 2",
        )
    if every is not None and is_on_motion:
        raise SettingError(
            "Pictures are taken by time or on motion",
            received="--every and --on-motion",
            fix="Leave one of them out",
        )


def _start(
    settings: RunSettings, spec: "CollectSpec", *, every: float | None, is_on_motion: bool
) -> None:
    """Open everything, then collect; a signal at any time ends it with a summary."""
    stop = threading.Event()
    collector: Collector | None = None
    with EndOnSignal(stop) as signals:
        from edge import collect as collecting
        from edge.cli import run_parts
        from edge.cli.keys import Keys
        from edge.clock import SystemClock

        by_key = every is None and not is_on_motion
        try:
            with ExitStack() as opened:
                with signals.interrupting():
                    keys = Keys() if by_key else None
                    collector = opened.enter_context(closing(collecting.Collector(spec)))
                    capture = run_parts.open_capture(
                        settings, None, clock=SystemClock(stop), stop=stop
                    )
                    live = opened.enter_context(closing(capture))
                    if keys is not None:
                        opened.enter_context(keys)
                session = Session(keys, _make_trigger(every), is_json=settings.is_json)
                session.greet(spec)
                collecting.collect(
                    live,
                    collector,
                    is_due=session.is_due,
                    until=lambda: session.is_over() or stop.is_set(),
                    when_stored=session.when_stored,
                    when_away=session.when_away,
                )
        except KeyboardInterrupt:
            pass  # while it started, or a second signal: whoever sends it does not want to wait
        except CatseyeError:
            if collector is not None and collector.frames:
                _report(collector.summary(), spec, is_json=settings.is_json)
            raise
        if collector is not None:
            _report(collector.summary(), spec, is_json=settings.is_json)
            _check_frames(collector.frames, settings.source)


def _make_trigger(every: float | None) -> "Callable[[Frame], bool]":
    """Make what says without keys that a frame is due."""
    from edge.collect import Interval

    if every is not None:
        return Interval(every)
    from edge.motion import MotionGate

    gate = MotionGate()

    def is_moving(frame: "Frame") -> bool:
        gate.is_open(frame)  # which also opens now and then without motion
        return gate.has_motion

    return Interval(_MOTION_SECONDS, also=is_moving)


class Session:
    """What stands between the person at the terminal and the collecting.

    Args:
        keys: Of the terminal; `None` where pictures are taken without.
        trigger: Says without keys whether a frame is due.
        is_json: Whether lines of JSON are written.
    """

    def __init__(
        self, keys: "Keys | None", trigger: "Callable[[Frame], bool]", *, is_json: bool
    ) -> None:
        self._keys = keys
        self._trigger = trigger
        self._is_json = is_json
        self._is_wanted = False
        self._is_away = False

    def greet(self, spec: "CollectSpec") -> None:
        """Say what to do."""
        if self._keys is None:
            output.say(f"pictures go into {spec.target}; Ctrl-C ends")
        else:
            output.say(f"pictures go into {spec.target}; Enter or space takes one, q ends")

    def is_over(self) -> bool:
        """Look at the keys; say whether one of them ends the run."""
        pressed = set() if self._keys is None else set(self._keys.poll())
        self._is_wanted |= bool(pressed & _TAKING)
        return bool(pressed & _ENDING)

    def is_due(self, frame: "Frame") -> bool:
        """Say whether a frame is to be stored."""
        if self._is_away:
            self._is_away = False
            self._tell_picture("live", frame.time_seconds, "the source is back")
        if self._keys is None:
            return self._trigger(frame)
        is_wanted, self._is_wanted = self._is_wanted, False
        return is_wanted

    def when_away(self, offline: "Offline") -> None:
        """Say once that there is no picture; a key that is pressed meanwhile takes none."""
        if self._is_wanted:
            self._is_wanted = False
            output.say("no picture taken: the source is away")
        if not self._is_away:
            self._is_away = True
            self._tell_picture("offline", None, offline.reason)

    def when_stored(self, stored: "Stored | None") -> None:
        """Name the picture; after a key, say also why there is none."""
        if stored is None:
            if self._keys is not None:
                output.say("not stored: nearly the same as a picture of this run")
        elif self._is_json:
            output.emit_json(
                {
                    "type": "stored",
                    "path": stored.path,
                    "burst": stored.burst,
                    "time_seconds": round(stored.time_seconds, 6),
                }
            )
        else:
            output.emit_text(str(stored.path))

    def _tell_picture(self, picture: str, time_seconds: float | None, reason: str) -> None:
        if self._is_json:
            output.emit_json(
                {
                    "type": "picture",
                    "picture": picture,
                    "time_seconds": time_seconds,
                    "reason": reason,
                }
            )
        elif picture == "offline":
            output.say("offline: waiting for it, Ctrl-C ends")  # the log says why
        else:
            output.say(reason)


def describe_summary(summary: "CollectSummary", target: Path) -> str:
    """Say what a run has collected.

    Example:
        >>> from edge.collect import CollectSummary
        >>> print(describe_summary(CollectSummary(900, 12, 3, 2, 1), Path("photos/cat")))
        12 pictures in 2 bursts in photos/cat; 3 left out as nearly the same; away 1 time
    """
    parts = [
        f"{output.number_of(summary.stored, 'picture')} "
        f"in {output.number_of(summary.bursts, 'burst')} in {target}"
    ]
    if summary.alike:
        parts.append(f"{summary.alike} left out as nearly the same")
    if summary.outages:
        parts.append(f"away {output.number_of(summary.outages, 'time')}")
    return "; ".join(parts)


def _report(summary: "CollectSummary", spec: "CollectSpec", *, is_json: bool) -> None:
    if not is_json:
        output.say(describe_summary(summary, spec.target))
        return
    output.emit_json(
        {
            "type": "summary",
            "label": spec.label,
            "folder": spec.target,
            "frames": summary.frames,
            "stored": summary.stored,
            "alike": summary.alike,
            "bursts": summary.bursts,
            "outages": summary.outages,
        }
    )


def _check_frames(frames: int, source: str) -> None:
    """Fail where a live source has not delivered anything.

    Raises:
        SourceError: It has not.
    """
    from edge.address import is_live, parse_address

    if frames == 0 and is_live(source):
        raise SourceError(
            "A camera or stream must deliver a frame",
            received=f"none from {parse_address(source).shown} in the whole run",
            fix="Run edge doctor, which lists the cameras and what they lack",
        )
