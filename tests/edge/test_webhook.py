import base64
import logging
import shutil
import ssl
import threading
import time

import pytest
from occurrences import make_context, make_occurrence, wait_until
from ports import free_port
from webhookd import (
    answering,
    deaf,
    dripping,
    endless,
    garbled,
    hanging_up,
    make_certificate,
    serving,
    silent,
)

from edge.actions import webhook
from edge.actions.backlog import Backlog
from edge.actions.request import Caller
from edge.actions.webhook import WebhookAction, WebhookSettings
from edge.errors import ActionError, OutputError, SettingError
from edge.secret import Secret
from edge.snapshot import Snapshot
from edge.spool import Spool
from edge.status import Status

OK = answering("204 No Content")
BUSY = answering("503 Service Unavailable")


@pytest.fixture(autouse=True)
def _is_quick(monkeypatch):
    """Try again after hundredths of a second."""
    monkeypatch.setattr(webhook, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(webhook, "_LONGEST_PAUSE_SECONDS", 0.05)


@pytest.fixture
def open_webhook(tmp_path):
    """Make actions that are closed at the end."""
    opened = []

    def make(url, **settings):
        chosen = {"allow": ("127.0.0.0/8",), "timeout_seconds": 5.0} | settings
        action = WebhookAction(WebhookSettings(url=url, **chosen), make_context(tmp_path))
        opened.append(action)
        return action

    yield make
    for action in opened:
        action.close()


def test_webhook_posts_the_event_with_its_picture(open_webhook):
    with serving(OK) as server:
        action = open_webhook(server.url("/hook?a=b"), token=Secret("swordfish"))
        assert action.perform(make_occurrence(7)) == "answered 204"
        (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/hook?a=b")
    assert request.headers["Host"] == f"127.0.0.1:{server.port}"
    assert request.headers["Authorization"] == "Bearer swordfish"
    assert request.headers["Idempotency-Key"] == f"{7:032x}"
    assert request.headers["Content-Type"] == "application/json"
    assert (request.event["label"], request.event["place"]) == ("cat", "porch")
    assert base64.b64decode(request.event["snapshot_jpeg_base64"])[:2] == b"\xff\xd8"
    assert action.backlog().waiting == 0


def test_webhook_leaves_the_picture_out(open_webhook):
    with serving(OK) as server:
        open_webhook(server.url(), snapshot=False).perform(make_occurrence(1))
        open_webhook(server.url()).perform(make_occurrence(2, has_snapshot=False))
        assert all("snapshot_jpeg_base64" not in event for event in server.posted())


def test_webhook_sends_an_event_whose_picture_cannot_be_encoded(open_webhook, monkeypatch):
    def fail(self):
        raise OutputError("A frame must be fit", received="none", fix="Shrink it")

    monkeypatch.setattr(Snapshot, "jpeg", fail)
    with serving(OK) as server:
        open_webhook(server.url()).perform(make_occurrence())
        assert server.posted()[0]["snapshot_jpeg_base64"] is None


# (how the server fails, what is said of it); the event waits, and comes once the server is well
PASSING = [
    (BUSY, "answered 503"),
    (answering("500 Internal Server Error"), "answered 500"),
    (answering("429 Too Many Requests"), "answered 429"),
    (answering("408 Request Timeout"), "answered 408"),
    (silent, "no answer within 0.5 s"),
    (dripping, "no answer within 0.5 s"),  # though something comes all the time
    (hanging_up, "RemoteDisconnected"),
    (garbled, "BadStatusLine"),
]


@pytest.mark.parametrize(("behave", "reason"), PASSING)
def test_webhook_tries_again_what_may_pass(open_webhook, caplog, behave, reason):
    caplog.set_level(logging.INFO)
    with serving(behave) as server:
        action = open_webhook(server.url("/secret-path"), timeout_seconds=0.5)
        said = action.perform(make_occurrence(7))
        assert said.startswith("waits (")
        assert reason in said
        wait_until(lambda: len(server.requests) >= 2)
        backlog = action.backlog()
        assert (backlog.waiting, backlog.dropped) == (1, 0)
        assert reason in backlog.trouble
        assert action.perform(make_occurrence(8)).startswith("waits (")  # without trying for long
        server.behave = OK
        wait_until(lambda: action.backlog().waiting == 0)
        wait_until(lambda: action.backlog().trouble == "")
        assert len({each.headers["Idempotency-Key"] for each in server.requests}) == 2
    assert "secret-path" not in caplog.text + said
    assert f"http://127.0.0.1:{server.port}: works again" in caplog.messages
    assert len(caplog.messages) == 2


REFUSING = [
    (answering("400 Bad Request"), "answered 400"),
    (answering("401 Unauthorized"), "answered 401"),
    (answering("404 Not Found"), "answered 404"),
    # a redirect is none of ours to follow, wherever it leads
    (answering("302 Found", "Location: http://169.254.169.254/latest/meta-data/"), "answered 302"),
    (answering("307 Temporary Redirect", "Location: http://127.0.0.1:1/"), "answered 307"),
]


@pytest.mark.parametrize(("behave", "reason"), REFUSING)
def test_webhook_does_not_try_again_what_is_refused(open_webhook, behave, reason):
    with serving(behave) as server:
        action = open_webhook(server.url("/secret-path"))
        with pytest.raises(ActionError, match=f"must take what it is sent.*{reason}") as caught:
            action.perform(make_occurrence())
        assert "secret-path" not in str(caught.value)
        assert (action.backlog().waiting, action.backlog().dropped) == (0, 1)
        assert len(server.requests) == 1


def test_webhook_reads_no_more_than_it_must_of_an_answer(open_webhook):
    with serving(endless) as server:
        start_seconds = time.monotonic()
        assert open_webhook(server.url()).perform(make_occurrence()) == "answered 200"
        assert time.monotonic() - start_seconds < 4


def test_pause_of_a_webhook_grows_to_a_minute_with_jitter(monkeypatch):
    monkeypatch.undo()
    for failures, longest in ((0, 1.0), (1, 2.0), (3, 8.0), (6, 60.0), (1_000_000, 60.0)):
        pauses = [webhook._pause_seconds(failures) for _ in range(200)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest
        assert max(pauses) - min(pauses) > 0.3 * longest


def test_webhook_keeps_what_waits_over_a_restart(open_webhook):
    with serving(BUSY) as server:
        action = open_webhook(server.url())
        for number in range(50):
            action.perform(make_occurrence(number))
        action.close()
        server.behave = OK
        action = open_webhook(server.url())
        server.requests.clear()
        action.note(Status("porch", "live"))
        wait_until(lambda: action.backlog().waiting == 0)
        events = [event["event_id"] for event in server.posted()]
    assert sorted(set(events)) == [f"{number:032x}" for number in range(50)]


def test_webhook_is_not_held_up_by_an_event_that_the_server_chokes_on(open_webhook):
    def choking(server, connection):
        server.receive(connection)
        is_bad = server.requests[-1].event["label"] == "bad"
        connection.sendall(f"HTTP/1.1 {500 if is_bad else 204} X\r\n\r\n".encode())

    with serving(choking) as server:
        action = open_webhook(server.url())
        for number in range(4):
            action.perform(make_occurrence(number, label="bad"))
        for number in range(4, 10):
            action.perform(make_occurrence(number))
        wait_until(lambda: action.backlog().waiting == 4)


def test_webhook_does_not_wait_behind_what_an_earlier_run_has_left(open_webhook):
    with serving(BUSY) as server:
        action = open_webhook(server.url())
        for number in range(3):
            action.perform(make_occurrence(number))
        action.close()
        server.behave = silent
        action = open_webhook(server.url())
        start_seconds = time.monotonic()
        assert action.perform(make_occurrence(3)) == "waits (behind 3 others)"
        assert time.monotonic() - start_seconds < 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_webhook_whose_thread_dies_shows_it(open_webhook, monkeypatch):
    def fail(self, *arguments, **more):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Caller, "send", fail)
    action = open_webhook("http://127.0.0.1:9/", timeout_seconds=0.1)
    action.perform(make_occurrence())
    wait_until(lambda: "thread that delivers has ended" in action.backlog().trouble)


def test_webhook_drops_the_oldest_when_too_many_wait(open_webhook):
    with serving(BUSY) as server:
        action = open_webhook(server.url(), spool_events=3)
        for number in range(5):
            action.perform(make_occurrence(number))
        assert (action.backlog().waiting, action.backlog().dropped) == (3, 2)


def test_webhook_goes_on_from_memory_while_the_disk_is_full(open_webhook, monkeypatch):
    def fail(self, *arguments, **more):
        raise OutputError("The spool must be writable", received="disk full", fix="Free space")

    with monkeypatch.context() as patch, serving(BUSY) as server:
        patch.setattr(Spool, "put", fail)
        patch.setattr(Spool, "oldest", fail)
        patch.setattr(Spool, "waiting", property(fail))
        action = open_webhook(server.url())
        assert action.perform(make_occurrence(0)).startswith("waits in memory (")
        for number in range(1, 23):
            action.perform(make_occurrence(number))
        backlog = action.backlog()
        assert (backlog.waiting, backlog.dropped) == (20, 3)
        server.behave = OK
        wait_until(lambda: action.backlog().waiting == 0)
        assert "disk full" in action.backlog().trouble
        patch.undo()
        assert action.perform(make_occurrence(30)) == "answered 204"
        assert action.backlog() == Backlog(dropped=3)


def test_webhook_close_ends_a_request_under_way(open_webhook):
    with serving(silent) as server:
        action = open_webhook(server.url(), timeout_seconds=60.0)
        said = []
        thread = threading.Thread(target=lambda: said.append(action.perform(make_occurrence())))
        thread.start()
        wait_until(lambda: server.requests)
        start_seconds = time.monotonic()
        action.close()
        action.close()
        thread.join(5)
        assert time.monotonic() - start_seconds < 2
    assert said == ["waits (no answer yet)"]


def test_webhook_check_asks_for_nothing_to_be_done(open_webhook):
    with serving(answering("405 Method Not Allowed")) as server:
        action = open_webhook(server.url("/hook"), token=Secret("swordfish"))
        assert list(action.check()) == [f"http://127.0.0.1:{server.port} answers"]
        assert [each.method for each in server.requests] == ["OPTIONS"]
        server.behave = answering("401 Unauthorized")
        with pytest.raises(ActionError, match=r"answered 401.*its token"):
            list(action.check())


# (url, allow, what the error says); none of them is connected to
UNREACHABLE = [
    (f"http://127.0.0.1:{free_port()}/", ["127.0.0.1"], "Connection refused"),
    ("http://no-such-host.invalid/", [], "the name is not found"),
    ("http://127.0.0.1/", [], "127.0.0.1 is an address of the local network that is not listed"),
    ("http://localhost/", ["10.0.0.0/8"], "is an address of the local network"),  # a name
    ("http://2130706433/", [], "127.0.0.1 is an address of the local network"),  # in disguise
    ("http://0x7f.1/", [], "127.0.0.1 is an address of the local network"),
    ("http://[::1]/", [], "::1 is an address of the local network"),
    ("http://[::ffff:127.0.0.1]/", [], "is an address of the local network"),
    ("http://169.254.169.254/latest", ["169.254.169.254"], "is an address that is never called"),
    ("http://[::ffff:a9fe:a9fe]/", ["0.0.0.0/0", "::/0"], "is an address that is never called"),
    ("http://0.0.0.0/", ["0.0.0.0/0"], "is an address that is never called"),
    ("http://[fe80::1%lo]/", ["::/0"], "is an address that is never called"),
]


@pytest.mark.parametrize(("url", "allow", "reason"), UNREACHABLE)
def test_webhook_check_says_why_a_server_is_not_called(open_webhook, url, allow, reason):
    with pytest.raises(ActionError, match=reason.replace(".", r"\.")):
        list(open_webhook(url, allow=tuple(allow)).check())


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "schlüssel"])
def test_webhook_settings_refuse_a_token_without_showing_it(token):
    check = WebhookSettings.__dataclass_fields__["token"].metadata["edge.settings"].check
    with pytest.raises(SettingError, match="token must be printable ASCII") as caught:
        check(Secret(token))
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("token", [None, Secret("aB3-._~+/=")])
def test_webhook_settings_take_a_token(token):
    WebhookSettings.__dataclass_fields__["token"].metadata["edge.settings"].check(token)


