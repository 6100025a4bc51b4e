"""One connection to an MQTT broker: MQTT 5 by paho-mqtt, driven by the thread that owns it.

MQTT 5 and not 3.1.1, because only there a broker says why it ends a connection, and that it does
not let a message pass (https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html, sections 3.4.2
and 3.14.2).
"""

import contextlib
import select
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.actions.broker_faults import (
    TAKEN_OVER,
    BrokerError,
    credentials,
    missing_paho,
    rival,
    silent,
    unreachable,
)
from edge.records import Clock
from edge.secret import Secret

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

ANSWER_SECONDS = 5.0
_LOOK_SECONDS = 1.0  # how often a keepalive is thought of where nothing happens
_LONGEST_BYTES = 268_435_455  # of the protocol
_HEAD_BYTES = 512  # room for what goes before a payload, the topic included
_REFUSED = (134, 135)  # bad user name or password, not authorized


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is, and how one makes oneself known to it.

    Attributes:
        host: Name or address.
        port: TCP port.
        client_id: Names this client; the broker has one connection per name.
        username: Empty for none.
        password: Goes with the user name.
        is_tls: Whether the connection is encrypted, and the broker's certificate verified.
        ca_file: Certificates of the authorities that are trusted; those of the system if `None`.
        keepalive_seconds: After one and a half times as long without a sign the broker declares
            this client gone.
    """

    host: str
    port: int
    client_id: str
    username: str = ""
    password: Secret | None = None
    is_tls: bool = False
    ca_file: Path | None = None
    keepalive_seconds: int = 30


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to the broker, or comes from it.

    Attributes:
        topic: Where it belongs.
        payload: Its content.
        is_retained: Whether the broker keeps it for those who subscribe later; of one that
            comes in, whether it was kept.
    """

    topic: str
    payload: bytes
    is_retained: bool = False


