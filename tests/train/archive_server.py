"""A loopback HTTP server that hands out one archive, well or badly."""

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Archive:
    """What the server has, and how it misbehaves.

    Attributes:
        content: Of the archive.
        etag: Sent as ETag, if not empty.
        content_type: Sent.
        cuts: Bytes of the body after which each of the first answers ends.
        lie: Added to the length that is announced.
        statuses: Sent instead of the first answers.
        knows_ranges: Whether a range is honoured.
        shift: Added to the start of a range that is answered, as a confused server would.
        requests: The headers that were received.
    """

    content: bytes
    etag: str = '"one"'
    content_type: str = "application/zip"
    cuts: list[int] = field(default_factory=list)
    lie: int = 0
    statuses: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    shift: int = 0
    location: str = ""
    has_length: bool = True
    requests: list[dict] = field(default_factory=list)


@contextmanager
def serve(archive):
    """Serve an archive; yields the address of its folder."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            archive.requests.append(dict(self.headers))
            if archive.statuses:
                self.send_response(archive.statuses.pop(0))
                self.send_header("Location", archive.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer(self._find_start())

        def log_message(self, *_):
            pass

        def _find_start(self):
            found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            is_same = self.headers.get("If-Range", archive.etag) == archive.etag
            return int(found[1]) if found and archive.knows_ranges and is_same else None

        def _answer(self, start):
            total = len(archive.content)
            if start is not None and start >= total:
                self.send_error(416)
                return
            first = 0 if start is None else start + archive.shift
            self.send_response(200 if start is None else 206)
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
            body = archive.content[first:]
            self.send_header("Content-Type", archive.content_type)
            if archive.has_length:
                self.send_header("Content-Length", str(len(body) + archive.lie))
            self.send_header("ETag", archive.etag)
            self.end_headers()
            self.wfile.write(body[: archive.cuts.pop(0) if archive.cuts else None])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)
