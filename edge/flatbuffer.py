"""Reads FlatBuffers by the numbers of their fields; nothing is copied, loaded or run.

What points outside the bytes is an error, never a crash: a damaged model can be looked at.
https://flatbuffers.dev/internals/
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge.errors import ModelFileError


@contextmanager
def kept_inside(data: bytes) -> Iterator[None]:
    """Turn what points outside the bytes into an error that says so.

    Raises:
        ModelFileError: In place of what reading raises then.
    """
    try:
        yield
    except (struct.error, IndexError) as error:
        raise ModelFileError(
            "A model file must be a whole FlatBuffer",
            received=f"{len(data)} bytes that point outside themselves",
            fix="Copy the file again",
        ) from error


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a FlatBuffer: fields are found through offsets and may be absent.

    Read it inside `kept_inside`. A field is given by its number in the schema, an absent one reads
    as 0, as an empty text or as nothing.

    Attributes:
        data: The whole FlatBuffer.
        position: Of the table in it.
    """

    data: bytes
    position: int

    @classmethod
    def root(cls, data: bytes) -> "Table":
        """Return the outermost table."""
        return cls(data, _read(data, "I", 0))

    def integer(self, field: int, kind: str) -> int:
        """Return a scalar; `kind` is its letter of the module `struct`, such as "b" or "I"."""
        at = self._find(field)
        return int(_read(self.data, kind, at)) if at else 0

    def real(self, field: int) -> float:
        """Return a 32-bit real number."""
        at = self._find(field)
        return float(struct.unpack_from("<f", self.data, at)[0]) if at else 0.0

    def integers(self, field: int, kind: str = "i") -> tuple[int, ...]:
        """Return a vector of integers, 32 bits wide unless `kind` says otherwise."""
        return tuple(_read(self.data, kind, at) for at in self._elements(field, kind))

    def reals(self, field: int) -> tuple[float, ...]:
        """Return a vector of 32-bit real numbers."""
        found = self._elements(field, "f")
        return tuple(float(struct.unpack_from("<f", self.data, at)[0]) for at in found)

    def text(self, field: int) -> str:
        """Return a string."""
        return self.content(field).decode(errors="replace")

    def content(self, field: int) -> bytes:
        """Return a string or a vector of bytes as it is; what lies beyond the end is left out."""
        start = self._follow(field)
        if start is None:
            return b""
        length = _read(self.data, "I", start)
        return self.data[start + 4 : start + 4 + length]

    def length(self, field: int) -> int:
        """Return how many elements a vector says it has, 0 when absent."""
        start = self._follow(field)
        return 0 if start is None else _read(self.data, "I", start)

    def table(self, field: int) -> "Table | None":
        """Return a table."""
        position = self._follow(field)
        return None if position is None else Table(self.data, position)

    def tables(self, field: int) -> list["Table"]:
        """Return a vector of tables."""
        found = self._elements(field, "I")
        return [Table(self.data, at + _read(self.data, "I", at)) for at in found]

    def check_bytes(self, field: int) -> None:
        """Make sure that a field that is a vector of bytes, such as weights, is all there."""
        start = self._follow(field)
        if start is not None:
            _read(self.data, "B", start + 3 + _read(self.data, "I", start))

    def _follow(self, field: int) -> int | None:
        """Return where a field that is no scalar lies."""
        at = self._find(field)
        return at + _read(self.data, "I", at) if at else None

    def _elements(self, field: int, kind: str) -> range:
        start = self._follow(field)
        if start is None:
            return range(0)
        size = struct.calcsize("<" + kind)
        first = start + 4
        length = _read(self.data, "I", start)
        _read(self.data, "B", first + size * length - 1)  # the last element must be there
        return range(first, first + size * length, size)

    def _find(self, field: int) -> int:
        """Return the position of a field, 0 when absent."""
        layout = self.position - _read(self.data, "i", self.position)
        entry = 4 + 2 * field
        if entry >= _read(self.data, "H", layout):
            return 0
        offset = _read(self.data, "H", layout + entry)
        return self.position + offset if offset else 0


def _read(data: bytes, kind: str, at: int) -> int:
    if at < 0:
        raise IndexError(at)
    return int(struct.unpack_from("<" + kind, data, at)[0])
