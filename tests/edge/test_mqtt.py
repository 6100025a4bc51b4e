import json
import logging
import time

import pytest
from broker import until
from mqtt_actions import BASE, Modes, live, numbers, occurrence

from edge.actions.courier import _pause_seconds
from edge.actions.mqtt import MqttSettings
from edge.errors import ActionError, GuardError, SettingError
from edge.secret import Secret
from edge.settings.declaring import KEY
from edge.status import ActionStatus, OutputStatus, StoreStatus

DOOR = OutputStatus("door", "auto", is_energised=False, is_open=False)


def last(subscriber, ending):
    payloads = subscriber.payloads(f"{BASE}/{ending}")
    return payloads[-1] if payloads else None


def test_mqtt_tells_an_occurrence(broker, subscribe, make_action):
    subscriber = subscribe(broker)
    action = make_action(broker)
    assert action.perform(occurrence(7, has_snapshot=True)) == "spooled"
    until(lambda: last(subscriber, "event") and last(subscriber, "image"))
    told = json.loads(last(subscriber, "event"))
    assert (told["event_id"], told["label"], told["rule"]) == (f"{7:032x}", "cat", "let in")
    assert told["event_type"] == "seen"
    assert last(subscriber, "image")[:2] == b"\xff\xd8"
    until(lambda: action.backlog().waiting == 0)
    late = subscribe(broker)  # what is retained: the latest, not each
    until(lambda: last(late, "last") and last(late, "image") and last(late, "availability"))
    assert json.loads(last(late, "last"))["event_id"] == f"{7:032x}"
    assert last(late, "event") is None
    assert last(late, "availability") == b"online"


def test_mqtt_tells_in_order_and_once(broker, subscribe, make_action):
    subscriber = subscribe(broker)
    action = make_action(broker)
    for number in range(100):
        action.perform(occurrence(number))
    until(lambda: action.backlog().waiting == 0)
    until(lambda: len(numbers(subscriber)) >= 100)
    assert numbers(subscriber) == list(range(100))


def test_mqtt_shows_the_state(broker, subscribe, make_action):
    subscriber = subscribe(broker)
    action = make_action(broker)
    store = StoreStatus(events=3, bytes=10, free_bytes=99, trouble="disk full")
    hook = ActionStatus("hook", "webhook", waiting=2, trouble="refused")
    stuck = OutputStatus("door", "open", is_energised=True, is_open=True, trouble="stuck")
    action.note(
        live(
            fps=9.96, age_ms=41.7, celsius=51.23, store=store, actions=(hook,), outputs=(stuck,),
            troubles=("under-voltage",), suspect=frozenset(["let in"]),
        )
    )  # fmt: skip
    until(lambda: last(subscriber, "vitals") and last(subscriber, "output/door/mode"))
    picture = json.loads(last(subscriber, "picture"))
    assert picture["picture"] == "live"
    assert picture["troubles"] == [
        *("under-voltage", "rule let in: held back again and again"),
        *("stuck", "refused", "disk full"),
    ]
    vitals = json.loads(last(subscriber, "vitals"))
    assert (vitals["fps"], vitals["age_ms"], vitals["celsius"]) == (10.0, 42, 51.2)
    assert (vitals["events"], vitals["free_bytes"], vitals["waiting"]) == (3, 99, 2)
    assert last(subscriber, "output/door/state") == b"open"
    assert last(subscriber, "output/door/mode") == b"open"
    action.note(live(outputs=(DOOR,)))
    until(lambda: last(subscriber, "output/door/state") == b"closed")
    assert len(subscriber.payloads(f"{BASE}/vitals")) == 1  # a minute apart


def test_mqtt_is_available_while_there_is_a_picture(broker, subscribe, make_action):
    subscriber = subscribe(broker, f"{BASE}/availability")
    action = make_action(broker)
    action.note(live())
    until(lambda: last(subscriber, "availability") == b"online")
    action.note(live(picture="offline", reason="unplugged"))
    until(lambda: last(subscriber, "availability") == b"blind")
    action.note(live(picture="dark"))
    until(lambda: last(subscriber, "availability") == b"online")
    action.close()
    until(lambda: last(subscriber, "availability") == b"offline")
    action.close()
    action.perform(occurrence())  # kept for the next start, and no thread is begun


