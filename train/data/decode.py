"""Decode every file in full and say how it stores its picture."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import PictureError
from edge.images import PictureFacts, describe_picture, read_picture
from edge.records import Pixels
from train.data.survey import Finding
from train.data.thumbnails import Thumbnails, collect_thumbnails, shrink_photo
from train.scan import SkippedFile, explain, map_in_threads

_SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jfif"},
    "PNG": {".png"},
    "BMP": {".bmp"},
    "GIF": {".gif"},
    "PPM": {".ppm", ".pgm"},
    "WEBP": {".webp"},
    "TIFF": {".tif", ".tiff"},
}


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFiles:
    """What decoding every file has shown.

    Attributes:
        findings: Files that cannot be decoded, and those that are stored in an unusual way.
        thumbnails: Of all that can.
    """

    findings: tuple[Finding, ...]
    thumbnails: Thumbnails


def decode_all(
    root: Path, paths: Sequence[str], *, when_done: Callable[[], None] = lambda: None
) -> DecodedFiles:
    """Decode files in threads, each to its last pixel.

    Args:
        root: What the paths are relative to.
        paths: Of the files.
        when_done: Called in the caller's thread after each file.
    """

    def decode(relative: str) -> tuple[list[Finding], Pixels | SkippedFile]:
        path = root / relative
        try:
            thumbnail = shrink_photo(read_picture(path))
            return list(_describe(relative, describe_picture(path))), thumbnail
        except PictureError as error:
            skipped = explain(relative, path, error)
            return [_judge(skipped, error)], skipped

    results = map_in_threads(decode, paths, when_done=when_done)
    findings = tuple(finding for found, _ in results for finding in found)
    return DecodedFiles(findings, collect_thumbnails(paths, [shrunk for _, shrunk in results]))


def _judge(skipped: SkippedFile, error: PictureError) -> Finding:
    is_closed = isinstance(error.__cause__, OSError) and error.__cause__.errno is not None
    kind = "unreadable" if is_closed else _sort_reason(skipped.reason)
    return Finding(skipped.path, kind, skipped.reason, is_bad=True)


def _sort_reason(reason: str) -> str:
    for word, kind in (
        ("is empty", "empty"),
        ("it holds", "no picture inside"),
        ("no picture format", "no picture inside"),
        ("truncated", "truncated"),
        ("megapixels", "too large"),
    ):
        if word in reason:
            return kind
    return "undecodable"


def _describe(path: str, facts: PictureFacts) -> Iterator[Finding]:
    """Name what is unusual and what `edge.images.read_picture` does about it."""
    if Path(path).suffix.lower() not in _SUFFIXES.get(facts.format, ()):
        yield Finding(path, "wrong extension", f"holds {facts.format}; the content decides")
    if facts.frames > 1:
        reason = f"{facts.frames} frames; the first one is taken"
        yield Finding(path, "animation", reason)
    if facts.is_deep:
        yield Finding(path, "16 bit", "more than 8 bits per value; scaled to 8")
    if facts.mode == "CMYK":
        yield Finding(path, "CMYK", "inks instead of colours; converted")
    if facts.mode in ("P", "PA"):
        yield Finding(path, "palette", "colours from a palette; converted")
    if facts.has_alpha:
        yield Finding(path, "transparent", "may be seen through; laid on mid-grey")
    if facts.is_turned:
        yield Finding(path, "turned", "not stored upright; turned as its EXIF orientation says")
