"""How machines that train together find each other, before TensorFlow connects them.

TensorFlow waits for missing machines without a word and without listening to Ctrl-C. So they call
the roll first: all but the first report to it, and it answers when it has heard from all. Then
TensorFlow opens its own connections at the same addresses.
"""

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.errors import WorkerError
from edge.records import Clock
from train.cluster import VARIABLE, Cluster

WAIT_SECONDS = 600.0

_PAUSE_SECONDS = 0.5
_ANSWER_SECONDS = 5.0
_LONGEST_MESSAGE = 10_000


def meet(
    cluster: Cluster,
    facts: Mapping[str, str],
    *,
    clock: Clock,
    say: Callable[[str], None],
    wait_seconds: float = WAIT_SECONDS,
) -> None:
    """Wait until all machines are there and fit together.

    Args:
        cluster: The machines, and which of them this is.
        facts: What must be the same on all of them, by what it is called.
        clock: Measures the wait.
        say: Called with a line for whoever waits.
        wait_seconds: How long to wait for the last of them.

    Raises:
        WorkerError: A machine did not come, cannot be reached, or differs.
    """
    call = _RollCall(cluster, {**facts, "list of machines": cluster.digest}, clock, wait_seconds)
    with _listen(cluster) as listener:
        if cluster.index == 0:
            call.take(listener, say)
        else:
            say(f"waiting for {cluster.name(0)}")
            call.answer()


@dataclass(frozen=True, slots=True)
class _RollCall:
    cluster: Cluster
    facts: Mapping[str, str]
    clock: Clock
    wait_seconds: float

    def take(self, listener: socket.socket, say: Callable[[str], None]) -> None:
        """Hear from all others, then tell them to begin."""
        present: dict[int, socket.socket] = {}
        deadline = self.clock.monotonic() + self.wait_seconds
        told: list[int] = []
        try:
            while missing := self._missing(present):
                if missing != told:
                    say("waiting for " + ", ".join(map(self.cluster.name, missing)))
                    told = missing
                if self.clock.monotonic() > deadline:
                    raise self._late(missing)
                self._admit(listener, present)
            for line in present.values():
                line.sendall(b'{"is_ready": true}\n')
        finally:
            for line in present.values():
                line.close()

    def answer(self) -> None:
        """Report to the first machine until it says that all are there."""
        deadline = self.clock.monotonic() + self.wait_seconds
        while self.clock.monotonic() <= deadline:
            message = self._report(deadline)
            if "rule" in message:
                raise WorkerError(message["rule"], received=message["received"], fix=message["fix"])
            if message.get("is_ready"):
                return
            self.clock.wait(_PAUSE_SECONDS)
        raise self._late([0])

    def _missing(self, present: dict[int, socket.socket]) -> list[int]:
        """Forget those that have gone again, and return who is not there."""
        for index in [index for index, line in present.items() if _has_gone(line)]:
            present.pop(index).close()
        return [number for number in range(1, len(self.cluster.addresses)) if number not in present]

    def _admit(self, listener: socket.socket, present: dict[int, socket.socket]) -> None:
        """Hear one machine, if one calls."""
        try:
            line, caller = listener.accept()
        except TimeoutError:
            return
        line.settimeout(_ANSWER_SECONDS)
        hello = _read_message(line)
        self._missing(present)  # one that left may be this one, come again
        index, facts = hello.get("index"), hello.get("facts")
        if not isinstance(index, int) or not isinstance(facts, dict):
            line.close()  # somebody else
            return
        error = self._check(index, facts, caller[0].removeprefix("::ffff:"), present)
        if _has_gone(line):  # given up, and about to come again
            line.close()
            return
        if error is not None:
            parts = {"rule": error.rule, "received": error.received, "fix": error.fix}
            line.sendall(json.dumps(parts).encode() + b"\n")
            line.close()
            raise error
        present[index] = line

    def _check(
        self, index: int, facts: Mapping[str, str], caller: str, present: Mapping[int, object]
    ) -> WorkerError | None:
        for name, value in self.facts.items():
            if facts.get(name) != value:
                return WorkerError(
                    "Machines that train together must fit together",
                    received=f"another {name} on worker {index} at {caller}: "
                    f"{facts.get(name)}, here {value}",
                    fix=f"Make them the same; {VARIABLE} differs in the index only",
                )
        if index in present or not 0 < index < len(self.cluster.addresses):
            return WorkerError(
                "Each machine has an index of its own",
                received=f"worker {index} for the second time, from {caller}",
                fix=f"Give each machine its own index in {VARIABLE}, the first 0",
            )
        try:
            socket.create_connection(self.cluster.place(index), _ANSWER_SECONDS).close()
        except OSError as error:
            return WorkerError(
                "Machines that train together connect to each other both ways",
                received=f"no connection to {self.cluster.name(index)}, which called from "
                f"{caller}: {error.strerror or error}",
                fix=f"Correct the address in {VARIABLE}, or open the port in that machine's "
                "firewall",
            )
        return None

    def _report(self, deadline: float) -> dict[str, Any]:
        """Return what the first machine says; nothing while it is not there, or gone again."""
        hello = {"index": self.cluster.index, "facts": dict(self.facts)}
        try:
            with socket.create_connection(self.cluster.place(0), _ANSWER_SECONDS) as line:
                line.sendall(json.dumps(hello).encode() + b"\n")
                line.settimeout(max(deadline - self.clock.monotonic(), _PAUSE_SECONDS))
                return _read_message(line)
        except OSError:
            return {}

    def _late(self, missing: list[int]) -> WorkerError:
        names = ", ".join(map(self.cluster.name, missing))
        return WorkerError(
            "All machines must be there before the training begins",
            received=f"nothing from {names} within {self.wait_seconds:.0f} s",
            fix="Start the same command there, and see that address and port can be reached from "
            "here",
        )


def _listen(cluster: Cluster) -> socket.socket:
    """Take the port of this machine, which TensorFlow will need."""
    _, port = cluster.place(cluster.index)
    is_dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if is_dual else socket.AF_INET
    try:
        listener = socket.create_server(("", port), family=family, dualstack_ipv6=is_dual)
    except OSError as error:
        raise WorkerError(
            "Each machine takes calls at its own port",
            received=f"{cluster.name(cluster.index)}: {error.strerror or error}",
            fix=f"End the program that uses the port, or name another one in {VARIABLE}",
        ) from error
    listener.settimeout(_PAUSE_SECONDS)
    return listener


def _read_message(line: socket.socket) -> dict[str, Any]:
    """Return what is said in a line of JSON; nothing when it is something else."""
    try:
        with line.makefile("rb") as reader:
            message = json.loads(reader.readline(_LONGEST_MESSAGE))
    except (OSError, ValueError):
        return {}
    return message if isinstance(message, dict) else {}


def _has_gone(line: socket.socket) -> bool:
    """Whether the other end has closed the line; it says nothing while it waits."""
    line.setblocking(False)
    try:
        return not line.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        line.settimeout(_ANSWER_SECONDS)
