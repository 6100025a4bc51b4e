"""The parts of a `multipart/x-mixed-replace` stream, as cameras send Motion JPEG.

The format is that of RFC 2046, section 5.1; what cameras make of it is taken as well: no
`Content-Length`, bare line feeds, dashes that belong to the boundary or do not, no boundary.
"""

import re
from collections.abc import Callable

_MOST_HEADER_BYTES = 65_536
_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?$", re.I | re.M)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


class PartError(ValueError):
    """A stream that is no multipart stream, or a part that is too large."""


class PartReader:
    r"""Cuts a stream of bytes into its parts.

    Args:
        receive: Returns the next bytes, as many as there are; none at the end.
        boundary: As the header `Content-Type` names it; may be empty.
        most_bytes: Largest part, and most bytes in front of one.

    Example:
        >>> stream = b"--x\n\none\n--x\nContent-Length: 3\n\ntwo\n--x--"
        >>> pieces = [stream[:20], stream[20:]]
        >>> reader = PartReader(lambda: pieces.pop(0) if pieces else b"", "x", most_bytes=100)
        >>> [reader.next_part() for _ in range(3)]
        [b'one', b'two', None]
    """

    def __init__(self, receive: Callable[[], bytes], boundary: str, *, most_bytes: int) -> None:
        self._receive = receive
        self._core = boundary.strip().strip('"').lstrip("-").encode("latin-1", "replace")
        self._most_bytes = most_bytes
        self._buffer = bytearray()

    def next_part(self) -> bytes | None:
        """Return the content of the next part; `None` at the end of the stream.

        Raises:
            PartError: There is no part where one must be, or it is too large.
            OSError: Whatever `receive` raises.
        """
        if not self._skip_boundary():
            return None
        header = self._take_header()
        if header is None:
            return None
        length = _LENGTH.search(header)
        return self._take_open_end() if length is None else self._take(int(length[1]))

    def _skip_boundary(self) -> bool:
        """Skip to behind the next boundary; return whether a part follows."""
        if not self._core and not self._learn_boundary():
            return False
        place = self._find(b"--" + self._core)
        if place is None:
            return False
        del self._buffer[: place + 2 + len(self._core)]
        while len(self._buffer) < 2:
            if not self._fill():
                return False
        return not self._buffer.startswith(b"--")

    def _learn_boundary(self) -> bool:
        """Take the first line for the boundary, where the server named none."""
        place = self._find(b"\n")
        while place is not None and not self._buffer[:place].strip(b"-\r\n "):
            del self._buffer[: place + 1]
            place = self._find(b"\n")
        if place is None:
            return False
        self._core = bytes(self._buffer[:place].strip().lstrip(b"-"))
        return True

    def _take_header(self) -> bytes | None:
        while (end := _BLANK_LINE.search(self._buffer)) is None:
            if len(self._buffer) > _MOST_HEADER_BYTES:
                raise PartError("a part whose header does not end")
            if not self._fill():
                return None
        header = bytes(self._buffer[: end.start()])
        del self._buffer[: end.end()]
        return header

    def _take(self, length: int) -> bytes | None:
        if length > self._most_bytes:
            raise PartError(f"a part of {length} bytes; {self._most_bytes} are the most")
        while len(self._buffer) < length:
            if not self._fill():
                return None
        part = bytes(self._buffer[:length])
        del self._buffer[:length]
        return part

    def _take_open_end(self) -> bytes | None:
        """Take what stands before the next boundary, which stays."""
        place = self._find(b"--" + self._core)
        if place is None:
            return None
        part = bytes(self._buffer[:place]).rstrip(b"-")
        del self._buffer[:place]
        return part.removesuffix(b"\n").removesuffix(b"\r")

    def _find(self, wanted: bytes, start: int = 0) -> int | None:
        """Receive until some bytes are there and return their place; `None` at the end."""
        while (place := self._buffer.find(wanted, start)) < 0:
            if len(self._buffer) > self._most_bytes:
                raise PartError(f"no end of a part within {self._most_bytes} bytes")
            start = max(0, len(self._buffer) - len(wanted) + 1)
            if not self._fill():
                return None
        return place

    def _fill(self) -> bool:
        received = self._receive()
        self._buffer += received
        return bool(received)
