"""Cameras that the operating system offers: USB, built in, anything under /dev/video*."""

import errno
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2

from edge.clock import SystemClock
from edge.errors import SourceError
from edge.hardware import find_cameras
from edge.records import Clock, Frame, Pixels
from edge.sources.opencv import TIMEOUT_SECONDS, Capture

logger = logging.getLogger(__name__)

_MOST_FAILED_READS = 3  # a cable that is touched costs a picture or two
_DEVICES = Path("/dev")
_DEVICE_NAMES = Path("/sys/class/video4linux")


class OpenCapture(Protocol):
    """What a camera needs of a device; `edge.sources.opencv.Capture` has it."""

    @property
    def is_open(self) -> bool:
        """Whether the device could be opened."""

    def read(self) -> Pixels | None:
        """Return the next picture, or `None`."""

    def close(self) -> None:
        """Release the device."""


class Camera:
    """A camera, read as fast as it delivers.

    Args:
        device: Number or path: "0", "/dev/video0", "/dev/v4l/by-id/...".
        clock: Stamps the frames.
        size_wh: Width and height to ask for; what the camera delivers instead is logged.
        open_capture: Opens the device; OpenCV unless told otherwise.

    Raises:
        SourceError: The camera is missing, busy or not accessible.
    """

    def __init__(
        self,
        device: str,
        *,
        clock: Clock | None = None,
        size_wh: tuple[int, int] = (640, 480),
        open_capture: Callable[[str, tuple[int, int]], OpenCapture] | None = None,
    ) -> None:
        self._name = f"camera {device}"
        self._clock = SystemClock() if clock is None else clock
        self._size_wh = size_wh
        self._index = 0
        self._start_seconds = 0.0
        if open_capture is None:
            _check_device(device)
            open_capture = _open_capture
        self._capture = open_capture(device, size_wh)
        if not self._capture.is_open:
            self._capture.close()
            raise _busy(self._name)

    def read(self) -> Frame | None:
        """Wait for the next picture; a camera never ends by itself.

        Raises:
            SourceError: The camera delivers no more; it was unplugged or has stalled.
        """
        pixels_bgr = self._read_patiently()
        now_seconds = self._clock.monotonic()
        if self._index == 0:
            self._start_seconds = now_seconds
            self._report_size(pixels_bgr)
        frame = Frame(pixels_bgr, self._index, now_seconds - self._start_seconds, now_seconds)
        self._index += 1
        return frame

    def close(self) -> None:
        """Release the camera; a second call does nothing."""
        self._capture.close()

    def _read_patiently(self) -> Pixels:
        give_up_seconds = self._clock.monotonic() + TIMEOUT_SECONDS
        for _ in range(_MOST_FAILED_READS):
            pixels_bgr = self._capture.read()
            if pixels_bgr is not None:
                return pixels_bgr
            if self._clock.monotonic() >= give_up_seconds:
                break
        if self._index == 0:
            raise _busy(self._name)
        raise SourceError(
            f"C{self._name[1:]} must go on delivering pictures",
            received=f"none after picture {self._index}; it was unplugged, or taken or has stalled",
            fix="Check cable, power and other programs that use it, then start again",
        )

    def _report_size(self, pixels_bgr: Pixels) -> None:
        height, width = pixels_bgr.shape[:2]
        if (width, height) != self._size_wh:
            logger.warning(
                "%s: delivers %dx%d instead of %dx%d", self._name, width, height, *self._size_wh
            )


def list_cameras(*, devices: Path = _DEVICES, names: Path = _DEVICE_NAMES) -> tuple[str, ...]:
    """Name the cameras of a Linux system, each with what the driver calls it.

    Args:
        devices: The folder with the `video*` devices.
        names: The kernel's folder with a folder per device.

    Example:
        >>> list_cameras(devices=Path("/nowhere"))
        ()
    """
    return tuple(f"{camera.device} ({camera.name})" for camera in find_cameras(devices, names))


def _open_capture(device: str, size_wh: tuple[int, int]) -> Capture:
    width, height = size_wh
    size = (cv2.CAP_PROP_FRAME_WIDTH, width, cv2.CAP_PROP_FRAME_HEIGHT, height)
    if not sys.platform.startswith("linux"):
        address = int(device) if device.isdecimal() else device
        return Capture(address, api=cv2.CAP_ANY, parameters=size)
    # One buffer: a picture that nobody fetched is overwritten instead of queued.
    parameters = (*size, cv2.CAP_PROP_BUFFERSIZE, 1)
    return Capture(str(_device_path(device)), api=cv2.CAP_V4L2, parameters=parameters)


def _device_path(device: str) -> Path:
    return _DEVICES / f"video{device}" if device.isdecimal() else Path(device)


def _check_device(device: str) -> None:
    """Find out what OpenCV would not tell: whether the device exists and may be used."""
    if not sys.platform.startswith("linux"):
        return
    path = _device_path(device)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError as error:
        raise SourceError(
            f"Camera {path} must be accessible to you",
            received="permission denied",
            fix="Join the group of the cameras and log in again: sudo usermod -aG video $USER",
        ) from error
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _busy(f"camera {path}") from error
        raise _missing(path, error) from error


def _missing(path: Path, error: OSError) -> SourceError:
    cameras = ", ".join(list_cameras(devices=_DEVICES))
    instead = (
        f"Use one of {cameras}" if cameras else "Plug a camera in (there is none under /dev/video*)"
    )
    return SourceError(
        f"Camera {path} must exist",
        received=error.strerror or str(error),
        fix=f"{instead}, or use --source with a video file, a folder of pictures or demo:",
    )


def _busy(name: str) -> SourceError:
    return SourceError(
        f"C{name[1:]} must be free and deliver pictures",
        received="it cannot be opened as a camera; another program uses it, or it is none",
        fix="Close other programs that use it (sudo fuser -v /dev/video*), or choose another one",
    )
