"""The parent's handle on one capture process: start it, hear it, end it."""

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time

from edge.capture.message import Message
from edge.capture.request import LensRequest
from edge.capture.slot import SlotReader, create_memory
from edge.capture.watch import Limits
from edge.integrity import child_command, child_environment

_LENS = "edge.capture.lens"
_KILL_SECONDS = 1.0
_SMALLEST_WH = (1, 1)
_BELL_BYTES = 4096


class LensChild:
    """A running capture process.

    Args:
        request: What to capture.
        is_first: Whether no process before this one has delivered a frame.
        limits: How long it waits before it opens a lost source again.

    Attributes:
        slot: Where its frames are.
        has_hung_up: Whether it says nothing more: it has ended, or is about to.

    Raises:
        OSError: The system has no process, memory or file descriptor left.
    """

    def __init__(self, request: LensRequest, *, is_first: bool, limits: Limits) -> None:
        fitted_wh = _SMALLEST_WH if request.input is None else request.input.size_wh
        self._rest = b""
        self.has_hung_up = False
        descriptor, memory = create_memory(fitted_wh)
        try:
            self._bell, bell = os.pipe()
            try:
                self._process = _start(descriptor, bell)
            except OSError:
                os.close(self._bell)
                raise
            finally:
                os.close(bell)
        finally:
            os.close(descriptor)
        self.slot = SlotReader(memory, fitted_wh)
        os.set_blocking(self._bell, False)
        self._messages = _descriptor(self._process.stdout)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(self._messages, select.POLLIN)
        self._tell(_order(request, is_first, fitted_wh, limits))

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def listen(self, timeout_seconds: float) -> list[Message]:
        """Wait for a frame or messages, at most so long, and return the messages."""
        said: list[Message] = []
        for descriptor, _ in self._poll.poll(timeout_seconds * 1000):
            if descriptor == self._messages:
                said = self._read_messages()
            elif not os.read(self._bell, _BELL_BYTES):
                self._poll.unregister(self._bell)
        return said

    def confirm(self) -> None:
        """Tell that a frame was taken; for a process that hands over every frame."""
        self._tell(b".")

    def describe_end(self) -> str:
        """Say how the process has ended, after it has hung up."""
        try:
            code = self._process.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            return "it hung up"
        if code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def end(self, *, grace_seconds: float = 0.0) -> bool:
        """End the process, by force after the grace; return whether it has ended.

        A process may be stuck in its driver so that the system cannot end it now.
        """
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._bell >= 0:
            os.close(self._bell)
            self._bell = -1
        if self._has_ended(grace_seconds):
            return True
        self._process.kill()
        return self._has_ended(_KILL_SECONDS)

    def has_ended(self) -> bool:
        """Whether the process is gone for good."""
        return self._process.poll() is not None

    def _has_ended(self, timeout_seconds: float) -> bool:
        end_seconds = time.monotonic() + timeout_seconds
        while self._process.poll() is None and time.monotonic() < end_seconds:
            time.sleep(0.005)
        return self.has_ended()

    def _read_messages(self) -> list[Message]:
        heard = os.read(self._messages, 65_536)
        if not heard:
            self._poll.unregister(self._messages)
            self.has_hung_up = True
        *lines, self._rest = (self._rest + heard).split(b"\n")
        return [said for line in lines if (said := Message.decode(line)) is not None]

    def _tell(self, text: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended, and is heard to hang up
            os.write(_descriptor(self._process.stdin), text)


def _start(descriptor: int, bell: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        child_command(_LENS, str(descriptor), str(bell)),
        env=child_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get("EDGE_DEBUG") == "1" else subprocess.DEVNULL,
        bufsize=0,
        pass_fds=(descriptor, bell),
        start_new_session=True,  # what a terminal sends is for the parent
    )


def _order(
    request: LensRequest, is_first: bool, fitted_wh: tuple[int, int], limits: Limits
) -> bytes:
    is_main = threading.current_thread() is threading.main_thread()
    order = {
        "request": request.to_json(),
        "is_first": is_first,
        "fitted_wh": fitted_wh,
        "backoff": [limits.backoff_seconds, limits.longest_backoff_seconds],
        "parent": os.getpid() if is_main else None,
    }
    return json.dumps(order).encode() + b"\n"


def _descriptor(pipe: object) -> int:
    return pipe.fileno()  # type: ignore[attr-defined,no-any-return]
