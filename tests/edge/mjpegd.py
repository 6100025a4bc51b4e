"""A small HTTP camera for the tests, and every way in which a real one fails.

Each answer is a function that gets the open connection and the number of the request; frames carry
a counter that `read_counter` reads back from the decoded picture.
"""

import base64
import hashlib
import re
import socket
import threading
from contextlib import contextmanager, suppress
from itertools import count

import cv2
import numpy as np

SIZE_WH = (64, 48)
_BITS = 8


def make_picture(number, *, size_wh=SIZE_WH):
    """Return a picture with a counter burnt in: eight columns, black or white; the rest blue."""
    picture = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    picture[:] = (255, 0, 0)
    width = size_wh[0] // _BITS
    for bit in range(_BITS):
        shade = 255 if number >> bit & 1 else 0
        picture[: size_wh[1] // 2, bit * width : (bit + 1) * width] = shade
    return picture


def read_counter(pixels_bgr):
    """Return the counter that `make_picture` burnt in."""
    height, width = pixels_bgr.shape[:2]
    middles = [int((bit + 0.5) * width / _BITS) for bit in range(_BITS)]
    row = pixels_bgr[height // 4].mean(axis=1)
    return sum(int(row[middle] > 127) << bit for bit, middle in enumerate(middles))


def encode(number, *, suffix=".jpg"):
    """Return the picture of a counter as a file."""
    return cv2.imencode(suffix, make_picture(number % 256))[1].tobytes()


def part(data, *, has_length=True):
    """Wrap a picture as a part of a stream."""
    length = f"Content-Length: {len(data)}\r\n" if has_length else ""
    return b"--frame\r\nContent-Type: image/jpeg\r\n" + length.encode() + b"\r\n" + data + b"\r\n"


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
    b"Connection: close\r\n\r\n"
)


def head(status, *headers):
    """Return the first lines of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]).encode()


class Server:
    """A server on a free port of this machine; `behave` may be exchanged while it runs."""

    def __init__(self, behave):
        self.behave = behave
        self.requests = []
        self.stop = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._open = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, path="/", userinfo=""):
        """Return an address of this server."""
        return f"http://{userinfo}127.0.0.1:{self.port}{path}"

    def close(self):
        """End all connections and wait for the threads."""
        self.stop.set()
        for connection in [self._socket, *self._open]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self):
        for number in count():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._answer, args=(connection, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection, number):
        try:
            self.behave(self, connection, number)
        except OSError:
            pass  # the other side has left
        finally:
            connection.close()

    def receive(self, connection):
        """Receive a request, keep it in `requests` and return it."""
        request = b""
        while b"\r\n\r\n" not in request:
            piece = connection.recv(4096)
            if not piece:
                raise OSError("left")
            request += piece
        self.requests.append(request.decode())
        return request.decode()


@contextmanager
def serving(behave):
    """Run a server that behaves so."""
    server = Server(behave)
    try:
        yield server
    finally:
        server.close()


def send_frames(connection, *, frames=None, stop=None, period_seconds=0.02, **how):
    """Send frames with their counter, without end when `frames` is `None`."""
    for number in count() if frames is None else range(frames):
        connection.sendall(part(encode(number), **how))
        if stop is not None and stop.wait(period_seconds):
            return


def ok(server, connection, number):
    """A stream without end."""
    server.receive(connection)
    connection.sendall(STREAM_HEAD)
    send_frames(connection, stop=server.stop)


def accept_only(server, connection, number):
    """Take the connection and never answer."""
    server.stop.wait()


def stall_after(frames):
    """Send some frames, then nothing more."""

    def behave(server, connection, number):
        server.receive(connection)
        connection.sendall(STREAM_HEAD)
        send_frames(connection, frames=frames)
        server.stop.wait()

    return behave


def close_after(frames):
    """Send some frames, then close."""

    def behave(server, connection, number):
        server.receive(connection)
        connection.sendall(STREAM_HEAD)
        send_frames(connection, frames=frames)

    return behave


def half_picture(server, connection, number):
    """Send a frame, then half of one, then nothing more."""
    server.receive(connection)
    data = encode(1)
    connection.sendall(STREAM_HEAD + part(encode(0)) + part(data)[: len(data) // 2])
    server.stop.wait()


def torn_picture(server, connection, number):
    """Send each second picture cut off, as a part of its own."""
    server.receive(connection)
    connection.sendall(STREAM_HEAD)
    for counter in range(256):
        data = encode(counter)
        connection.sendall(part(data[: len(data) // 2] if counter % 2 else data))
    server.stop.wait()


def drip_head(server, connection, number):
    """Send the first lines one byte a second."""
    drip(server, connection, STREAM_HEAD)


def drip_part(server, connection, number):
    """Send a frame, then the next one a byte a second."""
    server.receive(connection)
    connection.sendall(STREAM_HEAD + part(encode(0)))
    drip(server, connection, part(encode(1)))


def drip(server, connection, data):
    """Send one byte a second."""
    for place in range(len(data)):
        connection.sendall(data[place : place + 1])
        if server.stop.wait(1.0):
            return


def garbage(server, connection, number):
    """Answer with something that is no HTTP."""
    connection.sendall(bytes(range(1, 256)) * 20)
    server.stop.wait(0.2)


def garbage_stream(server, connection, number):
    """Announce a stream and send noise for ever."""
    server.receive(connection)
    connection.sendall(STREAM_HEAD)
    while not server.stop.wait(0.001):
        connection.sendall(bytes(range(256)) * 4096)


def answer(status, *headers, body=b""):
    """Answer every request so."""

    def behave(server, connection, number):
        server.receive(connection)
        connection.sendall(head(status, *headers) + body)

    return behave


def snapshot(server, connection, number):
    """Answer each request with the next picture."""
    server.receive(connection)
    data = encode(number)
    connection.sendall(
        head("200 OK", "Content-Type: image/jpeg", f"Content-Length: {len(data)}") + data
    )


def asking_basic(user, password, then=ok):
    """Ask for user and password, by Basic."""
    right = base64.b64encode(f"{user}:{password}".encode()).decode()

    def behave(server, connection, number):
        guarded(server, connection, number, f"Basic {right}", 'Basic realm="door"', then)

    return behave


def guarded(server, connection, number, right, challenge, then):
    """Let in who sends the right header."""
    request = server.receive(connection)
    if f"Authorization: {right}\r\n" in request:
        then(Rewound(server, request), connection, number)
    else:
        connection.sendall(head("401 Unauthorized", f"WWW-Authenticate: {challenge}"))


def asking_digest(user, password, then=ok, *, algorithm="MD5", quality="auth"):
    """Ask for user and password, by Digest; the answer is worked out anew by RFC 7616."""
    hasher = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def digest(*parts):
        return hasher(":".join(parts).encode()).hexdigest()

    def expected(fields, method):
        secret = digest(user, "the door", password)
        request = digest(method, fields["uri"])
        between = [fields["nc"], fields["cnonce"], fields["qop"]] if quality else []
        return digest(secret, "n0nce", *between, request)

    def behave(server, connection, number):
        request = server.receive(connection)
        fields = dict(re.findall(r'(\w+)="?([^",\s]+)"?', request.partition("Digest ")[2]))
        target = request.split()[1]
        if fields.get("uri") == target and fields["response"] == expected(fields, "GET"):
            then(Rewound(server, request), connection, number)
        else:
            qop = f', qop="{quality}"' if quality else ""
            challenge = f'Digest realm="the door", nonce="n0nce", algorithm={algorithm}{qop}'
            connection.sendall(head("401 Unauthorized", f"WWW-Authenticate: {challenge}"))

    return behave


class Rewound:
    """A server whose request was received already."""

    def __init__(self, server, request):
        self.stop = server.stop
        self._request = request

    def receive(self, connection):
        """Return the request."""
        return self._request
