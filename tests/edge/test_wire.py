"""What goes wrong with a connection, in words."""

import socket
import ssl

import pytest

from edge.errors import SourceError, SourceRefusedError
from edge.sources.wire import connect, failure_of, refusal

# (error, kind, what the message says)
FAILURES = [
    (ConnectionRefusedError(111, "Connection refused"), SourceError, "Connection refused"),
    (TimeoutError("timed out"), SourceError, "no answer in time"),
    (socket.gaierror(-2, "Name or service not known"), SourceError, "name of the host"),
    (ConnectionResetError(104, "Connection reset by peer"), SourceError, "reset by peer"),
    (UnicodeError("label empty or too long"), SourceError, "UnicodeError"),
    (ssl.SSLError(1, "[SSL] wrong version number"), SourceError, "wrong version"),
]


@pytest.mark.parametrize(("error", "kind", "said"), FAILURES)
def test_a_failure_is_put_into_words(error, kind, said):
    made = failure_of(error, "http://***@door/")
    assert type(made) is kind
    assert said in str(made)
    assert "http://***@door/" in str(made)


def test_a_certificate_that_is_not_trusted_is_for_a_person_to_mend():
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_message = "self-signed certificate"
    assert isinstance(failure_of(error, "https://door/"), SourceRefusedError)
    assert "self-signed certificate" in str(failure_of(error, "https://door/"))
    assert "SSL_CERT_FILE" in str(failure_of(error, "https://door/"))


# (status, is refused)
STATUSES = [(400, True), (401, True), (403, True), (404, True), (408, False), (429, False)]
STATUSES += [(453, False), (454, False), (500, False), (503, False)]


@pytest.mark.parametrize(("status", "is_refused"), STATUSES)
def test_a_status_is_refused_or_waited_out(status, is_refused):
    assert isinstance(refusal("http://door/", status), SourceRefusedError) is is_refused


def test_nobody_at_a_port_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        connect("127.0.0.1", port, seconds=3)


def test_a_deadline_that_has_passed_ends_reading_and_sending():
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = connect("127.0.0.1", server.getsockname()[1], seconds=3)
        wire.allow(-1)
        with pytest.raises(TimeoutError, match="timed out"):
            wire.readinto(bytearray(1))
        with pytest.raises(TimeoutError, match="timed out"):
            wire.send(b"x")
        wire.close()
        wire.close()
