"""Photos for training from a live source: which frames are kept, and how they are stored."""

import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.burst import name_picture
from edge.errors import OutputError, SettingError
from edge.records import Frame, FrameSource, Offline, Pixels

DEFAULT_BURST_GAP_SECONDS = 10.0

_HASH_WH = (17, 16)  # one column more than there are bits in a row
_LEAST_STEP = 2  # grey levels; less is noise
_LEAST_BITS = 8  # of 256 that must differ
_MOST_NAME_BYTES = 120  # of the label, so that the file name stays below 255
_JPEG_QUALITY = 95
_MOST_COLLISIONS = 100_000


@dataclass(frozen=True, slots=True)
class CollectSpec:
    """Where pictures go and which of them are kept.

    Attributes:
        label: Name of the class, and of its folder.
        folder: Holds a folder per label; made where it is missing.
        max_pictures: End after so many; `None` for no limit.
        burst_gap_seconds: Time without a new picture after which the next begins a new burst.

    Raises:
        SettingError: The label cannot be the name of a folder.

    Example:
        >>> CollectSpec("cat", Path("photos")).target
        PosixPath('photos/cat')
    """

    label: str
    folder: Path
    max_pictures: int | None = None
    burst_gap_seconds: float = DEFAULT_BURST_GAP_SECONDS

    def __post_init__(self) -> None:
        """Refuse a label that is no name of a folder."""
        label = self.label
        is_hidden = label.startswith(".") or label != label.strip()
        has_bad = any(letter in '/\\:*?"<>|' or not letter.isprintable() for letter in label)
        if not label or is_hidden or has_bad or len(os.fsencode(label)) > _MOST_NAME_BYTES:
            raise SettingError(
                "--label is the name of a class and of its folder: letters, digits, spaces, - and "
                f"_, no path, at most {_MOST_NAME_BYTES} bytes",
                received=repr(label),
                fix="Write for example --label cat, and name the place with --into",
            )

    @property
    def target(self) -> Path:
        """The folder of the label."""
        return self.folder / self.label


@dataclass(frozen=True, slots=True)
class Stored:
    """One picture that was stored.

    Attributes:
        path: Its file.
        burst: Number of its burst in this run, from 1.
        time_seconds: Time of the frame in its source.
    """

    path: Path
    burst: int
    time_seconds: float


@dataclass(frozen=True, slots=True)
class CollectSummary:
    """What a run has collected.

    Attributes:
        frames: Frames that the source delivered.
        stored: Pictures stored.
        alike: Frames that were due, and not stored because a picture is nearly the same.
        bursts: Bursts that the pictures belong to.
        outages: How often a live source went away.
    """

    frames: int
    stored: int
    alike: int
    bursts: int
    outages: int


class Collector:
    """Stores frames as the photos of one class, near-identical ones left out.

    A frame is near-identical to a stored one of this run if at most 8 of 256 bits of their
    difference hashes differ (Krawetz 2013, "Kind of Like That",
    https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html; here with
    16 bits a row, and a step of at least two grey levels, so that noise on a plain wall is none).

    Args:
        spec: Where to and which.
        now: Says the time of day, for the file names.

    Attributes:
        frames: Frames that the source delivered; counted by `collect`.
        outages: How often a live source went away; counted by `collect`.

    Raises:
        OutputError: The folder cannot be made or written to.

    Example:
        >>> import tempfile
        >>> from edge.testing import blank_frame
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     collector = Collector(CollectSpec("cat", Path(folder)),
        ...                           now=lambda: datetime(2026, 5, 1, 7, 30))
        ...     first, second = collector.offer(blank_frame(0)), collector.offer(blank_frame(1))
        >>> first.path.name, second
        ('cat-20260501T073000-b001-i001.jpg', None)
    """

    def __init__(self, spec: CollectSpec, *, now: Callable[[], datetime] = datetime.now) -> None:
        self._spec = spec
        self._now = now
        self._hashes: list[NDArray[np.bool_]] = []
        self._started = now()
        self._latest_seconds: float | None = None
        self._index = 0
        self._burst = self._bursts = self._alike = self._stored = 0
        self.frames = self.outages = 0
        self._made = [path for path in (spec.target, spec.folder) if not path.exists()]
        _open_folder(spec.target)

    @property
    def is_full(self) -> bool:
        """Whether as many pictures are stored as were asked for."""
        return self._spec.max_pictures is not None and self._stored >= self._spec.max_pictures

    def summary(self) -> CollectSummary:
        """Return what has been collected so far."""
        return CollectSummary(self.frames, self._stored, self._alike, self._bursts, self.outages)

    def offer(self, frame: Frame) -> Stored | None:
        """Store a frame, unless it shows what a stored one shows; say which file it became.

        Raises:
            OutputError: It cannot be stored; no part of it is left behind.
        """
        bits = difference_hash(frame.pixels_bgr)
        if any(np.count_nonzero(bits != other) <= _LEAST_BITS for other in self._hashes):
            self._alike += 1
            return None
        self._count(frame.time_seconds)
        path = self._store(_encode(frame.pixels_bgr))
        self._hashes.append(bits)
        self._latest_seconds = frame.time_seconds
        self._stored += 1
        self._bursts = self._burst
        return Stored(path, self._burst, frame.time_seconds)

    def close(self) -> None:
        """Take an empty folder that was made away again: it would be a class without photos."""
        if not self._stored:
            for path in self._made:
                with contextlib.suppress(OSError):
                    path.rmdir()

    def _count(self, time_seconds: float) -> None:
        """Go on with the burst, or begin a new one."""
        latest = self._latest_seconds
        if latest is None or not 0 <= time_seconds - latest <= self._spec.burst_gap_seconds:
            self._burst += 1
            self._index = 0
            self._started = self._now()

    def _store(self, data: bytes) -> Path:
        spec = self._spec
        aside = spec.target / f".{spec.label}-{os.getpid()}.part"
        try:
            _write(aside, data)
            for _ in range(_MOST_COLLISIONS):
                self._index += 1
                name = name_picture(
                    spec.label, started=self._started, burst=self._burst, index=self._index
                )
                if _give_name(aside, spec.target / name):
                    return spec.target / name
        except OSError as error:
            raise _cannot_store(spec.target, error, self._stored) from error
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
        raise _cannot_store(spec.target, FileExistsError(errno.EEXIST, "names taken"), self._stored)


