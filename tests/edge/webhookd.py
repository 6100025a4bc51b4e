"""A small web server that takes events, and every way in which a real one fails."""

import json
import socket
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """What the server was sent."""

    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def event(self):
        """Return the JSON that was sent."""
        return json.loads(self.body)


class WebhookServer:
    """A server on a free port of this machine; `behave` may be exchanged while it runs."""

    def __init__(self, behave, *, port=0, trust=None):
        self.behave = behave
        self.trust = trust
        self.requests = []
        self.stop = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self._open = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, path="/hook", *, host="127.0.0.1"):
        """Return an address of this server."""
        return f"{'https' if self.trust else 'http'}://{host}:{self.port}{path}"

    def posted(self):
        """Return the events that came."""
        return [each.event for each in list(self.requests) if each.method == "POST"]

    def close(self):
        """End all connections."""
        self.stop.set()
        for connection in [self._socket, *self._open]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join(5)

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with suppress(OSError, ValueError):
            if self.trust is not None:
                connection = self.trust.wrap_socket(connection, server_side=True)
            self.behave(self, connection)
        connection.close()

    def receive(self, connection):
        """Receive a request and keep it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += _more(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        while len(body) < int(headers.get("Content-Length", 0)):
            body += _more(connection)
        method, path, _ = first.split(" ")
        self.requests.append(Request(method, path, headers, body))


def _more(connection):
    data = connection.recv(65_536)
    if not data:
        raise OSError("left")
    return data


@contextmanager
def serving(behave, **how):
    """Run a server that behaves so."""
    server = WebhookServer(behave, **how)
    try:
        yield server
    finally:
        server.close()


def answering(status, *headers, body=b""):
    """Answer every request with a status such as "204 No Content"."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]

    def behave(server, connection):
        server.receive(connection)
        connection.sendall("\r\n".join(lines).encode() + body)

    return behave


def silent(server, connection):
    """Take the request and never answer."""
    server.receive(connection)
    server.stop.wait(60)


def deaf(server, connection):
    """Take the connection and never read."""
    server.stop.wait(60)


def hanging_up(server, connection):
    """Take the request and end the connection."""
    server.receive(connection)


def dripping(server, connection):
    """Answer a byte at a time, without end."""
    server.receive(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not server.stop.wait(0.02):
        connection.sendall(b"x")


def endless(server, connection):
    """Answer with ten gigabytes."""
    server.receive(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    while not server.stop.is_set():
        connection.sendall(b"x" * 65_536)


def garbled(server, connection):
    """Answer with something else than HTTP."""
    server.receive(connection)
    connection.sendall(b"\x00\xff garbage\r\n\r\n")


def make_certificate(folder, *, name="127.0.0.1", days=("20250101000000Z", "20450101000000Z")):
    """Make a certificate that signs itself, and return the paths of it and of its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    kind = "IP" if name[0].isdigit() else "DNS"
    request = folder / "request.cnf"
    request.write_text(
        "[ca]\ndefault_ca=d\n[d]\n"
        f"dir={folder}\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        "[req]\ndistinguished_name=n\n[n]\n"
        f"[x]\nsubjectAltName={kind}:{name}\nbasicConstraints=critical,CA:TRUE\n"
    )
    (folder / "index").write_text("")
    (folder / "serial").write_text("01\n")
    asked = folder / "asked.pem"
    ask = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", asked]
    sign = ["ca", "-batch", "-selfsign", "-keyfile", key, "-in", asked, "-extensions", "x"]
    dates = ["-startdate", days[0], "-enddate", days[1]]
    for command in (
        [*ask, "-subj", f"/CN={name}", "-config", request],
        [*sign, *dates, "-out", certificate, "-notext", "-config", request],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True, timeout=60)
    return certificate, key
