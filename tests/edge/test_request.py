"""Which addresses a webhook may call, and how it calls one."""

import contextlib
import socket
import threading
import time

import pytest
from ports import free_port
from webhookd import answering, serving

from edge.actions.reach import parse_reach, parse_target
from edge.actions.request import Caller
from edge.clock import SystemClock
from edge.errors import ActionError, SettingError

OK = answering("204 No Content")


# (address, allow, whether it may be called); the name is hub.local
REACH = [
    ("8.8.8.8", [], True),
    ("2606:4700::1", [], True),
    ("192.168.1.7", [], False),
    ("192.168.1.7", ["192.168.1.0/24"], True),
    ("192.168.1.7", ["192.168.1.9/24"], True),  # not the first address of the network, and fine
    ("192.168.1.7", ["hub.local"], True),
    ("192.168.1.7", ["HUB.local"], True),
    ("192.168.1.7", ["other.local"], False),
    ("192.168.2.7", ["192.168.1.0/24"], False),
    ("::ffff:192.168.1.7", ["192.168.1.0/24"], True),  # the same address, written as IPv6
    ("::ffff:10.0.0.1", [], False),
    ("64:ff9b::a00:1", [], False),  # 10.0.0.1 behind a translator
    ("64:ff9b::808:808", [], True),
    ("64:ff9b:1::a00:1", [], False),  # by a translator of one's own
    ("64:ff9b:1::a9fe:a9fe", ["::/0", "hub.local"], False),
    ("64:ff9b:1::808:808", [], True),
    ("::ffff:0:a9fe:a9fe", ["::/0", "hub.local"], False),
    ("192.0.0.192", ["hub.local"], False),  # where clouds hand out credentials
    ("168.63.129.16", ["hub.local"], False),
    ("fd20:ce::254", ["hub.local"], False),
    ("2002:a00:1::1", [], False),  # 10.0.0.1 by 6to4
    ("::10.0.0.1", [], False),
    ("100.64.0.1", [], False),  # of a provider's network
    ("fd00::1", [], False),
    ("fd00::1", ["fd00::/8"], True),
    ("fec0::1", [], False),
    ("127.0.0.1", ["hub.local"], True),
    ("169.254.1.1", ["hub.local", "0.0.0.0/0"], False),
    ("64:ff9b::a9fe:a9fe", ["hub.local", "::/0"], False),
    ("fe80::1%eth0", ["hub.local", "::/0"], False),
    ("fd00:ec2::254", ["hub.local", "::/0"], False),
    ("100.100.100.200", ["hub.local", "0.0.0.0/0"], False),
    ("224.0.0.1", ["hub.local"], False),
    ("ff02::1", ["hub.local"], False),
    ("255.255.255.255", ["hub.local"], False),
    ("0.1.2.3", ["hub.local"], False),
    ("::", ["hub.local"], False),
]


@pytest.mark.parametrize(("address", "allow", "may_be_called"), REACH)
def test_reach_lets_through_what_is_listed(address, allow, may_be_called):
    assert (parse_reach(allow).refusal("hub.local", address) == "") is may_be_called


@pytest.mark.parametrize("entry", ["", "*", "10.0.0.0/40", "http://hub", "a b", "-", "x" * 64])
def test_reach_refuses_an_entry_that_is_no_host(entry):
    if entry == "-":  # odd, but a name that somebody may have given
        assert parse_reach([entry]).hosts == {"-"}
        return
    with pytest.raises(SettingError, match="allow must list hosts, addresses or networks"):
        parse_reach([entry])


# (url, what was received instead of one)
NO_URLS = [
    ("file:///etc/passwd", "the scheme file"),
    ("ftp://hub/", "the scheme ftp"),
    ("hub.local/hook", "the scheme of a path"),
    ("gopher://hub", "the scheme gopher"),
    ("http://", "without a host"),
    ("http:///hook", "without a host"),
    ("http://me:swordfish@hub/", "with a user or a password"),
    ("http://hub\r\nX-Injected: 1/", "white space, control characters"),
    ("http://hub/a b", "white space"),
    ("http://hüb/", "letters outside ASCII"),
    ("http://hub:99999/", "Port out of range"),
    ("http://hub:0/", "port 0"),
    ("http://[::1/", "Invalid IPv6"),
    ("http://a..b/", "without a host"),
]


