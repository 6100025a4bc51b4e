"""Archives from elsewhere, unpacked so that nothing lands where it should not.

A member's own path is never written to: the catalogue says where it goes. Still an archive with
a path that leads outside, a link or a device is refused as a whole: it is not what was published.
"""

import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from edge.errors import DataError
from train.data.catalogue import Placement

_CHUNK_BYTES = 1 << 18
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an archive may become.

    Attributes:
        members: Files and folders in it.
        total_bytes: Of everything unpacked.
    """

    members: int = 100_000
    total_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of an archive.

    Attributes:
        counts: Files per label, sorted by label.
        left_out: Files that are no pictures of a label.
    """

    counts: dict[str, int]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Member:
    path: PurePosixPath
    stream: IO[bytes]
    position: int


def unpack(
    archive: Path,
    folder: Path,
    *,
    place: Callable[[PurePosixPath], Placement | None],
    limits: Limits | None = None,
    when_read: Callable[[int], None] = lambda _: None,
) -> Unpacked:
    """Unpack a `.zip` or `.tar.gz` into a new folder per label.

    Args:
        archive: Complete and verified.
        folder: Made here; must not be there yet.
        place: Where a member goes; `None` leaves it out.
        limits: How much may come out.
        when_read: Told how many bytes of the archive are done.

    Raises:
        DataError: The archive is damaged, holds what no data set should, or is too large.
        OSError: The folder cannot be written.
    """
    bounds = limits or Limits()
    counts: Counter[str] = Counter()
    room, left_out = bounds.total_bytes, 0
    folder.mkdir(parents=True)
    try:
        with _open_members(archive, bounds) as members:
            for member in members:
                placement = place(member.path)
                if placement is None:
                    left_out += 1
                else:
                    room -= _write(member, folder / (placement.label or "") / placement.name, room)
                    if placement.label is not None:
                        counts[placement.label] += 1
                when_read(member.position)
    except _DAMAGE as error:
        raise _refused(archive, f"it is damaged ({str(error) or type(error).__name__})") from error
    except _UnsafeError as error:
        raise _refused(archive, str(error)) from error
    if len(counts) < 2:
        raise _refused(archive, "it does not hold the folders of the data set")
    return Unpacked(dict(sorted(counts.items())), left_out)


class _UnsafeError(Exception):
    """An archive that is not unpacked, for the reason in the text."""


def check_path(name: str) -> PurePosixPath:
    """Return a member's path if it stays inside.

    Raises:
        _UnsafeError: It does not; `unpack` turns it into a `DataError`.

    Example:
        >>> check_path("images/pug_1.jpg")
        PurePosixPath('images/pug_1.jpg')
    """
    path = PurePosixPath(name)
    is_odd = not name or any(character in name for character in "\\\0:")
    if is_odd or path.is_absolute() or ".." in path.parts:
        raise _UnsafeError(f"the path {name!r} leads elsewhere")
    return path


@contextmanager
def _open_members(archive: Path, bounds: Limits) -> Iterator[Iterator[_Member]]:
    """Open an archive; each of its files is read before the next one is asked for."""
    members = (_zip_members if archive.suffix == ".zip" else _tar_members)(archive, bounds)
    try:
        yield members
    finally:
        members.close()


def _zip_members(archive: Path, bounds: Limits) -> Generator[_Member, None, None]:
    done = 0
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        _check_count(len(infos), bounds)
        for info in infos:
            path = check_path(info.filename)
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _UnsafeError(f"{info.filename!r} is a link or a device")
            if info.flag_bits & 1:
                raise _UnsafeError(f"{info.filename!r} is encrypted")
            done += info.compress_size
            if not info.is_dir():
                with opened.open(info) as stream:
                    yield _Member(path, stream, done)


def _tar_members(archive: Path, bounds: Limits) -> Generator[_Member, None, None]:
    with archive.open("rb") as raw, gzip.GzipFile(fileobj=raw) as plain:
        bounded: Any = _BoundedReader(plain, bounds.total_bytes)
        with tarfile.open(fileobj=bounded, mode="r|") as opened:
            for number, info in enumerate(opened, start=1):
                _check_count(number, bounds)
                path = check_path(info.name)
                if info.isdir():
                    continue
                stream = opened.extractfile(info) if info.isreg() else None
                if stream is None:
                    raise _UnsafeError(f"{info.name!r} is a link or a device")
                yield _Member(path, stream, raw.tell())
        while bounded.read(_CHUNK_BYTES):  # to the checksum at the very end
            pass


class _BoundedReader:
    """Reads no more than so much: a few bytes can stand for terabytes of zeros."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, most_bytes: int) -> None:
        self._stream = stream
        self._room = most_bytes

    def read(self, size: int) -> bytes:
        """Read on."""
        data = self._stream.read(size)
        self._room -= len(data)
        if self._room < 0:
            raise _UnsafeError("it unpacks to more than it should")
        return data


def _check_count(count: int, bounds: Limits) -> None:
    if count > bounds.members:
        raise _UnsafeError(f"it holds more than {bounds.members:,} members")


def _write(member: _Member, path: Path, room: int) -> int:
    """Write a member, if it fits; return its size."""
    path.parent.mkdir(exist_ok=True)
    size = 0
    try:
        with path.open("xb") as file:
            while data := member.stream.read(_CHUNK_BYTES):
                size += len(data)
                if size > room:
                    raise _UnsafeError("it unpacks to more than it should")
                file.write(data)
    except FileExistsError as error:
        raise _UnsafeError(f"it holds {path.name!r} twice") from error
    return size


def remove(folder: Path) -> None:
    """Remove a folder that was unpacked in part."""
    shutil.rmtree(folder, ignore_errors=True)


def _refused(archive: Path, reason: str) -> DataError:
    return DataError(
        "An archive is unpacked only when it is whole and safe",
        received=f"{archive.name}: {reason}",
        fix="Fetch it again; if that does not help, the source has changed: report it",
    )
