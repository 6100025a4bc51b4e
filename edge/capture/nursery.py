"""A process from which capture processes are forked: each is there at once, and costs little.

What Python, NumPy and OpenCV hold in memory is shared by all processes that were forked from one,
until one of them writes to it. A program that has a thread only forks safely; `edge run` does so
before anything has started another. Any other program starts the nursery as a program of its own.
"""

import contextlib
import errno
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from edge.capture import lens
from edge.integrity import child_command, child_environment

_MODULE = "edge.capture.nursery"
_BORN = "born"
_ENDED = "ended"
_FIRST_REPLY_SECONDS = 20.0  # a program of its own imports NumPy and OpenCV first
_REPLY_SECONDS = 2.0
_END_SECONDS = 1.0
_MOST_BYTES = 65_536
_DESCRIPTORS = 4
_TASKS = Path("/proc/self/task")
_DESCRIPTORS_OPEN = Path("/dev/fd")
_STREAMS = (0, 1, 2)


class Nursery:
    """The parent's handle on the process that forks capture processes; used by one thread.

    Attributes:
        has_ended: Whether it was found to have ended, and all that it has forked with it.

    Raises:
        OSError: The system has no process or file descriptor left.
    """

    def __init__(self) -> None:
        self.has_ended = False
        self._codes: dict[int, int] = {}
        self._rest = b""
        self._reply_seconds = _FIRST_REPLY_SECONDS
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._pid = _fork(theirs) if _has_one_thread() else _spawn(theirs)

    def start(self, descriptors: Sequence[int]) -> int:
        """Fork a capture process and return its number.

        Args:
            descriptors: Shared memory, bell, standard input and standard output.

        Raises:
            OSError: The nursery has ended or cannot fork.
        """
        try:
            socket.send_fds(self._socket, [b"start\n"], list(descriptors))
        except OSError:
            self.has_ended = True
            raise
        end_seconds = time.monotonic() + self._reply_seconds
        while (left_seconds := end_seconds - time.monotonic()) > 0:
            born = self._listen(left_seconds)
            if born:
                self._reply_seconds = _REPLY_SECONDS
                return born
        with contextlib.suppress(OSError):  # what it has forked ends with it
            os.kill(self._pid, signal.SIGKILL)
        self.has_ended = True
        raise TimeoutError(errno.ETIMEDOUT, "the process that starts others does not answer")

    def kill(self, pid: int) -> None:
        """End a capture process by force; one that has ended is left alone."""
        if pid not in self._codes:
            with contextlib.suppress(OSError):  # the nursery has ended, and all with it
                self._socket.sendall(f"kill {pid}\n".encode())

    def exit_code(self, pid: int, timeout_seconds: float = 0.0) -> int | None:
        """Return how a capture process ended, negative for a signal; `None` while it runs.

        Args:
            pid: What `start` returned.
            timeout_seconds: How long to wait for its end.
        """
        end_seconds = time.monotonic() + timeout_seconds
        try:
            while pid not in self._codes:
                left_seconds = max(0.0, end_seconds - time.monotonic())
                if self._listen(left_seconds) is None and not left_seconds:
                    return None
        except OSError:
            return -signal.SIGKILL  # with the nursery its children are gone
        return self._codes[pid]

    def close(self) -> None:
        """End the nursery and all that it has forked; a second call does nothing."""
        self._socket.close()
        end_seconds = time.monotonic() + _END_SECONDS
        while self._pid and time.monotonic() < end_seconds:
            if _wait_for(self._pid) is not None:
                self._pid = 0
                return
            time.sleep(0.002)

    def _listen(self, timeout_seconds: float) -> int | None:
        """Take in what the nursery says; return the process that was born, if any was."""
        if not select.select([self._socket], [], [], timeout_seconds)[0]:
            return None
        heard = self._socket.recv(_MOST_BYTES)
        if not heard:
            self.has_ended = True
            raise ConnectionResetError("the process that starts others has ended")
        *lines, self._rest = (self._rest + heard).split(b"\n")
        born = 0
        for kind, pid, code in map(json.loads, lines):
            if kind == _ENDED:
                self._codes[pid] = code
            elif pid:
                born = pid
                self._codes.pop(pid, None)  # the number of one that has ended long ago
            else:
                raise OSError(code, os.strerror(code))
        return born


