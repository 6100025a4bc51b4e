"""Sources by address: cameras, video files, folders of pictures, the demo scene.

Implementations are named by string and imported on use, so that a folder of pictures needs no
video decoder and a camera no picture decoder.
"""

import re
import stat
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from edge.errors import SettingError, SourceError
from edge.records import Clock, Frame, FrameSource
from edge.sources.pacing import PacedSource

CHOICES = (
    "a camera (0, 1, ..., /dev/video0), a video file, a folder of pictures, or demo: "
    "(a scene made by the program)"
)
"""What can be given as a source, in words."""

_CAMERA = "edge.sources.camera:Camera"
_VIDEO = "edge.sources.video:VideoFile"
_FOLDER = "edge.sources.folder:PictureFolder"
_DEMO = "edge.sources.demo:DemoScene"

_CAMERA_ADDRESS = re.compile(r"(?:camera:)?(\d+)|(/dev/.+)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two letters at least: C: is a drive
_ANIMATED_SUFFIXES = frozenset({".gif"})


def open_source(
    uri: str, *, clock: Clock, pace: bool = True, size_wh: tuple[int, int] = (640, 480)
) -> FrameSource:
    """Open the source that an address names.

    Args:
        uri: "0", "camera:0", "/dev/video0", the path of a video file, of a picture or of a
            folder of pictures, or "demo:".
        clock: Stamps the frames, and waits between those of a recording.
        pace: Run a recording by its own clock; otherwise as fast as it is read.
        size_wh: Width and height to ask a camera or the demo scene for.

    Raises:
        SettingError: The address is of no known kind, or a camera is to run unpaced.
        SourceError: The source cannot be opened.
    """
    camera = _CAMERA_ADDRESS.fullmatch(uri)
    if camera:
        if not pace:
            raise SettingError(
                "Only a recording can run as fast as possible",
                received=f"camera {uri}",
                fix="Leave --as-fast-as-possible out",
            )
        device = camera.group(1) or camera.group(2)
        return _open(_CAMERA, device, clock=clock, size_wh=size_wh)
    recording = _open_recording(uri, clock=clock, size_wh=size_wh)
    return PacedSource(recording, clock=clock) if pace else recording


class DeferredSource:
    """A source that is opened by the first `read`, in the thread that reads.

    Opening a device can take long; so it delays neither the rest of the start nor its end.

    Args:
        open_source: Opens the source; called once.
    """

    def __init__(self, open_source: Callable[[], FrameSource]) -> None:
        self._open_source = open_source
        self._source: FrameSource | None = None
        self._closed = threading.Event()

    def read(self) -> Frame | None:
        """Return the source's next frame; `None` at its end and once closed.

        Raises:
            SourceError: The source cannot be opened or is lost.
            SettingError: The source's address is of no known kind.
        """
        if self._closed.is_set():
            return None
        if self._source is None:
            self._source = self._open_source()
        frame = self._source.read()
        if self._closed.is_set():
            self.close()  # was asked for while the source was opened
        return frame

    def close(self) -> None:
        """Close the source if it was opened; a second call does nothing."""
        self._closed.set()
        if self._source is not None:
            self._source.close()


def _open_recording(uri: str, *, clock: Clock, size_wh: tuple[int, int]) -> FrameSource:
    if uri == "demo:":
        return _open(_DEMO, clock=clock, size_wh=size_wh)
    path = Path(uri)
    try:
        mode = path.stat().st_mode if uri else 0
    except (OSError, ValueError) as error:
        raise _not_a_source(uri, getattr(error, "strerror", None) or str(error)) from error
    if stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and _is_picture(path)):
        return _open(_FOLDER, path, clock=clock)
    if stat.S_ISREG(mode):
        return _open(_VIDEO, path, clock=clock)
    raise _not_a_source(uri, "neither a file nor a folder")


def _not_a_source(uri: str, reason: str) -> SettingError | SourceError:
    """Make the error for an address that leads nowhere; what may hold a password is not shown."""
    scheme = _SCHEME.match(uri)
    if scheme or not uri:
        received = f"an address that starts with {scheme.group(0)}" if scheme else "an empty text"
        return SettingError(f"A source is {CHOICES}", received=received, fix="Choose one of these")
    return SourceError(f"A source is {CHOICES}", received=f"{uri}: {reason}", fix="Check the path")


def _is_picture(path: Path) -> bool:
    from edge.images import PICTURE_SUFFIXES  # brings Pillow, which a camera does not need

    return path.suffix.lower() in PICTURE_SUFFIXES - _ANIMATED_SUFFIXES


def _open(implementation: str, *arguments: Any, **settings: Any) -> FrameSource:
    module, _, attribute = implementation.partition(":")
    source: FrameSource = getattr(import_module(module), attribute)(*arguments, **settings)
    return source
