"""What an action has still to do after `perform`, for the status."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits inside an action that delivers later.

    Attributes:
        waiting: Messages in its spool.
        dropped: Messages lost since the start, because the spool was full or they were refused.
        trouble: What keeps it from delivering, without secrets; empty if nothing does.
    """

    waiting: int = 0
    dropped: int = 0
    trouble: str = ""


@runtime_checkable
class Deferring(Protocol):
    """An action that goes on delivering after `perform`, and so has a backlog to tell of."""

    def backlog(self) -> Backlog:
        """Say what waits; called by the action's worker thread, about once a second."""
