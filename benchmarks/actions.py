"""Whether a hanging action delays the loop, and whether a webhook loses events in an outage.

    python benchmarks/actions.py
    python benchmarks/actions.py --events 100

The first part hands occurrences to an action that hangs, and times each hand-over: it is what the
loop would feel. The second has the webhook action take events while there is no server, closes it
half of the way and opens it again, then starts a server on the loopback and counts what comes.
"""

import argparse
import json
import socket
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from edge.actions.dispatch import Dispatcher
from edge.actions.webhook import WebhookAction, WebhookSettings
from edge.benchmark import describe_machine
from edge.clock import SystemClock
from edge.occurrence import Action, ActionContext, Instant, Occurrence
from edge.status import Status
from edge.testing import ManualWallClock

LONGEST_SECONDS = 600.0


class Hanging(Action):
    """An action that hangs until it is closed."""

    def __init__(self) -> None:
        self._gate = threading.Event()

    def perform(self, occurrence: Occurrence) -> str:
        """Hang."""
        self._gate.wait()
        return "let go"

    def close(self) -> None:
        """Let go."""
        self._gate.set()


def make_occurrence(number: int) -> Occurrence:
    """Make the occurrence of an event, named by a number."""
    at = Instant(1_800_000_000.0 + number, float(number), "boot", is_trusted=True)
    scores = {"cat": 0.97, "none": 0.03}
    event_id = f"{number:032x}"
    return Occurrence(event_id, "let in", "cat", 0.97, scores, "3 of 5", at, "ab" * 32)


def time_submit(count: int) -> list[float]:
    """Return the sorted times, in milliseconds, that it takes to hand occurrences over."""
    clock = SystemClock()
    dispatcher = Dispatcher(
        {"stuck": Hanging()},
        kinds={"stuck": "own"},
        clock=clock,
        wall=ManualWallClock(clock),
        when_done=lambda outcome: None,
    )
    times_ms = []
    for number in range(count):
        occurrence = make_occurrence(number)
        start_seconds = time.perf_counter()
        dispatcher.submit("stuck", occurrence)
        times_ms.append(1000 * (time.perf_counter() - start_seconds))
    dispatcher.close()
    return sorted(times_ms)


def open_webhook(port: int, folder: Path) -> WebhookAction:
    """Open the action for a server on the loopback."""
    settings = WebhookSettings(f"http://127.0.0.1:{port}/", allow=("127.0.0.1",))
    place = "outage"
    context = ActionContext(place, place, folder, SystemClock(), lambda: 0.0, lambda *_: None)
    return WebhookAction(settings, context)


def serve(port: int, received: Counter[str]) -> ThreadingHTTPServer:
    """Start a server that counts the events that come."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received[json.loads(body)["event_id"]] += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def go_through_outage(events: int, folder: Path) -> tuple[Counter[str], float]:
    """Return how often each event came, and the seconds from the server's start to the last."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for numbers in (range(events // 2), range(events // 2, events)):
        action = open_webhook(port, folder)
        for number in numbers:
            action.perform(make_occurrence(number))
        action.close()
    received: Counter[str] = Counter()
    server = serve(port, received)
    start_seconds = time.monotonic()
    action = open_webhook(port, folder)
    action.note(Status("outage", "live"))
    while action.backlog().waiting and time.monotonic() - start_seconds < LONGEST_SECONDS:
        time.sleep(0.05)
    seconds = time.monotonic() - start_seconds
    action.close()
    server.shutdown()
    server.server_close()
    return received, seconds


def main() -> None:
    """Run both parts and print what they show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--submits", type=int, default=20_000)
    options = parser.parse_args()
    print(describe_machine())
    times_ms = time_submit(options.submits)
    middle, worst = times_ms[len(times_ms) // 2], times_ms[-1]
    print(f"hand-over to a hanging action: median {middle:.4f} ms, worst {worst:.2f} ms")
    with tempfile.TemporaryDirectory() as folder:
        received, seconds = go_through_outage(options.events, Path(folder))
    lost = options.events - len(received)
    twice = sum(count > 1 for count in received.values())
    print(
        f"webhook without a server, with a restart: {options.events} events, {lost} lost, "
        f"{twice} twice, all {seconds:.1f} s after the server came"
    )


if __name__ == "__main__":
    main()
