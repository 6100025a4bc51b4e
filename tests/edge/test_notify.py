import logging
import os
import socket

import pytest

from edge.records import Look, Picture
from edge.service.notify import Notifier
from edge.status import OutputStatus, Status
from edge.testing import ManualClock

LIVE = Look(Picture.LIVE)
DARK = Look(Picture.DARK, reason="too dark")


class Listener:
    """systemd's end of the socket."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def read(self):
        """Return what was told since, as a list of lines per datagram."""
        told = []
        while True:
            try:
                told.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return told


@pytest.fixture
def listener(tmp_path):
    listener = Listener(str(tmp_path / "notify"))
    yield listener
    listener.socket.close()


@pytest.fixture
def clock():
    return ManualClock(100.0)


@pytest.fixture
def notifier(tmp_path, listener, clock):
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
    notifier = Notifier(environment, clock=clock)
    yield notifier
    notifier.close()


def test_notifier_is_ready_with_the_first_look(notifier, listener):
    assert listener.read() == []
    notifier.handle(LIVE)
    assert listener.read() == [["READY=1", "WATCHDOG=1", "STATUS=picture live"]]


def test_notifier_is_ready_at_a_source_that_is_away(notifier, listener):
    notifier.handle(Look(Picture.OFFLINE, reason="camera 0\nis unplugged"))
    told = ["READY=1", "WATCHDOG=1", "STATUS=picture offline: camera 0 is unplugged"]
    assert listener.read() == [told]


def test_notifier_feeds_the_watchdog_three_times_in_its_time(notifier, listener, clock):
    for _ in range(600):  # a minute of ten looks a second
        notifier.handle(LIVE)
        clock.wait(0.1)
    fed = [lines for lines in listener.read() if "WATCHDOG=1" in lines]
    assert len(fed) == 6


def test_notifier_says_nothing_without_looks(notifier, listener, clock):
    notifier.handle(LIVE)
    listener.read()
    clock.wait(3600)
    assert listener.read() == []


def test_notifier_tells_the_state_of_the_picture_on_change_only(notifier, listener):
    for look in (LIVE, LIVE, DARK, DARK, LIVE):
        notifier.handle(look)
    told = [line for lines in listener.read() for line in lines if line.startswith("STATUS=")]
    assert told == ["STATUS=picture live", "STATUS=picture dark: too dark", "STATUS=picture live"]


def test_notifier_starves_the_watchdog_while_held(notifier, listener, clock):
    notifier.handle(LIVE)
    notifier.hold("the disk burns")
    listener.read()
    for _ in range(10):
        clock.wait(20)
        notifier.handle(LIVE)
    assert notifier.held == "the disk burns"
    assert listener.read() == [["STATUS=the disk burns"]]
    notifier.hold("")
    notifier.handle(LIVE)
    assert listener.read() == [["WATCHDOG=1", "STATUS=picture live"]]


def test_notifier_starves_the_watchdog_while_an_output_has_trouble(notifier, listener, clock):
    good = OutputStatus("light", "auto", is_energised=False, is_open=False)
    stuck = OutputStatus("door", "auto", is_energised=True, is_open=True, trouble="stays on")
    notifier.handle(LIVE)
    listener.read()
    notifier.heed(Status("porch", "live", outputs=(good, stuck)))
    clock.wait(20)
    notifier.handle(LIVE)
    assert listener.read() == [["STATUS=door: stays on"]]
    notifier.heed(Status("porch", "live", outputs=(good,)))
    notifier.handle(LIVE)
    assert "WATCHDOG=1" in listener.read()[0]


def test_notifier_keeps_a_hold_that_the_outputs_know_nothing_of(notifier):
    notifier.hold("mine")
    notifier.heed(Status("porch", "live"))
    assert notifier.held == "mine"


def test_notifier_tells_of_a_reload_and_its_end(notifier, listener):
    notifier.handle(LIVE)
    listener.read()
    notifier.reloading()
    assert listener.read() == [["RELOADING=1", "MONOTONIC_USEC=100000000"]]
    notifier.handle(LIVE)  # the old settings still count
    assert listener.read() == []
    notifier.reloaded()
    notifier.handle(LIVE)
    notifier.handle(LIVE)
    assert listener.read() == [["READY=1"]]


def test_notifier_tells_once_that_it_stops(notifier, listener):
    notifier.close()
    notifier.close()
    notifier.handle(LIVE)
    notifier.reloading()
    assert listener.read() == [["STOPPING=1"]]


def test_notifier_reaches_an_abstract_socket(clock):
    name = f"edge-test-{os.getpid()}"
    listener = Listener(f"\0{name}")
    notifier = Notifier({"NOTIFY_SOCKET": f"@{name}"}, clock=clock)
    notifier.handle(LIVE)
    assert listener.read() == [["READY=1", "STATUS=picture live"]]
    notifier.close()
    listener.socket.close()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),  # meant for its parent
        ({"WATCHDOG_USEC": "0"}, None),  # off
        ({"WATCHDOG_USEC": "soon"}, None),  # no number
        ({}, None),  # the unit has none
    ],
)
def test_notifier_reads_the_time_of_the_watchdog(environment, seconds, clock):
    notifier = Notifier({"NOTIFY_SOCKET": "/run/x", **environment}, clock=clock)
    assert notifier.watchdog_seconds == seconds


@pytest.mark.parametrize(
    ("address", "is_connected"),
    [
        ("", False),  # not started by systemd
        ("vsock:2:1", False),  # of a virtual machine
        ("@", False),  # an abstract name must be one
        ("/run/systemd/notify", True),
        ("@notify", True),
    ],
)
def test_notifier_reads_the_address(address, is_connected, clock):
    assert Notifier({"NOTIFY_SOCKET": address}, clock=clock).is_connected == is_connected


def test_notifier_logs_once_in_ten_minutes_that_nobody_listens(tmp_path, clock, caplog):
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}, clock=clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            notifier.handle(LIVE)
            clock.wait(10)
    notifier.close()
    assert len(caplog.messages) == 2
    assert caplog.messages[0] == "systemd: cannot be told READY=1 (No such file or directory)"


def test_notifier_is_ready_later_if_the_first_datagram_was_lost(tmp_path, clock):
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "late")}, clock=clock)
    notifier.handle(LIVE)
    listener = Listener(str(tmp_path / "late"))
    notifier.handle(LIVE)
    assert listener.read()[0][0] == "READY=1"
    notifier.close()
    listener.socket.close()


def test_notifier_never_waits_for_a_reader_that_is_slow(notifier, listener):
    for _ in range(2000):  # more than the socket holds
        notifier.reloading()
    assert len(listener.read()) < 2000
