"""Rows of a damaged SQLite file, page by page: neither its first page, nor roots, nor an index.

Follows https://www.sqlite.org/fileformat2.html. A leaf page of a table says by itself which rows it
holds, so that every one that is whole can be read, whatever has become of the others. The log of
the database counts before it, as far as its checksums hold.
"""

import os
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from edge.store.values import Value, read_values, read_varint

Row: TypeAlias = tuple[int, tuple[Value, ...]]
"""The number of a row, and its values in the order of the table; the number again is null."""

_PAGE_BYTES = 4096  # what our files have; their first page may be lost, which says so
_LEAF_OF_TABLE = 0x0D
_MOST_ROW_BYTES = 200_000
_LOG_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_BIG_ENDIAN_SUMS = 0x377F0683
_MAGICS = (0x377F0682, _BIG_ENDIAN_SUMS)


class PageFile:
    """A damaged database, which is left as it is.

    Args:
        path: Of the file; its log lies beside it.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._count = os.fstat(self._file).st_size // _PAGE_BYTES
        self._in_log: dict[int, bytes] = {}
        with suppress(OSError):
            self._in_log, pages = _read_log(path.with_name(path.name + "-wal"))
            self._count = pages or self._count  # what lies beyond has been given up

    def __enter__(self) -> "PageFile":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        os.close(self._file)

    def leaves(self, columns: Collection[int]) -> Iterator[Iterator[Row]]:
        """Yield the readable rows of each page, the newest pages first; most have none.

        Args:
            columns: How many columns a table may have; rows of others are passed over.
        """
        for number in range(self._count, 1, -1):
            page = self._page(number)
            is_leaf = len(page) == _PAGE_BYTES and page[0] == _LEAF_OF_TABLE
            yield self._rows(page, columns) if is_leaf else iter(())

    def _rows(self, page: bytes, columns: Collection[int]) -> Iterator[Row]:
        cells = min(int.from_bytes(page[3:5], "big"), (_PAGE_BYTES - 8) // 2)
        for (at,) in struct.iter_unpack(">H", page[8 : 8 + 2 * cells]):
            with suppress(ValueError, IndexError, struct.error):
                size, after = read_varint(page, at)
                number, after = read_varint(page, after)
                values = read_values(self._payload(page, after, size), columns)
                if values is not None:
                    yield number, values

    def _page(self, number: int) -> bytes:
        """Return a page, less of it or nothing where it cannot be read."""
        if number in self._in_log:
            return self._in_log[number]
        try:
            return os.pread(self._file, _PAGE_BYTES, (number - 1) * _PAGE_BYTES)
        except (OSError, ValueError, OverflowError):  # a bad sector; no such place
            return b""

    def _payload(self, page: bytes, at: int, size: int) -> bytes:
        """Return the content of a row, of which a long one goes on in pages of its own.

        Raises:
            ValueError: It is not whole.
        """
        if size > _MOST_ROW_BYTES:
            raise ValueError("too long to be a row")
        most, least = _PAGE_BYTES - 35, (_PAGE_BYTES - 12) * 32 // 255 - 23
        fitting = least + (size - least) % (_PAGE_BYTES - 4)
        here = size if size <= most else fitting if fitting <= most else least
        parts, missing = [page[at : at + here]], size - here
        link = page[at + here : at + here + 4]
        while missing > 0:
            following = self._page(int.from_bytes(link, "big"))
            parts.append(following[4 : 4 + missing])
            missing -= _PAGE_BYTES - 4
            link = following[:4]
        payload = b"".join(parts)
        if len(payload) != size:
            raise ValueError("cut off")
        return payload


def _read_log(path: Path) -> tuple[dict[int, bytes], int]:
    """Return the pages of a write-ahead log, by their numbers, and how many there were in all.

    That is as of its last commit; without one there is nothing, and 0.
    """
    log = path.read_bytes()
    magic = int.from_bytes(log[:4], "big")
    if len(log) < _LOG_HEADER_BYTES or magic not in _MAGICS:
        return {}, 0
    order = ">" if magic == _BIG_ENDIAN_SUMS else "<"
    sums = _add_up(log[:24], (0, 0), order)
    if sums != struct.unpack(">II", log[24:32]):
        return {}, 0
    count = 0
    committed: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    step = _FRAME_HEADER_BYTES + _PAGE_BYTES
    for at in range(_LOG_HEADER_BYTES, len(log) - step + 1, step):
        number, pages_after, salts, *told = struct.unpack(">II8sII", log[at : at + 24])
        page = log[at + _FRAME_HEADER_BYTES : at + step]
        sums = _add_up(page, _add_up(log[at : at + 8], sums, order), order)
        if salts != log[16:24] or sums != tuple(told):
            break
        pending[number] = page
        if pages_after:  # the last one of a transaction
            committed |= pending
            pending, count = {}, pages_after
    return committed, count


def _add_up(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    """Continue the checksum of a log."""
    first, second = sums
    for one, two in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second
