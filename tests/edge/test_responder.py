"""From looks to memory and actions, with real rules and the status that is made on the way."""

from dataclasses import replace

import pytest

from edge.control.reporter import Heat, Informants, Reporter
from edge.occurrence import Outcome
from edge.records import Decision, Event, Look, Picture
from edge.responder import Pulse, Responder, Sight
from edge.rules import RuleBook, RuleSpec
from edge.status import ActionStatus, OutputStatus, Status, StoreStatus
from edge.testing import ManualClock, ManualWallClock, blank_frame, prediction

LABELS = ("cat", "dog", "none")
SIGHT = Sight(LABELS, "votes=3 window=5", "ab" * 32)
LET_IN = RuleSpec("let in", labels=("cat",), actions=("door", "tell"), vetoed_by=("dog",))
NO_SCORES = {label: 0.0 for label in LABELS}


class Recording:
    """Stands for dispatcher, memory and teller: notes what it is told, in order."""

    def __init__(self):
        self.told = []

    def submit(self, name, occurrence):
        self.told.append(("submit", name, occurrence))

    def see(self, look):
        self.told.append(("see", look))

    def start(self, event_id, event, *, scores, at, snapshot):
        self.told.append(("start", event_id, event, scores, snapshot))

    def end(self, event_id, event, *, at):
        self.told.append(("end", event_id, event))

    def note_outcome(self, outcome):
        self.told.append(("outcome", outcome))

    def tell_verdict(self, verdict, event_id):
        self.told.append(("verdict", verdict.result, event_id))

    def tell_outcome(self, outcome):
        self.told.append(("told", outcome))

    def of(self, kind):
        return [entry for entry in self.told if entry[0] == kind]


@pytest.fixture
def clock():
    return ManualClock(100.0)


@pytest.fixture
def wall(clock):
    return ManualWallClock(clock)


@pytest.fixture
def recording():
    return Recording()


def make_responder(recording, wall, *, rules=(LET_IN,), is_dry=False):
    parts = {} if is_dry else {"dispatcher": recording, "recorder": recording}
    return Responder(RuleBook(rules, labels=LABELS), SIGHT, wall=wall, teller=recording, **parts)


def see(label, index, *, score=0.9, starts=False, ends=None):
    """Look at a frame that is decided to show a label, ten frames a second."""
    now_seconds = index / 10
    events = () if ends is None else (Event(ends, 0.0, now_seconds, score, 0, 0.0),)
    if starts:
        events += (Event(label, now_seconds, None, score, index, now_seconds),)
    seen = prediction(NO_SCORES | {label: score})
    decision = Decision(label, score, index, now_seconds, age_ms=5.0)
    return Look(Picture.LIVE, blank_frame(index), seen, decision, events)


def test_responder_hands_an_appearance_to_memory_and_actions(recording, wall):
    responder = make_responder(recording, wall)
    look = see("cat", 0, starts=True)
    responder.handle(look)
    kinds = [entry[0] for entry in recording.told]
    assert kinds == ["see", "start", "verdict", "submit", "submit"]
    ((_, event_id, event, scores, snapshot),) = recording.of("start")
    assert event == look.events[0]
    assert scores == pytest.approx({"cat": 0.9, "dog": 0.0, "none": 0.0})
    (_, door, occurrence), (_, tell, same) = recording.of("submit")
    assert (door, tell) == ("door", "tell")
    assert same is occurrence
    assert occurrence.event_id == event_id
    assert len(event_id) == 32
    assert occurrence.snapshot is snapshot
    assert (occurrence.rule, occurrence.label, occurrence.score) == ("let in", "cat", 0.9)
    assert (occurrence.evidence, occurrence.model_sha256) == ("votes=3 window=5", "ab" * 32)
    assert occurrence.at == wall.now()


def test_responder_gives_each_appearance_an_id_of_its_own(recording, wall, clock):
    responder = make_responder(recording, wall)
    responder.handle(see("cat", 0, starts=True))
    clock.advance(30.0)
    responder.handle(see("cat", 300, starts=True, ends="cat"))
    started = [entry[1] for entry in recording.of("start")]
    assert [entry[1] for entry in recording.of("end")] == started[:1]
    assert [occurrence.event_id for _, _, occurrence in recording.of("submit")[::2]] == started
    assert started[0] != started[1]


