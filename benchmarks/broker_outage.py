"""Whether an outage of the MQTT broker loses events: a real mosquitto, and a real subscriber.

    python benchmarks/broker_outage.py
    python benchmarks/broker_outage.py --events 500

A program of its own has the MQTT action take events while there is no broker. Half of the way it
is killed with SIGKILL and started again; each event counts from the moment that `perform` has
returned. Then the broker starts, with a subscriber, and at a quarter of what is delivered it is
killed and started again. The subscriber keeps its session, so that what the broker has accepted
reaches it.

It prints what was received, lost and received twice, and how long that took.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge.actions.mqtt import MqttAction, MqttSettings
from edge.benchmark import describe_machine
from edge.clock import SystemClock
from edge.occurrence import ActionContext, Instant, Occurrence

LONGEST_SECONDS = 600.0
PLACE = "outage"
TOPIC = f"catseye/{PLACE}/event"


def take_events(port: int, folder: Path, numbers: range) -> None:
    """Run as the program: take events, say the number of each, then go on delivering."""
    context = ActionContext(PLACE, PLACE, folder, SystemClock(), lambda: 0.0, lambda *_: None)
    action = MqttAction(MqttSettings("127.0.0.1", port=port), context)
    for number in numbers:
        at = Instant(1_800_000_000.0 + number, float(number), "boot", is_trusted=True)
        scores = {"cat": 0.97, "none": 0.03}
        action.perform(
            Occurrence(f"{number:032x}", "let in", "cat", 0.97, scores, "3 of 5", at, "ab" * 32)
        )
        print(number, flush=True)
    print("all", flush=True)
    while action.backlog().waiting:
        time.sleep(0.05)
    print("delivered", flush=True)
    action.close()


def start_program(port: int, folder: Path, numbers: range) -> "subprocess.Popen[str]":
    """Start the program on some of the events."""
    words = [sys.executable, __file__, "--take", folder, port, numbers.start, numbers.stop]
    return subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)


def read_until(program: "subprocess.Popen[str]", word: str) -> list[int]:
    """Return the numbers that the program says before a word."""
    assert program.stdout
    told = []
    for line in program.stdout:
        if line.strip() == word:
            return told
        if line.strip().isdigit():
            told.append(int(line))
    return told


class Broker:
    """A mosquitto that keeps on the disk what it has accepted."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._path = folder / "mosquitto.conf"
        folder.chmod(0o777)
        self._path.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
            f"persistence true\npersistence_location {folder}/\nautosave_on_changes true\n"
            "autosave_interval 1\nmax_queued_messages 0\nlog_type error\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen([program, "-c", self._path], stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as caller:
                if caller.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def stop(self) -> None:
        """End as a restart of the machine ends it, so that its own memory is on the disk."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)


class Subscriber:
    """Counts the events it is sent, in a session that outlasts the connection."""

    def __init__(self, port: int) -> None:
        import paho.mqtt.client as paho

        self.numbers: list[int] = []
        self.is_ready = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id="reader", clean_session=False
        )
        self._client.on_connect = lambda client, *_: client.subscribe(TOPIC, qos=1)
        self._client.on_subscribe = lambda *_: self.is_ready.set()
        self._client.on_message = self._count
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _count(self, client: object, data: object, message: Any) -> None:
        self.numbers.append(int(json.loads(message.payload)["event_id"], 16))

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()


def measure(events: int, folder: Path) -> None:
    """Let it happen, and print what came of it."""
    (folder / "broker").mkdir()
    broker = Broker(folder / "broker")
    started = time.monotonic()
    first = start_program(broker.port, folder, range(events // 2))
    acknowledged = read_until(first, str(events // 2 - 1))
    first.kill()  # right after the answer for its last event
    first.wait()
    acknowledged.append(events // 2 - 1)
    second = start_program(broker.port, folder, range(events // 2, events))
    acknowledged += read_until(second, "all")
    taken_seconds = time.monotonic() - started
    size = sum(path.stat().st_size for path in folder.glob("spool-*"))

    broker.start()
    back = time.monotonic()
    subscriber = Subscriber(broker.port)
    subscriber.is_ready.wait(10)
    first_seconds = deliver(subscriber, broker, events, back)
    read_until(second, "delivered")
    while len(set(subscriber.numbers)) < events and time.monotonic() - back < LONGEST_SECONDS:
        time.sleep(0.05)
    seconds = time.monotonic() - back
    second.wait(20)
    subscriber.close()
    broker.stop()

    numbers = subscriber.numbers
    firsts = list(dict.fromkeys(numbers))
    print(f"events taken without a broker      {len(acknowledged)} in {taken_seconds:.1f} s")
    print(f"  of them before a kill -9         {events // 2}")
    print(f"spool on the disk                  {size / 1e6:.1f} MB")
    print(f"received                           {len(firsts)}")
    print(f"lost                               {len(set(acknowledged) - set(firsts))}")
    print(f"received more than once            {len(numbers) - len(firsts)}")
    print(
        f"out of order                       {sum(later < one for one, later in pairwise(firsts))}"
    )
    print(f"first after the broker was there   {first_seconds:.1f} s")
    print(f"all, the broker's restart included {seconds:.1f} s")


def deliver(subscriber: Subscriber, broker: Broker, events: int, back: float) -> float:
    """Wait for a quarter of the events, then restart the broker; return when the first came."""
    first_seconds = LONGEST_SECONDS
    while len(subscriber.numbers) < events // 4 and time.monotonic() - back < LONGEST_SECONDS:
        if subscriber.numbers:
            first_seconds = min(first_seconds, time.monotonic() - back)
        time.sleep(0.02)
    broker.stop()
    broker.start()
    return first_seconds


def main() -> None:
    """Measure, or be the program that takes events."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--take", nargs=4, metavar=("FOLDER", "PORT", "FROM", "TO"))
    options = parser.parse_args()
    if options.take:
        folder, port, start, stop = options.take
        take_events(int(port), Path(folder), range(int(start), int(stop)))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(options.events, Path(folder))
    print(describe_machine())


if __name__ == "__main__":
    main()