# The output as it was last, and what the broker goes on telling after the end.
AT_THE_END = [
    (OutputStatus("door", "auto", is_energised=True, is_open=True), b"closed"),
    (OutputStatus("door", "auto", is_energised=True, is_open=False), b"open"),  # fail_state open
    (OutputStatus("door", "auto", is_energised=False, is_open=False), b"closed"),
    (OutputStatus("door", "auto", is_energised=True, is_open=True, trouble="stuck"), b"open"),
]


@pytest.mark.parametrize(("output", "state"), AT_THE_END)
def test_mqtt_leaves_the_position_without_current_behind(
    broker, subscribe, make_action, output, state
):
    subscriber = subscribe(broker)
    action = make_action(broker)
    action.note(live(outputs=(output,)))
    until(lambda: last(subscriber, "output/door/state"))
    action.close()
    until(lambda: last(subscriber, "availability") == b"offline")
    assert last(subscriber, "output/door/state") == state


def test_mqtt_state_goes_out_of_date_when_the_loop_hangs(
    broker, subscribe, make_action, monkeypatch
):
    """Renewed as long as it is told again, so that `expire_after` means something."""
    monkeypatch.setattr("edge.actions.courier.RENEW_SECONDS", 0.3)
    subscriber = subscribe(broker)
    action = make_action(broker)

    def is_renewed_by_the_loop():
        action.note(live())
        return len(subscriber.payloads(f"{BASE}/picture")) >= 4

    until(is_renewed_by_the_loop)
    action.perform(occurrence())
    until(lambda: last(subscriber, "event"))  # the connection lives
    seen = []

    def is_quiet_for_three_seconds():  # it looks once a second
        seen.append((time.monotonic(), len(subscriber.payloads(f"{BASE}/picture"))))
        now, count = seen[-1]
        return any(at < now - 3.0 and count == before for at, before in seen)

    until(is_quiet_for_three_seconds)


def test_mqtt_home_assistant_restart(broker, subscribe, make_action):
    """faults.md 32: birth, discovery and state again on homeassistant/status=online."""
    subscriber = subscribe(broker)
    action = make_action(broker)
    action.note(live(outputs=(DOOR,)))
    config = "homeassistant/binary_sensor/catseye_porch/door/config"
    until(lambda: subscriber.payloads(config) and last(subscriber, "output/door/state"))
    assert json.loads(subscriber.payloads(config)[0])["device_class"] == "door"
    subscriber.publish("homeassistant/status", "offline")
    subscriber.publish("homeassistant/status", "online")
    until(lambda: len(subscriber.payloads(config)) == 2)
    until(lambda: len(subscriber.payloads(f"{BASE}/availability")) == 2)
    until(lambda: len(subscriber.payloads(f"{BASE}/output/door/state")) == 2)


def test_mqtt_discovery_off(broker, subscribe, make_action):
    subscriber = subscribe(broker)
    action = make_action(broker, discovery="")
    action.note(live(outputs=(DOOR,)))
    until(lambda: last(subscriber, "output/door/state"))
    assert not [one.topic for one in subscriber.received if one.topic.startswith("homeassistant")]


def test_mqtt_commands(broker, subscribe, make_action, caplog):
    """faults.md 32: a retained junk command, an unknown one, and a good one."""
    subscriber = subscribe(broker)
    command = f"{BASE}/output/door/set"
    subscriber.publish(command, "open", retain=True)
    modes = Modes()
    action = make_action(broker, modes=modes, commands=True)
    action.note(live(outputs=(DOOR,)))
    until(lambda: "a retained command is not obeyed" in caplog.text)
    subscriber.publish(command, b"\xff\x00; rm -rf /" * 99)
    until(lambda: "unknown command" in caplog.text)
    assert len(caplog.text) < 5000
    subscriber.publish(f"{BASE}/output/window/set", "open")
    until(lambda: "output/window/set: 'open'" in caplog.text)
    assert modes.calls == []
    modes.error = GuardError("The guard must run", received="nothing", fix="Wait")
    subscriber.publish(command, "lock")
    until(lambda: "door could not be set to lock" in caplog.text)
    modes.error = None
    subscriber.publish(command, "open")
    until(lambda: modes.calls == [("door", "lock"), ("door", "open")])


