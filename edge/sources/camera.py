"""Cameras that the operating system offers: USB, built in, anything under /dev/video*."""

import errno
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2

from edge.errors import SourceError, SourceRefusedError
from edge.hardware import find_cameras, find_users, is_receiver
from edge.records import Clock, Frame, Pixels
from edge.sources.opencv import OPEN_SECONDS, Capture
from edge.sources.options import SourceOptions
from edge.sources.stamping import FrameStamper
from edge.v4l2 import can_capture, driver_name, query_capability

logger = logging.getLogger(__name__)

_MOST_FAILED_READS = 3  # a cable that is touched costs a picture or two
_RATE_TOLERANCE = 0.1
_DEFAULTS = SourceOptions()
_DEVICES = Path("/dev")
_DEVICE_NAMES = Path("/sys/class/video4linux")


class OpenCapture(Protocol):
    """What a camera needs of a device; `edge.sources.opencv.Capture` has it."""

    @property
    def is_open(self) -> bool:
        """Whether the device could be opened."""

    def read(self) -> Pixels | None:
        """Return the next picture, or `None`."""

    def grab(self) -> bool:
        """Pass over the next picture; say whether there was one."""

    def get(self, setting: int) -> float:
        """Return one of `cv2.CAP_PROP_*`; 0 where the device does not know it."""

    def close(self) -> None:
        """Release the device."""


class Camera:
    """A camera, read as fast as it delivers.

    Args:
        device: Number or path: "0", "/dev/video0", "/dev/v4l/by-id/...".
        clock: Stamps the frames.
        options: Size, rate and pixel format to ask for; one line in the log says what the camera
            delivers instead.
        open_capture: Opens the device; OpenCV unless told otherwise.

    Raises:
        SourceRefusedError: The camera is not accessible to this user, or the device is none.
        SourceError: The camera is missing or busy.
    """

    def __init__(
        self,
        device: str,
        *,
        clock: Clock | None = None,
        options: SourceOptions = _DEFAULTS,
        open_capture: Callable[[str, SourceOptions], OpenCapture] | None = None,
    ) -> None:
        self._name = f"camera {device}"
        self._stamper = FrameStamper(clock)
        self._device = device
        self._options = options
        if open_capture is None:
            _check_device(device)
            open_capture = _open_capture
        self._capture = open_capture(device, options)
        if not self._capture.is_open:
            self._capture.close()
            raise _busy(device)

    def read(self) -> Frame | None:
        """Wait for the next picture; a camera never ends by itself.

        Raises:
            SourceError: The camera delivers no more; it was unplugged or has stalled.
        """
        pixels_bgr = self._read_patiently()
        if self._stamper.count == 0:
            self._report_differences(pixels_bgr)
        return self._stamper.stamp(pixels_bgr)

    def skip(self) -> float | None:
        """Pass over the next picture without decoding it."""
        return self._stamper.skip() if self._capture.grab() else None

    def close(self) -> None:
        """Release the camera; a second call does nothing."""
        self._capture.close()

    def _read_patiently(self) -> Pixels:
        clock = self._stamper.clock
        give_up_seconds = clock.monotonic() + OPEN_SECONDS
        for _ in range(_MOST_FAILED_READS):
            pixels_bgr = self._capture.read()
            if pixels_bgr is not None:
                return pixels_bgr
            if clock.monotonic() >= give_up_seconds:
                break
        if self._stamper.count == 0:
            raise _busy(self._device)
        raise SourceError(
            f"C{self._name[1:]} must go on delivering pictures",
            received=f"none after picture {self._stamper.count}; "
            "it was unplugged, taken by another program, or has stalled",
            fix="Check cable, power and other programs that use it, then start again",
        )

    def _report_differences(self, pixels_bgr: Pixels) -> None:
        """Say once what the camera delivers instead of what it was asked for."""
        differences = _differences(self._capture, pixels_bgr, self._options)
        if differences:
            logger.warning("%s: delivers %s", self._name, ", ".join(differences))


