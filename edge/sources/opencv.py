"""What cameras and recordings share: a `cv2.VideoCapture` that is quiet and safe to close."""

import os
import threading
from typing import Any

import cv2

from edge.records import Pixels

OPEN_SECONDS = 3
"""Longest time that opening a live source may take."""

READ_SECONDS = 2
"""Longest time that a live source may leave a reader without a frame."""

_FILE_SECONDS = 5  # a disk that sleeps, a network drive

# OpenCV and the FFmpeg and V4L2 code in it write warnings of their own for what is reported
# here as an error. Whoever sets these variables gets to see them.
_NATIVE_SETTINGS = {
    "OPENCV_FFMPEG_LOGLEVEL": "-8",  # AV_LOG_QUIET
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": str(OPEN_SECONDS),  # also of the first frame
}

_SILENT = 0  # cv::utils::logging::LOG_LEVEL_SILENT


def time_limits(*, open_seconds: int, read_seconds: int) -> tuple[int, ...]:
    """Return the parameters that keep FFmpeg from waiting longer.

    Example:
        >>> time_limits(open_seconds=3, read_seconds=2)[1::2]
        (3000, 2000)
    """
    return (
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        open_seconds * 1000,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        read_seconds * 1000,
    )


FILE_PARAMETERS = time_limits(open_seconds=_FILE_SECONDS, read_seconds=_FILE_SECONDS)
STREAM_PARAMETERS = time_limits(open_seconds=OPEN_SECONDS, read_seconds=READ_SECONDS)


class Capture:
    """An open `cv2.VideoCapture`; may be closed by one thread while another one reads.

    Args:
        address: What OpenCV opens: a path or the number of a camera.
        api: One of `cv2.CAP_*`.
        parameters: Pairs of `cv2.CAP_PROP_*` and value, used while it is opened.
    """

    def __init__(self, address: str | int, *, api: int, parameters: tuple[int, ...] = ()) -> None:
        _set_up()
        self._lock = threading.Lock()
        self._is_closed = False
        try:
            self._capture: Any = cv2.VideoCapture(address, api, list(parameters))
        except cv2.error:
            self._capture = cv2.VideoCapture()

    @property
    def is_open(self) -> bool:
        """Whether OpenCV could open it."""
        return bool(self._capture.isOpened())

    def get(self, setting: int) -> float:
        """Return one of `cv2.CAP_PROP_*`; 0 where the source does not know it."""
        return float(self._capture.get(setting))

    def read(self) -> Pixels | None:
        """Return the next picture, `(height, width, 3)`, BGR; `None` when there is none."""
        pixels_bgr: Pixels | None = None
        with self._lock:
            if not self._is_closed:
                pixels_bgr = self._read()
        if self._is_closed:
            self.close()  # was asked for while the picture was waited for
        return pixels_bgr

    def grab(self) -> bool:
        """Pass over the next picture, undecoded where the format allows; say whether there was."""
        with self._lock:
            is_grabbed = not self._is_closed and bool(self._capture.grab())
        if self._is_closed:
            self.close()
        return is_grabbed

    def close(self) -> None:
        """Release the source, at the latest when a `read` that is under way returns."""
        self._is_closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._capture.release()
            finally:
                self._lock.release()

    def _read(self) -> Pixels | None:
        try:
            is_read, pixels_bgr = self._capture.read()
        except cv2.error:
            return None
        return pixels_bgr if is_read else None


def _set_up() -> None:
    for name, value in _NATIVE_SETTINGS.items():
        os.environ.setdefault(name, value)
    if "OPENCV_LOG_LEVEL" not in os.environ:
        # OpenCV 4 has it at the top, OpenCV 5 in a module of its own.
        silence: Any = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
        silence(_SILENT)
