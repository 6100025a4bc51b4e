"""Sources by address: cameras, streams, video files, folders of pictures, the demo scene.

Implementations are named by string and imported on use, so that a folder of pictures needs no
video decoder and a camera no picture decoder.
"""

import glob
import stat
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from edge import address as kinds
from edge.address import CHOICES, Address, is_live, parse_address, redact, unknown_scheme
from edge.errors import SettingError, SourceError
from edge.records import Clock, FrameSource
from edge.sources.options import SourceOptions, orient

__all__ = [
    "CHOICES",
    "SourceOptions",
    "is_live",
    "open_source",
    "orient",
    "parse_address",
    "redact",
]

_VIDEO = "edge.sources.video:VideoFile"
_FOLDER = "edge.sources.folder:PictureFolder"
_DEMO = "edge.sources.demo:DemoScene"
_LIVE = {
    kinds.CAMERA: "edge.sources.camera:Camera",
    kinds.PICAMERA: "edge.sources.picamera:PiCamera",
    kinds.RTSP: "edge.sources.rtsp:open_rtsp",
    kinds.HTTP: "edge.sources.web:open_web",
}
_ANIMATED_SUFFIXES = frozenset({".gif"})
_DEFAULTS = SourceOptions()


def open_source(address: str, *, clock: Clock, options: SourceOptions = _DEFAULTS) -> FrameSource:
    """Open the source that an address names, to be read as fast as it delivers.

    The frames are as the source delivers them: `orient` turns them, `PacedSource` runs a
    recording by its own clock.

    Args:
        address: See `edge.address.parse_address`.
        clock: Stamps the frames.
        options: What to ask the source for.

    Raises:
        SettingError: The address is of no known kind.
        SourceRefusedError: Only a person can mend it: permission, credentials, a wrong address.
        SourceError: The source cannot be opened now.
        MissingExtraError: What this kind of source needs is not installed.

    Example:
        >>> from edge.testing import ManualClock
        >>> open_source("gopher://door", clock=ManualClock())
        Traceback (most recent call last):
        edge.errors.SettingError: A source is ... Received: an address that starts with gopher:. ...
    """
    parsed = parse_address(address)
    if parsed.kind in _LIVE:
        implementation = _LIVE[parsed.kind]
        return _open(implementation, parsed.target, clock=clock, options=options)
    if parsed.kind == kinds.CUSTOM:
        return _open_custom(parsed.target, clock=clock, options=options)
    if parsed.kind == kinds.DEMO:
        return _open(_DEMO, clock=clock, size_wh=options.size_wh)
    return _open_recording(parsed, clock=clock)


def _open_recording(address: Address, *, clock: Clock) -> FrameSource:
    path = Path(address.target)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if address.kind == kinds.GLOB:
            return _open_pattern(address, clock=clock)
        reason = getattr(error, "strerror", None) or str(error)
        raise _not_a_source(address, reason) from error
    if stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and _is_picture(path)):
        return _open(_FOLDER, path, clock=clock)
    if stat.S_ISREG(mode):
        return _open(_VIDEO, path, clock=clock)
    raise _not_a_source(address, "neither a file nor a folder")


def _open_pattern(address: Address, *, clock: Clock) -> FrameSource:
    """Open the pictures that a pattern names, in the order of their names; or one video."""
    found = [Path(name) for name in sorted(glob.glob(address.target, recursive=True))]  # noqa: PTH207
    files = [path for path in found if path.is_file()]
    pictures = [path for path in files if _is_picture(path)]
    if pictures:
        return _open(_FOLDER, Path(address.target), pictures=pictures, clock=clock)
    if len(files) == 1:
        return _open(_VIDEO, files[0], clock=clock)
    if files:
        raise SourceError(
            "A pattern given as a source must match pictures, or a single video",
            received=f"{address.shown}: {len(files)} files, none of them a picture",
            fix="Run one video at a time, or several with edge replay",
        )
    raise _not_a_source(address, "no file matches")


def _open_custom(implementation: str, *, clock: Clock, options: SourceOptions) -> FrameSource:
    try:
        make = _load(implementation)
    except (ImportError, AttributeError) as error:
        raise SettingError(
            "A source of your own is named package.module:Class",
            received=f"{implementation}: {error}",
            fix="Check the name, and that its folder is in PYTHONPATH",
        ) from error
    return make(clock=clock, options=options)


def _not_a_source(address: Address, reason: str) -> SettingError | SourceError:
    """Make the error for an address that leads nowhere; what may hold a password is not shown."""
    return unknown_scheme(address.target) or SourceError(
        f"A source is {CHOICES}", received=f"{address.shown}: {reason}", fix="Check the path"
    )


def _is_picture(path: Path) -> bool:
    from edge.images import PICTURE_SUFFIXES  # brings Pillow, which a camera does not need

    return path.suffix.lower() in PICTURE_SUFFIXES - _ANIMATED_SUFFIXES


def _open(implementation: str, *arguments: Any, **settings: Any) -> FrameSource:
    return _load(implementation)(*arguments, **settings)


def _load(implementation: str) -> Callable[..., FrameSource]:
    module, _, attribute = implementation.partition(":")
    make: Callable[..., FrameSource] = getattr(import_module(module), attribute)
    return make