def _differences(device: OpenCapture, pixels_bgr: Pixels, options: SourceOptions) -> list[str]:
    found = []
    size = f"{pixels_bgr.shape[1]}x{pixels_bgr.shape[0]}"
    asked_size = f"{options.size_wh[0]}x{options.size_wh[1]}"
    if size != asked_size:
        found.append(f"{size} instead of {asked_size}")
    if options.rate_hz is not None:
        rate_hz = device.get(cv2.CAP_PROP_FPS)
        if rate_hz > 0 and abs(rate_hz / options.rate_hz - 1) > _RATE_TOLERANCE:
            found.append(f"{rate_hz:g} instead of {options.rate_hz:g} frames per second")
    if options.pixel_format is not None:
        pixel_format = _format_name(int(device.get(cv2.CAP_PROP_FOURCC)))
        if pixel_format != options.pixel_format:
            found.append(f"{pixel_format or 'an unknown format'} instead of {options.pixel_format}")
    return found


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


def _open_capture(device: str, options: SourceOptions) -> Capture:
    width, height = options.size_wh
    parameters: tuple[int, ...] = ()
    if options.pixel_format is not None:  # first: sizes and rates are those of a format
        code = cv2.VideoWriter.fourcc(*options.pixel_format.ljust(4))
        parameters = (cv2.CAP_PROP_FOURCC, code)
    parameters += (cv2.CAP_PROP_FRAME_WIDTH, width, cv2.CAP_PROP_FRAME_HEIGHT, height)
    if options.rate_hz is not None:
        parameters += (cv2.CAP_PROP_FPS, max(1, round(options.rate_hz)))  # no fractions
    if not sys.platform.startswith("linux"):
        address = int(device) if device.isdecimal() else device
        return Capture(address, api=cv2.CAP_ANY, parameters=parameters)
    # One buffer: a picture that nobody fetched is overwritten instead of queued.
    parameters += (cv2.CAP_PROP_BUFFERSIZE, 1)
    return Capture(str(_device_path(device)), api=cv2.CAP_V4L2, parameters=parameters)


def _format_name(code: int) -> str:
    """Return the four letters of a code, without what fills it up; nothing if it has no letters."""
    letters = (code & 0xFFFF_FFFF).to_bytes(4, "little").decode("latin-1").strip("\0 ")
    return letters if letters.isascii() and letters.isprintable() else ""


def _device_path(device: str) -> Path:
    return _DEVICES / f"video{device}" if device.isdecimal() else Path(device)


def _check_device(device: str) -> None:
    """Find out what OpenCV would not tell: whether the device exists, is a camera, may be used."""
    if not sys.platform.startswith("linux"):
        return
    path = _device_path(device)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError as error:
        raise SourceRefusedError(
            f"Camera {path} must be accessible to you",
            received="permission denied",
            fix="Join the group of the cameras and log in again: sudo usermod -aG video $USER",
        ) from error
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _busy(device) from error
        raise _missing(path, error) from error
    capability = query_capability(path)
    if capability is None or not can_capture(capability):
        raise SourceRefusedError(
            f"{path} must be a camera",
            received="a device that delivers no pictures",
            fix=_choose_another(),
        )
    if is_receiver(driver_name(capability)):
        raise SourceRefusedError(
            "A camera module of a Raspberry Pi is reached through libcamera",
            received=f"{path}, which hands out the raw data of its sensor",
            fix="Use --source picamera2:",
        )


def _missing(path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"Camera {path} must exist", received=error.strerror or str(error), fix=_choose_another()
    )


def _choose_another() -> str:
    cameras = ", ".join(list_cameras(devices=_DEVICES))
    instead = (
        f"Use one of {cameras}" if cameras else "Plug a camera in (there is none under /dev/video*)"
    )
    return f"{instead}, or use --source with a video file, a folder of pictures or demo:"


def _busy(device: str) -> SourceError:
    users = find_users(_device_path(device)) if sys.platform.startswith("linux") else ()
    others = [user for user in users if user.pid != os.getpid()]
    if others:
        received = "it is in use by " + ", ".join(f"{user.name} ({user.pid})" for user in others)
    else:
        received = "it cannot be opened as a camera; another program uses it, or it is none"
    return SourceError(
        f"Camera {device} must be free and deliver pictures",
        received=received,
        fix="Close other programs that use it (sudo fuser -v /dev/video*), or choose another one",
    )
