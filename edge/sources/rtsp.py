"""RTSP cameras: first asked what they offer, then left to FFmpeg.

FFmpeg does not tell OpenCV why a stream does not open. One request (DESCRIBE, RFC 2326, section
10.2) before it does: wrong password, wrong path, nobody there.
"""

import io
from http.client import HTTPException, parse_headers
from urllib.parse import urlsplit, urlunsplit

from edge.address import redact
from edge.errors import SourceError
from edge.records import Clock, FrameSource
from edge.sources.credentials import Credentials
from edge.sources.ffmpeg import FfmpegStream
from edge.sources.opencv import OPEN_SECONDS
from edge.sources.options import SourceOptions
from edge.sources.wire import Wire, connect, failure_of, refusal

_PORT = 554
_MOST_LINE = 4096
_MOST_BODY = 1_000_000


def open_rtsp(
    url: str, *, clock: Clock | None = None, options: SourceOptions | None = None
) -> FrameSource:
    """Open an RTSP stream, over TCP.

    Args:
        url: rtsp:// or rtsps://, with user and password where they are needed.
        clock: Stamps the frames.
        options: Nothing of it concerns a stream: the camera's own pages set size and rate.

    Raises:
        SourceRefusedError: Path, user or password are wrong.
        SourceError: The server does not answer, or no video comes in time.
    """
    if url.lower().startswith("rtsp:"):  # encrypted ones are left to FFmpeg alone
        check_stream(url)
    return FfmpegStream(url, clock=clock)


def check_stream(url: str) -> None:
    """Ask a server to describe a stream; return if it does.

    Raises:
        SourceRefusedError: Path, user or password are wrong.
        SourceError: The server does not answer or speaks something else.
    """
    shown = redact(url)
    parts = urlsplit(url)
    try:
        wire = connect(parts.hostname or "", parts.port or _PORT, seconds=OPEN_SECONDS)
        with wire, wire.makefile() as reader:
            status = _describe(wire, reader, url)
    except (OSError, UnicodeError) as error:
        raise failure_of(error, shown) from error
    except (HTTPException, ValueError) as error:
        raise SourceError(
            "A stream's server must speak RTSP",
            received=f"{shown}: an answer that is none",
            fix="Check the port of the address; 554 is the usual one",
        ) from error
    if status >= 400:
        raise refusal(shown, status)


def _describe(wire: Wire, reader: io.BufferedReader, url: str) -> int:
    parts = urlsplit(url)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    credentials = Credentials.from_url(url)
    status, challenges = _ask(wire, reader, plain, number=1)
    if status != 401 or credentials is None:
        return status
    answer = credentials.answer(challenges, method="DESCRIBE", uri=plain)
    if answer is None:
        return status
    return _ask(wire, reader, plain, number=2, authorization=answer)[0]


def _ask(
    wire: Wire, reader: io.BufferedReader, url: str, *, number: int, authorization: str = ""
) -> tuple[int, list[str]]:
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp"]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    wire.send("\r\n".join([*lines, "", ""]).encode())
    protocol, status, *_ = *reader.readline(_MOST_LINE).decode("latin-1").split(), "", ""
    if not protocol.startswith("RTSP/"):
        raise ValueError(protocol)
    headers = parse_headers(reader)
    length = int(headers.get("Content-Length", "0"))
    if not 0 <= length <= _MOST_BODY:
        raise ValueError(length)
    reader.read(length)
    return int(status), headers.get_all("WWW-Authenticate", [])
