"""Tries each piece of a configuration, and says in a line what was found."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge.cli import run_parts
from edge.cli.run_config import merge
from edge.cli.run_settings import RunSettings, list_labels
from edge.clock import SystemClock
from edge.config import ActionConfig, Config, check_labels
from edge.diagnosis import FAIL, OK, WARN, Check
from edge.errors import CatseyeError, ConfigError, NewerStoreError, NotRunningError
from edge.records import Frame, Offline

_FRAME_SECONDS = 15.0  # in which a source must deliver one
_LEAST_FREE_MB = 50
_BYTES_PER_MB = 1_000_000


def try_all(config: Config) -> Iterator[Check]:
    """Try everything, one piece after the other.

    Args:
        config: Names the pieces.
    """
    rules, actions = len(config.rules), len(config.actions)
    yield Check("config", OK, f"{config.path}: rules {rules}, actions {actions}")
    for warning in config.warnings:
        yield Check("config", WARN, warning)
    is_running = _is_running(config)
    if is_running:
        yield Check(
            "running",
            WARN,
            "an edge run with this configuration holds the camera and the outputs",
            "End it to have these tried as well; edge status says how it fares",
        )
    settings = merge(_defaults(), (), config)
    yield from try_model(settings, config)
    if not is_running:
        yield try_source(settings)
    for action in config.actions.values():
        if not is_running or action.kind != "gpio":
            yield from try_action(action, config)
    yield try_store(config)
    yield try_clock(config)


def try_model(settings: RunSettings, config: Config) -> Iterator[Check]:
    """Load the model, and hold the labels of the configuration against it."""
    try:
        model = run_parts.read_model(settings)
        check_labels(config, model.manifest.labels)
        with run_parts.load_model(settings, model) as classifier:
            manifest = classifier.model.manifest
            found = f"{manifest.name}: {list_labels(manifest.labels)}"
            yield Check("model", OK, found)
    except ConfigError as error:
        for problem in error.problems:
            yield Check("model", FAIL, problem, "Correct what this line names")
    except CatseyeError as error:
        yield _fail("model", error)


def try_source(settings: RunSettings, *, longest_seconds: float = _FRAME_SECONDS) -> Check:
    """Wait for a frame."""
    stop = threading.Event()
    clock = SystemClock(stop)
    deadline_seconds = clock.monotonic() + longest_seconds
    reason = "nothing"
    try:
        with closing(run_parts.open_capture(settings, None, clock=clock, stop=stop)) as source:
            while clock.monotonic() < deadline_seconds:
                seen = source.read()
                if isinstance(seen, Frame):
                    height, width = seen.pixels_bgr.shape[:2]
                    return Check("source", OK, f"delivers frames of {width}x{height} pixels")
                if not isinstance(seen, Offline):
                    reason = "it ended without a frame"
                    break
                reason = seen.reason
    except CatseyeError as error:
        return _fail("source", error)
    fix = "Run edge doctor, which lists the cameras and what they lack"
    return Check("source", FAIL, f"delivers no frame: {reason}", fix)


def try_action(action: ActionConfig, config: Config) -> Iterator[Check]:
    """Let an action try what it needs."""
    from edge.actions import open_action
    from edge.cli.run_actions import make_context
    from edge.control import Outputs
    from edge.responder import Pulse

    name = action.name
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="edge-check-") as folder:
        context = make_context(
            config, name, clock=clock, pulse=Pulse(clock), outputs=Outputs(), folder=Path(folder)
        )
        try:
            with closing(open_action(action.kind, action.settings, context)) as opened:
                is_silent = True
                for found in opened.check():
                    is_silent = False
                    yield Check(name, OK, found)
                if is_silent:
                    yield Check(name, OK, f"{action.kind}, which has nothing to try")
        except CatseyeError as error:
            yield _fail(name, error)


def try_store(config: Config) -> Check:
    """Write a file where the memory is to be, and see how much room is left."""
    from edge.sqlite_file import refuse_newer
    from edge.store.database import DATABASE
    from edge.store.tables import VERSION

    folder = config.store.folder
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".check-") as trial:
            trial.write(b"\0" * 4096)
            trial.flush()
            os.fsync(trial.fileno())
        refuse_newer(folder / DATABASE, newest=VERSION)
        free_mb = shutil.disk_usage(folder).free / _BYTES_PER_MB
        if is_new:
            folder.rmdir()  # who runs it may be another user
    except NewerStoreError as error:
        return _fail("store", error)
    except OSError as error:
        fix = "Name another folder as [store] folder, or mend its permissions"
        return Check("store", FAIL, f"{folder}: {error.strerror or error}", fix)
    found = f"{folder}: writable, {free_mb:.0f} MB free"
    if free_mb < config.store.reserve_mb + _LEAST_FREE_MB:
        return Check("store", FAIL, found, "Free space on its disk, or choose another folder")
    if free_mb < config.store.keep_mb:
        fix = f"It may grow to {config.store.keep_mb:.0f} MB: lower [store] keep_mb, or free space"
        return Check("store", WARN, found, fix)
    return Check("store", OK, found)


def try_clock(config: Config) -> Check:
    """Ask whether the clock on the wall is right."""
    from edge.wallclock import SystemWallClock

    if SystemWallClock(clock=SystemClock(), trust=config.clock_trust).now().is_trusted:
        return Check("clock", OK, "right, as far as the system knows")
    fix = 'Let a time server set it (systemd-timesyncd), or write [clock] trust = "always"'
    has_hours = any(rule.hours or rule.days for rule in config.rules)
    found = "not known to be right" + (": rules with hours do not act" if has_hours else "")
    return Check("clock", WARN, found, fix)


def _is_running(config: Config) -> bool:
    from edge.cli.running import ask_running

    try:
        ask_running(config.path, "status")
    except NotRunningError:
        return False
    except CatseyeError:
        return True
    return True


def _defaults() -> RunSettings:
    from edge.sources.options import SourceOptions

    return RunSettings("0", options=SourceOptions())


def _fail(name: str, error: CatseyeError) -> Check:
    return Check(name, FAIL, f"{error.rule}: {error.received}", error.fix)
