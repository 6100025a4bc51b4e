"""What can be wrong between us and a broker, each fault in words that say what to mend."""

from pathlib import Path

from edge.errors import ActionError
from edge.extras import install_hint

TAKEN_OVER = 142
"""Reason code of MQTT 5: another client came with the same client identifier."""


class BrokerError(ActionError):
    """A broker that cannot be reached, or refuses.

    Args:
        rule: See `edge.errors.CatseyeError`.
        received: Likewise.
        fix: Likewise.
        is_rival: Whether another client with the same identifier took the connection over.
    """

    def __init__(self, rule: str, *, received: str, fix: str, is_rival: bool = False) -> None:
        super().__init__(rule, received=received, fix=fix)
        self.is_rival = is_rival


def missing_paho() -> BrokerError:
    """Say that paho-mqtt is not installed."""
    return BrokerError(
        "The action mqtt needs paho-mqtt",
        received="a Python without it",
        fix=f"Run: {install_hint('mqtt')}",
    )


def unreachable(host: str, port: int, received: str, *, is_tls: bool) -> BrokerError:
    """Say that nobody answers there, or hangs up.

    Example:
        >>> print(unreachable("hub", 1883, "refused", is_tls=False).rule)
        A broker must answer at hub:1883
    """
    speaks = "with TLS" if is_tls else "without TLS"
    return BrokerError(
        f"A broker must answer at {host}:{port}",
        received=received,
        fix=f"Start it, or see whether host, port and tls are right: we speak {speaks}",
    )


def silent(host: str, port: int) -> BrokerError:
    """Say that it takes the connection and then says nothing."""
    return BrokerError(
        f"The broker at {host}:{port} must answer within seconds",
        received="silence",
        fix="See whether it hangs, and whether host and port are those of a broker",
    )


def credentials(username: str, reason: str) -> BrokerError:
    """Say that the broker knows us not, or not by that password.

    Example:
        >>> print(credentials("cat", "Not authorized").rule)
        credentials: the broker must accept user name and password
    """
    who = f"as {username!r}" if username else "without a user name"
    return BrokerError(
        "credentials: the broker must accept user name and password",
        received=f"{reason} ({who})",
        fix="See username and password of the action, and the broker's password file",
    )


def refused_topic(topic: str) -> BrokerError:
    """Say that the broker's access list keeps us from writing there."""
    return BrokerError(
        f"The broker must allow writing to {topic}",
        received="not authorized",
        fix="Give the user write access to it in the broker's access list; what waits is kept",
    )


def too_long(topic: str, size: int, *, most: int) -> BrokerError:
    """Say that the broker takes no letter of that length.

    Example:
        >>> print(too_long("catseye/porch/image", 90_000, most=65_000).received)
        90000 bytes
    """
    return BrokerError(
        f"What {topic} shows must be at most {most} bytes long, says the broker",
        received=f"{size} bytes",
        fix="Raise the largest packet size of the broker, or take a smaller picture",
    )


def unknown_authority(ca_file: Path | None, received: str) -> BrokerError:
    """Say that the file of authorities cannot be used."""
    return BrokerError(
        f"ca_file must hold certificates, in PEM form: {ca_file}",
        received=received,
        fix="Name the certificate of the authority that signed the broker's",
    )


def rival(client_id: str, received: str) -> BrokerError:
    """Say that another client with the same identifier takes the connection over.

    Example:
        >>> print(rival("catseye-porch", "Session taken over").rule)
        No two clients of a broker may have the same client_id
    """
    return BrokerError(
        "No two clients of a broker may have the same client_id",
        received=f"{received} ({client_id})",
        fix="Set another client_id, or another place, on one of them; the broker's log says more",
        is_rival=True,
    )
