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
        self._pixels_bgr = pixels_bgr.copy()
        self._jpeg: bytes | None = None
        self._lock = threading.Lock()

    def jpeg(self) -> bytes:
        """Return the content of a JPEG file.

        Raises:
            OutputError: The picture cannot be encoded.
        """
        with self._lock:
            if self._jpeg is None:
                options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
                is_done, encoded = cv2.imencode(".jpg", self._pixels_bgr, options)
                if not is_done:
                    raise OutputError(
                        "A frame must be fit for a JPEG file",
                        received=f"one of {self._pixels_bgr.shape}",
                        fix="Ask the camera for a smaller picture",
                    )
                self._jpeg = encoded.tobytes()
            return self._jpeg