class BrokerConnection:
    """A connection, used by one thread; made anew for every attempt.

    Args:
        address: Of the broker.
        will: What the broker tells others once this client is gone without a farewell.
        clock: Times the answers.
        wake: Ends the wait of `turn` when it can be read.

    Attributes:
        received: Letters that came in; whoever reads takes them out.
        acknowledged: Numbers of letters that the broker has; likewise.
        refused: Topics of letters that the broker does not let pass, by number; likewise.
        most_bytes: Longest letter that the broker takes; it hangs up at a longer one.
    """

    def __init__(
        self, address: BrokerAddress, *, will: Letter, clock: Clock, wake: socket.socket
    ) -> None:
        self._address = address
        self._will = will
        self._clock = clock
        self._wake = wake
        self._client: Client | None = None
        self._is_answered = False
        self._fault: BrokerError | None = None
        self._topics: dict[int, str] = {}  # of letters on their way, by number
        self.received: list[Letter] = []
        self.acknowledged: list[int] = []
        self.refused: dict[int, str] = {}
        self.most_bytes = _LONGEST_BYTES

    def open(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Connect, and wait for the broker's consent, for at most ten seconds.

        Args:
            is_wanted: Asked while waiting; once it says no, the wait is given up.

        Raises:
            BrokerError: There is no broker, or it does not consent.
        """
        self._client = client = self._make_client()
        address = self._address
        try:
            client.connect(address.host, address.port, keepalive=address.keepalive_seconds)
        except (OSError, ValueError) as error:  # ValueError: a name that can be no host's
            raise self._name(error) from error
        until = self._clock.monotonic() + ANSWER_SECONDS
        while not self._is_answered:
            left = until - self._clock.monotonic()
            if left <= 0 or not is_wanted():
                raise silent(address.host, address.port)
            self.turn(min(left, _LOOK_SECONDS))

    def publish(self, letter: Letter) -> int:
        """Send a letter that the broker shall acknowledge; return its number."""
        import paho.mqtt.client as paho

        sent = self._opened.publish(letter.topic, letter.payload, qos=1, retain=letter.is_retained)
        if sent.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_QUEUE_SIZE):
            raise self._lost()
        self._topics[sent.mid] = letter.topic
        return sent.mid

    def subscribe(self, topics: Iterable[str]) -> None:
        """Ask for the letters of these topics."""
        for topic in topics:
            self._opened.subscribe(topic, qos=1)

    @property
    def unacknowledged(self) -> int:
        """How many letters are on their way."""
        return len(self._topics)

    def turn(self, seconds: float) -> None:
        """Wait for something to happen, at most that long, and take it in.

        Raises:
            BrokerError: The connection is lost.
        """
        client = self._opened
        connection = client.socket()
        if connection is None:
            raise self._lost()
        writers = [connection] if client.want_write() else []
        is_pending = bool(getattr(connection, "pending", lambda: 0)())  # TLS has read ahead
        wait = 0.0 if is_pending else min(seconds, _LOOK_SECONDS)
        readers, writers, _ = select.select([connection, self._wake], writers, [], wait)
        if self._wake in readers:
            with contextlib.suppress(BlockingIOError):
                self._wake.recv(4096)
        if is_pending or connection in readers:
            client.loop_read()
        if writers:
            client.loop_write()
        client.loop_misc()
        if client.socket() is None:
            raise self._lost()

    def close(self) -> None:
        """Say farewell and hang up; a second call does nothing."""
        client, self._client = self._client, None
        if client is not None:
            client.on_disconnect = None
            client.disconnect()
            client.loop_write()
            connection = client.socket()
            if connection is not None:
                connection.close()

    @property
    def _opened(self) -> "Client":
        if self._client is None:
            raise self._lost()
        return self._client

    def _make_client(self) -> "Client":
        try:
            import paho.mqtt.client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise missing_paho() from error
        address = self._address
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = ANSWER_SECONDS
        if address.username:
            password = address.password.reveal() if address.password else None
            client.username_pw_set(address.username, password)
        if address.is_tls:
            from edge.actions.broker_tls import make_context

            client.tls_set_context(make_context(address.ca_file))
        client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        client.on_connect = self._take_answer
        client.on_disconnect = self._take_end
        client.on_publish = self._take_acknowledgement
        client.on_message = self._take_letter
        return client

    def _take_answer(
        self, client: object, data: object, flags: object, code: Any, limits: Any
    ) -> None:
        if not code.is_failure:
            longest = getattr(limits, "MaximumPacketSize", _LONGEST_BYTES)
            self.most_bytes = longest - _HEAD_BYTES
            self._is_answered = True
        elif code.value in _REFUSED:
            self._fault = credentials(self._address.username, str(code))
        else:
            self._fault = BrokerError(
                "The broker must accept the connection",
                received=str(code),
                fix="It must speak MQTT 5, as mosquitto does from 1.6 on; its log says more",
            )

    def _take_end(self, client: object, data: object, flags: Any, code: Any, _: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            fault = BrokerError(
                "The broker must keep the connection", received=str(code), fix="See its log"
            )
            if code.value == TAKEN_OVER:
                fault = rival(self._address.client_id, str(code))
            self._fault = self._fault or fault

    def _take_acknowledgement(
        self, client: object, data: object, number: int, code: Any, _: Any
    ) -> None:
        topic = self._topics.pop(number, "")
        if code.is_failure:
            self.refused[number] = topic
        else:
            self.acknowledged.append(number)

    def _take_letter(self, client: object, data: object, message: "MQTTMessage") -> None:
        with contextlib.suppress(UnicodeDecodeError):
            letter = Letter(message.topic, bytes(message.payload), bool(message.retain))
            self.received.append(letter)

    def _lost(self) -> BrokerError:
        address = self._address
        return self._fault or unreachable(
            address.host, address.port, "it ended the connection", is_tls=address.is_tls
        )

    def _name(self, error: OSError | ValueError) -> BrokerError:
        import ssl

        address = self._address
        if isinstance(error, ssl.SSLError):
            from edge.actions.broker_tls import tls_fault

            return tls_fault(error, address.host, ca_file=address.ca_file)
        return unreachable(address.host, address.port, str(error), is_tls=address.is_tls)
