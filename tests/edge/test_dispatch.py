import logging
import threading
import time
from importlib.metadata import EntryPoint

import pytest
from occurrences import FixedWall, make_context, make_occurrence, wait_until

import edge.actions
from edge.actions import find_kind, known_kinds, open_action
from edge.actions.backlog import Backlog
from edge.actions.dispatch import Dispatcher
from edge.actions.file import FileSettings
from edge.errors import ActionError, SettingError
from edge.status import ActionStatus, Status
from edge.testing import ManualClock


class Recording:
    """An action that keeps what it gets, and does with it what it is told to."""

    def __init__(self, do=lambda occurrence: "done well"):
        self.do = do
        self.performed = []
        self.notes = []
        self.closed = 0

    def perform(self, occurrence):
        self.performed.append(occurrence.event_id)
        return self.do(occurrence)

    def note(self, status):
        self.notes.append(status.label)

    def close(self):
        self.closed += 1


class Hanging(Recording):
    """An action that hangs until it is let go."""

    def __init__(self):
        super().__init__(lambda occurrence: str(self.gate.wait(60)))
        self.gate = threading.Event()


class Closable(Hanging):
    """An action that hangs until it is closed."""

    def close(self):
        super().close()
        self.gate.set()


@pytest.fixture
def dispatch():
    """Make dispatchers that are closed at the end; they keep the outcomes."""
    opened = []

    def make(clock=None, **actions):
        outcomes = []
        dispatcher = Dispatcher(
            actions,
            kinds=dict.fromkeys(actions, "own"),
            clock=clock or ManualClock(),
            wall=FixedWall(),
            when_done=outcomes.append,
        )
        dispatcher.outcomes = outcomes
        opened.append((dispatcher, actions))
        return dispatcher

    yield make
    for dispatcher, actions in opened:
        for action in actions.values():
            getattr(action, "gate", threading.Event()).set()
        dispatcher.close()


def fail(error):
    def do(occurrence):
        raise error

    return do


REFUSED = ActionError("A hub must answer", received="silence", fix="Wake it")


def test_dispatcher_hands_on_in_order_and_tells_the_outcome(dispatch):
    action = Recording()
    dispatcher = dispatch(tell=action)
    for number in range(50):
        dispatcher.submit("tell", make_occurrence(number))
    wait_until(lambda: len(dispatcher.outcomes) == 50)
    assert action.performed == [f"{number:032x}" for number in range(50)]
    outcome = dispatcher.outcomes[7]
    assert (outcome.event_id, outcome.rule, outcome.action) == (f"{7:032x}", "let in", "tell")
    assert (outcome.result, outcome.detail, outcome.at.boot_id) == ("done", "done well", "boot")
    assert dispatcher.statuses() == (ActionStatus("tell", "own", done=50),)


def test_dispatcher_knows_its_actions(dispatch):
    with pytest.raises(KeyError, match="nobody"):
        dispatch(tell=Recording()).submit("nobody", make_occurrence())


def test_dispatcher_is_not_delayed_by_an_action_that_hangs(dispatch):
    hanging, other = Hanging(), Recording()
    dispatcher = dispatch(stuck=hanging, tell=other)
    dispatcher.submit("stuck", make_occurrence())
    wait_until(lambda: hanging.performed)
    slowest_seconds = 0.0
    for number in range(100):
        start_seconds = time.monotonic()
        dispatcher.submit("stuck", make_occurrence(number))
        dispatcher.submit("tell", make_occurrence(number))
        dispatcher.note(Status("porch", "live"))
        dispatcher.statuses()
        slowest_seconds = max(slowest_seconds, time.monotonic() - start_seconds)
    wait_until(lambda: len(other.performed) == 100)
    assert slowest_seconds < 0.5
    assert hanging.performed == [f"{0:032x}"]


def test_dispatcher_drops_the_oldest_of_more_than_a_hundred(dispatch):
    hanging = Hanging()
    dispatcher = dispatch(stuck=hanging)
    dispatcher.submit("stuck", make_occurrence(1000))
    wait_until(lambda: hanging.performed)
    for number in range(103):
        dispatcher.submit("stuck", make_occurrence(number))
    assert [(each.result, each.detail) for each in dispatcher.outcomes] == [
        ("dropped", "too many waited")
    ] * 3
    assert [each.event_id for each in dispatcher.outcomes] == [f"{n:032x}" for n in range(3)]
    assert dispatcher.statuses() == (ActionStatus("stuck", "own", dropped=3, waiting=100),)
    hanging.gate.set()
    wait_until(lambda: dispatcher.statuses()[0].done == 101)


