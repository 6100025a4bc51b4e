"""RTSP cameras: a real server on this machine, and servers that fail in each way."""

import os
import signal
import socket
import subprocess
import sys
import time
from itertools import pairwise

import mjpegd
import pytest
from rtsp_camera import RtspCamera

from edge.clock import SystemClock
from edge.errors import SourceError, SourceRefusedError
from edge.sources import open_source
from edge.sources.opencv import OPEN_SECONDS, READ_SECONDS
from edge.sources.rtsp import check_stream

OPENED_SECONDS = 3.0
NOTICED_SECONDS = 5.0
SLACK_SECONDS = 1.0  # what a test process that is kept waiting may need on top
USER, PASSWORD = "door", "se:sa@me/4711"
USERINFO = "door:se%3Asa%40me%2F4711"


@pytest.fixture(params=["jpeg", "h264"])
def camera(request):
    opened = RtspCamera(request.param)
    yield opened
    opened.close()


@pytest.fixture
def guarded():
    opened = RtspCamera("jpeg", USER, PASSWORD)
    yield opened
    opened.close()


@pytest.fixture
def serve():
    servers = []

    def start(behave):
        servers.append(mjpegd.Server(behave))
        return servers[-1].url("/live").replace("http:", "rtsp:")

    yield start
    for server in servers:
        server.close()


def open_at(url):
    return open_source(url, clock=SystemClock())


def seconds_until_error(work, kind=SourceError, match=""):
    """Return how long it took until it failed."""
    start_seconds = time.monotonic()
    with pytest.raises(kind, match=match) as failed:
        work()
    assert PASSWORD not in str(failed.value)
    assert USERINFO not in str(failed.value)
    return time.monotonic() - start_seconds


def test_pictures_come_soon_and_in_their_colours(camera):
    start_seconds = time.monotonic()
    source = open_at(camera.url())
    frames = [source.read() for _ in range(5)]
    assert time.monotonic() - start_seconds < OPENED_SECONDS + SLACK_SECONDS
    source.close()
    source.close()
    assert source.read() is None
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    times = [frame.time_seconds for frame in frames]
    assert times[0] == 0.0
    assert times == sorted(set(times))
    pixels_bgr = frames[-1].pixels_bgr
    assert pixels_bgr.shape == (240, 320, 3)
    assert pixels_bgr[200, 80].tolist() == pytest.approx([0, 0, 255], abs=40)
    assert pixels_bgr[200, 240].tolist() == pytest.approx([255, 0, 0], abs=40)


def test_pictures_are_not_held_back(camera):
    """A reader that always waits gets each picture; one more each time."""
    source = open_at(camera.url())
    counters = [mjpegd.read_counter(source.read().pixels_bgr) for _ in range(12)]
    source.close()
    steps = [(later - earlier) % 256 for earlier, later in pairwise(counters)]
    assert set(steps[2:]) == {1}


def test_a_wrong_path_is_refused(camera):
    took = seconds_until_error(
        lambda: open_at(camera.url("/back")), SourceRefusedError, "404 Not Found.*manual"
    )
    assert took < OPENED_SECONDS


@pytest.mark.parametrize("userinfo", ["", "door:wrong", "wrong:wrong"])
def test_wrong_credentials_are_refused(guarded, userinfo):
    took = seconds_until_error(
        lambda: open_at(guarded.url(userinfo=userinfo)),
        SourceRefusedError,
        "401 Unauthorized; it refuses the credentials.*percent",
    )
    assert took < OPENED_SECONDS


def test_right_credentials_open_the_stream_and_show_nowhere(guarded):
    code = (
        "import os; from edge.sources import open_source; from edge.clock import SystemClock; "
        "source = open_source(os.environ['ADDRESS'], clock=SystemClock()); "
        "print(source.read().pixels_bgr.shape); os.kill(int(os.environ['SERVER']), 9)\n"
        "while True: source.read()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "ADDRESS": guarded.url(userinfo=USERINFO),
            "SERVER": str(guarded.process.pid),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "(240, 320, 3)\n"
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"  # nothing of FFmpeg's before it
    assert lines[-1].startswith("edge.errors.SourceError: A stream must go on delivering pictures")
    for secret in (PASSWORD, USERINFO, "4711"):
        assert secret not in done.stderr


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "silent"])
def test_a_server_that_goes_away_is_noticed_and_left(camera, end):
    """Killed, its connection is closed; halted, it says nothing more, as without a cable."""
    source = open_at(camera.url())
    source.read()
    camera.process.send_signal(end)

    def read_on():
        while True:
            source.read()

    took = seconds_until_error(read_on, match=f"none within {READ_SECONDS} s after picture [0-9]+")
    start_seconds = time.monotonic()
    source.close()
    assert took < NOTICED_SECONDS
    assert time.monotonic() - start_seconds < NOTICED_SECONDS - READ_SECONDS


# Servers that are no RTSP servers.
@pytest.mark.parametrize(
    ("behave", "kind", "said"),
    [
        (mjpegd.accept_only, SourceError, "no answer in time"),
        (mjpegd.drip_head, SourceError, "no answer in time|must speak RTSP"),
        (mjpegd.garbage, SourceError, "must speak RTSP|must answer"),
        (mjpegd.answer("200 OK"), SourceError, "must speak RTSP"),  # HTTP
    ],
)
def test_a_server_that_is_none_is_an_error_in_time(serve, behave, kind, said):
    url = serve(behave)
    took = seconds_until_error(lambda: open_at(url), kind, said)
    assert took < OPEN_SECONDS + SLACK_SECONDS


def rtsp(status, *headers):
    """Answer each connection so, once."""

    def behave(server, connection, number):
        connection.recv(65_536)
        lines = [f"RTSP/1.0 {status}", "CSeq: 1", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode())

    return behave


# What a server says of itself: what only a person can mend, and what may pass.
@pytest.mark.parametrize(
    ("behave", "is_refused"),
    [
        (rtsp("403 Forbidden"), True),
        (rtsp("404 Not Found"), True),
        (rtsp("454 Session Not Found"), False),
        (rtsp("453 Not Enough Bandwidth"), False),
        (rtsp("500 Internal Server Error"), False),
        (rtsp("503 Service Unavailable"), False),
        (rtsp("nonsense"), False),
        (rtsp("200 OK", "Content-Length: -4"), False),
        (rtsp("200 OK", "Content-Length: 99999999999"), False),
    ],
)
def test_refusals_are_told_from_what_may_pass(serve, behave, is_refused):
    url = serve(behave)
    with pytest.raises(SourceError) as failed:
        check_stream(url)
    assert isinstance(failed.value, SourceRefusedError) is is_refused


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"rtsp://me:{USERINFO}@127.0.0.1:{free.getsockname()[1]}/live"
        took = seconds_until_error(lambda: open_at(url), match="Connection refused")
    assert took < OPENED_SECONDS
