"""Cameras that speak HTTP: Motion JPEG streams and snapshots; other video is left to FFmpeg."""

import threading
from collections.abc import Callable
from http.client import HTTPException
from typing import TypeVar

from edge.errors import CatseyeError, SourceError, SourceRefusedError
from edge.records import Clock, Frame, FrameSource
from edge.sources.decoding import MOST_BYTES, decode_picture, is_picture
from edge.sources.opencv import READ_SECONDS
from edge.sources.options import SourceOptions
from edge.sources.parts import PartError, PartReader
from edge.sources.request import Reply, Requester
from edge.sources.stamping import FrameStamper
from edge.sources.wire import failure_of

_MOST_BAD_PICTURES = 3
_PIECE = 65_536
_DEFAULTS = SourceOptions()
_PLAYLISTS = frozenset({"application/vnd.apple.mpegurl", "application/x-mpegurl"})
_UNNAMED = frozenset({"", "application/octet-stream", "binary/octet-stream"})

Found = TypeVar("Found")


def open_web(
    url: str, *, clock: Clock | None = None, options: SourceOptions = _DEFAULTS
) -> FrameSource:
    """Open what an HTTP address turns out to be.

    Args:
        url: http:// or https://, with user and password where they are needed.
        clock: Stamps the frames, and waits between snapshots.
        options: How often a snapshot is taken.

    Raises:
        SourceRefusedError: Address, user or password are wrong, or there is no picture.
        SourceError: The server does not answer in time.
    """
    requester = Requester(url)
    reply = requester.get()
    kind = reply.content_type
    if kind in ("multipart/x-mixed-replace", "multipart/mixed"):
        return MjpegStream(reply, shown=requester.shown, clock=clock)
    if kind.startswith("image/") or kind in _UNNAMED:
        return Snapshots(requester, reply, clock=clock, period_seconds=options.snapshot_seconds)
    reply.close()
    if kind.startswith("video/") or kind in _PLAYLISTS:
        from edge.sources.ffmpeg import FfmpegStream

        return FfmpegStream(url, clock=clock)
    raise _no_picture(requester.shown, f"content of the type {kind!r}")


class MjpegStream:
    """A Motion JPEG stream, read as fast as it delivers.

    Args:
        reply: The server's answer; closed with this.
        shown: The address, without its secrets.
        clock: Stamps the frames.
    """

    def __init__(self, reply: Reply, *, shown: str, clock: Clock | None = None) -> None:
        self._shown = shown
        self._connection = _Connection(reply)
        self._stamper = FrameStamper(clock)
        response = reply.response
        self._parts = PartReader(
            lambda: response.read1(_PIECE), reply.boundary, most_bytes=MOST_BYTES
        )

    def read(self) -> Frame | None:
        """Wait for the next picture that is whole; `None` once closed.

        Raises:
            SourceError: There is none within `READ_SECONDS`; the stream has ended, or stalls.
        """
        return self._connection.use(self._read, self._shown)

    def skip(self) -> float | None:
        """Pass over the next picture without decoding it.

        Raises:
            SourceError: As `read` does.
        """
        part = self._connection.use(self._next_part, self._shown)
        return None if part is None else self._stamper.skip()

    def close(self) -> None:
        """Leave the stream; a second call does nothing."""
        self._connection.close()

    def _next_part(self, reply: Reply) -> bytes:
        reply.wire.allow(READ_SECONDS)
        part = self._parts.next_part()
        if part is None:
            raise _lost(self._shown, f"its end after picture {self._stamper.count}")
        return part

    def _read(self, reply: Reply) -> Frame:
        for _ in range(_MOST_BAD_PICTURES):
            pixels_bgr = decode_picture(self._next_part(reply))
            if pixels_bgr is not None:
                return self._stamper.stamp(pixels_bgr)
        raise _lost(self._shown, f"{_MOST_BAD_PICTURES} damaged pictures, one after the other")


