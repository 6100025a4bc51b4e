"""Runs `rtspd.py`, a small RTSP camera, by the Python that has GStreamer's bindings."""

import contextlib
import functools
import subprocess
from pathlib import Path

import pytest

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtspd.py")


@functools.cache
def reason_of_absence(encoder):
    """Return why there can be no such server here; nothing if there can."""
    command = [PYTHON, SERVER, encoder]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return "" if done.returncode == 0 and done.stdout else "".join(last) or "it does not start"


class RtspCamera:
    """A server in a process of its own.

    Attributes:
        process: May be killed.
    """

    def __init__(self, encoder="jpeg", *credentials):
        reason = reason_of_absence(encoder)
        if reason:
            pytest.skip(f"no RTSP server by GStreamer: {reason}")
        self.process = subprocess.Popen(
            [PYTHON, SERVER, encoder, *credentials],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.port = int(self.process.stdout.readline())

    def url(self, path="/live", userinfo=""):
        """Return the address of its stream."""
        return f"rtsp://{userinfo}{'@' if userinfo else ''}127.0.0.1:{self.port}{path}"

    def kill(self):
        """End it as a cut cable does: without a word."""
        self.process.kill()
        self.process.wait()

    def close(self):
        """End it."""
        self.kill()
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
