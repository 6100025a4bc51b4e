"""The action `webhook`: JSON and a snapshot for a web server, kept until it takes them."""

import base64
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from edge.actions.backlog import Backlog
from edge.actions.outbox import Outbox
from edge.actions.pauses import pause_seconds
from edge.actions.payload import describe
from edge.actions.reach import parse_reach, parse_target
from edge.actions.request import Caller
from edge.errors import ActionError, OutputError, SettingError
from edge.occurrence import ActionContext, Occurrence
from edge.secret import Secret
from edge.settings import setting
from edge.spool import Message, Spool
from edge.status import Status

logger = logging.getLogger(__name__)

_ROUND = 3  # messages that are tried in turn; then the next, whatever the server chokes on
_MOST_IN_MEMORY = 20  # with their pictures
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_PATIENCE_SECONDS = 1.0  # beyond the time of a request
_CLOSE_SECONDS = 1.5
_UNAUTHORIZED = 401
_WORTH_RETRYING = frozenset({408, 425, 429})


def _check_token(token: Secret | None) -> None:
    text = "x" if token is None else token.reveal()
    if not (text and text.isascii() and text.isprintable() and " " not in text):
        raise SettingError(
            "token must be printable ASCII without spaces",
            received="something else, or nothing",
            fix="Look at the variable or file that it comes from",
        )


@dataclass(frozen=True)
class WebhookSettings:
    """Settings of the action `webhook`.

    Attributes:
        url: Where to; not shown in messages beyond the host.
        token: Sent as `Authorization: Bearer ...`.
        allow: Hosts, addresses or networks on the local network that may be called.
        ca_file: Certificates to trust in place of the system's, for a server with one of its own.
        snapshot: Whether the picture is sent along.
        timeout_seconds: Time for a whole request.
        spool_events: How many may wait while the server is away; the oldest make room.
    """

    url: str = setting(check=parse_target, is_shown=False)
    token: Secret | None = setting(None, check=_check_token)
    allow: tuple[str, ...] = setting((), check=parse_reach)
    ca_file: Path | None = setting(None)
    snapshot: bool = setting(True)
    timeout_seconds: float = setting(10.0, least=0.1, most=60)
    spool_events: int = setting(1000, least=1, most=20_000)


@dataclass(frozen=True, slots=True)
class _Verdict:
    result: Literal["delivered", "refused", "later"]
    text: str
    is_answered: bool = True