def collect(
    source: FrameSource,
    collector: Collector,
    *,
    is_due: Callable[[Frame], bool],
    until: Callable[[], bool] = lambda: False,
    when_stored: Callable[[Stored | None], None] = lambda stored: None,
    when_away: Callable[[Offline], None] = lambda offline: None,
) -> None:
    """Offer the frames that are due to the collector, until the source ends or all is there.

    Args:
        source: Where the frames come from; closed by who opened it.
        collector: Stores them, and counts what happens.
        is_due: Asked for each frame.
        until: Asked before each frame; ends the run once it says yes.
        when_stored: Told of each frame that was due: what was stored, or `None`.
        when_away: Told, several times a second, that a live source delivers nothing.

    Raises:
        SourceError: The source is lost.
        OutputError: A picture cannot be stored.
    """
    is_away = False
    while not collector.is_full and not until():
        frame = source.read()
        if frame is None:
            break
        if isinstance(frame, Offline):
            collector.outages += not is_away
            is_away = True
            when_away(frame)
            continue
        is_away = False
        collector.frames += 1
        if is_due(frame):
            when_stored(collector.offer(frame))


class Interval:
    """Says that a frame is due once so much time has passed in the source since the latest.

    Args:
        seconds: At least that long between two.
        also: What must hold as well, asked for each frame; for example that something moves.

    Example:
        >>> from edge.testing import blank_frame
        >>> every = Interval(1.0)
        >>> [every(blank_frame(time_seconds=seconds)) for seconds in (0.0, 0.5, 1.0, 1.5)]
        [True, False, True, False]
    """

    def __init__(self, seconds: float, *, also: Callable[[Frame], bool] | None = None) -> None:
        self._seconds = seconds
        self._also = also
        self._latest_seconds: float | None = None

    def __call__(self, frame: Frame) -> bool:
        """Say whether this frame is due."""
        holds = self._also is None or self._also(frame)
        latest = self._latest_seconds
        if not holds or (latest is not None and 0 <= frame.time_seconds - latest < self._seconds):
            return False
        self._latest_seconds = frame.time_seconds
        return True


def difference_hash(frame_bgr: Pixels) -> NDArray[np.bool_]:
    """Return where a picture gets brighter from left to right, `(256,)`."""
    grey = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, _HASH_WH, interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray(np.diff(small, axis=1) >= _LEAST_STEP).ravel()


def _encode(frame_bgr: Pixels) -> bytes:
    is_encoded, data = cv2.imencode(".jpg", frame_bgr, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    if not is_encoded:
        raise SettingError(
            "A frame can be stored as a JPEG file",
            received=f"a frame of shape {frame_bgr.shape}",
            fix="Ask for a smaller picture, for example --size 640x480",
        )
    return bytes(data)


def _open_folder(target: Path) -> None:
    """Make the folder and try it, before anybody stands in front of the camera."""
    probe = target / f".probe-{os.getpid()}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            "Pictures go into a folder that can be written to",
            received=f"{target}: {error.strerror or error}",
            fix="Choose another one with --into, or change its permissions",
        ) from error


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _give_name(aside: Path, path: Path) -> bool:
    """Name a finished file, unless that name is taken: no photo ever replaces another."""
    try:
        path.hardlink_to(aside)
    except FileExistsError:
        return False
    except OSError:  # the file system knows no second names
        if path.exists():
            return False
        aside.replace(path)
    return True


def _cannot_store(target: Path, error: OSError, stored: int) -> OutputError:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    before = f"; the {stored} stored before are whole" if stored else ""
    return OutputError(
        "A picture is stored in full or not at all",
        received=f"{target}: {error.strerror or error}",
        fix=("Make room on the disk" if is_full else "Check the folder and its disk") + before,
    )
