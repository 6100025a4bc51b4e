"""What can be measured of a photo without knowing what it shows: size, light, colour, sharpness."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import PictureError
from edge.images import describe_picture, read_picture
from edge.manifest import InputSpec
from edge.preprocess import fit_frame
from edge.records import Pixels
from train.folder import PhotoFile
from train.scan import map_in_threads

MEASURED_SIDE = 256
"""Photos are measured at this width or height, the longer one, so that sharpness compares."""

_MEAN_SIDE = 96
_MEAN_INPUT = InputSpec(_MEAN_SIDE, _MEAN_SIDE)


@dataclass(frozen=True, slots=True)
class PhotoMeasures:
    """What was measured of a photo.

    Attributes:
        path: Relative to the data's root.
        label: Its label.
        width: In pixels, upright.
        height: In pixels, upright.
        brightness: Mean grey value, in [0, 1].
        contrast: Standard deviation of the grey values, in [0, 1].
        saturation: Mean distance of the greatest from the least colour value, in [0, 1].
        sharpness: Standard deviation of the Laplacian of the grey values, at `MEASURED_SIDE`
            pixels (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy").
    """

    path: str
    label: str
    width: int
    height: int
    brightness: float
    contrast: float
    saturation: float
    sharpness: float

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What was measured of a folder's photos.

    Attributes:
        photos: Those that could be decoded, sorted by path.
        means_bgr: The mean picture of each label, `(96, 96, 3)`, `uint8`, BGR.
    """

    photos: tuple[PhotoMeasures, ...]
    means_bgr: dict[str, Pixels]


class _MeanPictures:
    """Adds up pictures per label; whole numbers, so that the order of the threads is all one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, NDArray[np.int64]] = {}
        self._counts: dict[str, int] = {}

    def add(self, label: str, frame_bgr: Pixels) -> None:
        small_rgb = fit_frame(frame_bgr, spec=_MEAN_INPUT)
        with self._lock:
            if label not in self._sums:
                self._sums[label] = np.zeros(small_rgb.shape, np.int64)
            self._sums[label] += small_rgb
            self._counts[label] = self._counts.get(label, 0) + 1

    def means_bgr(self) -> dict[str, Pixels]:
        return {
            label: np.ascontiguousarray((sums // self._counts[label])[..., ::-1], np.uint8)
            for label, sums in sorted(self._sums.items())
        }


def measure_photos(
    root: Path, files: Sequence[PhotoFile], *, when_done: Callable[[], None] = lambda: None
) -> Measurement:
    """Measure photos in threads; those that cannot be decoded are left out.

    Args:
        root: What the paths are relative to.
        files: The photos.
        when_done: Called in the caller's thread after each file.
    """
    means = _MeanPictures()

    def measure(file: PhotoFile) -> PhotoMeasures | None:
        path = root / file.path
        try:
            frame_bgr = read_picture(path, least_side=MEASURED_SIDE)
            stored_wh = describe_picture(path).size_wh
        except PictureError:
            return None
        means.add(file.label, frame_bgr)
        return measure_frame(file, frame_bgr, stored_wh)

    found = map_in_threads(measure, files, when_done=when_done)
    return Measurement(tuple(one for one in found if one is not None), means.means_bgr())


def measure_frame(file: PhotoFile, frame_bgr: Pixels, stored_wh: tuple[int, int]) -> PhotoMeasures:
    """Measure a decoded photo.

    Args:
        file: Where it comes from.
        frame_bgr: `(height, width, 3)`, `uint8`, BGR, upright, perhaps reduced.
        stored_wh: Its size in the file, perhaps turned.
    """
    height, width = frame_bgr.shape[:2]
    is_turned = (stored_wh[0] > stored_wh[1]) != (width > height)
    full_wh = stored_wh[::-1] if is_turned else stored_wh
    scale = MEASURED_SIDE / max(height, width)
    if scale < 1:
        size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
        resized = cv2.resize(frame_bgr, size_wh, interpolation=cv2.INTER_AREA)
        frame_bgr = np.asarray(resized, np.uint8)
    grey: NDArray[Any] = np.asarray(cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY))
    spread = frame_bgr.max(axis=2).astype(np.int16) - frame_bgr.min(axis=2)
    return PhotoMeasures(
        path=file.path,
        label=file.label,
        width=full_wh[0],
        height=full_wh[1],
        brightness=float(grey.mean()) / 255,
        contrast=float(grey.std()) / 255,
        saturation=float(spread.mean()) / 255,
        sharpness=float(np.asarray(cv2.Laplacian(grey, cv2.CV_32F)).std()) / 255,
    )