def serve(connection: socket.socket) -> None:
    """Fork capture processes as asked until the other side hangs up; then end them.

    Args:
        connection: To the program that asks.
    """
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    children: set[int] = set()
    while True:
        ready = select.select([connection.fileno(), bell], [], [])[0]
        if bell in ready:
            os.read(bell, _MOST_BYTES)
            _report_ended(connection, children)
        if connection.fileno() in ready:
            asked, descriptors, *_ = socket.recv_fds(connection, _MOST_BYTES, _DESCRIPTORS)
            if not asked:
                break
            for line in asked.splitlines():
                word, *numbers = line.split()
                if word == b"kill":
                    _kill(children & set(map(int, numbers)))
                else:
                    children |= _bear(connection, descriptors)
    _kill(children)


def _bear(connection: socket.socket, descriptors: Sequence[int]) -> set[int]:
    """Fork a capture process, and say its number or that of the error."""
    nursery = os.getpid()
    pid, code = 0, 0
    try:
        pid = os.fork()
        if pid == 0:
            _live(partial(_capture, descriptors, nursery))
    except OSError as error:
        code = error.errno or errno.EAGAIN
    for descriptor in descriptors:
        os.close(descriptor)
    _say(connection, _BORN, pid, code)
    return {pid} - {0}


def _capture(descriptors: Sequence[int], nursery: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    memory, bell, heard, said = descriptors
    os.dup2(heard, 0)
    os.dup2(said, 1)
    _let_go_of_all_but(memory, bell)
    lens.serve(memory, bell, parent=nursery)


def _live(life: Callable[[], None]) -> NoReturn:
    """Spend the life of a forked process: it must leave here, and not run on as its parent."""
    try:
        life()
    except BaseException as error:  # noqa: BLE001
        sys.excepthook(type(error), error, error.__traceback__)
        os._exit(1)
    os._exit(0)


def _report_ended(connection: socket.socket, children: set[int]) -> None:
    for pid in tuple(children):
        code = _wait_for(pid)
        if code is not None:
            children.discard(pid)
            _say(connection, _ENDED, pid, code)


def _kill(children: Collection[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)  # not waited for yet, so the number is still its own


def _say(connection: socket.socket, kind: str, pid: int, code: int) -> None:
    with contextlib.suppress(OSError):  # nobody listens: that is heard next
        connection.sendall(json.dumps([kind, pid, code]).encode() + b"\n")


def _wait_for(pid: int) -> int | None:
    """Return how a child ended, negative for a signal; `None` while it runs."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return os.waitstatus_to_exitcode(status) if ended else None


def _has_one_thread() -> bool:
    """Whether this process may fork: threads of native libraries count, too."""
    try:
        return len(list(_TASKS.iterdir())) == 1
    except OSError:  # not Linux
        return False


def _fork(connection: socket.socket) -> int:
    if gc.get_freeze_count():  # not the first: what was frozen and has ended must not stay for ever
        gc.unfreeze()
        gc.collect()
    gc.freeze()  # what is there now shall be left as it is, and so stay shared
    pid = os.fork()
    if pid == 0:
        _live(partial(_nurse, connection))
    return pid


def _nurse(connection: socket.socket) -> None:
    os.setsid()  # what a terminal sends is for the parent
    _redirect_streams()
    _let_go_of_all_but(connection.fileno())
    serve(connection)


def _spawn(connection: socket.socket) -> int:
    descriptor = connection.fileno()
    os.set_inheritable(descriptor, True)
    command = child_command(_MODULE, str(descriptor))
    return os.posix_spawn(command[0], command, child_environment(), setsid=True)


def _redirect_streams() -> None:
    """Read from and write to nowhere; errors are shown where someone debugs."""
    _lead_nowhere(_STREAMS[:2] if os.environ.get("EDGE_DEBUG") == "1" else _STREAMS)


def _let_go_of_all_but(*kept: int) -> None:
    """Give up all that the program has open, as far as this process goes."""
    descriptors = {int(entry.name) for entry in _DESCRIPTORS_OPEN.iterdir()}
    _lead_nowhere(descriptors.difference(_STREAMS, kept))


def _lead_nowhere(descriptors: Iterable[int]) -> None:
    """Let descriptors lead nowhere; their numbers stay taken.

    The program's own files, such as its logs, are still there as objects. One of them that writes,
    or closes when nobody has it any more, must not do that to what has got its number since.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in {*descriptors} - {nowhere}:  # it may have got that of the folder just read
        os.dup2(nowhere, descriptor, inheritable=descriptor in _STREAMS)
    os.close(nowhere)


if __name__ == "__main__":
    _redirect_streams()
    serve(socket.socket(fileno=int(sys.argv[1])))
