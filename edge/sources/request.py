"""Asking an HTTP camera for its pictures: time limits, user and password, redirections.

Python's `urllib` would send the password on to wherever it is redirected, and its time limits
start anew with every byte.
"""

import re
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from edge import __version__
from edge.address import redact
from edge.errors import CatseyeError, SourceError, SourceRefusedError
from edge.sources.credentials import Credentials
from edge.sources.opencv import OPEN_SECONDS
from edge.sources.wire import Wire, connect, failure_of, refusal

_PORTS = {"http": 80, "https": 443}
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_MOST_REQUESTS = 6
_KEPT_IN_TARGET = "!#$%&'()*+,/:;=?@[]~"  # what is percent-encoded already stays so


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """An answer of the server, whose content has not been read yet.

    Attributes:
        wire: The connection; its deadline is the reader's to set.
        response: Status, headers and content.
    """

    wire: Wire
    response: HTTPResponse

    @property
    def content_type(self) -> str:
        """Such as "image/jpeg", in small letters; empty if the server names none."""
        return self._type_header().partition(";")[0].strip().lower()

    @property
    def boundary(self) -> str:
        """What separates the parts of a multipart answer; empty if the server names nothing."""
        found = re.search(r'boundary\s*=\s*("[^"]*"|[^\s;]+)', self._type_header(), re.IGNORECASE)
        return found[1] if found else ""

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self.response.close()
        self.wire.close()

    def _type_header(self) -> str:
        return self.response.getheader("Content-Type") or ""


class Requester:
    """Asks for one address, again and again.

    User and password go to the server of the address alone, and only once it asks for them.

    Args:
        url: http:// or https://, with user and password where they are needed.
    """

    def __init__(self, url: str) -> None:
        self.shown = redact(url)
        self._credentials = Credentials.from_url(url)
        parts = urlsplit(url)
        self._first = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
        self._challenges: list[str] = []

    def get(self) -> Reply:
        """Ask once, following the server's redirections; all within `OPEN_SECONDS`.

        Raises:
            SourceRefusedError: Address, user, password or certificate are wrong.
            SourceError: The server does not answer in time, or not with HTTP.
        """
        try:
            return self._get()
        except CatseyeError:
            raise
        except (OSError, UnicodeError) as error:
            raise failure_of(error, self.shown) from error
        except (HTTPException, ValueError) as error:
            raise SourceError(
                "A stream's server must speak HTTP",
                received=f"{self.shown}: an answer that is none",
                fix="Check host and port of the address",
            ) from error

    def _get(self) -> Reply:
        place, left_seconds = self._first, float(OPEN_SECONDS)
        is_fresh = False  # whether the challenge is of this very call, and not of an earlier one
        for _ in range(_MOST_REQUESTS):
            reply = self._ask(place, left_seconds)
            left_seconds = reply.wire.left_seconds
            status = reply.response.status
            if 200 <= status < 300:
                return reply
            reply.close()
            challenges = reply.response.headers.get_all("WWW-Authenticate", [])
            if status in _REDIRECTIONS:
                place = self._follow(place, reply.response.getheader("Location") or "")
            elif status == 401 and self._credentials and challenges:
                if is_fresh and not _is_stale(challenges):
                    raise refusal(self.shown, status)
                self._challenges, is_fresh = challenges, True
            else:
                raise refusal(self.shown, status)
        raise SourceRefusedError(
            "A stream's server must not redirect without end",
            received=f"{self.shown}: redirected or asked for credentials {_MOST_REQUESTS} times",
            fix="Look up the camera's path in its manual",
        )

    def _ask(self, place: SplitResult, seconds: float) -> Reply:
        host, port = place.hostname or "", place.port or _PORTS[place.scheme]
        is_encrypted = place.scheme == "https"
        wire = connect(host, port, seconds=seconds, is_encrypted=is_encrypted)
        try:
            wire.send(self._request(place))
            socket: Any = wire  # a response only asks a socket for its file
            response = HTTPResponse(socket, method="GET")
            response.begin()
        except BaseException:
            wire.close()
            raise
        return Reply(wire, response)

    def _request(self, place: SplitResult) -> bytes:
        target = quote(urlunsplit(("", "", place.path or "/", place.query, "")), _KEPT_IN_TARGET)
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {place.netloc.encode('idna').decode('ascii')}",
            f"User-Agent: catseye/{__version__}",
            "Accept: multipart/x-mixed-replace, image/jpeg, image/png, video/*, */*;q=0.1",
            "Connection: close",
        ]
        if self._challenges and self._credentials and self._may_know(place):
            answer = self._credentials.answer(self._challenges, method="GET", uri=target)
            if answer is not None:
                lines.append(f"Authorization: {answer}")
        return "\r\n".join([*lines, "", ""]).encode()

    def _may_know(self, place: SplitResult) -> bool:
        """Whether a server may get user and password: the one they were given for."""
        first = self._first
        is_upgrade = (first.scheme, place.scheme) == ("http", "https") and place.port in (None, 443)
        return place.hostname == first.hostname and (is_upgrade or _port(place) == _port(first))

    def _follow(self, place: SplitResult, location: str) -> SplitResult:
        target = urlsplit(urljoin(urlunsplit(place), location))
        is_downgrade = place.scheme == "https" and target.scheme != "https"
        if target.scheme not in _PORTS or target.hostname != place.hostname or is_downgrade:
            elsewhere = f"{target.scheme}://{target.hostname or ''}"
            raise SourceRefusedError(
                "A stream's server may redirect only to itself, and not to less secrecy",
                received=f"{self.shown}: redirected to {redact(elsewhere)}",
                fix="If that is your camera, give this address instead",
            )
        return target._replace(netloc=target.netloc.rpartition("@")[2], fragment="")


def _port(place: SplitResult) -> tuple[str, int]:
    return place.scheme, place.port or _PORTS[place.scheme]


def _is_stale(challenges: list[str]) -> bool:
    return any(re.search(r'stale\s*=\s*"?true', text, re.IGNORECASE) for text in challenges)
