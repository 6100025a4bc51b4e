"""What a rule never does, whatever it sees and whatever the clocks do."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import event, given, settings
from hypothesis import strategies as st
from rule_cases import LABELS, Door, look_at, rest_at

from edge.records import UNKNOWN, Look, Picture
from edge.rules import CLOCK_NOT_TRUSTED, FIRED, OUTSIDE_HOURS, WHENS, RuleSpec
from edge.schedule import DAYS, Schedule

few = settings(max_examples=100, deadline=None)  # a busy machine is no error


@dataclass(frozen=True)
class Moment:
    """What is seen, and what the clocks did before."""

    passed_seconds: float
    look_kind: str
    label: str
    score: float
    dog: float
    wall_step_seconds: float
    is_trusted: bool

    def look(self, seconds):
        """Make the look."""
        if self.look_kind == "rest":
            return rest_at(seconds)
        if self.look_kind == "offline":
            return Look(Picture.OFFLINE, reason="unplugged")
        picture = Picture.LIVE if self.look_kind in ("live", "old") else Picture(self.look_kind)
        reason = "" if self.look_kind == "live" else "not to be judged by"
        seen = {"score": self.score, "dog": self.dog, "picture": picture, "reason": reason}
        return look_at(seconds, self.label, **seen)


moments = st.builds(
    Moment,
    passed_seconds=st.sampled_from([0.0, 0.033, 0.1, 0.5, 1.0, 1.9, 2.0, 5.0, 11.0, 70.0]),
    look_kind=st.sampled_from(
        ["live"] * 6 + ["old", "rest", "offline"] + [state.value for state in Picture][1:-1]
    ),
    label=st.sampled_from(["cat", "cat", "cat", "dog", "none", UNKNOWN]),
    score=st.sampled_from([0.5, 0.9, 0.95, float("nan"), float("inf"), -1.0, 300.0]),
    dog=st.sampled_from([0.0, 0.0, 0.0, 0.3, 0.7]),
    wall_step_seconds=st.sampled_from([0.0, 0.0, -3600.0, 7200.0, 400 * 86_400.0, -56 * 3.2e7]),
    is_trusted=st.booleans(),
)
stories = st.lists(moments, max_size=60)

specs = st.builds(
    RuleSpec,
    name=st.just("in"),
    labels=st.just(("cat",)),
    min_score=st.sampled_from([0.0, 0.9]),
    min_seconds=st.sampled_from([0.0, 0.1, 1.0]),
    hours=st.sampled_from(["", "06:00-13:00", "22:00-06:00"]),
    days=st.sampled_from([(), DAYS[:3], DAYS[5:]]),
    at_most_every_seconds=st.sampled_from([0.0, 1.0, 10.0]),
    when=st.sampled_from(WHENS),
    vetoed_by=st.sampled_from([(), ("dog",)]),
    veto_score=st.sampled_from([0.3, 0.7]),
    veto_seconds=st.sampled_from([1.0, 60.0]),
)


def play(spec, story, *, has_steps=True):
    """Let a rule see a story; yield each moment with its look, its time and what came of it."""
    door = Door(spec)
    seconds = 0.0
    for moment in story:
        seconds += moment.passed_seconds
        door.clock.advance(moment.passed_seconds)
        if has_steps:
            door.wall.offset_seconds += moment.wall_step_seconds
            door.wall.is_trusted = moment.is_trusted
        look, at = moment.look(seconds), door.wall.now()
        results = [verdict.result for verdict in door.book.update(look, at)]
        event(", ".join(results) or "nothing")
        yield moment, look, at, results


def fires(spec, story):
    """Yield the moments in which a rule fires."""
    return [one for one in play(spec, story) if FIRED in one[3]]


@few
@given(specs, stories)
def test_rule_never_fires_on_a_look_that_is_no_sound_decision(spec, story):
    for _, look, _, _ in fires(spec, story):
        assert (look.picture, look.decision.picture) == (Picture.LIVE, Picture.LIVE)
        assert look.reason == ""
        assert not look.is_resting
        assert look.decision.label in spec.labels
        assert spec.min_score <= look.decision.score <= 1.001


@few
@given(specs, stories)
def test_rule_never_fires_within_a_veto(spec, story):
    spec = replace(spec, vetoed_by=("dog",))
    seen_seconds = -1e9
    for _, look, at, results in play(spec, story):
        is_decided = look.decision is not None and look.decision.label == "dog"
        row = None if look.prediction is None else look.prediction.scores
        if is_decided or (row is not None and row[LABELS.index("dog")] >= spec.veto_score):
            seen_seconds = at.monotonic_seconds
        if FIRED in results:
            assert at.monotonic_seconds - seen_seconds >= spec.veto_seconds


@few
@given(specs, stories)
def test_rule_never_fires_outside_its_hours_or_by_a_clock_that_may_be_wrong(spec, story):
    schedule = Schedule(spec.hours, spec.days)
    for _, _, at, _ in fires(spec, story):
        local = datetime.fromtimestamp(at.wall_seconds, UTC)
        assert schedule.is_open(local)
        assert at.is_trusted or schedule.is_always_open


@few
@given(specs, stories)
def test_rule_never_fires_faster_than_its_limit(spec, story):
    fired = [at.monotonic_seconds for _, _, at, _ in fires(spec, story)]
    gaps = [after - before for before, after in pairwise(fired)]
    assert all(gap >= spec.at_most_every_seconds for gap in gaps)


@few
@given(specs, stories)
def test_rule_never_fires_before_its_label_is_believed_for_long_enough(spec, story):
    """Every look since then decides for the label, or rests."""
    played = [
        (look, moment.passed_seconds, FIRED in results)
        for moment, look, _, results in play(spec, story)
    ]
    for last, (_, _, has_fired) in enumerate(played):
        lasted_seconds, first = 0.0, last
        while has_fired and lasted_seconds < spec.min_seconds - 1e-6:
            lasted_seconds += played[first][1]
            first -= 1
            assert first >= 0
            look = played[first][0]
            assert look.is_resting or (look.decision and look.decision.label == "cat")
            assert look.picture is Picture.LIVE


@few
@given(specs, stories)
def test_steps_of_the_wall_clock_change_nothing_but_the_schedule(spec, story):
    spec = replace(spec, hours="", days=())
    with_steps = [results for *_, results in play(spec, story)]
    assert with_steps == [results for *_, results in play(spec, story, has_steps=False)]
    told = {result for results in with_steps for result in results}
    assert not told & {OUTSIDE_HOURS, CLOCK_NOT_TRUSTED}


@few
@given(specs, stories)
def test_another_rule_changes_nothing(spec, story):
    other = RuleSpec("other", labels=LABELS, at_most_every_seconds=0.0, when="present")
    alone, together = Door(spec), Door(other, spec)
    seconds = 0.0
    for moment in story:
        seconds += moment.passed_seconds
        look = moment.look(seconds)
        told = alone.take(look, seconds)
        assert told == [text for text in together.take(look, seconds) if text.startswith("in:")]


@few
@given(specs, stories)
def test_what_did_not_fire_is_told_once_until_it_fires_or_the_label_is_gone(spec, story):
    told, gone_seconds, seconds = set(), 0.0, 0.0
    for moment, look, _, results in play(spec, story):
        seconds += moment.passed_seconds
        if seconds - gone_seconds >= 2.0:
            told = set()
        if look.is_resting or (look.decision is not None and look.decision.label == "cat"):
            gone_seconds = seconds
        silent = set(results) - {FIRED}
        assert not silent & told
        told |= silent