class WebhookAction:
    """Posts every occurrence, at least once; a thread of its own tries again what has failed.

    Args:
        settings: Where to.
        context: Its folder is where occurrences wait.
    """

    Settings = WebhookSettings

    def __init__(self, settings: WebhookSettings, context: ActionContext) -> None:
        self._settings = settings
        self._place = context.place
        self._clock = context.clock
        self._target = parse_target(settings.url)
        self._caller = Caller(
            self._target,
            reach=parse_reach(settings.allow),
            timeout_seconds=settings.timeout_seconds,
            ca_file=settings.ca_file,
            clock=context.clock,
        )
        path = context.folder / f"webhook-{quote(context.name, safe='')}.spool"
        spool = Spool(path, most_messages=settings.spool_events)
        self._outbox = Outbox(spool, most_in_memory=_MOST_IN_MEMORY)
        self._numbers = count()
        self._changed = threading.Condition()
        self._is_started = self._is_closing = False
        self._is_new = True  # what an earlier run has left may wait
        self._tried = 0  # the newest of the messages that were tried in vain
        self._awaited = ""
        self._verdict: _Verdict | None = None
        self._trouble = ""
        self._refused = 0
        self._thread = threading.Thread(
            target=self._deliver, name=f"webhook {context.name}", daemon=True
        )

    def perform(self, occurrence: Occurrence) -> str:
        """Write the occurrence to the spool and wait for the answer, if one is to be expected.

        Raises:
            ActionError: The server refuses it for good.
        """
        self._start()
        key = f"{occurrence.event_id} {next(self._numbers)}"
        with self._changed:
            self._awaited, self._verdict = key, None
        is_kept = self._outbox.put(self._write(occurrence), key=key)
        others = self._outbox.waiting - 1
        verdict = self._await_verdict(is_first=others < _ROUND)
        if verdict is None or verdict.result == "later":
            silence = "no answer yet" if others < _ROUND else f"behind {others} others"
            reason = self._trouble or (verdict.text if verdict else silence)
            return f"{'waits' if is_kept else 'waits in memory'} ({reason})"
        if verdict.result == "refused":
            raise self._refusal(verdict.text)
        return verdict.text

    def note(self, status: Status) -> None:
        """Begin to send what an earlier run has left."""
        self._start()

    def backlog(self) -> Backlog:
        """Say what waits, and why."""
        outbox = self._outbox
        has_died = self._is_started and not self._is_closing and not self._thread.is_alive()
        died = "The thread that delivers has ended by an error: see the log, and restart"
        return Backlog(
            waiting=outbox.waiting,
            dropped=outbox.lost + self._refused,
            trouble=died if has_died else self._trouble or outbox.trouble,
        )

    def check(self) -> Iterator[str]:
        """Ask the server for what it accepts, which triggers nothing.

        Raises:
            ActionError: It cannot be reached, may not be called, or refuses the token.
        """
        status = self._caller.send("OPTIONS", headers=self._headers())
        if status == _UNAUTHORIZED:
            raise self._refusal(f"answered {status}")
        yield f"{self._target.shown} answers"

    def close(self) -> None:
        """End the request under way; what waits on the disk is sent by the next run."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._caller.cancel()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)
        self._outbox.close()

    def _start(self) -> None:
        with self._changed:
            if not (self._is_started or self._is_closing):
                self._is_started = True
                self._thread.start()

    def _write(self, occurrence: Occurrence) -> bytes:
        told = describe(occurrence, self._place)
        if self._settings.snapshot and occurrence.snapshot is not None:
            try:
                picture = base64.b64encode(occurrence.snapshot.jpeg()).decode()
            except OutputError:  # the news is worth more than its picture
                picture = None
            told["snapshot_jpeg_base64"] = picture
        return json.dumps(told).encode()

    def _headers(self, event_id: str = "") -> Mapping[str, str]:
        headers = {"Content-Type": "application/json"}
        if event_id:
            headers["Idempotency-Key"] = event_id
        if self._settings.token is not None:
            headers["Authorization"] = f"Bearer {self._settings.token.reveal()}"
        return headers

    def _await_verdict(self, *, is_first: bool) -> _Verdict | None:
        """Wake the thread and wait for what becomes of the newest message, if it is its turn."""
        with self._changed:
            self._is_new = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._verdict or self._trouble or self._is_closing,
                self._settings.timeout_seconds + _PATIENCE_SECONDS if is_first else 0.0,
            )
            verdict, self._awaited = self._verdict, ""
            return verdict

    def _deliver(self) -> None:
        failures = 0
        while not self._is_closing:
            self._is_new = False
            self._outbox.settle()
            messages = self._outbox.oldest(_ROUND, after=self._tried) or self._outbox.oldest(_ROUND)
            self._tried = 0
            if not messages:
                self._trouble = ""
                self._pause(_LONGEST_PAUSE_SECONDS, until_new=True)
            elif self._try(messages):
                failures = 0
            else:
                self._pause(_pause_seconds(failures), until_new=False)
                failures += 1

    def _pause(self, seconds: float, *, until_new: bool) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closing or (until_new and self._is_new), seconds
            )

    def _try(self, messages: tuple[Message, ...]) -> bool:
        """Send some messages in turn, and return whether any is off the list."""
        is_any_gone = False
        for message in messages:
            verdict = self._send(message)
            if self._is_closing and verdict.result == "later":
                break
            if verdict.result != "later":
                self._outbox.remove({message.id})
                is_any_gone = True
            self._conclude(message, verdict)
            if not verdict.is_answered:
                break
            self._tried = message.id
        return is_any_gone

    def _send(self, message: Message) -> _Verdict:
        headers = self._headers(message.key.partition(" ")[0])
        try:
            status = self._caller.send("POST", body=message.payload, headers=headers)
        except ActionError as error:
            return _Verdict("later", str(error), is_answered=False)
        text = f"answered {status}"
        if 200 <= status < 300:
            return _Verdict("delivered", text)
        if status >= 500 or status in _WORTH_RETRYING:
            return _Verdict("later", f"{self._target.shown} {text}")
        return _Verdict("refused", text)

    def _conclude(self, message: Message, verdict: _Verdict) -> None:
        with self._changed:
            if verdict.result == "refused":
                self._refused += 1
                logger.warning("%s: refused an event (%s)", self._target.shown, verdict.text)
            elif verdict.result == "later" and not self._trouble:
                reason = verdict.text.rstrip(".")
                logger.warning("%s: tried again until it works (%s)", self._target.shown, reason)
            elif verdict.result == "delivered" and self._trouble:
                logger.info("%s: works again", self._target.shown)
            self._trouble = verdict.text if verdict.result == "later" else ""
            if message.key == self._awaited:
                self._verdict = verdict
            self._changed.notify_all()

    def _refusal(self, text: str) -> ActionError:
        return ActionError(
            "A webhook must take what it is sent",
            received=f"{self._target.shown}: {text}",
            fix="See what the server expects: its url, its token and no redirect",
        )


def _pause_seconds(failures: int) -> float:
    return pause_seconds(
        failures, first_seconds=_FIRST_PAUSE_SECONDS, longest_seconds=_LONGEST_PAUSE_SECONDS
    )
