"""The parent's handle on one capture process: start it, hear it, end it."""

import json
import os
import select
import signal
from contextlib import ExitStack, suppress

from edge.capture.message import Message
from edge.capture.nursery import Nursery
from edge.capture.request import LensRequest
from edge.capture.slot import SlotReader, create_memory
from edge.capture.watch import Limits

_KILL_SECONDS = 1.0
_SMALLEST_WH = (1, 1)
_BELL_BYTES = 4096


class LensChild:
    """A running capture process.

    Args:
        request: What to capture.
        nursery: Starts it.
        is_first: Whether no process before this one has delivered a frame.
        limits: How long it waits before it opens a lost source again.

    Attributes:
        pid: Number of the process.
        slot: Where its frames are.
        has_hung_up: Whether it says nothing more: it has ended, or is about to.

    Raises:
        OSError: The system has no process, memory or file descriptor left.
    """

    def __init__(
        self, request: LensRequest, nursery: Nursery, *, is_first: bool, limits: Limits
    ) -> None:
        fitted_wh = _SMALLEST_WH if request.input is None else request.input.size_wh
        self._rest = b""
        self.has_hung_up = False
        self._nursery = nursery
        with ExitStack() as own, ExitStack() as theirs:
            descriptor, memory = create_memory(fitted_wh)
            theirs.callback(os.close, descriptor)
            bell, ring = _open_pipe(own, theirs)
            heard, self._voice = _open_pipe(theirs, own)
            messages, said = _open_pipe(own, theirs)
            self.pid = nursery.start((descriptor, ring, heard, said))
            self._own = own.pop_all()
        self.slot = SlotReader(memory, fitted_wh)
        os.set_blocking(bell, False)
        self._bell, self._messages = bell, messages
        self._poll = select.poll()
        self._poll.register(bell, select.POLLIN)
        self._poll.register(messages, select.POLLIN)
        self._tell(_order(request, is_first, fitted_wh, limits))

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
        code = self._nursery.exit_code(self.pid, _KILL_SECONDS)
        if code is None:
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
        self._own.close()
        if self._nursery.exit_code(self.pid, grace_seconds) is None:
            self._nursery.kill(self.pid)
        return self._nursery.exit_code(self.pid, _KILL_SECONDS) is not None

    def has_ended(self) -> bool:
        """Whether the process is gone for good."""
        return self._nursery.exit_code(self.pid) is not None

    def _read_messages(self) -> list[Message]:
        heard = os.read(self._messages, 65_536)
        if not heard:
            self._poll.unregister(self._messages)
            self.has_hung_up = True
        *lines, self._rest = (self._rest + heard).split(b"\n")
        return [said for line in lines if (said := Message.decode(line)) is not None]

    def _tell(self, text: bytes) -> None:
        with suppress(OSError):  # it has ended, and is heard to hang up
            os.write(self._voice, text)


def _open_pipe(reader: ExitStack, writer: ExitStack) -> tuple[int, int]:
    """Open a pipe whose ends are closed with these; the one to read from comes first."""
    reading, writing = os.pipe()
    reader.callback(os.close, reading)
    writer.callback(os.close, writing)
    return reading, writing


def _order(
    request: LensRequest, is_first: bool, fitted_wh: tuple[int, int], limits: Limits
) -> bytes:
    order = {
        "request": request.to_json(),
        "is_first": is_first,
        "fitted_wh": fitted_wh,
        "backoff": [limits.backoff_seconds, limits.longest_backoff_seconds],
    }
    return json.dumps(order).encode() + b"\n"
