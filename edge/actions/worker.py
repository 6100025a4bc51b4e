"""One action and the thread that it is called from."""

import logging
import math
import threading
from collections import deque
from collections.abc import Callable

from edge.actions.backlog import Backlog, Deferring
from edge.address import redact
from edge.errors import CatseyeError
from edge.occurrence import Action, Occurrence, Outcome
from edge.records import Clock
from edge.status import ActionStatus, Status
from edge.wallclock import WallClock

logger = logging.getLogger(__name__)

_MOST_WAITING = 100
_HANGS_SECONDS = 30.0
_LOG_SECONDS = 600.0
_MOST_LOGGED = 100  # different failures that are remembered as logged
_SAMPLE_SECONDS = 1.0
_FINISH_SECONDS = 1.0
_CLOSE_SECONDS = 2.0
_MOST_DETAIL = 300


class Worker:
    """Calls an action from a thread of its own, and counts what becomes of it.

    Args:
        name: Of the action.
        action: It; closed by `close`.
        kind: Such as "file".
        clock: Monotonic.
        wall: Stamps the outcomes.
        when_done: Gets the outcome of every occurrence.
    """

    def __init__(
        self,
        name: str,
        action: Action,
        *,
        kind: str,
        clock: Clock,
        wall: WallClock,
        when_done: Callable[[Outcome], None],
    ) -> None:
        self._name = name
        self._kind = kind
        self._action = action
        self._clock = clock
        self._wall = wall
        self._when_done = when_done
        self._changed = threading.Condition()
        self._waiting: deque[Occurrence] = deque()
        self._status: Status | None = None
        self._is_closing = False
        self._is_left = False
        self._busy_since_seconds: float | None = None
        self._done = self._failed = self._dropped = 0
        self._trouble = ""
        self._backlog = Backlog()
        self._logged_seconds: dict[str, float] = {}
        self._thread = threading.Thread(target=self._work, name=f"action {name}", daemon=True)
        self._thread.start()

    def submit(self, occurrence: Occurrence) -> None:
        """Let an occurrence wait for its turn; the oldest is dropped when 100 wait."""
        with self._changed:
            is_late = self._is_closing
            if not is_late:
                self._waiting.append(occurrence)
            is_full = len(self._waiting) > _MOST_WAITING
            dropped = self._waiting.popleft() if is_full else occurrence if is_late else None
            self._changed.notify_all()
        if dropped is not None:
            self._drop(dropped, "the run is over" if is_late else "too many waited")

    def note(self, status: Status) -> None:
        """Keep the state of the whole until the action has time for it, in place of older ones."""
        with self._changed:
            self._status = status
            self._changed.notify_all()

    def status(self) -> ActionStatus:
        """Say how the action fares."""
        with self._changed:
            backlog = self._backlog
            return ActionStatus(
                name=self._name,
                kind=self._kind,
                done=self._done,
                failed=self._failed,
                dropped=self._dropped + backlog.dropped,
                waiting=len(self._waiting) + backlog.waiting,
                trouble=self._hang() or self._trouble or backlog.trouble,
            )

    def close(self) -> None:
        """Give what waits a second, close the action, and wait two seconds for its end."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(_FINISH_SECONDS)
        with self._changed:
            left = list(self._waiting)
            self._waiting.clear()
        for occurrence in left:
            self._drop(occurrence, "the run is over")
        self._attempt(self._close_action)
        self._thread.join(_CLOSE_SECONDS)
        if self._thread.is_alive():
            self._is_left = True
            logger.warning("%s: hangs, and is left behind", self._name)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not (self._waiting or self._status or self._is_closing):
                    self._changed.wait(_SAMPLE_SECONDS)
                status, self._status = self._status, None
                occurrence = self._waiting.popleft() if self._waiting else None
                if occurrence is None and self._is_closing:
                    return
                self._busy_since_seconds = self._clock.monotonic()
            if status is not None:  # before the occurrence: it may forbid what that asks for
                self._take_in(status)
            if occurrence is not None:
                self._perform(occurrence)
            self._attempt(self._sample)
            with self._changed:
                self._busy_since_seconds = None

    def _take_in(self, status: Status) -> None:
        def note() -> str:
            self._action.note(status)
            return ""

        self._attempt(note)

    def _perform(self, occurrence: Occurrence) -> None:
        failure, detail = self._attempt(lambda: self._action.perform(occurrence))
        with self._changed:
            self._trouble = failure
            self._done += not failure
            self._failed += bool(failure)
        if not self._is_left:
            self._tell(occurrence, "failed" if failure else "done", failure or detail)

    def _sample(self) -> str:
        if isinstance(self._action, Deferring):
            backlog = self._action.backlog()
            with self._changed:
                self._backlog = backlog
        return ""

    def _close_action(self) -> str:
        self._action.close()
        return ""

    def _attempt(self, call: Callable[[], str]) -> tuple[str, str]:
        """Call the action; return its failure in words, or nothing, and what it has said."""
        try:
            return "", _shorten(call() or "")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whoever wrote it, the loop goes on
            self._log(error)
            return _describe(error), ""

    def _log(self, error: BaseException) -> None:
        """Log a failure unless the same was logged within ten minutes."""
        key = error.rule if isinstance(error, CatseyeError) else type(error).__name__
        now_seconds = self._clock.monotonic()
        if now_seconds - self._logged_seconds.get(key, -math.inf) < _LOG_SECONDS:
            return
        if len(self._logged_seconds) >= _MOST_LOGGED:
            self._logged_seconds.clear()
        self._logged_seconds[key] = now_seconds
        logger.warning("%s: failed (%s)", self._name, _describe(error).rstrip("."))

    def _drop(self, occurrence: Occurrence, reason: str) -> None:
        with self._changed:
            self._dropped += 1
        self._tell(occurrence, "dropped", reason)

    def _tell(self, occurrence: Occurrence, result: str, detail: str) -> None:
        self._when_done(
            Outcome(
                event_id=occurrence.event_id,
                rule=occurrence.rule,
                action=self._name,
                result=result,
                detail=detail,
                at=self._wall.now(),
            )
        )

    def _hang(self) -> str:
        if self._busy_since_seconds is None:
            return ""
        busy_seconds = self._clock.monotonic() - self._busy_since_seconds
        return f"hangs for {busy_seconds:.0f} s" if busy_seconds >= _HANGS_SECONDS else ""


def _describe(error: BaseException) -> str:
    if isinstance(error, CatseyeError):
        return _shorten(str(error))
    return _shorten(f"{type(error).__name__}: {error}".rstrip(": "))


def _shorten(text: str) -> str:
    """Make one line of a text, without secrets in addresses."""
    line = " ".join(redact(text).split())
    return line if len(line) <= _MOST_DETAIL else line[: _MOST_DETAIL - 3] + "..."
