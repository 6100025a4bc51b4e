"""Cameras of a Raspberry Pi's own connector, through picamera2 and libcamera.

picamera2 is no package of pip's: it comes from apt, for the system's Python. Its manual, with the
calls used here and the order of the colours (section 4.2.2.1):
https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf
"""

import logging
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np

from edge.errors import MissingExtraError, SourceError
from edge.extras import INSTALL_PICAMERA
from edge.hardware import quiet_libcamera
from edge.records import Clock, Frame, Pixels
from edge.sources.opencv import READ_SECONDS
from edge.sources.options import SourceOptions
from edge.sources.stamping import FrameStamper

logger = logging.getLogger(__name__)

_BGR_IN_MEMORY = "RGB888"  # named after the order in a register; the bytes are blue, green, red
_BUFFERS = 4
_FRAME_TIMES = "FrameDurationLimits"  # shortest and longest, in microseconds
_RATE_TOLERANCE = 0.1
_FAILURES = (RuntimeError, OSError, ValueError, LookupError, TypeError)  # a time-out is an OSError
_DEFAULTS = SourceOptions()


class PiCamera:
    """A camera that libcamera knows, read as fast as it delivers.

    Args:
        number: Of the camera in libcamera's list: "0", "1".
        clock: Stamps the frames.
        options: Size and rate are asked for; the pixel format is always BGR. One line in the log
            says what the camera delivers instead.

    Raises:
        MissingExtraError: picamera2 cannot be imported.
        SourceError: There is no camera of this number, it is busy or does not start.
    """

    def __init__(
        self,
        number: str = "0",
        *,
        clock: Clock | None = None,
        options: SourceOptions = _DEFAULTS,
    ) -> None:
        self._name = f"picamera2:{number}"
        self._stamper = FrameStamper(clock)
        self._options = options
        self._camera = _open_camera(int(number), self._name)
        try:
            self._camera.configure(self._configuration())
            self._camera.start()
        except _FAILURES as error:
            self.close()
            raise _failed(self._name, error) from error

    def read(self) -> Frame | None:
        """Wait for the next picture; a camera never ends by itself.

        Raises:
            SourceError: The camera delivers no more.
        """
        camera = self._camera
        if camera is None:
            return None
        try:
            pixels = camera.capture_array("main", wait=float(READ_SECONDS))
        except _FAILURES as error:
            raise _lost(self._name, str(error) or type(error).__name__) from error
        if not (isinstance(pixels, np.ndarray) and pixels.ndim == 3 and pixels.shape[2] == 3):
            raise _lost(self._name, "something that is no picture of three colours")
        pixels_bgr = np.ascontiguousarray(pixels, np.uint8)
        if self._stamper.count == 0:
            self._report_differences(pixels_bgr)
        return self._stamper.stamp(pixels_bgr)

    def close(self) -> None:
        """Release the camera; a second call does nothing."""
        camera, self._camera = self._camera, None
        if camera is not None:
            for release in (camera.stop, camera.close):
                with suppress(*_FAILURES):
                    release()

    def _configuration(self) -> Any:
        """Ask for size and rate; older picamera2 knows a rate as the time of a frame only."""
        main = {"size": self._options.size_wh, "format": _BGR_IN_MEMORY}
        rate_hz = self._options.rate_hz
        controls = {}
        if rate_hz is not None:
            frame_us = round(1e6 / rate_hz)
            controls = {_FRAME_TIMES: (frame_us, frame_us)}
        return self._camera.create_video_configuration(
            main=main, controls=controls, buffer_count=_BUFFERS
        )

    def _report_differences(self, pixels_bgr: Pixels) -> None:
        """Say once what the camera delivers instead of what it was asked for."""
        options = self._options
        found = []
        height, width = pixels_bgr.shape[:2]
        if (width, height) != options.size_wh:
            found.append(f"{width}x{height} instead of {options.size_wh[0]}x{options.size_wh[1]}")
        rate_hz = _nearest_rate(self._camera, options.rate_hz)
        if options.rate_hz and rate_hz and abs(rate_hz / options.rate_hz - 1) > _RATE_TOLERANCE:
            found.append(f"{rate_hz:.4g} instead of {options.rate_hz:g} frames per second")
        if options.pixel_format is not None:
            found.append(f"{_BGR_IN_MEMORY} instead of {options.pixel_format}")
        if found:
            logger.warning("camera %s: delivers %s", self._name, ", ".join(found))


def _nearest_rate(camera: Any, rate_hz: float | None) -> float | None:
    """Return the rate that the sensor keeps to when asked for this one; `None` if not known."""
    limits = camera.camera_controls.get(_FRAME_TIMES)
    if rate_hz is None or not limits or not limits[0] > 0:
        return None
    shortest_us, longest_us = float(limits[0]), float(limits[1])
    return 1e6 / min(max(1e6 / rate_hz, shortest_us), max(longest_us, shortest_us))


def _open_camera(number: int, name: str) -> Any:
    quiet_libcamera()
    try:
        picamera2: Any = import_module("picamera2").Picamera2
    except (ImportError, AttributeError, ValueError) as error:  # ValueError: another NumPy's
        raise MissingExtraError(
            "A camera of the Raspberry Pi's own connector needs picamera2",
            received=f"{type(error).__name__}: {error}",
            fix=INSTALL_PICAMERA,
        ) from error
    count = len(picamera2.global_camera_info())
    if number >= count:
        raise SourceError(
            f"Camera {name} must exist",
            received=f"libcamera knows {count} cameras",
            fix="Check the ribbon cable with the power off, and what rpicam-hello --list-cameras "
            "lists",
        )
    try:
        return picamera2(number)
    except _FAILURES as error:
        raise _failed(name, error) from error


def _failed(name: str, error: Exception) -> SourceError:
    cause = error.__cause__ or error.__context__ or error
    return SourceError(
        f"Camera {name} must be free and start",
        received=str(cause) or type(cause).__name__,
        fix="Close other programs that use it; edge doctor names them",
    )


def _lost(name: str, reason: str) -> SourceError:
    return SourceError(
        f"Camera {name} must go on delivering pictures",
        received=reason,
        fix="Check the ribbon cable with the power off, then start again",
    )
