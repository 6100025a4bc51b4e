"""The zip archive at the end of a model file: written byte for byte, read within bounds.

Each field of the archive has one right value here, times and attributes included, so that the same
content gives the same bytes on every system, and no bit of a file can change unnoticed.
docs/model-file.md lists them; https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION = 20  # of the format that a reader must know: 2.0
_MADE_BY = 3 << 8 | _VERSION  # Unix
_DATE = 1 << 5 | 1  # 1980-01-01, the first that the format knows; the time is 0
_MODE = 0o644 << 16  # readable for everybody
_END_BYTES = 22
_LARGE_END, _LARGE_END_BYTES = b"PK\x06\x07", 20  # zip64: counts again, and otherwise
_LONGEST_COMMENT_BYTES = 65_535

_MOST_MEMBERS = 64
_LARGEST_MEMBER_BYTES = 4 * 1024 * 1024
_LARGEST_DIRECTORY_BYTES = 64 * 1024

# What zipfile raises for damage, depending on where it lies: RuntimeError for a bit that says
# "encrypted", NotImplementedError (a RuntimeError) for one that names another compression.
_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
)


class TailError(ValueError):
    """A zip tail that is damaged or larger than any that was meant well."""


def pack_tail(offset: int, members: Mapping[str, bytes]) -> bytes:
    r"""Return the archive that stands behind `offset` bytes.

    Args:
        offset: Length of what stands before it.
        members: Content of each file by its name, plain ASCII, in their order.

    Example:
        >>> tail = pack_tail(4, {"labels.txt": b"cat\n"})
        >>> split_tail(b"TFL3" + tail)
        (b'TFL3', {'labels.txt': b'cat\n'})
    """
    files, directory = bytearray(), bytearray()
    for name, content in members.items():
        place = offset + len(files)
        # flags, method (stored), time, date, check sum, sizes, lengths of the name and of no extras
        sizes = (zlib.crc32(content), len(content), len(content), len(name), 0)
        shared = struct.pack("<5H3I2H", _VERSION, 0, 0, 0, _DATE, *sizes)
        files += _LOCAL + shared + name.encode("ascii") + content
        # no comment, first disk, no inner attributes
        attributes = struct.pack("<3H2I", 0, 0, 0, _MODE, place)
        made_by = struct.pack("<H", _MADE_BY)
        directory += _CENTRAL + made_by + shared + attributes + name.encode("ascii")
    count, start = len(members), offset + len(files)
    end = struct.pack("<4H2IH", 0, 0, count, count, len(directory), start, 0)
    return bytes(files + directory + _END + end)


def split_tail(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Split a file into what stands before its zip archive and the files in that.

    Returns:
        The part before, and the content of each file by name; all and nothing when there is no
        archive.

    Raises:
        TailError: The archive is damaged, holds a name twice, or more than a model's could.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data, {}
    try:
        _check_end(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if len(set(names)) != len(names):
                raise TailError("a file stands twice in its zip tail")
            if sum(info.file_size for info in infos) > _LARGEST_MEMBER_BYTES:
                raise TailError("the files in its zip tail are over 4 MiB")
            end = min((info.header_offset for info in infos), default=len(data))
            return data[:end], {name: archive.read(name) for name in names}
    except TailError:
        raise
    except _ERRORS as error:
        raise TailError(f"its zip tail cannot be read ({error})") from error


def _check_end(data: bytes) -> None:
    """Refuse a directory of millions before it is read; the record at the end counts it."""
    last = len(data) - _END_BYTES
    at = data.rfind(_END, max(0, last - _LONGEST_COMMENT_BYTES), last + len(_END))
    count, size_bytes = struct.unpack_from("<HI", data, at + 10)
    if count > _MOST_MEMBERS or size_bytes > _LARGEST_DIRECTORY_BYTES:
        raise TailError(f"its zip tail lists {count} files in {size_bytes} bytes")
    if data[max(0, at - _LARGE_END_BYTES) : at].startswith(_LARGE_END):
        raise TailError("its zip tail is of the kind for more than 4 GiB")
