"""Messages that wait on the disk, or in memory while the disk takes none."""

import threading
from collections import deque
from pathlib import Path

from edge.errors import OutputError
from edge.spool import Message, Spool

_MOST_IN_MEMORY = 20


class Outbox:
    """A spool that goes on without its disk; every method may be called from any thread.

    Args:
        path: Of the spool.
        most_messages: How many may wait on the disk; beside these 20 may wait in memory.

    Attributes:
        trouble: Why the disk takes nothing, in words; empty if it does.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> outbox = Outbox(Path(folder.name) / "hook.spool", most_messages=10)
        >>> outbox.put(b"hello", key="a"), outbox.waiting
        (True, 1)
        >>> [message.key for message in outbox.oldest(3)]
        ['a']
        >>> outbox.close(); folder.cleanup()
    """

    def __init__(self, path: Path, *, most_messages: int) -> None:
        self._spool = Spool(path, most_messages=most_messages)
        self._lock = threading.Lock()
        self._memory: deque[Message] = deque()
        self._number = 0
        self._lost = 0
        self._known_waiting = 0
        self.trouble = ""

    def put(self, payload: bytes, *, key: str) -> bool:
        """Let a message wait, and return whether it is on the disk."""
        try:
            self._spool.put(payload, key=key)
        except OutputError as error:
            self.trouble = str(error)
            with self._lock:
                self._number -= 1  # apart from the numbers of the disk
                self._memory.append(Message(self._number, key, payload))
                if len(self._memory) > _MOST_IN_MEMORY:
                    self._memory.popleft()
                    self._lost += 1
            return False
        self.trouble = ""
        return True

    def oldest(self, count: int) -> tuple[Message, ...]:
        """Return the oldest that wait on the disk and in memory, at most `count` of each."""
        try:
            kept = self._spool.oldest(count)
        except OutputError as error:
            self.trouble = str(error)
            kept = ()
        with self._lock:
            return kept + tuple(self._memory)[:count]

    def remove(self, message: Message) -> None:
        """Let a message go."""
        if message.id > 0:
            self._spool.remove([message.id])
        else:
            with self._lock:
                self._memory = deque(each for each in self._memory if each.id != message.id)

    @property
    def waiting(self) -> int:
        """How many messages wait; what was known last where the disk does not answer."""
        try:
            self._known_waiting = self._spool.waiting
        except OutputError as error:
            self.trouble = str(error)
        return self._known_waiting + len(self._memory)

    @property
    def dropped(self) -> int:
        """How many messages had to make room since the start."""
        return self._spool.dropped + self._lost

    def close(self) -> None:
        """Close the file of the spool; what waits in memory is lost."""
        self._spool.close()