def test_mqtt_commands_off_by_default(broker, subscribe, make_action):
    subscriber = subscribe(broker)
    modes = Modes()
    action = make_action(broker, modes=modes)
    action.note(live(outputs=(DOOR,)))
    until(lambda: last(subscriber, "output/door/state"))
    subscriber.publish(f"{BASE}/output/door/set", "open")
    action.perform(occurrence())
    until(lambda: action.backlog().waiting == 0)
    assert modes.calls == []


def test_mqtt_check(broker, make_action):
    action = make_action(broker)
    assert list(action.check()) == [f"broker 127.0.0.1:{broker.port} accepts"]
    action.close()


def test_mqtt_check_without_broker(new_broker, make_action):
    broker = new_broker()
    with pytest.raises(ActionError, match=r"A broker must answer at 127.0.0.1:\d+. Received"):
        list(make_action(broker).check())


def test_mqtt_check_does_not_throw_out_a_running_instance(broker, make_action):
    running = make_action(broker)
    running.note(live())
    running.perform(occurrence())
    until(lambda: running.backlog().waiting == 0)
    list(make_action(broker, name="other").check())
    running.perform(occurrence(1))
    until(lambda: running.backlog().waiting == 0)
    assert running.backlog().trouble == ""
    assert "already connected" not in broker.log()


def test_mqtt_unsound_snapshot(broker, subscribe, make_action, caplog):
    import dataclasses

    import numpy as np

    from edge.snapshot import Snapshot

    caplog.set_level(logging.INFO)
    wide = Snapshot(np.zeros((1, 70_000, 3), np.uint8))  # more than JPEG has
    subscriber = subscribe(broker)
    make_action(broker).perform(dataclasses.replace(occurrence(), snapshot=wide))
    until(lambda: last(subscriber, "event"))
    assert "no snapshot" in caplog.text
    assert "connected" in caplog.text


def test_mqtt_disk_that_takes_nothing(broker, subscribe, make_action, tmp_path):
    subscriber = subscribe(broker)
    (tmp_path / "spool-tell.db").mkdir()
    action = make_action(broker)
    for number in range(3):
        assert action.perform(occurrence(number)).startswith("waits in memory")
    until(lambda: numbers(subscriber) == [0, 1, 2])
    until(lambda: action.backlog().waiting == 0)
    assert "must be writable, to keep what waits" in action.backlog().trouble


def test_mqtt_secret_shows_nowhere():
    settings = MqttSettings("broker", password=Secret("swordfish"))
    assert "swordfish" not in repr(settings)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("host", "", "host must be the name"),
        ("host", "mqtt://user:swordfish@hub", "a text with / or @"),  # not the password
        ("topic", "a/#", "A topic must be words joined by /"),
        ("topic", "", "A topic must be words joined by /"),
        ("topic", "/a", "A topic must be words joined by /"),
        ("topic", "$SYS", "A topic must be words joined by /"),
        ("discovery", "a+b", "A topic must be words joined by /"),
    ],
)
def test_mqtt_settings_refused(field, value, words):
    check = MqttSettings.__dataclass_fields__[field].metadata[KEY].check
    with pytest.raises(SettingError, match=words) as caught:
        check(value)
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(("field", "value"), [("host", "hub.local"), ("discovery", "")])
def test_mqtt_settings_accepted(field, value):
    MqttSettings.__dataclass_fields__[field].metadata[KEY].check(value)


def test_pause_has_jitter_and_ends_at_ten_seconds():
    pauses = {_pause_seconds(failures) for failures in range(1, 50)}
    assert len(pauses) == 49
    assert max(pauses) <= 10.0
    assert max(_pause_seconds(1) for _ in range(50)) <= 1.0
    assert 30 <= _pause_seconds(1, is_rival=True) <= 60
    for failures in (1_100, 1_000_000):  # hours, and months, without a broker
        assert 5.0 <= _pause_seconds(failures) <= 10.0
