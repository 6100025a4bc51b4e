"""What a row of an SQLite file is made of.

It is the record format of https://www.sqlite.org/fileformat2.html#record_format.
"""

import struct
from collections.abc import Collection
from typing import TypeAlias

Value: TypeAlias = int | float | str | bytes | None

_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial types and their bytes
_FLOAT = 7
_CONSTANTS: dict[int, Value] = {0: None, 8: 0, 9: 1}
_FIRST_BLOB = 12


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an integer of one to nine bytes, and where it ends.

    Raises:
        IndexError: It is cut off.

    Example:
        >>> read_varint(bytes([0x81, 0x00]), 0)
        (128, 2)
    """
    value = 0
    for end in range(at, at + 8):
        byte = data[end]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, end + 1
    return value << 8 | data[at + 8], at + 9


def read_values(payload: bytes, columns: Collection[int]) -> tuple[Value, ...] | None:
    r"""Return the values of a row; `None` if it is one of another table.

    Raises:
        ValueError: It is none.
        IndexError: It is cut off.
        struct.error: So is a number in it.

    Example:
        >>> read_values(bytes([4, 0, 1, 17]) + b"\x07no", {3})
        (None, 7, 'no')
    """
    end, at = read_varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = read_varint(payload, at)
        kinds.append(kind)
    if len(kinds) not in columns:
        return None
    values = []
    for kind in kinds:
        size = _size_of(kind)
        values.append(_read_value(kind, payload[at : at + size]))
        at += size
    if at != len(payload):
        raise ValueError("longer or shorter than it says")
    return tuple(values)


def _size_of(kind: int) -> int:
    if kind >= _FIRST_BLOB:
        return (kind - _FIRST_BLOB) // 2
    return 8 if kind == _FLOAT else _INTEGERS.get(kind, 0)


def _read_value(kind: int, data: bytes) -> Value:
    if kind >= _FIRST_BLOB:
        return data.decode("utf-8", "replace") if kind % 2 else data
    if kind == _FLOAT:
        return float(struct.unpack(">d", data)[0])
    if kind in _INTEGERS:
        return int.from_bytes(data, "big", signed=True)
    if kind not in _CONSTANTS:
        raise ValueError("no type of a value")
    return _CONSTANTS[kind]