def test_dispatcher_shows_an_action_that_hangs(dispatch):
    hanging, clock = Hanging(), ManualClock()
    dispatcher = dispatch(clock, stuck=hanging)
    dispatcher.submit("stuck", make_occurrence())
    wait_until(lambda: hanging.performed)
    clock.advance(29.0)
    assert dispatcher.statuses()[0].trouble == ""
    clock.advance(3.0)
    assert dispatcher.statuses()[0].trouble == "hangs for 32 s"
    hanging.gate.set()
    wait_until(lambda: dispatcher.statuses()[0].trouble == "")


# (what is raised, how it is told)
FAILURES = [
    (REFUSED, "A hub must answer. Received: silence. Wake it."),
    (ZeroDivisionError("by\nzero"), "ZeroDivisionError: by zero"),  # a fault of the action
    (KeyError(), "KeyError"),
    (MemoryError(), "MemoryError"),
    (OSError("http://me:swordfish@hub/x"), "OSError: http://***@hub/x"),  # an address, redacted
    (ValueError("x" * 1000), "ValueError: " + "x" * 285 + "..."),
]


@pytest.mark.parametrize(("error", "told"), FAILURES)
def test_dispatcher_counts_and_tells_a_failure_and_goes_on(dispatch, caplog, error, told):
    action = Recording(fail(error))
    dispatcher = dispatch(tell=action)
    dispatcher.submit("tell", make_occurrence(1))
    wait_until(lambda: dispatcher.outcomes)
    assert [(each.result, each.detail) for each in dispatcher.outcomes] == [("failed", told)]
    assert dispatcher.statuses() == (ActionStatus("tell", "own", failed=1, trouble=told),)
    assert [record.getMessage() for record in caplog.records] == [
        f"tell: failed ({told.rstrip('.')})"
    ]
    action.do = lambda occurrence: None  # one of a third party that says nothing
    dispatcher.submit("tell", make_occurrence(2))
    wait_until(lambda: len(dispatcher.outcomes) == 2)
    assert dispatcher.outcomes[1].detail == ""
    assert dispatcher.statuses() == (ActionStatus("tell", "own", done=1, failed=1),)


def test_dispatcher_logs_the_same_failure_every_ten_minutes(dispatch, caplog):
    action, clock = Recording(fail(REFUSED)), ManualClock()
    dispatcher = dispatch(clock, tell=action)

    def failures_logged(times):
        for _ in range(times):
            failed = dispatcher.statuses()[0].failed
            dispatcher.submit("tell", make_occurrence())
            wait_until(lambda failed=failed: dispatcher.statuses()[0].failed > failed)
        return len(caplog.records)

    assert failures_logged(5) == 1
    clock.advance(599)
    assert failures_logged(5) == 1
    clock.advance(2)
    assert failures_logged(5) == 2
    action.do = fail(ValueError("another"))
    assert failures_logged(5) == 3


def test_dispatcher_forgets_which_failures_it_logged_before_they_are_many(dispatch, caplog):
    def do(occurrence):
        raise ActionError(f"Rule {occurrence.event_id}", received="x", fix="y")

    dispatcher = dispatch(tell=Recording(do))
    for number in range(150):
        dispatcher.submit("tell", make_occurrence(number))
        wait_until(lambda number=number: len(dispatcher.outcomes) == number + 1)
    worker = dispatcher._workers["tell"]
    assert len(worker._logged_seconds) <= 100


def test_dispatcher_notes_only_the_latest_state_and_before_the_occurrence(dispatch):
    action = Closable()
    dispatcher = dispatch(tell=action)
    dispatcher.submit("tell", make_occurrence())
    wait_until(lambda: action.performed)
    for label in ("cat", "dog", "bird"):
        dispatcher.note(Status("porch", "live", label=label))
    action.gate.set()
    wait_until(lambda: action.notes)
    assert action.notes == ["bird"]


def test_dispatcher_survives_a_note_that_fails(dispatch, caplog):
    action = Recording()
    action.note = fail(REFUSED)
    dispatcher = dispatch(tell=action)
    dispatcher.note(Status("porch", "live"))
    wait_until(lambda: caplog.records)
    dispatcher.submit("tell", make_occurrence())
    wait_until(lambda: dispatcher.outcomes)
    assert dispatcher.statuses()[0].done == 1


def test_dispatcher_asks_for_what_waits_inside_an_action(dispatch):
    class Spooling(Recording):
        def backlog(self):
            return Backlog(waiting=7, dropped=2, trouble="the hub is away")

    dispatcher = dispatch(tell=Spooling())
    expected = ActionStatus("tell", "own", dropped=2, waiting=7, trouble="the hub is away")
    wait_until(lambda: dispatcher.statuses() == (expected,))  # though nothing happens


