"""A real mosquitto for tests, and a real subscriber beside it."""

import contextlib
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ports import free_port

WAIT_SECONDS = 15.0


def until(is_so, seconds=WAIT_SECONDS):
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


class Mosquitto:
    """A broker on a port of its own, that can be killed, halted and started again."""

    def __init__(self, folder, *lines):
        self.port = free_port()
        self._folder = folder
        self._lines = lines or ("allow_anonymous true",)
        self._process = None

    def start(self):
        self._folder.mkdir(exist_ok=True)
        path = self._folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", *self._lines, "user root", "log_type all"]
        path.write_text("\n".join(lines))
        log = (self._folder / "mosquitto.log").open("a")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with log:
            self._process = subprocess.Popen([program, "-c", path], stdout=log, stderr=log)
        until(self._answers)
        return self

    def halt(self):
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def log(self):
        return (self._folder / "mosquitto.log").read_text()

    def _answers(self):
        with socket.socket() as caller:
            caller.settimeout(1)
            return caller.connect_ex(("127.0.0.1", self.port)) == 0


class Subscriber:
    """A client of its own that keeps all it is sent, oldest first."""

    def __init__(self, port, *topics, user="", password=""):
        import paho.mqtt.client as paho

        self.received = []
        self._topics = topics or ("#",)
        self._subscribed = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if user:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: [
            client.subscribe(topic, qos=1) for topic in self._topics
        ]
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda client, data, message: self.received.append(message)
        self._client.reconnect_delay_set(0.2, 0.5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(5)

    def payloads(self, topic):
        return [message.payload for message in list(self.received) if message.topic == topic]

    def publish(self, topic, payload, *, retain=False):
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


def answer_once(content):
    """Serve one connection that is answered with these bytes."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with server, server.accept()[0] as caller, contextlib.suppress(OSError):
            caller.recv(4096)
            caller.sendall(content)
            caller.recv(4096)

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def has_mosquitto():
    return bool(shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists())


@pytest.fixture
def new_broker(tmp_path):
    """Make brokers, not yet started, that end with the test."""
    if not has_mosquitto():
        pytest.skip("no mosquitto on this machine")
    made = []

    def make(*lines):
        made.append(Mosquitto(tmp_path / f"mosquitto-{len(made)}", *lines))
        return made[-1]

    yield make
    for broker in made:
        broker.go_on() if broker._process else None
        broker.kill()


@pytest.fixture
def broker(new_broker):
    """A broker that takes anybody."""
    return new_broker().start()


@pytest.fixture
def subscribe():
    """Make subscribers that end with the test."""
    made = []

    def make(broker, *topics, **who):
        made.append(Subscriber(broker.port, *topics, **who))
        return made[-1]

    yield make
    for one in made:
        one.close()