def test_responder_remembers_rules_that_did_not_act(recording, wall, clock):
    responder = make_responder(recording, wall)
    responder.handle(see("dog", 0, starts=True))
    clock.advance(1.0)
    responder.handle(see("cat", 10, starts=True, ends="dog"))
    ((_, outcome),) = recording.of("outcome")
    event_id = recording.of("start")[-1][1]
    assert outcome == Outcome(event_id, "let in", "", "vetoed", "", wall.now())
    assert recording.of("verdict") == [("verdict", "vetoed", event_id)]
    assert not recording.of("submit")


def test_responder_warns_once_of_a_rule_that_is_held_back_again_and_again(
    recording, wall, clock, caplog
):
    caplog.set_level("INFO")
    responder = make_responder(recording, wall)
    for number in range(25):
        responder.handle(see("dog", 60 * number))
        responder.handle(see("cat", 60 * number + 30))
        clock.advance(6.0)
    assert caplog.messages == [
        "rule let in: held back by its veto or its limit 10 times in a row, see edge events list"
    ]
    clock.advance(100.0)
    responder.handle(see("cat", 5000))
    assert caplog.messages[1:] == ["rule let in: fires again"]


def test_responder_acts_on_a_background_label_without_an_event(recording, wall):
    rule = RuleSpec("nobody there", labels=("none",), actions=("light",))
    responder = make_responder(recording, wall, rules=[rule])
    responder.handle(see("none", 0))
    ((_, name, occurrence),) = recording.of("submit")
    assert name == "light"
    assert len(occurrence.event_id) == 32
    assert not recording.of("start")


def test_responder_does_nothing_in_a_dry_run(recording, wall):
    responder = make_responder(recording, wall, is_dry=True)
    responder.handle(see("cat", 0, starts=True))
    responder.handle(see("none", 50, ends="cat"))
    assert [entry[:2] for entry in recording.told] == [("verdict", "fired")]


def test_responder_remembers_no_veto_in_a_dry_run(recording, wall, clock):
    responder = make_responder(recording, wall, is_dry=True)
    responder.handle(see("dog", 0, starts=True))
    clock.advance(1.0)
    responder.handle(see("cat", 10, starts=True, ends="dog"))
    assert [entry[:2] for entry in recording.told] == [("verdict", "vetoed")]


def test_responder_remembers_an_appearance_without_scores(recording, wall):
    responder = make_responder(recording, wall)
    look = replace(see("cat", 0, starts=True), prediction=None)
    responder.handle(look)
    ((_, _, event, scores, _),) = recording.of("start")
    assert (event, scores) == (look.events[0], {})
    assert not recording.of("submit")  # without scores nothing opens


def test_responder_without_a_memory_tells_outcomes_too(recording, wall):
    rules = RuleBook([LET_IN], labels=LABELS)
    responder = Responder(rules, SIGHT, wall=wall, teller=recording, dispatcher=recording)
    outcome = Outcome("e", "let in", "door", "done", "", wall.now())
    responder.note_outcome(outcome)
    responder.close()
    assert recording.told == [("told", outcome)]


def test_responder_tells_outcomes_from_the_loop_and_at_the_end(recording, wall):
    responder = make_responder(recording, wall)
    first, last = (Outcome("e", "let in", "door", "done", text, wall.now()) for text in "ab")
    responder.note_outcome(first)
    assert recording.told == [("outcome", first)]
    responder.handle(Look(Picture.OFFLINE, reason="unplugged"))
    assert recording.told[-1] == ("told", first)
    responder.note_outcome(last)
    responder.close()
    responder.close()
    assert recording.of("told") == [("told", first), ("told", last)]


def test_responder_ends_an_event_that_it_has_not_seen_start(recording, wall):
    make_responder(recording, wall).handle(see("none", 5, ends="cat"))
    assert not recording.of("end")


def test_pulse_knows_a_rest_from_a_hang(clock):
    pulse = Pulse(clock, period_seconds=10.0)  # one frame in ten seconds was asked for
    pulse.handle(Look(Picture.LIVE))
    clock.advance(9.0)
    assert pulse.idle_seconds() == 0.0
    clock.advance(4.0)
    assert pulse.idle_seconds() == 3.0
    pulse.handle(Look(Picture.LIVE))
    assert pulse.idle_seconds() == 0.0
    pulse.close()