def test_dispatcher_close_does_what_waits_and_closes_all(dispatch):
    actions = {"a": Recording(), "b": Recording()}
    dispatcher = dispatch(**actions)
    for number in range(20):
        dispatcher.submit("a", make_occurrence(number))
    dispatcher.close()
    dispatcher.close()
    assert (len(actions["a"].performed), actions["a"].closed, actions["b"].closed) == (20, 1, 1)
    dispatcher.submit("a", make_occurrence())
    assert dispatcher.outcomes[-1].result == "dropped"
    assert dispatcher.outcomes[-1].detail == "the run is over"


def test_dispatcher_close_ends_an_action_that_hangs(dispatch):
    action = Closable()
    dispatcher = dispatch(stuck=action)
    dispatcher.submit("stuck", make_occurrence(0))
    wait_until(lambda: action.performed)
    dispatcher.submit("stuck", make_occurrence(1))
    start_seconds = time.monotonic()
    dispatcher.close()
    assert time.monotonic() - start_seconds < 3
    assert sorted(each.result for each in dispatcher.outcomes) == ["done", "dropped"]


def test_dispatcher_close_leaves_an_action_behind_that_hangs_for_ever(dispatch, caplog):
    hanging, other = Hanging(), Recording()
    dispatcher = dispatch(stuck=hanging, tell=other)
    dispatcher.submit("stuck", make_occurrence())
    wait_until(lambda: hanging.performed)
    start_seconds = time.monotonic()
    dispatcher.close()
    assert 2.9 < time.monotonic() - start_seconds < 4.5
    assert other.closed == 1
    assert "stuck: hangs, and is left behind" in caplog.text
    hanging.gate.set()
    wait_until(lambda: not dispatcher._workers["stuck"]._thread.is_alive())
    assert dispatcher.outcomes == []  # whoever was to get it may be gone


def test_dispatcher_close_survives_an_action_that_cannot_be_closed(dispatch, caplog):
    caplog.set_level(logging.WARNING)
    action = Recording()
    action.close = lambda: fail(REFUSED)(None)
    dispatch(tell=action).close()
    assert "tell: failed (A hub must answer" in caplog.text


def test_kinds_are_our_own_first(monkeypatch):
    others = [EntryPoint("siren", "x:Y", "edge.actions"), EntryPoint("file", "x:Y", "edge.actions")]
    monkeypatch.setattr(edge.actions, "entry_points", lambda **_: others)
    assert known_kinds() == ("gpio", "mqtt", "webhook", "exec", "file", "siren")
    assert find_kind("file").__module__ == "edge.actions.file"  # nobody takes our names


# (what the entry point names, what the error says)
UNFIT = [
    ("no_such_module:Siren", "No module named 'no_such_module'"),
    ("edge.status:Siren", "has no attribute 'Siren'"),
    ("edge.status:Status", "no class with Settings, perform, close"),
    ("edge.actions.payload:describe", "no class with Settings"),
]


@pytest.mark.parametrize(("value", "reason"), UNFIT)
def test_find_kind_names_a_class_that_is_none(monkeypatch, value, reason):
    entry = EntryPoint("siren", value, "edge.actions")
    monkeypatch.setattr(edge.actions, "entry_points", lambda **_: [entry])
    with pytest.raises(SettingError, match=f"action siren must be a class.*{value}.*{reason}"):
        find_kind("siren")


def test_open_action_makes_one_and_names_the_nearest_kind(tmp_path):
    settings = FileSettings(tmp_path / "events.jsonl")
    action = open_action("file", settings, make_context(tmp_path))
    assert action.perform(make_occurrence()).endswith("bytes appended")
    with pytest.raises(SettingError, match=r"Received: gpoi\. Did you mean gpio"):
        open_action("gpoi", settings, make_context(tmp_path))
    with pytest.raises(SettingError, match="Take one of these, or install its package"):
        open_action("zzz", settings, make_context(tmp_path))


def test_dispatcher_survives_an_action_that_wants_to_end_the_program(dispatch):
    def leave(occurrence):
        raise SystemExit(3)

    dispatcher = dispatch(tell=Recording(leave))
    dispatcher.submit("tell", make_occurrence(1))
    dispatcher.submit("tell", make_occurrence(2))
    wait_until(lambda: dispatcher.statuses()[0].failed == 2)
    assert dispatcher.statuses()[0].trouble == "SystemExit: 3"