@pytest.fixture
def serving_tls(tmp_path):
    """Return a function that runs a server with a certificate of its own making."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def serve(behave=OK, **certificate):
        chain, key = make_certificate(tmp_path, **certificate)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(chain, key)
        return serving(behave, trust=trust), chain

    return serve


def test_webhook_calls_a_server_with_a_certificate_of_its_own(open_webhook, serving_tls):
    served, chain = serving_tls()
    with served as server:
        action = open_webhook(server.url(), ca_file=chain)
        assert action.perform(make_occurrence()) == "answered 204"


# (certificate, whether it is given as the one to trust, what the error says)
UNTRUSTED = [
    ({}, False, r"its certificate is not trusted \(self.signed certificate\)"),
    ({"name": "other.local"}, True, r"not trusted \(IP address mismatch"),
    ({"days": ("20200101000000Z", "20210101000000Z")}, True, r"\(certificate has expired\)"),
    ({"days": ("20400101000000Z", "20450101000000Z")}, True, "the clock of this machine may be"),
]


@pytest.mark.parametrize(("certificate", "is_given", "reason"), UNTRUSTED)
def test_webhook_trusts_no_other_certificate(
    open_webhook, serving_tls, certificate, is_given, reason
):
    served, chain = serving_tls(**certificate)
    with served as server:
        action = open_webhook(server.url(), ca_file=chain if is_given else None)
        with pytest.raises(ActionError, match=reason):
            list(action.check())
        assert not server.requests


def test_webhook_names_a_certificate_file_that_is_missing(open_webhook, tmp_path):
    with serving(OK) as server:
        url = server.url().replace("http://", "https://")
        action = open_webhook(url, ca_file=tmp_path / "missing.pem")
        with pytest.raises(ActionError, match="No such file or directory"):
            list(action.check())


def test_webhook_gives_up_on_a_handshake_without_an_answer(open_webhook):
    with serving(deaf) as server:
        url = server.url().replace("http://", "https://")
        with pytest.raises(ActionError, match=r"no answer within 0\.3 s"):
            list(open_webhook(url, timeout_seconds=0.3).check())


def test_webhook_settings_show_neither_path_nor_token():
    settings = WebhookSettings(url="https://hub/secret-path", token=Secret("swordfish"))
    assert "secret-path" not in repr(settings)
    assert "swordfish" not in repr(settings)
