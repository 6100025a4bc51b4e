"""Picture files to pixels: the only decoder of the project.

Pillow does the reading because OpenCV returns a half-grey picture for a truncated file, drops
alpha and ignores the size that a header declares until it has allocated it.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from edge.errors import PictureError
from edge.records import Pixels

MAX_PIXELS = 50_000_000
"""Largest picture that is decoded; a header that declares more is refused unread."""

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jfif"}
)

# The content decides, not the suffix. Pillow's other formats stay closed: EPS starts Ghostscript.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "WEBP", "TIFF")

_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    RuntimeError,
)

_SYSTEM_NAMES = frozenset(
    {
        "thumbs.db",
        "desktop.ini",
        "icon\r",
        "__macosx",
        "@eadir",
        "#recycle",
        "$recycle.bin",
        "system volume information",
        "lost+found",
    }
)

_BACKDROP_GREY = 128  # behind transparent parts


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """How a file stores its picture.

    Attributes:
        format: Such as "JPEG".
        mode: Pillow's name of the pixel layout: "RGB", "L", "P", "CMYK", "I;16" and others.
        is_deep: It stores more than 8 bits per value.
        has_alpha: Parts of it are transparent, or may be.
        frames: More than one for an animation or a TIFF file of several pages.
        is_turned: An EXIF orientation says that it is not stored upright.
        size_wh: As stored, in pixels.
    """

    format: str
    mode: str
    is_deep: bool
    has_alpha: bool
    frames: int
    is_turned: bool
    size_wh: tuple[int, int]


def read_picture(path: Path, *, least_side: int | None = None) -> Pixels:
    """Decode a picture file as a person would see it.

    EXIF orientation is applied, the first frame of an animation taken, transparency laid on
    mid-grey, 16-bit scaled, CMYK, palette and grey converted.

    Args:
        path: The file.
        least_side: Width and height that will do, in pixels. A JPEG file of at least twice that
            is decoded at a half, a quarter or an eighth of its size, which takes a sixth of the
            time for a photo of 12 megapixels; its data is still read to the end.

    Returns:
        `(height, width, 3)`, `uint8`, BGR.

    Raises:
        PictureError: The file cannot be read or decoded in full, or declares more than
            `MAX_PIXELS`; the message names it and the reason.
    """
    if path.is_fifo():
        raise _undecodable(path, "it is a pipe")  # opening it would wait for a writer
    with _opened(path) as picture:
        _check_size(path, picture)
        if least_side is not None:
            picture.draft(None, (least_side, least_side))
        return _to_bgr(picture)


def describe_picture(path: Path) -> PictureFacts:
    """Say how a file stores its picture, by its header.

    Raises:
        PictureError: The file cannot be read or is no picture known here.
    """
    with _opened(path) as picture:
        frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        return PictureFacts(
            format="JPEG" if picture.format == "MPO" else str(picture.format),
            mode=picture.mode,
            is_deep=_is_deep(picture),
            has_alpha=picture.has_transparency_data,
            frames=frames,
            is_turned=picture.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9),
            size_wh=picture.size,
        )


def list_pictures(folder: Path) -> list[Path]:
    """Find the picture files of a folder and its subfolders, sorted.

    Hidden ones and those of the system's own folders are left out, see `is_hidden`. Links to
    folders are not followed, so that a looping link ends nothing.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not any(is_hidden(part) for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden or the system's own, not the user's.

    Network drives keep thumbnails of all photos in `@eaDir`, and deleted ones in `#recycle`.

    Example:
        >>> [is_hidden(name) for name in (".cache", "@eaDir", "Thumbs.db", "cat")]
        [True, True, True, False]
    """
    return name.startswith(".") or name.casefold() in _SYSTEM_NAMES


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture; what goes wrong with it inside the block becomes a `PictureError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns where `_check_size` already refuses
            with Image.open(path, formats=_FORMATS) as picture:
                yield picture
    except Image.DecompressionBombError as error:
        raise _too_large(path, "far more, as a decompression bomb does") from error
    except UnidentifiedImageError as error:
        raise _undecodable(path, _describe_content(path)) from error
    except PictureError:
        raise
    except _DECODER_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise _undecodable(path, reason) from error


def _is_deep(picture: Image.Image) -> bool:
    """Whether values have more than 8 bits; Pillow keeps 16-bit colours in 8 and says so no more.

    What remains is the layout that its decoder is told to read, such as "RGB;16B".
    """
    return picture.mode.startswith(("I", "F")) or ";16" in str(getattr(picture, "tile", ""))


def _check_size(path: Path, picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{width}x{height}")


def _to_bgr(picture: Image.Image) -> Pixels:
    picture.seek(0)
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        grey = _scale_to_uint8(np.asarray(upright))
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        backdrop = Image.new("RGBA", rgba.size, (_BACKDROP_GREY,) * 3 + (255,))
        upright = Image.alpha_composite(backdrop, rgba)
    rgb = np.asarray(upright.convert("RGB"))
    return np.ascontiguousarray(rgb[:, :, ::-1])


def _scale_to_uint8(values: NDArray[Any]) -> Pixels:
    """Bring 16-bit or wider grey values, which Pillow would clip at 255, into 8 bits."""
    if values.dtype == np.uint16 or values.max(initial=0) > 255:
        values = values.astype(np.float32) / 257.0
    scaled: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return scaled


def _describe_content(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return "the file is empty"
    if head.lstrip()[:1] == b"<":
        return "it holds text (HTML or XML)"
    if head.isascii() and all(byte >= 32 or byte in b"\t\n\r" for byte in head):
        return "it holds text, in no picture format known here"
    return "its content is no picture format known here"


def _too_large(path: Path, declared: str) -> PictureError:
    return PictureError(
        f"A picture may have at most {MAX_PIXELS // 1_000_000} megapixels",
        received=f"{declared} in {path}",
        fix="Scale it down or remove it",
    )


def _undecodable(path: Path, reason: str) -> PictureError:
    return PictureError(
        "A picture file must decode in full",
        received=f"{path}: {reason}",
        fix="Replace or remove the file",
    )
