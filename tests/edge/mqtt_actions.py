"""What the tests of the MQTT action share."""

import json

import pytest

from edge.actions.mqtt import MqttAction, MqttSettings
from edge.clock import SystemClock
from edge.occurrence import ActionContext, Instant, Occurrence
from edge.snapshot import Snapshot
from edge.status import Status
from edge.testing import blank_frame

BASE = "catseye/porch"


def occurrence(number=0, *, has_snapshot=False):
    at = Instant(1_800_000_000.0 + number, 10.0 + number, "boot", is_trusted=True)
    snapshot = Snapshot(blank_frame().pixels_bgr) if has_snapshot else None
    scores = {"cat": 0.97, "none": 0.03}
    name = f"{number:032x}"
    return Occurrence(name, "let in", "cat", 0.97, scores, "3 of 5", at, "ab" * 32, snapshot)


def numbers(subscriber):
    """Return the numbers of the occurrences that a subscriber was told, in their order."""
    told = subscriber.payloads(f"{BASE}/event")
    return [int(json.loads(payload)["event_id"], 16) for payload in told]


class Modes:
    """Keeps the modes that outputs were set to."""

    def __init__(self, error=None):
        self.calls = []
        self.error = error

    def set_mode(self, name, mode):
        self.calls.append((name, mode))
        if self.error is not None:
            raise self.error


@pytest.fixture
def make_action(tmp_path):
    """Make actions of one place and one folder, that end with the test."""
    made = []

    def make(broker, *, modes=None, name="tell", **settings):
        port = settings.pop("port", None) or broker.port
        settings = MqttSettings(**{"host": "127.0.0.1", "port": port, **settings})
        context = ActionContext(
            name=name,
            place="porch",
            folder=tmp_path,
            clock=SystemClock(),
            idle_seconds=lambda: 0.0,
            set_mode=(modes or Modes()).set_mode,
        )
        made.append(MqttAction(settings, context))
        return made[-1]

    yield make
    for action in made:
        action.close()


def live(**values):
    return Status("porch", values.pop("picture", "live"), **values)
