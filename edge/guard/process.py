"""The guard: a process that owns one output, and lets go of it whatever happens to the others."""

import os
import select
import signal
import sys
import time
from contextlib import suppress

from edge.errors import CatseyeError, GuardError
from edge.guard.ledger import Ledger
from edge.guard.limits import Governor
from edge.guard.pins import Pin, open_pin, prepare_pin, warm_pin
from edge.guard.precedence import keep_memory, run_at_once
from edge.guard.request import GuardNote, OutputRequest, read_note, start_time, write_note
from edge.guard.safety import kill_guard
from edge.guard.switch import RETRY_SECONDS, Switch
from edge.guard.understudy import SIGN_SECONDS, Understudy

_CLAIM_SECONDS = 3.0  # in which the claim of a guard before this one may lapse
_LOST_SECONDS = 30.0  # without a line: the pipe is held open by somebody, and nobody uses it
_MOST_BYTES = 65_536


def guard_output() -> int:
    """Own the output that the first line of standard input names, until that ends.

    Returns:
        The exit code: 0 done, 1 the pin could not be claimed, 3 the understudy has died.
    """
    _become_guard()
    lines = _Lines(sys.stdin.fileno())
    first = lines.wait(_LOST_SECONDS)
    if not first:
        return 0
    request = OutputRequest.from_line(first[0])
    try:
        prepare_pin(request.pin)
        before = _note_before(request)
        understudy = Understudy(
            lambda: open_pin(request.pin, active_low=request.active_low),
            warm=lambda: warm_pin(request.pin),
            is_left_on=before is not None,
        )
        pin = _claim(request, understudy, before)
    except (OSError, CatseyeError) as error:
        _report(f"unclaimed {' '.join(str(error).split())}")
        return 1
    ledger = Ledger(request.ledger_path)
    governor = Governor(request.limits, ledger.read(time.monotonic()))
    switch = Switch(pin, governor, report=_report, record=ledger.write, sign=understudy.sign)
    understudy.sign(False)
    run_at_once()
    _report("ready")
    status = _serve(switch, understudy, lines, first[1:])
    understudy.dismiss()
    with suppress(OSError):
        pin.close()
    if lines.is_orderly:
        with suppress(OSError):  # it stays where the disk can no longer be written
            request.note_path.unlink(missing_ok=True)
    return status


def _serve(switch: Switch, understudy: Understudy, lines: "_Lines", heard: list[str]) -> int:
    """Hear lines until the pipe ends, then release the output."""
    status = 0
    while not lines.has_ended:
        now_seconds = time.monotonic()
        for line in heard:
            switch.hear(line, now_seconds)
        rest_seconds = switch.tick(time.monotonic())
        if switch.is_on:
            understudy.sign(True)
            rest_seconds = min(rest_seconds, SIGN_SECONDS)
        if not understudy.is_alive:
            status = 3
            break
        heard = lines.wait(min(rest_seconds, 1.0))
    while switch.is_on:
        switch.release(time.monotonic(), "end")
        understudy.sign(switch.is_on)
        if switch.is_on:
            select.select([], [], [], RETRY_SECONDS)
    return status


class _Lines:
    """Lines of a pipe, without blocking.

    Attributes:
        has_ended: Whether no more will come: the pipe has ended, or SIGTERM came.
        is_orderly: Whether the last line was "end".
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._rest = b""
        self._poll = select.poll()
        self._poll.register(file, select.POLLIN | select.POLLHUP)
        self.has_ended = self.is_orderly = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "has_ended", True))

    def wait(self, seconds: float) -> list[str]:
        """Return the lines that come within so many seconds, as soon as there are any."""
        if self.has_ended or not self._poll.poll(seconds * 1000):
            return []
        told = os.read(self._file, _MOST_BYTES)
        *lines, self._rest = (self._rest + told).split(b"\n")
        if not told or len(self._rest) > _MOST_BYTES:
            self.has_ended = True
        texts = [line.decode("ascii", "replace") for line in lines]
        if texts[-1:] == ["end"]:
            self.has_ended = self.is_orderly = True
        return texts


def _become_guard() -> None:
    """Outlive the terminal's Ctrl-C, and start before others where the system lets us."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    os.set_blocking(sys.stdout.fileno(), False)
    keep_memory()
    with suppress(OSError):
        os.nice(-10)


def _note_before(request: OutputRequest) -> GuardNote | None:
    """Read the note of a guard that did not end in order; `None` where there is none.

    Raises:
        GuardError: It belongs to another main process that runs.
    """
    try:
        note = read_note(request.note_path)
    except GuardError:
        return None
    pid, start = note.owner
    if start and pid != request.owner and start_time(pid) == start:
        raise GuardError(
            f"The output {request.name} must belong to one running edge",
            received=f"one that runs already, process {pid}",
            fix="End that one first",
        )
    return note


def _claim(request: OutputRequest, understudy: Understudy, before: GuardNote | None) -> Pin:
    """Open the pin; a guard that died just now may hold it for a moment.

    Raises:
        OSError: It stays in use, or cannot be opened.
    """
    if before is not None:
        kill_guard(before)  # this understudy stands in for that one from here on
    try:
        write_note(request, os.getpid(), understudy.pid)
    except OSError:
        _report("unrecorded")  # the door goes on beside a full disk
    until_seconds = time.monotonic() + _CLAIM_SECONDS
    while True:
        try:
            return open_pin(request.pin, active_low=request.active_low)
        except GuardError:  # what it needs is not there, and will not be
            raise
        except OSError:
            if time.monotonic() > until_seconds:
                if before is None:  # nobody can have left it energised: another program's pin
                    with suppress(OSError):
                        request.note_path.unlink(missing_ok=True)
                raise
            select.select([], [], [], RETRY_SECONDS)


def _report(line: str) -> None:
    with suppress(OSError):  # nobody listens, or not fast enough: the output matters more
        os.write(sys.stdout.fileno(), line.encode("ascii", "replace") + b"\n")
