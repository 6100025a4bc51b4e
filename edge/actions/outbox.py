"""What waits to be delivered: on the disk, and in memory as long as the disk takes nothing."""

import threading
from collections import deque

from edge.errors import OutputError
from edge.spool import Message, Spool

MOST_IN_MEMORY = 1000

_FIRST_IN_MEMORY = 2**62  # above every id of a spool: what is in memory is newer


class Outbox:
    """A spool that goes on in memory when its disk is full or cannot be written.

    Args:
        spool: On the disk.
        most_in_memory: Messages that may wait in memory; the oldest make room.

    Attributes:
        dropped: Messages that had to make room for newer ones in memory.
        trouble: Why the disk takes nothing, in words; empty if it does.

    Example:
        >>> from pathlib import Path
        >>> box = Outbox(Spool(Path("/proc/nowhere/spool.db")))
        >>> box.put(b"{}", key="a"), box.waiting
        (False, 1)
    """

    def __init__(self, spool: Spool, *, most_in_memory: int = MOST_IN_MEMORY) -> None:
        self._spool = spool
        self._most_in_memory = most_in_memory
        self._lock = threading.Lock()
        self._memory: deque[Message] = deque()
        self._next = _FIRST_IN_MEMORY
        self.dropped = 0
        self.trouble = ""

    def put(self, payload: bytes, *, key: str) -> bool:
        """Let a message wait; say whether it is on the disk, where it survives a restart."""
        with self._lock:
            if not self._memory and self._keep(payload, key):
                return True
            self._memory.append(Message(self._next, key, payload))
            self._next += 1
            if len(self._memory) > self._most_in_memory:
                self._memory.popleft()
                self.dropped += 1
            return False

    def oldest(self, count: int, *, after: int = 0) -> tuple[Message, ...]:
        """Return messages that wait, oldest first, those newer than the id `after`."""
        with self._lock:
            found: tuple[Message, ...] = ()
            if after < _FIRST_IN_MEMORY:
                try:
                    found = self._spool.oldest(count, after=after)
                except OutputError:
                    found = ()
            recent = [message for message in self._memory if message.id > after]
        return (*found, *recent)[:count]

    def remove(self, ids: set[int]) -> None:
        """Let messages go that are delivered."""
        with self._lock:
            self._memory = deque(kept for kept in self._memory if kept.id not in ids)
            on_disk = [number for number in ids if number < _FIRST_IN_MEMORY]
            if on_disk:
                self._spool.remove(on_disk)

    def settle(self) -> None:
        """Put on the disk what is in memory, if the disk takes it; none may be on its way."""
        with self._lock:
            self._settle()

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        with self._lock:
            try:
                return self._spool.waiting + len(self._memory)
            except OutputError:
                return len(self._memory)

    @property
    def lost(self) -> int:
        """How many messages had to make room for newer ones, on the disk and in memory."""
        return self.dropped + self._spool.dropped

    def close(self) -> None:
        """Close the file, after a last attempt to put on the disk what is in memory."""
        with self._lock:
            self._settle()
            self._spool.close()

    def _settle(self) -> None:
        while self._memory and self._keep(self._memory[0].payload, self._memory[0].key):
            self._memory.popleft()

    def _keep(self, payload: bytes, key: str) -> bool:
        try:
            self._spool.put(payload, key=key)
        except OutputError as error:
            self.trouble = str(error)
            return False
        self.trouble = ""
        return True
