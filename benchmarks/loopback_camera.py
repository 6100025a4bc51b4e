"""A network camera on this machine, for benchmarks of whole runs."""

import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATE_HZ = 30.0
BOUNDARY = b"frame"


class LoopbackCamera:
    """A network camera on this machine that sends Motion JPEG, 30 pictures per second.

    Args:
        pictures: JPEG files, sent in turn for ever.

    Attributes:
        address: Of its stream.
    """

    def __init__(self, pictures: Sequence[bytes]) -> None:

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                content_type = f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}"
                self.send_header("Content-Type", content_type)
                self.end_headers()
                started = time.monotonic()
                number = 0
                try:
                    while True:
                        body = pictures[number % len(pictures)]
                        self.wfile.write(b"--" + BOUNDARY + b"\r\nContent-Type: image/jpeg\r\n")
                        self.wfile.write(b"Content-Length: %d\r\n\r\n" % len(body) + body + b"\r\n")
                        number += 1
                        time.sleep(max(0.0, started + number / RATE_HZ - time.monotonic()))
                except OSError:
                    return  # the reader has gone

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/camera.mjpg"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "LoopbackCamera":
        """Return the camera itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Switch it off."""
        self._server.shutdown()
        self._server.server_close()
