"""Recordings: video files and animated pictures, each frame with its time in the recording."""

import logging
import math
from pathlib import Path

import cv2

from edge.clock import SystemClock
from edge.errors import SourceError
from edge.records import Clock, Frame, Pixels
from edge.sources.opencv import FILE_PARAMETERS, Capture

logger = logging.getLogger(__name__)

_USUAL_RATE_HZ = 25.0
_HIGHEST_RATE_HZ = 1000.0
_COUNT_TOLERANCE = 0.02  # containers estimate their number of frames


class VideoFile:
    """The frames of a video file, one after the other, none left out.

    Args:
        path: Anything the FFmpeg in OpenCV decodes: mp4, avi, mkv, webm, gif, ...
        clock: Stamps the frames.

    Raises:
        SourceError: The file is missing or holds no video that can be decoded.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = SystemClock() if clock is None else clock
        _check_file(path)
        self._capture = Capture(str(path), api=cv2.CAP_FFMPEG, parameters=FILE_PARAMETERS)
        if not self._capture.is_open:
            raise _undecodable(path, "no video that OpenCV can decode")
        self._period_seconds = 1.0 / self._rate_hz()
        self._first_position_seconds = 0.0
        self._index = 0
        self._time_seconds = -self._period_seconds

    def read(self) -> Frame | None:
        """Return the next frame; `None` at the end of the recording.

        Raises:
            SourceError: Not one frame could be decoded.
        """
        pixels_bgr = self._capture.read()
        if pixels_bgr is None:
            self._check_end()
            return None
        return self._frame(pixels_bgr)

    def skip(self) -> float | None:
        """Pass over the next frame without converting it."""
        return self._count() if self._capture.grab() else None

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._capture.close()

    def _frame(self, pixels_bgr: Pixels) -> Frame:
        time_seconds = self._count()
        return Frame(pixels_bgr, self._index - 1, time_seconds, self._clock.monotonic())

    def _count(self) -> float:
        self._time_seconds = self._next_time()
        self._index += 1
        return self._time_seconds

    def _next_time(self) -> float:
        """Read the frame's position; one period after the frame before where that is no time."""
        position = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self._index == 0:
            self._first_position_seconds = position if math.isfinite(position) else 0.0
            return 0.0
        time_seconds = position - self._first_position_seconds
        if math.isfinite(time_seconds) and time_seconds > self._time_seconds:
            return time_seconds
        return self._time_seconds + self._period_seconds

    def _rate_hz(self) -> float:
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        if math.isfinite(rate_hz) and 0.0 < rate_hz <= _HIGHEST_RATE_HZ:
            return rate_hz
        logger.warning(
            "%s: has no usable frame rate (%g); %g per second assumed",
            self._path,
            rate_hz,
            _USUAL_RATE_HZ,
        )
        return _USUAL_RATE_HZ

    def _check_end(self) -> None:
        if self._index == 0:
            raise _undecodable(self._path, "a video without a frame that can be decoded")
        promised = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if self._index < promised * (1 - _COUNT_TOLERANCE) - 1:
            logger.warning(
                "%s: ended after %d of %d frames; the file may be damaged",
                self._path,
                self._index,
                promised,
            )


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise SourceError(
            "A recording must be a file that can be read",
            received=f"{path}: {error.strerror or error}",
            fix="Check the path and its permissions",
        ) from error
    if is_empty:
        raise _undecodable(path, "an empty file")


def _undecodable(path: Path, reason: str) -> SourceError:
    return SourceError(
        "A recording must be a video",
        received=f"{path}: {reason}",
        fix="Play it in another program to see whether it is intact; "
        "mp4 (H.264), avi, mkv, webm and gif work",
    )
