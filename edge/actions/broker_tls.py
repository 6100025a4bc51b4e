"""Encryption of a connection to a broker, and what can be wrong with it."""

import ssl
from pathlib import Path

from edge.actions.broker_faults import BrokerError, unknown_authority

# Of X509_verify_cert, https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID = 9
_EXPIRED = 10
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
_OTHER_NAME = (62, 64)


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself where the handshake fails; paho leaves that open, once per attempt."""

    def do_handshake(self, block: bool = False) -> None:
        """Agree with the other side on how to encrypt."""
        try:
            super().do_handshake(block)
        except (OSError, ValueError):
            self.close()
            raise


def make_context(ca_file: Path | None) -> ssl.SSLContext:
    """Make what verifies the broker's certificate and its name.

    Args:
        ca_file: Certificates of the authorities that are trusted; those of the system if `None`.

    Raises:
        BrokerError: The file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # ssl.SSLError is one
        raise unknown_authority(ca_file, str(error)) from error
    context.sslsocket_class = _ClosingSocket
    return context


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