def make_reporter(clock, wall, told, **informants):
    identity = Status("porch", "offline", source="demo:", model="pets")
    return Reporter(identity, Informants(wall.now, **informants), clock=clock, listeners=(told,))


def test_reporter_tells_once_a_second(clock, wall):
    told = []
    reporter = make_reporter(clock, wall, told.append)
    for index in range(20):
        reporter.handle(see("none", index))
        clock.advance(0.125)
    assert len(told) == 3
    assert told[-1] is reporter.status
    assert told[-1].fps == pytest.approx(8.0)
    assert (told[-1].age_ms, told[-1].label, told[-1].uptime_seconds) == (5.0, "none", 2.0)
    reporter.close()


def test_reporter_gathers_what_others_know(clock, wall):
    told = []
    outputs = (OutputStatus("door", "auto", is_energised=True, is_open=True),)
    make_reporter(
        clock,
        wall,
        told.append,
        vetoed=lambda at: frozenset(["let in"]),
        suspect=lambda: frozenset(["feed"]),
        outputs=lambda: outputs,
        actions=lambda: (ActionStatus("tell", "mqtt"),),
        store=lambda: StoreStatus(1, 2, 3),
        heat=lambda: Heat(48.0, ("under-voltage",)),
    ).handle(Look(Picture.DARK, blank_frame(), reason="too dark"))
    (status,) = told
    assert (status.picture, status.reason, status.source) == ("dark", "too dark", "demo:")
    assert (status.vetoed, status.outputs) == (frozenset(["let in"]), outputs)
    assert status.suspect == frozenset(["feed"])
    assert (status.actions[0].name, status.store.events) == ("tell", 1)
    assert (status.celsius, status.troubles) == (48.0, ("under-voltage",))
    assert status.is_clock_trusted is wall.now().is_trusted


@pytest.mark.parametrize("change", ["picture", "event", "veto", "suspect", "output"])
def test_reporter_tells_a_change_at_once(clock, wall, change):
    told = []
    state = {"vetoed": frozenset(), "suspect": frozenset(), "outputs": ()}
    reporter = make_reporter(
        clock,
        wall,
        told.append,
        vetoed=lambda at: state["vetoed"],
        suspect=lambda: state["suspect"],
        outputs=lambda: state["outputs"],
    )
    reporter.handle(see("none", 0))
    reporter.handle(see("none", 1))
    assert len(told) == 1
    if change == "veto":
        state["vetoed"] = frozenset(["let in"])
    if change == "suspect":
        state["suspect"] = frozenset(["let in"])
    if change == "output":
        state["outputs"] = (OutputStatus("door", "lock", is_energised=False, is_open=False),)
    look = see("cat", 2, starts=change == "event")
    reporter.handle(Look(Picture.FROZEN, blank_frame(2)) if change == "picture" else look)
    assert len(told) == 2
    reporter.handle(look if change != "picture" else Look(Picture.FROZEN, blank_frame(3)))
    assert len(told) == (3 if change == "event" else 2)


def test_reporter_keeps_the_latest_event(clock, wall):
    reporter = make_reporter(clock, wall, lambda status: None)
    reporter.handle(see("none", 0, ends="cat"))  # of a run before
    assert reporter.status.event is None
    reporter.handle(see("cat", 1, starts=True))
    event = reporter.status.event
    assert (event.label, event.is_over) == ("cat", False)
    assert event.wall_seconds == wall.now().wall_seconds
    reporter.handle(see("none", 9, score=0.95, ends="cat"))
    assert (reporter.status.event.is_over, reporter.status.event.score) == (True, 0.95)


def test_reporter_believes_nothing_while_the_source_is_away(clock, wall):
    reporter = make_reporter(clock, wall, lambda status: None)
    reporter.handle(see("cat", 0))
    assert reporter.status.label == "cat"
    reporter.handle(Look(Picture.OFFLINE, reason="unplugged"))
    assert (reporter.status.label, reporter.status.reason) == ("unknown", "unplugged")
