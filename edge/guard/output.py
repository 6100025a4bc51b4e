"""The main process's end of a guard: asks for the output, and holds the lease by heartbeat."""

import itertools
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from edge.errors import GuardError
from edge.guard.precedence import offer_memory
from edge.guard.request import OutputRequest

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.2
"""Between two heartbeats."""

LONGEST_IDLE_SECONDS = 2.0
"""The heart stops if the loop has looked at nothing for so long."""

_START_SECONDS = 5.0  # for a guard to claim its pin
_ANSWER_SECONDS = 1.0
_BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
_CLOSE_SECONDS = 1.4
_JOIN_SECONDS = 0.4

DUTY_USED_UP = "it was on for too much of the last ten minutes"
"""What a `GuardError` has received where the duty is used up."""

_REFUSALS = {"pause": "it was on a moment ago and needs its pause", "duty": DUTY_USED_UP}


class GuardedOutput:
    """An output that a guard owns; a guard that dies is replaced, which begins with the safe level.

    Making it neither blocks nor fails: the guard is started by a thread.

    Args:
        request: The output.
        idle_seconds: Says how long ago the loop last looked at something; a loop that hangs loses
            the output.
        when_changed: Called, from a thread of its own, when the output goes on or off or gets
            into trouble.

    Attributes:
        is_energised: Whether the output is on, by the guard's word.
        trouble: What is wrong with the output, in words; empty if nothing is.
        is_stuck: Whether the output could not be switched off.
    """

    def __init__(
        self,
        request: OutputRequest,
        *,
        idle_seconds: Callable[[], float],
        when_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._request = request
        self._idle_seconds = idle_seconds
        self._when_changed = when_changed
        self._stop = threading.Event()
        self._state = threading.Condition(threading.RLock())
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = self._is_unclaimed = False
        self._answers: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self.is_energised = self.is_stuck = False
        self.trouble = ""
        self._threads = [
            threading.Thread(target=work, name=f"{work.__name__} {request.name}", daemon=True)
            for work in (self._keep_guard, self._beat)
        ]
        for thread in self._threads:
            thread.start()

    def wait_ready(self, seconds: float) -> bool:
        """Wait until the guard owns its pin, cannot, or this is closed; say whether it does."""
        with self._state:
            self._state.wait_for(
                lambda: self._is_ready or self._is_unclaimed or self._stop.is_set(), seconds
            )
            return self._is_ready and not self._stop.is_set()

    def energise(self, seconds: float, *, wait_seconds: float = _START_SECONDS) -> float:
        """Switch the output on, or let it stay on longer.

        Args:
            seconds: From now on; cut to what the limits allow.
            wait_seconds: For a guard that has just been started.

        Returns:
            The seconds that the guard has granted.

        Raises:
            GuardError: It refuses, or does not answer; the output is off, or will be in time.
        """
        if self._idle_seconds() >= LONGEST_IDLE_SECONDS:
            raise self._error("the loop makes no progress")
        number = str(next(self._numbers))
        with self._state:
            if not self.wait_ready(wait_seconds):
                over = "the run is over" if self._stop.is_set() else ""
                raise self._error(over or self.trouble or "its guard has not started yet")
            self._tell(f"energise {number} {seconds:.3f} {time.monotonic():.6f}")
            answer = self._await_answer(number)
        is_granted, _, rest = answer.partition(" ")
        if is_granted != "granted":
            raise self._error(_REFUSALS.get(rest, rest))
        return float(rest)

    def release(self) -> None:
        """Switch the output off; does nothing if it is."""
        with self._state:
            self._tell("release")

    def close(self) -> None:
        """Release the output and end the guard, within two seconds; a second call does nothing.

        A guard that does not answer is killed, and its understudy releases the output. One that
        cannot switch off stays behind and goes on trying.
        """
        self._stop.set()
        with self._state:
            self._tell("end")
            process = self._process
            self._state.notify_all()
        if process is not None:
            try:
                process.wait(_CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                if not self.is_stuck:  # it hangs: its understudy takes over
                    process.kill()
        until_seconds = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until_seconds - time.monotonic()))

    def _error(self, received: str) -> GuardError:
        return GuardError(
            f"The output {self._request.name} must be free to be switched on",
            received=received,
            fix="Look at edge status, which says how the output is",
        )

    def _tell(self, line: str) -> None:
        """Write a line, unless the guard does not take it; with the lock held."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, ValueError):  # it has died, or hangs: another thread notices
                os.write(self._process.stdin.fileno(), line.encode("ascii") + b"\n")

    def _await_answer(self, number: str) -> str:
        """Wait for an answer; a guard that gives none is killed, but not the one after it."""
        process = self._process

        def is_over() -> bool:
            has_gone = self._stop.is_set() or self._process is not process
            return has_gone or number in self._answers

        has_ended = self._state.wait_for(is_over, _ANSWER_SECONDS)
        answer = self._answers.pop(number, "")
        if answer:
            return answer
        if has_ended:
            raise self._error("its guard has ended meanwhile")
        assert process is not None  # it was ready, with the lock held
        process.kill()
        raise self._error("its guard does not answer, and is replaced")

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            if self._idle_seconds() < LONGEST_IDLE_SECONDS:
                with self._state:
                    self._tell("beat")

    def _keep_guard(self) -> None:
        """Start a guard and listen to it, and another when it has ended."""
        failures = 0
        while not self._stop.is_set():
            started_seconds = time.monotonic()
            try:
                self._listen(self._start())
            except OSError as error:
                self._change(trouble=f"its guard cannot be started: {error}")
            if self._stop.is_set():
                return
            failures = failures + 1 if time.monotonic() - started_seconds < 10.0 else 0
            delay_seconds = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
            self._stop.wait(delay_seconds)

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C at the terminal is for the main process.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edge.guard"],  # with nothing out of this folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        offer_memory()
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        with self._state:
            self._process = process
            self._tell(self._request.to_line())
            if self._stop.is_set():
                self._tell("end")
        return process

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            self._hear(line.decode("ascii", "replace").strip())
        with self._state:
            self._is_ready = False
            self._process = None
            self._state.notify_all()
        process.stdout.close()
        process.stdin.close()
        status = process.wait()
        if not self._stop.is_set():
            text = self.trouble or f"its guard has died (exit code {status})"
            self._change(is_energised=False, trouble=text)

    def _hear(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word in ("granted", "refused"):
            number, _, detail = rest.partition(" ")
            with self._state:
                self._answers[number] = f"{word} {detail}"
                self._state.notify_all()
        if word == "granted":
            self._change(is_energised=True)
        elif word == "off":
            self._change(is_energised=False)
            if rest in ("lease", "time"):
                logger.info("output %s: released by its guard (%s)", self._request.name, rest)
        elif word in ("ready", "clear"):
            with self._state:
                self._is_ready, self._is_unclaimed = True, False
                self._state.notify_all()
            self._change(trouble="", is_stuck=False, is_energised=False)
        elif word == "alarm":
            self._change(trouble=f"it cannot be switched off: {rest}", is_stuck=True)
        elif word == "unrecorded":
            logger.warning(
                "output %s: its times cannot be written down, a new guard would not know them",
                self._request.name,
            )
        elif word == "unclaimed":
            self._change(trouble=f"its pin cannot be claimed: {rest}")
            with self._state:
                self._is_unclaimed = True
                self._state.notify_all()

    def _change(
        self,
        *,
        is_energised: bool | None = None,
        trouble: str | None = None,
        is_stuck: bool | None = None,
    ) -> None:
        """Note what is new, log a trouble when it comes and when it goes, and tell."""
        with self._state:
            before = self.is_energised, self.trouble, self.is_stuck
            if is_energised is not None:
                self.is_energised = is_energised
            if is_stuck is not None:
                self.is_stuck = is_stuck
            if trouble is not None:
                self.trouble = trouble
            is_changed = (self.is_energised, self.trouble, self.is_stuck) != before
        if trouble is not None and trouble != before[1]:
            if trouble:
                logger.error("output %s: %s", self._request.name, trouble)
            else:
                logger.warning("output %s: well again", self._request.name)
        if is_changed:
            self._when_changed()
