"""From a frame to the pixels a model takes: the only resize-and-order code of the project.

Training, conversion and the device all call `fit_frame` with the same `InputSpec`, so that a model
meets on the device the pixels it has learned from.
"""

import cv2
import numpy as np

from edge.manifest import InputSpec, Region
from edge.records import Pixels

PADDING = 127
"""Red, green and blue of what letterbox adds: zero, once `(pixel - 127) / 128` is taken."""

_WHOLE_FRAME = Region()

# Bilinear sampling reads four pixels however far it shrinks: up to this factor that is the
# picture, beyond it mostly noise. A larger frame is first halved by averaging, which OpenCV does
# ten times as fast as averaging by an odd factor (1280x720 to 160x160: 0.3 against 3 ms) and with
# nearly the same result.
_BILINEAR_SHRINK_LIMIT = 5.0


def fit_frame(frame_bgr: Pixels, *, spec: InputSpec, out: Pixels | None = None) -> Pixels:
    """Make a model's input of a frame: cut out its region, resize it, and order its colours.

    `spec.resize` says how a frame of another aspect ratio becomes the input's rectangle:

    - "squash": squeezed, nothing is cut off or added;
    - "crop": what is longer than the input's aspect ratio is cut off, evenly at both ends;
    - "letterbox": the whole is kept in its proportions, and bars of `PADDING` are added.

    Args:
        frame_bgr: `(height, width, 3)`, `uint8`, BGR.
        spec: What the model takes.
        out: Where to put the result, `(spec.height, spec.width, 3)`, `uint8`; for example the
            interpreter's input tensor. A new array when `None`.

    Returns:
        The pixels, `(spec.height, spec.width, 3)`, `uint8`, RGB; `out` itself when given.

    Example:
        >>> import numpy as np
        >>> frame_bgr = np.full((480, 640, 3), (255, 0, 0), np.uint8)  # blue
        >>> fit_frame(frame_bgr, spec=InputSpec(width=2, height=1)).tolist()
        [[[0, 0, 255], [0, 0, 255]]]
    """
    if out is None:
        out = np.empty((spec.height, spec.width, 3), np.uint8)
    inner = place_picture(frame_bgr, spec=spec, out=out)
    cv2.cvtColor(inner, cv2.COLOR_BGR2RGB, dst=inner)
    return out


def place_picture(picture: Pixels, *, spec: InputSpec, out: Pixels) -> Pixels:
    """Do what `fit_frame` does, but leave the order of the colours as it is.

    Args:
        picture: `(height, width, 3)`, `uint8`, in any order of colours.
        spec: What the model takes.
        out: Where to put the result, `(spec.height, spec.width, 3)`, `uint8`.

    Returns:
        The view of `out` that shows the picture: all of it but the bars of letterbox.
    """
    if spec.resize != "squash" or spec.region != _WHOLE_FRAME:
        left, top, right, bottom = seen_box(picture.shape[1::-1], spec)
        picture = picture[top:bottom, left:right]
    inner = _add_bars(picture, out) if spec.resize == "letterbox" else out
    height, width = inner.shape[:2]
    limit_wh = (_BILINEAR_SHRINK_LIMIT * width, _BILINEAR_SHRINK_LIMIT * height)
    while picture.shape[1] > limit_wh[0] or picture.shape[0] > limit_wh[1]:
        picture = _halve(picture)
    cv2.resize(
        _rows_sampled(picture, height), (width, height), dst=inner, interpolation=cv2.INTER_LINEAR
    )
    return inner


def seen_box(frame_wh: tuple[int, int], spec: InputSpec) -> tuple[int, int, int, int]:
    """Return the part of a frame that the model sees.

    Args:
        frame_wh: Width and height of the frame, in pixels.
        spec: What the model takes.

    Returns:
        Left, top, right and bottom in pixels, the last two not included; at least a pixel each
        way.

    Example:
        >>> seen_box((640, 480), InputSpec(160, 160, resize="crop"))
        (80, 0, 560, 480)
    """
    left, right = _cut(frame_wh[0], spec.region.left, spec.region.right)
    top, bottom = _cut(frame_wh[1], spec.region.top, spec.region.bottom)
    if spec.resize == "crop":
        width, height = right - left, bottom - top
        if width * spec.height > height * spec.width:
            kept = _divide(height * spec.width, spec.height)
            left += (width - kept) // 2
            right = left + kept
        else:
            kept = _divide(width * spec.height, spec.width)
            top += (height - kept) // 2
            bottom = top + kept
    return left, top, right, bottom


def describe_framing(spec: InputSpec) -> str:
    """Say in words what becomes of a frame.

    Example:
        >>> describe_framing(InputSpec(160, 160, region=Region(0.5, 0.0, 1.0, 1.0)))
        'the region 0.5,0,1,1, squashed'
    """
    part = "the whole frame" if spec.region == _WHOLE_FRAME else f"the region {spec.region}"
    words = {
        "squash": "squashed",
        "crop": "cropped to the middle",
        "letterbox": "between bars (letterbox)",
    }
    return f"{part}, {words[spec.resize]}"


def _cut(length: int, begin: float, end: float) -> tuple[int, int]:
    """Turn fractions of a side into pixels, rounded half up."""
    first = min(int(begin * length + 0.5), length - 1)
    return first, max(int(end * length + 0.5), first + 1)


def _divide(dividend: int, divisor: int) -> int:
    """Divide and round half up, to one at least."""
    return max(1, (2 * dividend + divisor) // (2 * divisor))


def _add_bars(picture: Pixels, out: Pixels) -> Pixels:
    """Fill the bars beside a picture that keeps its proportions; return the view between them."""
    (height, width), (out_height, out_width) = picture.shape[:2], out.shape[:2]
    if width * out_height > height * out_width:
        inner_height = _divide(height * out_width, width)
        top = (out_height - inner_height) // 2
        out[:top] = out[top + inner_height :] = PADDING
        return out[top : top + inner_height]
    inner_width = _divide(width * out_height, height)
    left = (out_width - inner_width) // 2
    out[:, :left] = out[:, left + inner_width :] = PADDING
    return out[:, left : left + inner_width]


def _halve(picture: Pixels) -> Pixels:
    """Average blocks of two by two pixels; of an odd side the last row or column is left out.

    A side of one pixel stays: only the other one is halved.
    """
    height, width = picture.shape[:2]
    half_wh = (max(width // 2, 1), max(height // 2, 1))
    halved = np.empty((half_wh[1], half_wh[0], 3), np.uint8)
    even = picture[: half_wh[1] * min(height, 2), : half_wh[0] * min(width, 2)]
    cv2.resize(even, half_wh, dst=halved, interpolation=cv2.INTER_AREA)
    return halved


def _rows_sampled(picture: Pixels, height: int) -> Pixels:
    """Leave out the rows that have no weight: shrunk by an odd factor, a row is one of the frame's.

    The result is the same to the bit, and 480 to 160 rows takes three quarters of the time.
    """
    factor, rest = divmod(picture.shape[0], height)
    return picture[factor // 2 :: factor] if factor % 2 and not rest else picture
