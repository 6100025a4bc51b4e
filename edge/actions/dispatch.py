"""Hands occurrences to actions; each has a thread of its own, so that none delays another."""

import threading
import time
from collections.abc import Callable, Mapping

from edge.actions.worker import Worker
from edge.occurrence import Action, Occurrence, Outcome
from edge.records import Clock
from edge.status import ActionStatus, Status
from edge.wallclock import WallClock

_CLOSE_SECONDS = 3.5  # a second for what waits, two for the action, and some air


class Dispatcher:
    """Hands occurrences to actions, and keeps count of what became of them.

    Every action has a worker thread and a queue of 100 occurrences, of which the oldest is dropped
    when it is full. Nothing that an action does or fails to do is felt by the caller.

    Args:
        actions: By name; closed by `close`.
        kinds: The kind of each, by name.
        clock: Monotonic.
        wall: Stamps the outcomes.
        when_done: Gets the outcome of every occurrence, in threads of the dispatcher, or of the
            caller for one that was dropped; must be quick and not fail.
    """

    def __init__(
        self,
        actions: Mapping[str, Action],
        *,
        kinds: Mapping[str, str],
        clock: Clock,
        wall: WallClock,
        when_done: Callable[[Outcome], None],
    ) -> None:
        self._is_closed = False
        self._workers = {
            name: Worker(
                name, action, kind=kinds[name], clock=clock, wall=wall, when_done=when_done
            )
            for name, action in actions.items()
        }

    def submit(self, name: str, occurrence: Occurrence) -> None:
        """Have an action do something about an occurrence; returns at once.

        Args:
            name: Of the action.
            occurrence: That a rule has fired.

        Raises:
            KeyError: There is no action of that name.
        """
        self._workers[name].submit(occurrence)

    def note(self, status: Status) -> None:
        """Tell every action the state of the whole; one that is busy gets only the latest."""
        for worker in self._workers.values():
            worker.note(status)

    def statuses(self) -> tuple[ActionStatus, ...]:
        """Say how each action fares, in the order in which they were given; returns at once."""
        return tuple(worker.status() for worker in self._workers.values())

    def close(self) -> None:
        """Close every action, at the same time; a second call does nothing.

        What still waits is done if that takes no more than a second, else it counts as dropped.
        An action that hangs is left behind after two seconds more.
        """
        if self._is_closed:
            return
        self._is_closed = True
        closing = [
            threading.Thread(target=worker.close, name=f"close {name}", daemon=True)
            for name, worker in self._workers.items()
        ]
        for thread in closing:
            thread.start()
        end_seconds = time.monotonic() + _CLOSE_SECONDS
        for thread in closing:
            thread.join(max(0.0, end_seconds - time.monotonic()))
