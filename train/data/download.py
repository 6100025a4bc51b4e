"""One file over HTTP, resumed after a break, and never taken for whole while it is not.

What has arrived lies in a part file beside a note that says which version of the remote file it
is of (RFC 9110, sections 8.8 and 13.1.5). A server is asked for the rest of that version only; when
it has another one, or does not know ranges, the download begins anew.
"""

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edge import __version__
from edge.errors import DataError
from edge.records import Clock

MOST_BYTES = 8 << 30
"""Larger than any archive of the catalogue: where a server's endless answer is cut off."""

_TIMEOUT_SECONDS = 30.0
_CHUNK_BYTES = 1 << 18
_MOST_BREAKS = 20
_MOST_FAILURES = 5  # in a row, without a byte more
_LONGEST_PAUSE_SECONDS = 30.0
_GO_ON = "Run the same command again later: it goes on where it stopped"
_PASSING_STATUSES = (408, 416, 425, 429, 500, 502, 503, 504)

Received = Callable[[int, int | None], None]
"""Called with the bytes that are there and, where it is known, how many there will be."""


class _BrokenOffError(Exception):
    """The transfer ended early; another try may go on."""


@dataclass(frozen=True, slots=True)
class _Note:
    """Which version of a remote file a part is of.

    Attributes:
        url: Where it comes from.
        validator: Strong ETag or date of the last change; empty when the server names none.
        total_bytes: Of the whole; `None` when the server does not say.
    """

    url: str
    validator: str
    total_bytes: int | None


