"""Streams that the FFmpeg in OpenCV receives and decodes: RTSP, and video over HTTP."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from edge.address import redact
from edge.errors import SourceError
from edge.records import Clock, Frame
from edge.sources.opencv import READ_SECONDS, STREAM_PARAMETERS, Capture
from edge.sources.stamping import FrameStamper

_OPTIONS_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"

# TCP: a lost packet costs time instead of a torn picture. The others keep FFmpeg from holding
# frames back. https://ffmpeg.org/ffmpeg-formats.html, https://ffmpeg.org/ffmpeg-protocols.html
_OPTIONS = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay"

# More threads would each hold back a frame.
_PARAMETERS = (*STREAM_PARAMETERS, cv2.CAP_PROP_N_THREADS, 1)


class FfmpegStream:
    """A stream, read as fast as it delivers.

    Args:
        url: As FFmpeg takes it, with user and password.
        clock: Stamps the frames.

    Raises:
        SourceError: It cannot be opened within `OPEN_SECONDS`, or holds no video.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._shown = redact(url)
        self._stamper = FrameStamper(clock)
        self._is_closed = False
        with _stream_options():
            self._capture = Capture(url, api=cv2.CAP_FFMPEG, parameters=_PARAMETERS)
        if not self._capture.is_open:
            self._capture.close()
            raise SourceError(
                "A stream must deliver video that OpenCV can decode",
                received=f"{self._shown}: none in time",
                fix="Play it in another program (ffplay, vlc) to see whether it works",
            )

    def read(self) -> Frame | None:
        """Wait for the next frame; a stream never ends by itself.

        Raises:
            SourceError: There is none within `READ_SECONDS`.
        """
        pixels_bgr = self._capture.read()
        if self._is_closed:
            return None
        if pixels_bgr is None:
            raise SourceError(
                "A stream must go on delivering pictures",
                received=f"{self._shown}: none within {READ_SECONDS} s after picture "
                f"{self._stamper.count}, or its end",
                fix="Check the camera's power and network",
            )
        return self._stamper.stamp(pixels_bgr)

    def skip(self) -> float | None:
        """Pass over the next picture without converting it."""
        return self._stamper.skip() if self._capture.grab() else None

    def close(self) -> None:
        """Leave the stream; a second call does nothing."""
        self._is_closed = True
        self._capture.close()


@contextmanager
def _stream_options() -> Iterator[None]:
    """Set the options that FFmpeg takes from the environment only, unless the user has."""
    if _OPTIONS_VARIABLE in os.environ:
        yield
        return
    os.environ[_OPTIONS_VARIABLE] = _OPTIONS
    try:
        yield
    finally:
        os.environ.pop(_OPTIONS_VARIABLE, None)
