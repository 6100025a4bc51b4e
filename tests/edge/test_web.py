"""HTTP cameras, each way in which they fail, and how long it takes to notice."""

import subprocess
import sys
import threading
import time

import mjpegd
import numpy as np
import pytest
from clips import RED, write_clip

from edge.clock import SystemClock
from edge.errors import SourceError, SourceRefusedError
from edge.sources import SourceOptions, open_source
from edge.sources.ffmpeg import FfmpegStream
from edge.sources.opencv import OPEN_SECONDS, READ_SECONDS
from edge.sources.web import MjpegStream, Snapshots
from edge.testing import ManualClock

NOTICED_SECONDS = 5.0  # from the last byte that was of use, at the latest

# What a test process that is kept waiting may need on top; a limit itself is exact.
SLACK_SECONDS = 1.0


@pytest.fixture
def serve():
    servers = []

    def start(behave):
        servers.append(mjpegd.Server(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def open_at(url, **options):
    return open_source(url, clock=SystemClock(), options=SourceOptions(**options))


def test_frames_of_a_stream_come_in_order(serve):
    source = open_at(serve(mjpegd.ok).url())
    assert isinstance(source, MjpegStream)
    frames = [source.read() for _ in range(5)]
    source.close()
    assert [mjpegd.read_counter(frame.pixels_bgr) for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert frames[0].time_seconds == 0.0
    assert frames[4].time_seconds > frames[3].time_seconds > 0.0


def test_colours_of_a_stream_are_bgr(serve):
    source = open_at(serve(mjpegd.ok).url())
    pixels_bgr = source.read().pixels_bgr
    source.close()
    assert pixels_bgr.shape == (48, 64, 3)
    np.testing.assert_allclose(pixels_bgr[40, 32], (255, 0, 0), atol=3)


def chunked(server, connection, number):
    """As by a server that cuts its answer into chunks, each across a part's border."""
    server.receive(connection)
    connection.sendall(
        mjpegd.head(
            "200 OK",
            "Content-Type: multipart/x-mixed-replace;boundary=frame",
            "Transfer-Encoding: chunked",
        )
    )
    data = b"".join(mjpegd.part(mjpegd.encode(counter)) for counter in range(8))
    for start in range(0, len(data), 1000):
        piece = data[start : start + 1000]
        connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    server.stop.wait()


def without_length(server, connection, number):
    server.receive(connection)
    connection.sendall(mjpegd.STREAM_HEAD)
    mjpegd.send_frames(connection, stop=server.stop, has_length=False)


def old_protocol(server, connection, number):
    """HTTP/1.0, line feeds alone, a boundary that is named with its dashes."""
    server.receive(connection)
    connection.sendall(
        b"HTTP/1.0 200 OK\nContent-Type: multipart/x-mixed-replace; boundary=--frame\n\n"
    )
    mjpegd.send_frames(connection, stop=server.stop)


@pytest.mark.parametrize("behave", [chunked, without_length, old_protocol])
def test_streams_as_servers_really_send_them(serve, behave):
    source = open_at(serve(behave).url())
    counters = [mjpegd.read_counter(source.read().pixels_bgr) for _ in range(4)]
    source.close()
    assert counters == [0, 1, 2, 3]


def test_a_torn_picture_is_left_out(serve):
    source = open_at(serve(mjpegd.torn_picture).url())
    counters = [mjpegd.read_counter(source.read().pixels_bgr) for _ in range(3)]
    source.close()
    assert counters == [0, 2, 4]


# (behaviour, frames before it shows, seconds within which it is noticed, what the message says)
FAULTS = [
    (mjpegd.accept_only, 0, OPEN_SECONDS, "no answer in time"),
    (mjpegd.drip_head, 0, OPEN_SECONDS, "no answer in time"),
    (mjpegd.stall_after(0), 0, READ_SECONDS, "no answer in time"),
    (mjpegd.stall_after(3), 3, READ_SECONDS, "no answer in time"),
    (mjpegd.half_picture, 1, READ_SECONDS, "no answer in time"),
    (mjpegd.drip_part, 1, READ_SECONDS, "no answer in time"),
    (mjpegd.close_after(2), 2, 0, "its end after picture 2"),
    (mjpegd.garbage, 0, 0, "must speak HTTP"),
    (mjpegd.garbage_stream, 0, READ_SECONDS, "no end of a part|no answer in time"),
    (mjpegd.answer("503 Service Unavailable"), 0, 0, "503 Service Unavailable"),
    (
        mjpegd.answer("200 OK", "Content-Type: image/jpeg", body=mjpegd.encode(1)[:-99]),
        0,
        0,
        "damag",
    ),
]


@pytest.mark.parametrize(
    ("behave", "frames", "seconds", "said"),
    FAULTS,
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_a_fault_is_noticed_in_time_and_may_pass(serve, behave, frames, seconds, said):
    server = serve(behave)

    def read_on():
        source = open_at(server.url(), snapshot_seconds=0.01)
        try:
            for _ in range(frames):
                source.read()
            started[:] = [time.monotonic()]
            source.read()
        finally:
            source.close()

    started = [time.monotonic()]
    with pytest.raises(SourceError, match=said) as noticed:
        read_on()
    took_seconds = time.monotonic() - started[0]
    assert not isinstance(noticed.value, SourceRefusedError)
    assert took_seconds <= seconds + SLACK_SECONDS < NOTICED_SECONDS


# (answer, what the message says)
REFUSALS = [
    (mjpegd.answer("404 Not Found"), "404 Not Found.*manual"),
    (mjpegd.answer("403 Forbidden"), "403 Forbidden.*credentials"),
    (mjpegd.answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'), "401.*credentials"),
    (mjpegd.answer("200 OK", "Content-Type: text/html", body=b"<html>"), "'text/html'"),
    (mjpegd.answer("302 Found", "Location: http://elsewhere/?pw=abc"), "redirected to http://else"),
    (mjpegd.answer("302 Found", "Location: file:///etc/passwd"), "redirected to file://"),
]


@pytest.mark.parametrize(("behave", "said"), REFUSALS)
def test_what_only_a_person_can_mend_is_refused(serve, behave, said):
    with pytest.raises(SourceRefusedError, match=said) as refused:
        open_at(serve(behave).url("/video?token=hushhush", "me:pass%40word@"))
    for secret in ("hushhush", "me:", "pass%40word", "pass@word", "abc"):
        assert secret not in str(refused.value)


def test_an_address_without_pictures_is_refused_when_it_is_read(serve):
    source = open_at(serve(mjpegd.answer("200 OK", body=b"<html>")).url())
    with pytest.raises(SourceRefusedError, match="no JPEG or PNG"):
        source.read()


@pytest.mark.parametrize(
    "asking",
    [
        mjpegd.asking_basic,
        mjpegd.asking_digest,
        lambda *who: mjpegd.asking_digest(*who, algorithm="SHA-256"),
        lambda *who: mjpegd.asking_digest(*who, quality=""),
    ],
    ids=["basic", "digest", "digest SHA-256", "digest of RFC 2069"],
)
def test_user_and_password_are_given_only_when_asked_for(serve, asking):
    server = serve(asking("me", "p@ss/wörd"))
    source = open_at(server.url("/v?x=1", "me:p%40ss%2Fw%C3%B6rd@"))
    assert source.read().index == 0
    source.close()
    assert "Authorization" not in server.requests[0]
    assert len(server.requests) == 2
    assert "p@ss" not in "".join(server.requests)


@pytest.mark.parametrize("asking", [mjpegd.asking_basic, mjpegd.asking_digest])
def test_a_wrong_password_is_told_apart(serve, asking):
    server = serve(asking("me", "right"))
    with pytest.raises(SourceRefusedError, match=r"401.*refuses the credentials"):
        open_at(server.url(userinfo="me:wrong@"))
    assert len(server.requests) == 2


def test_a_redirection_to_the_same_host_is_followed(serve):
    target = serve(mjpegd.ok)
    server = serve(mjpegd.answer("302 Found", f"Location: http://127.0.0.1:{target.port}/2"))
    source = open_at(server.url())
    assert source.read().index == 0
    source.close()
    assert target.requests[0].startswith("GET /2 ")


def test_a_password_does_not_follow_a_redirection_to_another_port(serve):
    target = serve(mjpegd.asking_basic("me", "secret"))
    server = serve(mjpegd.answer("302 Found", f"Location: http://127.0.0.1:{target.port}/2"))
    with pytest.raises(SourceRefusedError, match="401"):
        open_at(server.url(userinfo="me:secret@"))
    assert "Authorization" not in "".join(target.requests)


def test_redirections_without_end_are_refused(serve):
    server = serve(mjpegd.answer("302 Found", "Location: /again"))
    with pytest.raises(SourceRefusedError, match="redirect"):
        open_at(server.url())
    assert len(server.requests) <= 6


def test_a_part_that_is_too_large_is_not_received(serve):
    def huge(server, connection, number):
        server.receive(connection)
        connection.sendall(mjpegd.STREAM_HEAD + b"--frame\r\nContent-Length: 32000001\r\n\r\n")
        server.stop.wait()

    source = open_at(serve(huge).url())
    with pytest.raises(SourceError, match="a part of 32000001 bytes"):
        source.read()
    source.close()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_snapshots_are_asked_for_in_the_period(serve, suffix):
    data = mjpegd.encode(7, suffix=suffix)
    server = serve(mjpegd.answer("200 OK", "Content-Type: application/octet-stream", body=data))
    clock = ManualClock(100.0)
    source = open_source(server.url(), clock=clock, options=SourceOptions(snapshot_seconds=2.5))
    assert isinstance(source, Snapshots)
    frames = [source.read() for _ in range(3)]
    source.close()
    assert [frame.time_seconds for frame in frames] == [0.0, 2.5, 5.0]
    assert clock.waits == [2.5, 2.5]
    assert mjpegd.read_counter(frames[2].pixels_bgr) == 7
    assert len(server.requests) == 3


def test_each_snapshot_is_a_new_one(serve):
    source = open_at(serve(mjpegd.snapshot).url(), snapshot_seconds=0.001)
    counters = [mjpegd.read_counter(source.read().pixels_bgr) for _ in range(4)]
    source.close()
    assert counters == [0, 1, 2, 3]


def test_a_server_that_comes_to_ask_for_a_password_is_noticed(serve):
    server = serve(mjpegd.snapshot)
    source = open_at(server.url(), snapshot_seconds=0.001)
    source.read()
    server.behave = mjpegd.answer("401 Unauthorized")
    with pytest.raises(SourceRefusedError, match="credentials"):
        source.read()
    source.close()


def test_a_video_over_http_is_left_to_ffmpeg(serve, tmp_path):
    data = write_clip(tmp_path / "clip.avi", [RED] * 4).read_bytes()
    server = serve(mjpegd.answer("200 OK", "Content-Type: video/x-msvideo", body=data))
    source = open_at(server.url("/clip.avi"))
    assert isinstance(source, FfmpegStream)
    np.testing.assert_allclose(source.read().pixels_bgr[24, 32], (0, 0, 254), atol=4)
    source.close()


@pytest.mark.parametrize("behave", [mjpegd.stall_after(1), mjpegd.half_picture])
def test_closing_ends_a_read_of_another_thread_at_once(serve, behave):
    source = open_at(serve(behave).url())
    source.read()
    results = []
    reader = threading.Thread(target=lambda: results.append(source.read()))
    reader.start()
    source.close()
    reader.join(1.0)
    assert results == [None]
    assert source.read() is None
    source.close()


def test_nothing_secret_is_written_by_native_code(serve):
    """FFmpeg and OpenCV write addresses to standard error by themselves; a process shows it."""
    refused = serve(mjpegd.answer("404 Not Found"))
    empty = serve(mjpegd.answer("200 OK", "Content-Type: video/mp4", body=b"no video"))
    code = (
        "import sys\n"
        "from edge.clock import SystemClock\n"
        "from edge.errors import SourceError\n"
        "from edge.sources import open_source\n"
        "for address in sys.stdin.read().split():\n"
        "    try: open_source(address, clock=SystemClock())\n"
        "    except SourceError as error: print(error)\n"
    )
    addresses = [
        refused.url(userinfo="me:hushhush@"),
        empty.url("/a.mp4?token=hushhush", "me:hushhush@"),
        f"rtsp://me:hushhush@127.0.0.1:{refused.port}/live?token=hushhush",
        f"rtsps://me:hushhush@127.0.0.1:{refused.port}/live?token=hushhush",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="\n".join(addresses),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert len(done.stdout.splitlines()) == 4
    assert done.stderr == ""
    assert "hush" not in done.stdout
