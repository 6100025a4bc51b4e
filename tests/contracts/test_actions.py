"""The same cases over every kind of action, one of a third party among them."""

import logging
import os
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import pytest
import webhookd
from broker import Mosquitto, Subscriber, has_mosquitto
from occurrences import FixedWall, make_context, occur_now, wait_until
from ports import free_port

from edge.actions import find_kind, known_kinds, open_action
from edge.actions.dispatch import Dispatcher
from edge.clock import SystemClock
from edge.errors import ActionError
from edge.secret import Secret
from edge.status import Status

CLOSE_SECONDS = 2.0
AT_ONCE_SECONDS = 0.5  # on a machine that is busy with other tests
SECRET = "swordfish"


@dataclass(frozen=True)
class Given:
    """A kind of action, and what it needs while a test runs.

    Attributes:
        kind: Of it.
        good: Settings with which it works.
        bad: Settings with which it cannot.
        arrived: Whether an event has come to where it was to go.
        hanging: Settings with which it hangs; `None` if it never does.
        is_patient: Whether it keeps what it could not do, and so does not fail.
    """

    kind: str
    good: dict
    bad: dict
    arrived: Callable[[str], bool]
    hanging: dict | None = None
    is_patient: bool = False


def _contains(path):
    return lambda event_id: path.exists() and event_id in path.read_text()


def _file(folder, stack):
    path = folder / "events.jsonl"
    (folder / "no-folder").write_text("")
    return Given("file", {"path": path}, {"path": folder / "no-folder" / "x"}, _contains(path))


def _exec(folder, stack):
    path = folder / "called"
    write = f"import os; open({str(path)!r}, 'a').write(os.environ['EDGE_EVENT_ID'])"
    return Given(
        "exec",
        {"command": (sys.executable, "-c", write)},
        {"command": (str(folder / "missing"),)},
        _contains(path),
        {"command": ("sleep", "600"), "timeout_seconds": 600.0},
    )


def _webhook(folder, stack):
    good = stack.enter_context(webhookd.serving(webhookd.answering("204 No Content")))
    bad = stack.enter_context(webhookd.serving(webhookd.answering("401 Unauthorized")))
    silent = stack.enter_context(webhookd.serving(webhookd.silent))
    allow = {"allow": ("127.0.0.1",), "timeout_seconds": 30.0}
    return Given(
        "webhook",
        {"url": good.url(), **allow},
        {"url": bad.url(), **allow},
        lambda event_id: event_id in [event["event_id"] for event in good.posted()],
        {"url": silent.url(), **allow},
    )


def _mqtt(folder, stack):
    if not has_mosquitto():
        pytest.skip("mqtt: no mosquitto on this machine")
    broker = Mosquitto(folder / "mosquitto").start()
    stack.callback(broker.kill)
    subscriber = stack.enter_context(closing(Subscriber(broker.port)))
    deaf = stack.enter_context(webhookd.serving(webhookd.deaf))
    return Given(
        "mqtt",
        {"host": "127.0.0.1", "port": broker.port, "username": "edge"},
        {"host": "127.0.0.1", "port": free_port(), "username": "edge"},
        lambda event_id: any(event_id.encode() in each.payload for each in subscriber.received),
        {"host": "127.0.0.1", "port": deaf.port, "username": "edge"},
        is_patient=True,
    )


def _let_guards_end(folder):
    """Give those that have tried in vain what they wait for, so that none outlives the test."""
    (folder / "missing").mkdir()
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    wait_until(lambda: not _guards_of(folder))
    os.close(reader)


def _guards_of(folder):
    """Return the processes that were given this test's folder by their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"EDGE_TEST={folder}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


def _gpio(folder, stack):
    pin = folder / "pin.csv"
    pipe = folder / "pipe"
    os.mkfifo(pipe)  # opening it waits for a reader, who comes at the end
    os.environ["EDGE_TEST"] = str(folder)  # of the guards, to be found by
    stack.callback(_let_guards_end, folder)
    stack.callback(os.environ.pop, "EDGE_TEST")
    return Given(
        "gpio",
        {"pin": f"file:{pin}"},
        {"pin": f"file:{folder / 'missing' / 'pin.csv'}"},
        lambda event_id: pin.exists() and ",1\n" in pin.read_text(),
        {"pin": f"file:{pipe}"},
    )


OWN = """
from dataclasses import dataclass
from pathlib import Path
from edge.errors import ActionError
from edge.occurrence import Action
from edge.settings import setting

