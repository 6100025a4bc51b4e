"""One request to a web server, with a limit on all that the server may do to us."""

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.actions.reach import Reach, Target
from edge.errors import ActionError
from edge.records import Clock

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPException

_CONNECT_SECONDS = 3.0
_MOST_ANSWER_BYTES = 65_536
_NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL


def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a host.

    Raises:
        OSError: It knows none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Caller:
    """Sends requests to one server; follows no redirect and uses no proxy.

    The name is looked up once per request, and the very addresses that were judged are connected
    to: in turn those that may be called, until one takes the connection.

    Args:
        target: Which server and path.
        reach: Which addresses may be called.
        timeout_seconds: Time for the whole of a request; looking up the name, and connecting to
            each address, may take 3 s each.
        ca_file: Certificates to trust in place of the system's.
        clock: Monotonic.
        look_up: Finds the addresses of a host.
    """

    def __init__(
        self,
        target: Target,
        *,
        reach: Reach,
        timeout_seconds: float,
        ca_file: Path | None,
        clock: Clock,
        look_up: Callable[[str, int], Sequence[str]] = look_up,
    ) -> None:
        self._target = target
        self._reach = reach
        self._timeout_seconds = timeout_seconds
        self._ca_file = ca_file
        self._clock = clock
        self._look_up = look_up
        self._lock = threading.Lock()
        self._lever: socket.socket | None = None
        self._is_cancelled = False
        self._is_late = False

    def send(self, method: str, *, body: bytes = b"", headers: Mapping[str, str]) -> int:
        """Send a request and return the status of the answer.

        Raises:
            ActionError: There is no answer; the text names the server but not the path.
        """
        end_seconds = self._clock.monotonic() + self._timeout_seconds
        self._is_late = False
        addresses = self._find_addresses(end_seconds)
        try:
            with self._connected(addresses, end_seconds) as stream:
                return self._exchange(stream, method, body=body, headers=headers)
        except (OSError, _http_error()) as error:
            raise self._failure(error) from error

    def cancel(self) -> None:
        """End the request under way, and every later one; from another thread."""
        with self._lock:
            self._is_cancelled = True
            _pull(self._lever)

    def _find_addresses(self, end_seconds: float) -> list[str]:
        """Look the name up, in a thread: the system's way of doing it cannot be given a limit."""
        target = self._target
        answers: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._look_up(target.host, target.port))
            except OSError as error:
                answers.put(error)

        threading.Thread(target=ask, name="look-up", daemon=True).start()
        try:
            found = answers.get(timeout=self._patience(end_seconds))
        except queue.Empty:
            raise self._unreachable("the name is not found in time") from None
        if isinstance(found, OSError):
            raise self._unreachable(f"the name is not found ({found.strerror})") from found
        refusals = [self._reach.refusal(target.host, address) for address in found]
        permitted = [
            address for address, refusal in zip(found, refusals, strict=True) if not refusal
        ]
        if permitted:
            return permitted
        raise ActionError(
            "A webhook may call addresses of the local network only if they are listed",
            received=f"{target.shown}: {refusals[0] if refusals else 'no address at all'}",
            fix="Name the host in allow, unless it is one that is never called",
        )

    @contextlib.contextmanager
    def _connected(self, addresses: Sequence[str], end_seconds: float) -> Iterator[socket.socket]:
        """Connect, and cut the connection when the time is over or the request is cancelled."""
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(self._connect(addresses, end_seconds))
            lever = stack.enter_context(stream.dup())
            left_seconds = max(0.0, end_seconds - self._clock.monotonic())
            timer = threading.Timer(left_seconds, self._cut)
            timer.daemon = True
            stack.callback(self._let_go)
            stack.callback(timer.cancel)
            with self._lock:
                self._lever = lever
                if self._is_cancelled:
                    _pull(lever)
            timer.start()
            stream.settimeout(self._timeout_seconds)
            if self._target.scheme == "https":
                stream = self._trust().wrap_socket(stream, server_hostname=self._target.host)
                stack.enter_context(stream)
            yield stream

    def _connect(self, addresses: Sequence[str], end_seconds: float) -> socket.socket:
        """Connect to the first that takes it: by IPv6 or IPv4 a server may not be reached."""
        failure: OSError = TimeoutError()
        for address in addresses:
            where = (address, self._target.port)
            try:
                return socket.create_connection(where, timeout=self._patience(end_seconds))
            except OSError as error:
                failure = error
            if self._is_cancelled or self._clock.monotonic() >= end_seconds:
                break
        raise failure

    def _exchange(
        self, stream: socket.socket, method: str, *, body: bytes, headers: Mapping[str, str]
    ) -> int:
        from http.client import HTTPConnection

        target = self._target
        connection = HTTPConnection(target.host, target.port)
        connection.sock = stream  # so that it looks up and connects nothing by itself
        host = target.shown.partition("://")[2]
        all_headers = {"Host": host, "Connection": "close", "User-Agent": "catseye", **headers}
        connection.request(method, target.path, body=body or None, headers=all_headers)
        with connection.getresponse() as answer:
            if self._is_late:  # a head that was cut off is taken for a whole one
                raise TimeoutError
            with contextlib.suppress(OSError, _http_error()):
                answer.read(_MOST_ANSWER_BYTES)  # so that the server may finish; it says nothing
            return answer.status

    def _trust(self) -> "ssl.SSLContext":
        import ssl

        return ssl.create_default_context(cafile=self._ca_file)

    def _patience(self, end_seconds: float) -> float:
        return max(0.01, min(_CONNECT_SECONDS, end_seconds - self._clock.monotonic()))

    def _cut(self) -> None:
        with self._lock:
            self._is_late = True
            _pull(self._lever)

    def _let_go(self) -> None:
        with self._lock:
            self._lever = None

    def _failure(self, error: "OSError | HTTPException") -> ActionError:
        if self._is_late or isinstance(error, TimeoutError):
            return self._unreachable(f"no answer within {self._timeout_seconds:g} s")
        code = getattr(error, "verify_code", None)
        if code == _NOT_YET_VALID:
            return self._unreachable(
                "its certificate is not yet valid: the clock of this machine may be wrong"
            )
        if code is not None:
            reason = getattr(error, "verify_message", "not valid")
            return self._unreachable(f"its certificate is not trusted ({reason})")
        if self._is_cancelled:
            return self._unreachable("the request was cancelled")
        return self._unreachable(getattr(error, "strerror", None) or type(error).__name__)

    def _unreachable(self, reason: str) -> ActionError:
        return ActionError(
            "A webhook must answer",
            received=f"{self._target.shown}: {reason}",
            fix="See whether the server runs and can be reached from here",
        )


def _http_error() -> type["HTTPException"]:
    from http.client import HTTPException

    return HTTPException


def _pull(lever: socket.socket | None) -> None:
    """Shut a connection down; whoever waits for it wakes."""
    if lever is not None:
        with contextlib.suppress(OSError):
            lever.shutdown(socket.SHUT_RDWR)
