"""faults.md 32 and 40: encryption, with certificates made by openssl."""

import datetime
import ssl
import subprocess

import pytest
from broker import answer_once, until
from mqtt_actions import occurrence

from edge.actions.broker_faults import BrokerError, unreachable
from edge.actions.broker_tls import tls_fault


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority of one's own, a certificate for 127.0.0.1, and an authority that is another."""
    folder = tmp_path_factory.mktemp("certificates")
    new = "openssl req -x509 -newkey rsa:2048 -nodes -days 30"
    commands = [
        f"{new} -keyout ca.key -out ca.crt -subj /CN=ours",
        f"{new} -keyout other.key -out other.crt -subj /CN=others",
        "openssl req -newkey rsa:2048 -nodes -keyout host.key -out host.csr -subj /CN=hub",
    ]
    for command in commands:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    (folder / "wrong").write_text("subjectAltName=DNS:elsewhere.example")
    for name, names, start in (
        ("host", "names", 0),
        ("elsewhere", "wrong", 0),
        ("future", "names", 400),
        ("past", "names", -400),
    ):
        sign(folder, name, names, days=start)
    return folder


def sign(folder, name, names, *, days):
    """Sign the request, valid from so many days from now on for 30 days."""
    start = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days - 1)
    end = start + datetime.timedelta(days=30)
    (folder / "index").write_text("")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\n"
        "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
    )
    dates = ["-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}"]
    command = ["openssl", "ca", "-batch", "-config", "ca.cnf", "-in", "host.csr", *dates]
    command += ["-cert", "ca.crt", "-keyfile", "ca.key", "-out", f"{name}.crt", "-notext"]
    command += ["-extfile", names]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tls_broker(new_broker, certificates):
    """Make a started broker with one of the certificates."""

    def make(name="host"):
        files = (f"certfile {certificates}/{name}.crt", f"keyfile {certificates}/host.key")
        return new_broker("allow_anonymous true", *files).start()

    return make


def test_tls_with_an_authority_of_ones_own(tls_broker, make_action, certificates):
    broker = tls_broker()
    action = make_action(broker, tls=True, ca_file=certificates / "ca.crt")
    assert list(action.check()) == [f"broker 127.0.0.1:{broker.port} accepts with TLS"]
    for number in range(50):
        action.perform(occurrence(number, has_snapshot=True))
    until(lambda: action.backlog().waiting == 0)


@pytest.mark.parametrize(
    ("name", "authority", "words"),
    [
        ("host", "other.crt", "must be signed by a trusted authority.*other.crt"),
        ("host", None, "must be signed by a trusted authority.*the system's"),
        ("elsewhere", "ca.crt", "must be for 127.0.0.1"),
        # the clock of a machine without a battery, after a start
        ("future", "ca.crt", "clock: the certificate of the broker is not yet valid"),
        ("past", "ca.crt", "must not have expired"),
        ("host", "host.key", "ca_file must hold certificates, in PEM form"),
        ("host", "missing.crt", "ca_file must hold certificates.*No such file"),
    ],
)
def test_tls_refused(tls_broker, make_action, certificates, name, authority, words):
    broker = tls_broker(name)
    ca_file = certificates / authority if authority else None
    action = make_action(broker, tls=True, ca_file=ca_file)
    with pytest.raises(BrokerError, match=words):
        list(action.check())


def test_tls_and_none_confused(tls_broker, broker, make_action, certificates):
    with pytest.raises(BrokerError, match="we speak with TLS"):  # mosquitto hangs up
        list(make_action(broker, tls=True, ca_file=certificates / "ca.crt").check())
    with pytest.raises(BrokerError, match="we speak without TLS"):
        list(make_action(tls_broker()).check())


def test_tls_answered_by_something_else(make_action, certificates):
    port = answer_once(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    with pytest.raises(BrokerError, match=r"must speak TLS at this port.*tls = false"):
        list(make_action(None, port=port, tls=True, ca_file=certificates / "ca.crt").check())


def test_tls_fault_of_another_kind():
    error = ssl.SSLCertVerificationError("odd")
    error.verify_code, error.verify_message = 23, "certificate revoked"
    assert "must be valid. Received: certificate revoked" in str(
        tls_fault(error, "h", ca_file=None)
    )


def test_unreachable_says_whether_tls():
    assert "we speak with TLS" in str(unreachable("h", 1, "x", is_tls=True))
