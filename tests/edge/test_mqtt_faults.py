"""faults.md 32: what a broker can do to us, each with a real one."""

import json
import socket
import subprocess
import sys
import time

import pytest
from broker import Subscriber, answer_once, until
from mqtt_actions import BASE, Modes, live, numbers, occurrence
from ports import free_port

from edge.actions import broker as broker_module
from edge.actions import courier
from edge.actions.broker_faults import BrokerError
from edge.secret import Secret
from edge.snapshot import Snapshot
from edge.status import OutputStatus

PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, "tests/edge")
from mqtt_actions import live, occurrence
from edge.actions.mqtt import MqttAction, MqttSettings
from edge.clock import SystemClock
from edge.occurrence import ActionContext
context = ActionContext("tell", "porch", Path(sys.argv[2]), SystemClock(), lambda: 0.0, print)
action = MqttAction(MqttSettings("127.0.0.1", port=int(sys.argv[1]), keepalive=10), context)
action.note(live())
for number in range(int(sys.argv[3])):
    action.perform(occurrence(number))
print("ready", flush=True)
sys.stdin.read()
"""


def spawn(broker, folder, count=0):
    command = [sys.executable, "-c", PROGRAM, str(broker.port), str(folder), str(count)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_broker_absent_at_start(new_broker, subscribe, make_action, caplog):
    broker = new_broker()
    action = make_action(broker)
    started = time.monotonic()
    for number in range(20):
        action.perform(occurrence(number))
    assert time.monotonic() - started < 2
    until(lambda: "A broker must answer at 127.0.0.1" in action.backlog().trouble)
    assert action.backlog().waiting == 20
    broker.start()
    subscriber = subscribe(broker)
    until(lambda: numbers(subscriber) == list(range(20)))
    until(lambda: action.backlog().waiting == 0)
    assert action.backlog().trouble == ""
    assert caplog.text.count("A broker must answer") == 1  # not each attempt


def test_broker_killed_while_running(new_broker, make_action):
    broker = new_broker("allow_anonymous true").start()
    action = make_action(broker)
    action.perform(occurrence(0))
    until(lambda: action.backlog().waiting == 0)
    broker.kill()
    for number in range(1, 50):
        action.perform(occurrence(number))
    until(lambda: action.backlog().trouble)
    broker.start()
    back = time.monotonic()
    subscriber = Subscriber(broker.port)
    try:
        until(lambda: action.backlog().waiting == 0)
        assert time.monotonic() - back < 10
        until(lambda: set(numbers(subscriber)) <= set(range(50)))
    finally:
        subscriber.close()


def test_broker_halted_while_running(broker, subscribe, make_action, monkeypatch):
    """SIGSTOP: the connection stands, and nothing comes back."""
    monkeypatch.setattr(courier, "_STALL_SECONDS", 0.5)
    monkeypatch.setattr(broker_module, "ANSWER_SECONDS", 0.5)
    subscriber = subscribe(broker)
    action = make_action(broker)
    action.perform(occurrence(0))
    until(lambda: numbers(subscriber) == [0])
    broker.halt()
    for number in range(1, 30):
        action.perform(occurrence(number))
    until(lambda: "must answer within seconds" in action.backlog().trouble)
    assert action.backlog().waiting == 29
    broker.go_on()
    until(lambda: action.backlog().waiting == 0)
    until(lambda: set(numbers(subscriber)) == set(range(30)))
    firsts = list(dict.fromkeys(numbers(subscriber)))
    assert firsts == list(range(30))  # those that were under way may come twice, in order


def test_broker_halted_does_not_hold_up_the_end(broker, make_action):
    action = make_action(broker)
    action.perform(occurrence(0))
    until(lambda: action.backlog().waiting == 0)
    broker.halt()
    action.perform(occurrence(1))
    started = time.monotonic()
    action.close()
    assert time.monotonic() - started < 2


def test_broker_that_never_answers_does_not_hold_up_the_end(make_action):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        action = make_action(None, port=mute.getsockname()[1])
        action.perform(occurrence(0))
        caller, _ = mute.accept()
        started = time.monotonic()
        action.close()
        assert time.monotonic() - started < 2
        caller.close()


def test_last_will_after_kill(broker, subscribe, tmp_path):
    """Dead by kill -9 the broker notices at once, halted within 1.5 times the keepalive."""
    subscriber = subscribe(broker, f"{BASE}/availability")
    process = spawn(broker, tmp_path)
    try:
        until(lambda: subscriber.payloads(f"{BASE}/availability") == [b"online"])
        process.kill()
        until(lambda: subscriber.payloads(f"{BASE}/availability")[-1] == b"offline", 2)
    finally:
        process.kill()
        process.communicate()
    late = subscribe(broker, f"{BASE}/availability")
    until(lambda: late.received)
    assert (late.received[0].payload, late.received[0].retain) == (b"offline", True)


@pytest.mark.slow
def test_last_will_after_halt(broker, subscribe, tmp_path):
    import signal

    subscriber = subscribe(broker, f"{BASE}/availability")
    process = spawn(broker, tmp_path)
    try:
        until(lambda: subscriber.payloads(f"{BASE}/availability") == [b"online"])
        process.send_signal(signal.SIGSTOP)
        halted = time.monotonic()
        until(lambda: subscriber.payloads(f"{BASE}/availability")[-1] == b"offline")
        assert time.monotonic() - halted <= 1.5 * 10
    finally:
        process.kill()
        process.communicate()


def test_restart_without_broker_loses_nothing(new_broker, subscribe, tmp_path):
    broker = new_broker()
    process = spawn(broker, tmp_path, count=50)
    process.kill()
    process.communicate()
    broker.start()
    subscriber = subscribe(broker)
    process = spawn(broker, tmp_path)
    try:
        until(lambda: numbers(subscriber) == list(range(50)))
    finally:
        process.communicate("")


def with_password(folder):
    path = folder / "passwords"
    path.write_text("")
    subprocess.run(["mosquitto_passwd", "-b", path, "cat", "swordfish"], check=True)
    return ("allow_anonymous false", f"password_file {path}")


def test_bad_password(new_broker, make_action, tmp_path, caplog):
    broker = new_broker(*with_password(tmp_path)).start()
    action = make_action(broker, username="cat", password=Secret("trout-42"))
    action.perform(occurrence(0))
    until(lambda: action.backlog().trouble)
    trouble = action.backlog().trouble
    assert "credentials: the broker must accept user name and password" in trouble
    assert "Not authorized (as 'cat')" in trouble
    assert "trout-42" not in trouble + caplog.text + repr(vars(action))
    with pytest.raises(BrokerError, match="credentials"):
        list(make_action(broker).check())
    good = make_action(broker, username="cat", password=Secret("swordfish"))
    assert list(good.check()) == [f"broker 127.0.0.1:{broker.port} accepts"]


def test_access_list_denies(new_broker, subscribe, make_action, tmp_path, monkeypatch):
    """What may not be written is kept, and delivered once it may."""
    monkeypatch.setattr(courier, "_REFUSED_SECONDS", 0.2)
    rights = tmp_path / "acl"
    rights.write_text("user cat\ntopic read #\n")
    broker = new_broker(*with_password(tmp_path), f"acl_file {rights}").start()
    action = make_action(broker, username="cat", password=Secret("swordfish"))
    for number in range(30):
        action.perform(occurrence(number))
    until(lambda: f"must allow writing to {BASE}" in action.backlog().trouble)
    assert action.backlog().waiting == 30
    rights.write_text("user cat\ntopic readwrite #\n")
    broker.kill()
    broker.start()
    subscriber = subscribe(broker, user="cat", password="swordfish")
    until(lambda: numbers(subscriber)[-1:] == [29])
    until(lambda: action.backlog() == type(action.backlog())())


def test_same_client_id_twice(broker, make_action, caplog):
    """They throw each other out a few times a minute at most, and say why."""
    actions = [make_action(broker, client_id="same", name=name) for name in ("one", "two")]
    for action in actions:
        action.perform(occurrence(0))
    words = "No two clients of a broker may have the same client_id"
    until(lambda: any(words in action.backlog().trouble for action in actions), 30)
    assert broker.log().count("already connected") < 10


def test_rival_is_forgotten_once_it_is_gone(broker, make_action, monkeypatch):
    monkeypatch.setattr(courier, "RIVAL_PAUSE_SECONDS", 1.0)
    monkeypatch.setattr(courier, "_THROWN_OUT", 1)
    action = make_action(broker, client_id="same")
    action.perform(occurrence(0))
    until(lambda: action.backlog().waiting == 0)
    other = make_action(broker, client_id="same", name="other")
    other.perform(occurrence(1))
    until(lambda: "No two clients" in action.backlog().trouble)
    other.close()
    until(lambda: action.backlog().trouble == "")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("nowhere.invalid", "A broker must answer at nowhere.invalid:1883"),
        ("a..b", "A broker must answer at a..b:1883"),  # can be no name of a host
        ("x" * 70 + ".example", "A broker must answer at xxx"),
    ],
)
def test_broker_of_no_such_name(make_action, host, words):
    with pytest.raises(BrokerError, match=words):
        list(make_action(None, host=host, port=1883).check())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x20\x03\x00\x84\x00", "The broker must accept the connection.*Unsupported protocol"),
        (b"\x20\x03\x00\x86\x00", "credentials"),
        (b"\xe0\x02\x8e\x00", "No two clients.*Session taken over .catseye-porch-check"),
        (b"\xe0\x02\x8b\x00", "The broker must keep the connection.*Server shutting down"),
        (b"", "must answer"),
        (b"HTTP/1.0 400 Bad Request\r\n\r\n", "must answer"),
        (b"\xff" * 50, "must answer"),
    ],
)
def test_broker_that_is_odd(make_action, monkeypatch, content, words):
    monkeypatch.setattr(broker_module, "ANSWER_SECONDS", 0.5)
    with pytest.raises(BrokerError, match=words):
        list(make_action(None, port=answer_once(content)).check())


def test_without_paho(make_action, monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    action = make_action(None, port=free_port())
    with pytest.raises(BrokerError, match=r"needs paho-mqtt.*pip install '\.\[mqtt\]'"):
        list(action.check())
    action.note(live())
    until(lambda: "needs paho-mqtt" in action.backlog().trouble)


def test_hostile_letters_do_not_end_the_thread(broker, subscribe, make_action):
    subscriber = subscribe(broker)
    action = make_action(broker, commands=True)
    action.note(live())
    action.perform(occurrence(0))
    until(lambda: action.backlog().waiting == 0)
    for payload in (b"", b"x" * 1_000_000, b"\x00", "öffnen".encode(), json.dumps({}).encode()):
        subscriber.publish(f"{BASE}/output/door/set", payload)
        subscriber.publish("homeassistant/status", payload)
    action.perform(occurrence(1))
    until(lambda: action.backlog().waiting == 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_dies_is_shown(broker, subscribe, make_action):
    subscriber = subscribe(broker)
    modes = Modes(ZeroDivisionError())
    action = make_action(broker, modes=modes, commands=True)
    action.note(live(outputs=(OutputStatus("door", "auto", is_energised=False, is_open=False),)))
    until(lambda: subscriber.payloads(f"{BASE}/output/door/mode"))
    subscriber.publish(f"{BASE}/output/door/set", "open")
    until(lambda: "thread that delivers has ended" in action.backlog().trouble)


def test_broker_that_takes_no_picture_of_that_length(
    new_broker, subscribe, make_action, monkeypatch
):
    """It hangs up at one: without regard to that, no event would ever come through."""
    broker = new_broker("allow_anonymous true", "max_packet_size 20000").start()
    subscriber = subscribe(broker)
    action = make_action(broker)
    monkeypatch.setattr(Snapshot, "jpeg", lambda self: bytes(50_000))
    action.perform(occurrence(1, has_snapshot=True))
    until(lambda: numbers(subscriber) == [1])
    assert "porch/image shows must be at most 19488 bytes" in action.backlog().trouble
    monkeypatch.setattr(Snapshot, "jpeg", lambda self: bytes(5_000))
    action.perform(occurrence(2, has_snapshot=True))
    until(lambda: subscriber.payloads(f"{BASE}/image"))
    until(lambda: not action.backlog().trouble)
