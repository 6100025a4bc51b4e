"""A network connection none of whose waits passes a deadline, however slowly bytes drip."""

import io
import socket
import ssl
import time
from contextlib import suppress
from http.client import responses

from edge.errors import CatseyeError, SourceError, SourceRefusedError

# RFC 2326, section 11.3: of a server that has too many clients, or mixes them up.
_RTSP_STATUS = {453: "Not Enough Bandwidth", 454: "Session Not Found", 455: "Method Not Valid"}
_PASSING = frozenset({408, 425, 429, *_RTSP_STATUS})


class Wire(io.RawIOBase):
    """The reading end of a connection, as a raw file; whoever reads sets the deadline.

    A time-out of a socket starts anew with each byte; this one is for everything until it is set
    again. It is of the network and so measured with the system's clock.

    Args:
        connection: An open socket, closed with this.

    Attributes:
        deadline_seconds: Monotonic time at which reading and sending fail with `TimeoutError`.
    """

    def __init__(self, connection: socket.socket, *, deadline_seconds: float) -> None:
        super().__init__()
        self._connection = connection
        self.deadline_seconds = deadline_seconds

    def allow(self, seconds: float) -> None:
        """Move the deadline to so many seconds from now."""
        self.deadline_seconds = time.monotonic() + seconds

    @property
    def left_seconds(self) -> float:
        """Time until the deadline; below 0 once it has passed."""
        return self.deadline_seconds - time.monotonic()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        """Wait for bytes, at the longest until the deadline.

        Raises:
            TimeoutError: The deadline has passed.
        """
        self._connection.settimeout(_left(self.deadline_seconds))
        return self._connection.recv_into(buffer)

    def send(self, request: bytes) -> None:
        """Send a whole request.

        Raises:
            TimeoutError: The deadline has passed.
        """
        self._connection.settimeout(_left(self.deadline_seconds))
        self._connection.sendall(request)

    def makefile(self, mode: str = "rb") -> io.BufferedReader:
        """Return a buffered reader, which `http.client.HTTPResponse` asks a socket for."""
        return io.BufferedReader(self, 65_536)

    def abort(self) -> None:
        """End a `read` that another thread waits in; the connection still has to be closed."""
        with suppress(OSError):
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        if not self.closed:
            self._connection.close()
        super().close()


def connect(host: str, port: int, *, seconds: float, is_encrypted: bool = False) -> Wire:
    """Connect to the first address of a host that answers.

    Looking up a name waits as long as the system's resolver does: nobody can be asked to do it
    within a time.

    Args:
        host: Name or number.
        port: 1 to 65535.
        seconds: Longest time, encryption included; it also is the deadline of what follows.
        is_encrypted: Whether TLS is spoken; the certificate is checked.

    Raises:
        OSError: Nobody answers, or the certificate is not trusted.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    deadline_seconds = time.monotonic() + seconds
    failure: OSError = TimeoutError("timed out")
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left(deadline_seconds))
            connection.connect(place)
            if is_encrypted:
                context = ssl.create_default_context()
                connection = context.wrap_socket(connection, server_hostname=host)
        except OSError as error:
            connection.close()
            failure = error
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return Wire(connection, deadline_seconds=deadline_seconds)
    raise failure


def failure_of(error: Exception, shown: str) -> CatseyeError:
    """Put into words what went wrong with a connection.

    Args:
        error: What was raised.
        shown: The address, without its secrets.

    Example:
        >>> print(failure_of(ConnectionRefusedError(111, "Connection refused"), "http://door/"))
        A stream's server must answer. Received: http://door/: Connection refused. Check that ...
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceRefusedError(
            "The certificate of an https:// camera must be trusted",
            received=f"{shown}: {error.verify_message}",
            fix="Name the camera's certificate in SSL_CERT_FILE, or use http:// within your home",
        )
    if isinstance(error, TimeoutError):
        reason = "no answer in time"
    elif isinstance(error, socket.gaierror):
        reason = "the name of the host is not known here"
    else:
        reason = getattr(error, "strerror", None) or type(error).__name__
    return SourceError(
        "A stream's server must answer",
        received=f"{shown}: {reason}",
        fix="Check that it is switched on and in this network, and host and port of the address",
    )


def refusal(shown: str, status: int) -> CatseyeError:
    """Make the error for a server that answers, but not with pictures.

    Args:
        shown: The address, without its secrets.
        status: Of HTTP or RTSP.
    """
    name = _RTSP_STATUS.get(status) or responses.get(status, "")
    received = f"{shown}: {status} {name}".rstrip()
    if status in (401, 403):
        return SourceRefusedError(
            "A stream's user and password must be right",
            received=f"{received}; it refuses the credentials",
            fix="Write them before the host, special characters in percent (@ is %40): "
            "user:password@host",
        )
    if status in _PASSING or status >= 500:
        return SourceError(
            "A stream's server must deliver pictures",
            received=received,
            fix="It is overloaded or starting; look at it with a browser",
        )
    return SourceRefusedError(
        "The address of a stream must be right",
        received=received,
        fix="Look up the camera's path in its manual",
    )


def _left(deadline_seconds: float) -> float:
    left = deadline_seconds - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