def download(
    url: str,
    part: Path,
    *,
    size_bytes: int | None,
    clock: Clock,
    when_received: Received = lambda _done, _total: None,
) -> None:
    """Bring a part file to its full length, going on with what is there.

    Args:
        url: `http:` or `https:`; a proxy of the environment is used.
        part: Where to; complete on return. Its note lies beside it.
        size_bytes: What the file must have, if that is known beforehand.
        clock: Waits between tries.
        when_received: Told about each chunk.

    Raises:
        DataError: The server refuses, offers something else, or breaks off too often. What has
            arrived stays for the next time.
        OSError: The folder cannot be written.
    """
    failures = 0
    for _ in range(_MOST_BREAKS):
        before = _size(part)
        try:
            _transfer(url, part, size_bytes, when_received)
            return
        except (_BrokenOffError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        failures = 0 if _size(part) > before else failures + 1
        if failures == _MOST_FAILURES:
            break
        clock.wait(min(2.0**failures, _LONGEST_PAUSE_SECONDS))
    raise DataError(
        "An archive must arrive in full",
        received=f"{_size(part):,} bytes of {url}, then: {reason}",
        fix=_GO_ON,
    )


def forget(part: Path) -> None:
    """Remove a part and its note."""
    part.unlink(missing_ok=True)
    _note_path(part).unlink(missing_ok=True)


def _transfer(url: str, part: Path, size_bytes: int | None, when_received: Received) -> None:
    """Ask once for what is missing, and write what comes."""
    note, have = _read_note(part, url), _size(part)
    if note is None or not (note.validator or size_bytes):
        have = 0
    elif have and have == (size_bytes or note.total_bytes):
        return
    with _ask(url, part, have, note) as response:
        start, found = _understand(response, url, have, note)
        _check_offer(response, found, size_bytes)
        if start == 0:
            part.unlink(missing_ok=True)
            _write_note(part, found)
        total = size_bytes or found.total_bytes
        done = _write(response, part, start, lambda count: when_received(count, total))
    if total is not None and done != total:
        raise _BrokenOffError(f"the connection was closed at {done:,} of {total:,} bytes")


def _ask(url: str, part: Path, have: int, note: _Note | None) -> Any:
    headers = {"User-Agent": f"catseye/{__version__}", "Accept-Encoding": "identity"}
    if have and note is not None:
        headers["Range"] = f"bytes={have}-"
        if note.validator:
            headers["If-Range"] = note.validator
    request = urllib.request.Request(url, headers=headers)
    try:
        return _opener().open(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:  # the part is no beginning of what the server has
                forget(part)
            if error.code in _PASSING_STATUSES:
                raise _BrokenOffError(f"HTTP status {error.code} {error.reason}") from error
            raise DataError(
                "The server of an archive must hand it out",
                received=f"HTTP status {error.code} {error.reason} for {url}",
                fix="See whether the address still opens in a browser; the source may have moved",
            ) from error
    except OSError as error:  # no name, no route, refused, timed out
        reason = getattr(error, "reason", None) or error
        raise _BrokenOffError(f"no connection ({reason})") from error


@cache
def _opener() -> urllib.request.OpenerDirector:
    """Make it once: reading the system's certificates takes a tenth of a second."""
    return urllib.request.build_opener(StayEncrypted)


class StayEncrypted(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never from https to anything else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Refuse a redirection that gives up encryption, or leaves HTTP."""
        allowed = ("https:",) if req.full_url.startswith("https:") else ("https:", "http:")
        if not newurl.lower().startswith(allowed):
            raise DataError(
                "A redirection must stay encrypted",
                received=f"{newurl} from {req.full_url}",
                fix="Try another network: something on the way rewrites addresses",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _understand(response: Any, url: str, have: int, note: _Note | None) -> tuple[int, _Note]:
    """Return from which byte on the answer is, and which version of the file it belongs to."""
    headers = response.headers
    etag = headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    if response.status != 206:
        length = headers.get("Content-Length", "")
        return 0, _Note(url, validator, int(length) if length.isdigit() else None)
    place = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
    is_same = note is not None and (not validator or validator == note.validator)
    is_next = place is not None and int(place[1]) == have
    if place and note and is_same and is_next and note.total_bytes in (None, int(place[2])):
        return have, note
    raise _BrokenOffError("the server answered with another range than it was asked for")


def _check_offer(response: Any, found: _Note, size_bytes: int | None) -> None:
    """Refuse what cannot be the archive before anything of it replaces what is there."""
    kind, total = response.headers.get_content_type(), found.total_bytes
    offered = f"{found.url}: {kind}, " + ("length unknown" if total is None else f"{total:,} bytes")
    if kind in ("text/html", "text/plain") or (size_bytes and total not in (None, size_bytes)):
        raise DataError(
            "The address must lead to the archive"
            + (f" of {size_bytes:,} bytes" if size_bytes else ""),
            received=offered,
            fix="See in a browser whether a login page is in between, or the source has moved",
        )
    if total is None and not size_bytes and not response.chunked:
        raise DataError(
            "A server must say how long the archive is, or a break could not be noticed",
            received=offered,
            fix="Try another network or proxy",
        )


def _write(response: Any, part: Path, start: int, when_received: Callable[[int], None]) -> int:
    """Append what comes to the part; return its length then."""
    done = start
    with part.open("ab") as file:
        while True:
            try:
                chunk = response.read(_CHUNK_BYTES)
            except OSError as error:
                raise _BrokenOffError(f"the connection broke ({error})") from error
            if not chunk:
                return done
            done += len(chunk)
            if done > MOST_BYTES:
                raise _endless(response.url)
            file.write(chunk)
            when_received(done)


def _endless(url: str) -> DataError:
    return DataError(
        f"An archive has at most {MOST_BYTES:,} bytes",
        received=f"more from {url}",
        fix="See in a browser what the address leads to",
    )


def _note_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _write_note(part: Path, note: _Note) -> None:
    """Write it whole, but not synced: a checksum has the last word after a power cut."""
    aside = part.with_name(part.name + ".new")
    aside.write_text(json.dumps(asdict(note)), encoding="utf-8")
    aside.replace(_note_path(part))


def _read_note(part: Path, url: str) -> _Note | None:
    """Return what the part is of; `None` when that is not known, or it is of something else."""
    try:
        note = _Note(**json.loads(_note_path(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return note if note.url == url and part.is_file() else None


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
