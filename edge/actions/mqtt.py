"""The action "mqtt": tell a broker, and by it Home Assistant, what was seen and how all fares."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from edge.actions.backlog import Backlog
from edge.actions.broker import BrokerAddress, BrokerConnection, Letter
from edge.actions.courier import RENEW_SECONDS, Courier
from edge.actions.homeassistant import EVENT_TYPE, Topics, describe_entities, slug
from edge.actions.outbox import Outbox
from edge.actions.payload import describe
from edge.errors import CatseyeError, OutputError, SettingError
from edge.guard import MODES
from edge.occurrence import ActionContext, Occurrence
from edge.records import Picture
from edge.secret import Secret
from edge.settings import setting
from edge.spool import Spool
from edge.status import OutputStatus, Status

_logger = logging.getLogger(__name__)
_LATE_SECONDS = 4  # mosquitto looks for the silent each 5 s; 1.5 times this makes up for it
_MOST_SHOWN = 40  # bytes of an unknown command that are logged


def _check_prefix(topic: str) -> None:
    """Refuse what cannot be the beginning of a topic."""
    if not topic or topic.startswith("$") or set(topic) & set("+#\0") or "" in topic.split("/"):
        raise SettingError(
            "A topic must be words joined by /, without + and #",
            received=repr(topic),
            fix='Use for example "catseye"',
        )


def _check_discovery(topic: str) -> None:
    """Refuse what is neither empty nor a topic."""
    if topic:
        _check_prefix(topic)


def _check_host(host: str) -> None:
    """Refuse an empty name, and an address in the form of a URL."""
    if not host or "/" in host or "@" in host:
        raise SettingError(
            "host must be the name or the address of the broker alone",
            received="a text with / or @" if host else "",
            fix='Use for example "homeassistant.local"; port, username and password are settings',
        )


@dataclass(frozen=True)
class MqttSettings:
    """Settings of `[actions.NAME]` with `kind = "mqtt"`.

    Attributes:
        host: Name or address of the broker.
        port: TCP port; most brokers have 8883 for TLS.
        username: Empty for none.
        password: Of that user.
        tls: Whether to encrypt, and verify the broker's certificate.
        ca_file: Certificates of the trusted authorities, PEM; those of the system if `None`.
        topic: What all topics begin with.
        discovery: Home Assistant's discovery prefix; empty for no discovery.
        commands: Whether the modes of outputs may be set through the broker.
        keepalive: Seconds; after one and a half times as long the broker says "offline" for us.
        client_id: Made of the topic and the place if empty.
    """

    host: str = setting(check=_check_host)
    port: int = setting(1883, least=1, most=65535)
    username: str = setting("")
    password: Secret | None = setting(None)
    tls: bool = setting(False)
    ca_file: Path | None = setting(None)
    topic: str = setting("catseye", check=_check_prefix)
    discovery: str = setting("homeassistant", check=_check_discovery)
    commands: bool = setting(False)
    keepalive: int = setting(30, least=10, most=3600)
    client_id: str = setting("")


class MqttAction:
    """Publishes each occurrence, at least once, and the state of the whole.

    An occurrence is on the disk when `perform` returns; a thread delivers it, now or once there
    is a broker again. `docs/home-assistant.md` lists the topics.

    Args:
        settings: Where the broker is, and what it may do.
        context: The place, the folder of the spool, the modes.
    """

    Settings: ClassVar[type[Any]] = MqttSettings

    def __init__(self, settings: MqttSettings, context: ActionContext) -> None:
        self._settings = settings
        self._context = context
        self._topics = Topics(settings.topic, context.place, settings.discovery)
        self._outbox = Outbox(Spool(context.folder / f"spool-{slug(context.name)}.db"))
        self._outputs: dict[str, str] | None = None  # names, by the topics of their commands
        self._shown: tuple[OutputStatus, ...] = ()
        self._vitals_at = -RENEW_SECONDS
        self._is_noted = False
        commands = (self._topics.output("+", "set"),) if settings.commands else ()
        self._courier = Courier(
            self._address(),
            outbox=self._outbox,
            topics=self._topics,
            clock=context.clock,
            subscriptions=commands,
            take=self._obey,
        )

    def perform(self, occurrence: Occurrence) -> str:
        """Let it wait on the disk for its delivery, and show it as the latest.

        Returns:
            "spooled", or that it waits in memory because the disk takes nothing.
        """
        told = {**describe(occurrence, self._context.place), "event_type": EVENT_TYPE}
        payload = json.dumps(told, ensure_ascii=False).encode()
        is_on_disk = self._outbox.put(payload, key=occurrence.event_id)
        if not self._is_noted:  # something was seen, so there is a picture
            self._courier.show(self._topics.availability, b"online")
        self._courier.show(self._topics.under("last"), payload)
        if occurrence.snapshot is not None:
            try:
                self._courier.show(self._topics.under("image"), occurrence.snapshot.jpeg())
            except OutputError as error:
                _logger.warning("mqtt: no snapshot: %s", error)
        self._courier.start()
        self._courier.wake()
        return "spooled" if is_on_disk else "waits in memory, the disk takes nothing"

    def note(self, status: Status) -> None:
        """Show the state of the whole; what has not changed is not sent again at once."""
        self._is_noted = True
        is_offline = status.picture == Picture.OFFLINE
        self._courier.show(self._topics.availability, b"blind" if is_offline else b"online")
        self._show("picture", _describe_picture(status))
        now = self._context.clock.monotonic()
        if now - self._vitals_at >= RENEW_SECONDS:
            self._vitals_at = now
            self._show("vitals", _describe_vitals(status))
        self._show_outputs(status.outputs)
        self._courier.start()

    def backlog(self) -> Backlog:
        """Say what waits."""
        trouble = self._courier.trouble or self._outbox.trouble
        return Backlog(self._outbox.waiting, self._outbox.lost, trouble)

    def check(self) -> Iterator[str]:
        """Connect for real, and hang up again.

        Raises:
            BrokerError: The broker does not answer, or refuses.
        """
        import socket

        wake, other = socket.socketpair()
        address = self._address("-check")  # so that a running instance is not thrown out
        will = Letter(self._topics.under("check"), b"")
        connection = BrokerConnection(address, will=will, clock=self._context.clock, wake=wake)
        try:
            connection.open()
            with_tls = " with TLS" if address.is_tls else ""
            yield f"broker {address.host}:{address.port} accepts{with_tls}"
        finally:
            connection.close()
            wake.close()
            other.close()

    def close(self) -> None:
        """Say "offline" and hang up; what waits stays on the disk.

        An output is released at the end of a run, so what it was in the middle of a pulse is not
        what the broker goes on telling.
        """
        for output in self._shown:
            if not output.trouble:  # it may be stuck where it is
                self._show_position(output, is_open=output.is_open_at_rest)
        self._courier.close()

    def _address(self, ending: str = "") -> BrokerAddress:
        settings = self._settings
        own = f"{slug(settings.topic)}-{slug(self._context.place)}"
        return BrokerAddress(
            settings.host,
            settings.port,
            client_id=(settings.client_id or own) + ending,
            username=settings.username,
            password=settings.password,
            is_tls=settings.tls,
            ca_file=settings.ca_file,
            keepalive_seconds=settings.keepalive - _LATE_SECONDS,
        )

    def _show(self, ending: str, values: dict[str, object]) -> None:
        payload = json.dumps(values, ensure_ascii=False).encode()
        self._courier.show(self._topics.under(ending), payload, is_renewed=True)

    def _show_outputs(self, outputs: tuple[OutputStatus, ...]) -> None:
        """Show whether the outputs are open, and their modes; entities where they are new."""
        names = {self._topics.output(output.name, "set"): output.name for output in outputs}
        if names != self._outputs:
            self._outputs = names
            entities = describe_entities(
                self._topics, names.values(), has_commands=self._settings.commands
            )
            for topic, payload in entities.items():
                self._courier.show(topic, payload)
        self._shown = outputs
        for output in outputs:
            self._show_position(output, is_open=output.is_open)
            self._courier.show(self._topics.output(output.name, "mode"), output.mode.encode())

    def _show_position(self, output: OutputStatus, *, is_open: bool) -> None:
        state = b"open" if is_open else b"closed"
        self._courier.show(self._topics.output(output.name, "state"), state)

    def _obey(self, letter: Letter) -> None:
        """Set the mode of an output, as long as it is a command given now."""
        name = (self._outputs or {}).get(letter.topic)
        mode = letter.payload[:_MOST_SHOWN].decode("utf-8", "replace")
        if letter.is_retained:  # it may be years old
            _logger.warning("mqtt: a retained command is not obeyed: %s", letter.topic)
        elif name is None or mode not in MODES:
            _logger.warning("mqtt: unknown command on %s: %r", letter.topic, mode)
        else:
            try:
                self._context.set_mode(name, mode)
            except (CatseyeError, OSError) as error:
                _logger.warning("mqtt: %s could not be set to %s: %s", name, mode, error)


def _describe_picture(status: Status) -> dict[str, object]:
    """Describe what changes seldom, and matters when it does."""
    found = [f"rule {name}: held back again and again" for name in sorted(status.suspect)]
    found += [output.trouble for output in status.outputs]
    found += [action.trouble for action in status.actions]
    found += [status.store.trouble] if status.store else []
    troubles = [*status.troubles, *filter(None, found)]
    return {
        "picture": status.picture,
        "reason": status.reason,
        "label": status.label,
        "troubles": troubles,
        "is_clock_trusted": status.is_clock_trusted,
    }


def _describe_vitals(status: Status) -> dict[str, object]:
    """Describe what always changes, and seldom matters."""
    return {
        "fps": round(status.fps, 1),
        "age_ms": None if status.age_ms is None else round(status.age_ms),
        "celsius": None if status.celsius is None else round(status.celsius, 1),
        "uptime_seconds": round(status.uptime_seconds),
        "events": status.store.events if status.store else None,
        "free_bytes": status.store.free_bytes if status.store else None,
        "waiting": sum(action.waiting for action in status.actions),
    }