@pytest.mark.parametrize(("url", "received"), NO_URLS)
def test_target_refuses_what_is_no_url_of_a_web_server(url, received):
    with pytest.raises(SettingError, match=received) as caught:
        parse_target(url)
    assert "swordfish" not in str(caught.value)


def make_caller(url, look_up, *, allow=("127.0.0.1",), timeout_seconds=5.0):
    return Caller(
        parse_target(url),
        reach=parse_reach(allow),
        timeout_seconds=timeout_seconds,
        ca_file=None,
        clock=SystemClock(),
        look_up=look_up,
    )


def test_caller_connects_to_the_address_that_was_judged():
    answers = [["169.254.169.254", "127.0.0.1"], ["10.0.0.1"]]  # the second would be another

    with serving(OK) as server:
        caller = make_caller(
            f"http://hub.example:{server.port}/", lambda host, port: answers.pop(0)
        )
        assert caller.send("POST", body=b"{}", headers={}) == 204
        assert server.requests[0].headers["Host"] == f"hub.example:{server.port}"
    assert len(answers) == 1


def test_caller_tries_the_addresses_of_a_name_in_turn():
    """Of IPv6 and IPv4 one may lead nowhere; what may not be called is left out all the same."""
    found = ["127.0.0.2", "169.254.169.254", "127.0.0.1"]  # nobody listens at the first

    with serving(OK) as server:
        url = f"http://hub.example:{server.port}/"
        caller = make_caller(url, lambda host, port: found, allow=("127.0.0.0/8",))
        assert caller.send("POST", body=b"{}", headers={}) == 204


@pytest.fixture
def black_hole():
    """Return a port of some addresses at which nobody ever takes a connection."""
    with contextlib.ExitStack() as opened:
        port = free_port()
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            server = opened.enter_context(socket.socket())
            server.bind((address, port))
            server.listen(0)
            for _ in range(4):  # fill its queue
                caller = opened.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex((address, port))
        yield port


def test_caller_leaves_an_address_that_does_not_answer(black_hole):
    """After 3 s, of the 5 that the request may take."""
    found = ["127.0.0.2", "127.0.0.1"]
    with serving(OK, port=black_hole):
        url = f"http://hub.example:{black_hole}/"
        caller = make_caller(url, lambda host, port: found, allow=("127.0.0.0/8",))
        assert caller.send("GET", headers={}) == 204


def test_caller_tries_addresses_no_longer_than_a_request_may_take(black_hole, monkeypatch):
    monkeypatch.setattr("edge.actions.request._CONNECT_SECONDS", 0.2)
    found = ["127.0.0.2", "127.0.0.3", "127.0.0.4"] * 10
    url = f"http://hub.example:{black_hole}/"
    allow = ("127.0.0.0/8",)
    caller = make_caller(url, lambda host, port: found, allow=allow, timeout_seconds=0.5)
    start_seconds = time.monotonic()
    with pytest.raises(ActionError, match=r"no answer within 0\.5 s"):
        caller.send("GET", headers={})
    assert 0.4 < time.monotonic() - start_seconds < 2.0


def test_caller_gives_up_on_a_name_that_is_not_found_in_time():
    release = threading.Event()

    def look_up(host, port):
        release.wait(30)
        return []

    caller = make_caller("http://hub.example/", look_up, timeout_seconds=0.2)
    with pytest.raises(ActionError, match="the name is not found in time"):
        caller.send("GET", headers={})
    release.set()


def test_caller_refuses_a_name_without_an_address():
    with pytest.raises(ActionError, match="no address at all"):
        make_caller("http://hub.example/", lambda host, port: []).send("GET", headers={})


def test_caller_stays_cancelled():
    with serving(OK) as server:
        caller = make_caller(server.url(), lambda host, port: ["127.0.0.1"])
        caller.cancel()
        with pytest.raises(ActionError, match="the request was cancelled"):
            caller.send("GET", headers={})


def test_caller_uses_no_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(OK) as server:
        caller = make_caller(server.url(), lambda host, port: ["127.0.0.1"])
        assert caller.send("GET", headers={}) == 204
