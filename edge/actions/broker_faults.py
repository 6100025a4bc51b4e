"""What can be wrong between us and a broker, each fault in words that say what to mend."""

import ssl
from pathlib import Path

from edge.errors import ActionError

TAKEN_OVER = 142
"""Reason code of MQTT 5: another client came with the same client identifier."""

# Of X509_verify_cert, https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID = 9
_EXPIRED = 10
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
_OTHER_NAME = (62, 64)


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
        fix='Run "pip install paho-mqtt", or install catseye[mqtt]',
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


def unknown_authority(ca_file: Path | None, received: str) -> BrokerError:
    """Say that the file of authorities cannot be used."""
    return BrokerError(
        f"ca_file must hold certificates, in PEM form: {ca_file}",
        received=received,
        fix="Name the certificate of the authority that signed the broker's",
    )


def tls_fault(error: ssl.SSLError, host: str, *, ca_file: Path | None) -> BrokerError:
    """Say why an encrypted connection was not made.

    Args:
        error: What OpenSSL says.
        host: The broker's.
        ca_file: Where the trusted authorities were read from.
    """
    if not isinstance(error, ssl.SSLCertVerificationError):
        return BrokerError(
            f"{host} must speak TLS at this port",
            received=error.reason or str(error),
            fix="Most brokers have TLS at port 8883; without TLS say tls = false",
        )
    received, code = error.verify_message, error.verify_code
    if code == _NOT_YET_VALID:
        rule = "clock: the certificate of the broker is not yet valid by this machine's clock"
        fix = (
            "Set the clock; without a battery it is wrong after a start until the network is there"
        )
    elif code == _EXPIRED:
        rule = "The certificate of the broker must not have expired"
        fix = "Renew it on the broker, or set this machine's clock if that is ahead"
    elif code in _OTHER_NAME:
        rule = f"The certificate of the broker must be for {host}"
        fix = "Give as host a name that is in the certificate"
    elif code in _UNKNOWN_AUTHORITY:
        rule = "The certificate of the broker must be signed by a trusted authority"
        trusted = f"those in {ca_file}" if ca_file else "the system's"
        fix = f"Name the one that signed it as ca_file; trusted now are {trusted}"
    else:
        rule = "The certificate of the broker must be valid"
        fix = "Look at it with: openssl s_client -connect HOST:PORT"
    return BrokerError(rule, received=received, fix=fix)
