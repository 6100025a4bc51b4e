"""A frame that is kept for the record, and its JPEG."""

import threading

import cv2

from edge.errors import OutputError
from edge.records import Pixels

_JPEG_QUALITY = 85


class Snapshot:
    """A copy of a frame; becomes a JPEG file's content when it is asked for, once, in any thread.

    Args:
        pixels_bgr: `(height, width, 3)`, `uint8`, BGR; copied.

    Example:
        >>> from edge.testing import blank_frame
        >>> Snapshot(blank_frame().pixels_bgr).jpeg()[:2].hex()
        'ffd8'
    """

    def __init__(self, pixels_bgr: Pixels) -> None:
        self._pixels_bgr: Pixels | None = pixels_bgr.copy()
        self._jpeg = b""
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """What it takes of the main memory."""
        pixels_bgr = self._pixels_bgr
        return len(self._jpeg) if pixels_bgr is None else pixels_bgr.nbytes

    def jpeg(self) -> bytes:
        """Return the content of a JPEG file.

        Raises:
            OutputError: The picture cannot be encoded.
        """
        with self._lock:
            if self._pixels_bgr is not None:
                self._jpeg = _encode(self._pixels_bgr)
                self._pixels_bgr = None  # many may wait, and a JPEG is a tenth of the size
            return self._jpeg


def _encode(pixels_bgr: Pixels) -> bytes:
    failure: cv2.error | None = None
    try:
        is_done, encoded = cv2.imencode(
            ".jpg", pixels_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        )
        if is_done:
            return encoded.tobytes()
    except cv2.error as error:
        failure = error
    raise OutputError(
        "A frame must be fit for a JPEG file",
        received=f"one of {pixels_bgr.shape}",
        fix="Ask the camera for a smaller picture",
    ) from failure