class Snapshots:
    """A camera that is asked for a picture now and then.

    Args:
        requester: Asks for a picture.
        reply: The answer to the first request.
        clock: Stamps the frames, and waits between the pictures.
        period_seconds: Time from one request to the next.
    """

    def __init__(
        self,
        requester: Requester,
        reply: Reply,
        *,
        clock: Clock | None = None,
        period_seconds: float = 1.0,
    ) -> None:
        self._requester = requester
        self._stamper = FrameStamper(clock)
        self._period_seconds = period_seconds
        self._connection = _Connection(reply)
        self._due_seconds = self._stamper.clock.monotonic()

    def read(self) -> Frame | None:
        """Wait until the next picture is due and return it; `None` once closed.

        Raises:
            SourceRefusedError: The address leads to something else than a picture.
            SourceError: The server does not answer in time, or twice with a damaged picture.
        """
        clock = self._stamper.clock
        if self._stamper.count:
            clock.wait(self._due_seconds - clock.monotonic())
        self._due_seconds = max(self._due_seconds, clock.monotonic()) + self._period_seconds
        is_asked = self._stamper.count == 0
        for _ in range(2):
            if not is_asked and not self._ask_again():
                return None
            is_asked = False
            data = self._connection.use(_read_all, self._requester.shown)
            if data is None:
                return None
            pixels_bgr = decode_picture(data)
            if pixels_bgr is not None:
                return self._stamper.stamp(pixels_bgr)
        raise _lost(self._requester.shown, "two damaged pictures, one after the other")

    def close(self) -> None:
        """Ask no more; a second call does nothing."""
        self._connection.close()

    def _ask_again(self) -> bool:
        if self._connection.is_closed:
            return False
        return self._connection.replace(self._requester.get())


class _Connection:
    """The server's answer that is being read; may be closed by another thread meanwhile."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._lock = threading.Lock()
        self.is_closed = False

    def use(self, work: Callable[[Reply], Found], shown: str) -> Found | None:
        """Do something with the answer; `None` once closed, what goes wrong is put into words."""
        try:
            with self._lock:
                return None if self.is_closed else work(self._reply)
        except (CatseyeError, OSError, HTTPException, ValueError) as error:
            if self.is_closed:
                return None
            if isinstance(error, CatseyeError):
                raise
            if isinstance(error, PartError):
                raise _lost(shown, str(error)) from error
            if isinstance(error, OSError):
                raise failure_of(error, shown) from error
            raise _lost(shown, "an answer that is cut off or damaged") from error
        finally:
            if self.is_closed:
                self.close()

    def replace(self, reply: Reply) -> bool:
        """Go on with another answer; return whether that is still wanted."""
        with self._lock:
            self._reply.close()
            self._reply = reply
        if self.is_closed:
            self.close()
        return not self.is_closed

    def close(self) -> None:
        """Close the answer, at the latest when the work that is under way ends, which is now."""
        self.is_closed = True
        self._reply.wire.abort()
        if self._lock.acquire(blocking=False):
            try:
                self._reply.close()
            finally:
                self._lock.release()


def _read_all(reply: Reply) -> bytes:
    """Receive a whole answer of one picture.

    Raises:
        SourceRefusedError: It begins as something else.
        PartError: It is too large.
    """
    reply.wire.allow(READ_SECONDS)
    data = reply.response.read(MOST_BYTES + 1)
    reply.close()
    if len(data) > MOST_BYTES:
        raise PartError(f"a picture of more than {MOST_BYTES} bytes")
    if not is_picture(data):
        kind = reply.content_type or "none named"
        raise _no_picture("the address of a snapshot", f"no JPEG or PNG (type: {kind})")
    return data


def _no_picture(shown: str, what: str) -> SourceRefusedError:
    return SourceRefusedError(
        "An http:// address must lead to Motion JPEG, a JPEG or PNG picture, or a video",
        received=f"{shown}: {what}",
        fix="Look the camera's address for streams or snapshots up in its manual",
    )


def _lost(shown: str, reason: str) -> SourceError:
    return SourceError(
        "A stream must go on delivering pictures",
        received=f"{shown}: {reason}",
        fix="Check the camera's power and network",
    )
