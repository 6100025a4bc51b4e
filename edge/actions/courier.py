"""The thread that keeps up a connection to the broker and delivers by it what waits."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable

from edge.actions.broker import BrokerAddress, BrokerConnection, Letter
from edge.actions.broker_faults import BrokerError, refused_topic, rival, silent, too_long
from edge.actions.homeassistant import Topics
from edge.actions.outbox import Outbox
from edge.actions.pauses import pause_seconds
from edge.records import Clock

_logger = logging.getLogger(__name__)

WINDOW = 20  # messages on their way at once; what a broker grants at least
RENEW_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
RIVAL_PAUSE_SECONDS = 60.0  # else two of the same name throw each other out for ever
_STALL_SECONDS = 10.0
_REFUSED_SECONDS = 10.0
_THROWN_OUT = 3
_STEADY_SECONDS = 10.0  # a connection that has lasted as long was a good one
_FAREWELL_SECONDS = 1.0
_CLOSE_SECONDS = 1.8


class Courier:
    """Delivers messages in order, at least once each, and keeps retained letters up to date.

    A message leaves the outbox once the broker has acknowledged it. Letters are what the broker
    shall show to whoever subscribes: after each connect all are sent, then those that change.

    Args:
        address: Of the broker.
        outbox: What waits; the courier closes it.
        topics: Where things belong.
        clock: Monotonic.
        subscriptions: Topics of commands.
        take: Is given each letter that comes in; must not raise.

    Attributes:
        trouble: What keeps it from delivering, in words without secrets; empty if nothing does.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        outbox: Outbox,
        topics: Topics,
        clock: Clock,
        subscriptions: tuple[str, ...] = (),
        take: Callable[[Letter], None] = lambda letter: None,
    ) -> None:
        self._address = address
        self._outbox = outbox
        self._topics = topics
        self._clock = clock
        self._subscriptions = subscriptions
        self._take = take
        self._lock = threading.Lock()
        self._letters: dict[str, Letter] = {}
        self._unsent: set[str] = set()
        self._renewed: set[str] = set()
        self._renew_at = 0.0
        self._awaited: dict[int, int] = {}  # id in the outbox, by the connection's number
        self._cursor = 0
        self._held_until = 0.0
        self._moved_at = 0.0
        self._refusals: dict[str, str] = {}
        self._fault: str | None = None  # not known yet
        self._accepted_at: float | None = None
        self._thrown_out = 0  # times in a row, soon after the broker had accepted
        self._is_rivalled = False
        self._stop = threading.Event()
        self._wake_out, self._wake_in = socket.socketpair()
        for end in (self._wake_out, self._wake_in):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._thread.ident is None and not self._stop.is_set():
            self._thread.start()

    def show(self, topic: str, payload: bytes, *, is_renewed: bool = False) -> None:
        """Have the broker keep a payload for a topic; does not wait for it.

        Args:
            topic: Where it belongs.
            payload: What replaces what was kept there; empty to forget the topic.
            is_renewed: Whether it is sent again each minute even if nothing has changed, as long
                as it is shown again: what a loop that hangs has said goes out of date.
        """
        letter = Letter(topic, payload, is_retained=True)
        with self._lock:
            if is_renewed:
                self._renewed.add(topic)
            if self._letters.get(topic) == letter:
                return
            self._letters[topic] = letter
            self._unsent.add(topic)
        self.wake()

    def wake(self) -> None:
        """Make the thread look for what is to be delivered."""
        with contextlib.suppress(OSError):  # full: it will wake up anyway; closed: it is over
            self._wake_out.send(b"!")

    @property
    def trouble(self) -> str:
        """What keeps it from delivering; empty if nothing does."""
        has_begun = self._thread.ident is not None
        if has_begun and not self._thread.is_alive() and not self._stop.is_set():
            return "The thread that delivers has ended by an error: see the log, and restart"
        return self._fault or next(iter(self._refusals.values()), "")

    def close(self) -> None:
        """Say farewell and end within two seconds; a second call does nothing."""
        self._stop.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_SECONDS)
        if not self._thread.is_alive():  # else it waits for the network, and ends with the process
            self._wake_in.close()
            self._wake_out.close()
        self._outbox.close()

    def _run(self) -> None:
        failures = 0
        will = Letter(self._topics.availability, b"offline", is_retained=True)
        while not self._stop.is_set():
            pause = 0.0
            self._accepted_at = None
            connection = BrokerConnection(
                self._address, will=will, clock=self._clock, wake=self._wake_in
            )
            try:
                connection.open(lambda: not self._stop.is_set())
                self._serve(connection)
            except BrokerError as error:
                failures = 0 if self._has_lasted(_STEADY_SECONDS) else failures + 1
                pause = self._judge(error, failures)
            finally:
                connection.close()
            self._outbox.settle()
            self._stop.wait(pause)

    def _has_lasted(self, seconds: float) -> bool:
        """Say whether the connection was accepted, and more than so long ago."""
        accepted = self._accepted_at
        return accepted is not None and self._clock.monotonic() - accepted > seconds

    def _judge(self, error: BrokerError, failures: int) -> float:
        """Keep what is wrong; return for how long to leave the broker alone.

        Not every broker says that another client took the connection over. A broker that dies is
        not there for a while; one that accepts again and again and soon hangs up has a rival.
        """
        is_accepted = self._accepted_at is not None
        is_short = is_accepted and not self._has_lasted(_STEADY_SECONDS)
        self._thrown_out = self._thrown_out + 1 if is_short else 0
        self._is_rivalled |= error.is_rival or self._thrown_out >= _THROWN_OUT
        is_rival = self._is_rivalled and is_accepted
        if is_rival and not error.is_rival:
            error = rival(self._address.client_id, error.received)
        self._tell(str(error))
        return _pause_seconds(failures, is_rival=is_rival)

    def _serve(self, connection: BrokerConnection) -> None:
        """Deliver by a connection until it is lost or the end."""
        topics = [*self._subscriptions, *([self._topics.birth] if self._topics.birth else [])]
        connection.subscribe(topics)
        self._awaited.clear()
        self._refusals.clear()
        self._held_until = 0.0
        self._moved_at = self._clock.monotonic()
        self._send_all_again()
        self._accepted_at = self._clock.monotonic()
        while not self._stop.is_set():
            if not self._is_rivalled or self._has_lasted(RIVAL_PAUSE_SECONDS):
                self._is_rivalled = False  # a rival shows itself only afterwards
                self._tell("")
            self._send_letters(connection)
            self._send_messages(connection)
            connection.turn(1.0)
            self._settle_answers(connection)
            self._read(connection)
        self._part(connection)

    def _send_all_again(self) -> None:
        with self._lock:
            self._unsent = set(self._letters)

    def _send_letters(self, connection: BrokerConnection) -> None:
        now = self._clock.monotonic()
        with self._lock:
            if now >= self._renew_at:
                self._renew_at = now + RENEW_SECONDS
                self._unsent |= self._renewed
                self._renewed.clear()
            letters = [self._letters[topic] for topic in self._letters if topic in self._unsent]
            self._unsent.clear()
        for letter in letters:
            if len(letter.payload) <= connection.most_bytes:
                connection.publish(letter)
                self._refusals.pop(letter.topic, None)
            else:  # it would end the connection, now and after every connect
                size, most = len(letter.payload), connection.most_bytes
                self._refuse(letter.topic, too_long(letter.topic, size, most=most))

    def _send_messages(self, connection: BrokerConnection) -> None:
        if self._clock.monotonic() < self._held_until:
            return
        if not self._awaited:
            self._outbox.settle()
            self._cursor = 0
        room = WINDOW - len(self._awaited)
        if room <= 0:
            return
        for message in self._outbox.oldest(room, after=self._cursor):
            number = connection.publish(Letter(self._topics.event, message.payload))
            self._awaited[number] = message.id
            self._cursor = message.id

    def _settle_answers(self, connection: BrokerConnection) -> None:
        """Let go what the broker has; notice what it refuses, and that it does not answer."""
        now = self._clock.monotonic()
        done = {self._awaited.pop(number, 0) for number in connection.acknowledged} - {0}
        if done:
            self._outbox.remove(done)
            self._refusals.pop(self._topics.event, None)
        if connection.acknowledged or connection.refused or not connection.unacknowledged:
            self._moved_at = now
        connection.acknowledged.clear()
        for number, topic in connection.refused.items():
            if self._awaited.pop(number, 0):
                self._held_until = now + _REFUSED_SECONDS
            self._refuse(topic, refused_topic(topic))
        connection.refused.clear()
        if now - self._moved_at > _STALL_SECONDS:
            raise silent(self._address.host, self._address.port)

    def _refuse(self, topic: str, error: BrokerError) -> None:
        if topic not in self._refusals:
            self._refusals[topic] = str(error)
            _logger.warning("mqtt: %s", error)

    def _read(self, connection: BrokerConnection) -> None:
        letters, connection.received = connection.received, []
        for letter in letters:
            if letter.topic != self._topics.birth:
                self._take(letter)
            elif letter.payload == b"online":
                self._send_all_again()

    def _part(self, connection: BrokerConnection) -> None:
        """Tell others that this is the end, then take in what the broker still acknowledges."""
        until = self._clock.monotonic() + _FAREWELL_SECONDS
        self._send_letters(connection)
        connection.publish(Letter(self._topics.availability, b"offline", is_retained=True))
        while connection.unacknowledged and self._clock.monotonic() < until:
            connection.turn(0.1)
        self._settle_answers(connection)

    def _tell(self, fault: str) -> None:
        """Keep what is wrong; log it where it is news."""
        if fault == self._fault:
            return
        where = f"{self._address.host}:{self._address.port}"
        if fault:
            _logger.warning("mqtt %s: %s", where, fault.rstrip("."))
        else:
            _logger.info("mqtt %s: connected", where)
        self._fault = fault


def _pause_seconds(failures: int, *, is_rival: bool = False) -> float:
    """Say how long to wait after so many failures in a row, the latest one among them."""
    first, longest = _FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
    if is_rival:
        first = longest = RIVAL_PAUSE_SECONDS
    return pause_seconds(failures - 1, first_seconds=first, longest_seconds=longest)