@dataclass(frozen=True)
class Settings:
    path: Path = setting()
    is_there: bool = setting(True)

class Siren(Action):
    Settings = Settings

    def __init__(self, settings, context):
        self._settings = settings

    def perform(self, occurrence):
        for line in self.check():
            self._settings.path.write_text(occurrence.event_id)
        return "howled"

    def check(self):
        if not self._settings.is_there:
            raise ActionError("A siren must be there", received="none", fix="Buy one")
        yield "siren: there"
"""


def _own(folder, stack):
    """Lay out an installed package that brings a kind of its own."""
    site = folder / "site"
    (site / "own_siren-1.0.dist-info").mkdir(parents=True)
    (site / "own_siren.py").write_text(OWN)
    (site / "own_siren-1.0.dist-info" / "METADATA").write_text("Name: own-siren\nVersion: 1.0\n")
    (site / "own_siren-1.0.dist-info" / "entry_points.txt").write_text(
        "[edge.actions]\nsiren = own_siren:Siren\n"
    )
    sys.path.insert(0, str(site))
    stack.callback(sys.path.remove, str(site))
    stack.callback(sys.modules.pop, "own_siren", None)
    path = folder / "howled"
    bad = {"path": path, "is_there": False}
    return Given("siren", {"path": path}, bad, _contains(path))


KINDS = {
    "file": _file,
    "exec": _exec,
    "webhook": _webhook,
    "mqtt": _mqtt,
    "gpio": _gpio,
    "siren": _own,
}


@pytest.fixture(params=list(KINDS))
def given(request, tmp_path):
    with ExitStack() as stack:
        yield KINDS[request.param](tmp_path, stack)


@pytest.fixture
def make(given, tmp_path):
    """Make actions that are closed at the end."""
    opened = []

    def open_one(settings, name="tell"):
        folder = tmp_path / "folder"
        folder.mkdir(exist_ok=True)
        chosen = find_kind(given.kind).Settings(**settings)
        opened.append(open_action(given.kind, chosen, make_context(folder, name=name)))
        return opened[-1]

    yield open_one
    for action in opened:
        action.close()


@pytest.fixture
def dispatch(given):
    """Make dispatchers that are closed at the end; they keep the outcomes."""
    with ExitStack() as stack:

        def make_one(**actions):
            outcomes = []
            dispatcher = Dispatcher(
                actions,
                kinds=dict.fromkeys(actions, given.kind),
                clock=SystemClock(),
                wall=FixedWall(),
                when_done=outcomes.append,
            )
            stack.callback(dispatcher.close)
            return dispatcher, outcomes

        yield make_one


def hanging_settings(given):
    if given.hanging is None:
        pytest.skip(f"{given.kind}: waits for nobody")
    return given.hanging


def test_action_performs(given, make):
    action = make(given.good)
    occurrence = occur_now(0xABC)
    said = action.perform(occurrence)
    assert said
    assert "\n" not in said
    wait_until(lambda: given.arrived(occurrence.event_id))


def test_action_fails_without_harm(given, make, dispatch, caplog):
    dispatcher, outcomes = dispatch(bad=make(given.bad, "bad"), good=make(given.good, "good"))
    for number in (1, 2):
        dispatcher.submit("bad", occur_now(number))
        dispatcher.submit("good", occur_now(number))
    wait_until(lambda: len(outcomes) == 4)
    results = [outcome.result for outcome in outcomes if outcome.action == "bad"]
    assert results == (["done"] * 2 if given.is_patient else ["failed"] * 2)
    assert "done" in [outcome.result for outcome in outcomes if outcome.action == "good"]
    wait_until(lambda: dispatcher.statuses()[0].trouble)
    assert dispatcher.statuses()[0].failed == (0 if given.is_patient else 2)
    assert "Traceback" not in caplog.text


def test_action_may_be_closed_twice(given, make):
    for is_used in (False, True):
        action = make(given.good)
        if is_used:
            action.perform(occur_now())
            action.note(Status("porch", "live"))
        action.close()
        action.close()


def test_action_closes_while_it_hangs(given, make):
    action = make(hanging_settings(given))

    def perform():
        with suppress(ActionError):
            action.perform(occur_now())

    thread = threading.Thread(target=perform, daemon=True)
    thread.start()
    thread.join(0.5)
    start_seconds = time.monotonic()
    action.close()
    assert time.monotonic() - start_seconds < CLOSE_SECONDS + AT_ONCE_SECONDS
    thread.join(10)
    assert not thread.is_alive()


def test_action_delays_neither_the_caller_nor_another_while_it_hangs(given, make, dispatch):
    actions = {"stuck": make(hanging_settings(given), "stuck"), "good": make(given.good, "good")}
    dispatcher, _ = dispatch(**actions)
    slowest_seconds = 0.0
    for number in range(20):
        start_seconds = time.monotonic()
        dispatcher.submit("stuck", occur_now(number))
        dispatcher.note(Status("porch", "live"))
        dispatcher.statuses()
        slowest_seconds = max(slowest_seconds, time.monotonic() - start_seconds)
    dispatcher.submit("good", occur_now(0xABC))
    wait_until(lambda: given.arrived(f"{0xABC:032x}"))
    assert slowest_seconds < AT_ONCE_SECONDS


@pytest.mark.parametrize("which", ["good", "bad", "hanging"])
def test_action_is_made_without_waiting_or_failing(given, make, which):
    settings = hanging_settings(given) if which == "hanging" else getattr(given, which)
    make(given.good)  # what is imported on first use
    start_seconds = time.monotonic()
    make(settings)
    assert time.monotonic() - start_seconds < AT_ONCE_SECONDS


def test_action_check_says_what_was_found(given, make):
    lines = list(make(given.good).check())
    assert lines
    assert all(line and "\n" not in line for line in lines)


def test_action_check_says_what_is_missing(given, make):
    with pytest.raises(ActionError, match=r"must .*Received: ."):
        list(make(given.bad).check())


def test_action_settings_are_frozen_and_check_themselves(given):
    settings_class = find_kind(given.kind).Settings
    assert is_dataclass(settings_class)
    assert settings_class.__dataclass_params__.frozen
    assert all("edge.settings" in field.metadata for field in fields(settings_class))
    for field in fields(settings_class):
        check = field.metadata["edge.settings"].check
        for value in (given.good.get(field.name), given.good.get(field.name, field.default)):
            if check is not None and value is not None:
                check(value)


def test_action_shows_its_secrets_nowhere(given, make, dispatch, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    secret_fields = [
        field.name
        for field in fields(find_kind(given.kind).Settings)
        if "Secret" in f"{field.type}"
    ]
    if not secret_fields:
        pytest.skip(f"{given.kind}: takes no secret")
    secrets = dict.fromkeys(secret_fields, Secret(SECRET))
    actions = {name: make(getattr(given, name) | secrets, name) for name in ("good", "bad")}
    shown = [repr(action) + repr(vars(action)) for action in actions.values()]
    with pytest.raises(ActionError) as caught:
        list(make(given.bad | secrets, "check").check())
    shown.append(f"{caught.value!r} {caught.value}")
    dispatcher, outcomes = dispatch(**actions)
    for name in actions:
        dispatcher.submit(name, occur_now())
    wait_until(lambda: len(outcomes) == 2)
    shown += [repr(outcomes), repr(dispatcher.statuses()), caplog.text]
    for path in (tmp_path / "folder").rglob("*"):
        shown.append(path.read_bytes().decode("latin-1") if path.is_file() else "")
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            shown.append(path.read_bytes().decode("latin-1"))
    assert SECRET not in "".join(shown)


def test_kinds_in_the_package_are_those_of_the_program(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    entries = project["entry-points"]["edge.actions"]
    assert tuple(entries) == known_kinds()[: len(entries)]
    for kind, value in entries.items():
        found = find_kind(kind)
        assert f"{found.__module__}:{found.__qualname__}" == value
    assert set(KINDS) - {"siren"} == set(entries)
