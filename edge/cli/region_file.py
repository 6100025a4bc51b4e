"""`edge run --show-regions`: a picture of what is looked at, and a grid to read shares off."""

from pathlib import Path

import cv2

from edge.errors import OutputError, SettingError, SourceError
from edge.records import Frame, FrameSource, Picture
from edge.region import Region
from edge.watcher import PictureJudge

_SUFFIXES = (".png", ".jpg", ".jpeg")
_MOST_LOOKS = 300  # of a picture that stays of no use, the latest is better than none


def check_picture_path(path: Path) -> None:
    """Refuse a name that no picture can be written under.

    Raises:
        SettingError: Its suffix is not known.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise SettingError(
            "--show-regions writes a picture: .png or .jpg",
            received=str(path),
            fix="Write for example --show-regions region.png",
        )


def write_regions(
    source: FrameSource, path: Path, region: Region | None, sensor: PictureJudge | None
) -> tuple[int, int]:
    """Wait for a usable frame, draw the region over it and write that to a file.

    Args:
        source: Where the frame comes from; not closed.
        path: Of the picture; an existing one is replaced.
        region: What is looked at; all of the frame when `None`.
        sensor: Tells which frame is usable; the first one when `None`.

    Returns:
        Width and height of the frame.

    Raises:
        SourceError: The source ended without a frame.
        OutputError: The file cannot be written.
    """
    frame = _find_frame(source, sensor)
    if frame is None:
        raise SourceError(
            "A source must deliver a frame", received="none", fix="Choose another, or wait longer"
        )
    picture_bgr = (Region() if region is None else region).draw(frame.pixels_bgr)
    is_encoded, content = cv2.imencode(path.suffix.lower(), picture_bgr)
    try:
        path.write_bytes(content.tobytes() if is_encoded else b"")
    except OSError as error:
        raise OutputError(
            "The picture of the region must be writable",
            received=f"{path}: {error.strerror or error}",
            fix="Choose another path",
        ) from error
    height, width = frame.pixels_bgr.shape[:2]
    return width, height


def _find_frame(source: FrameSource, sensor: PictureJudge | None) -> Frame | None:
    latest: Frame | None = None
    for _ in range(_MOST_LOOKS):
        seen = source.read()
        if seen is None:
            break
        if isinstance(seen, Frame):
            latest = seen
            if sensor is None or sensor.judge(seen) is Picture.LIVE:
                break
    return latest
