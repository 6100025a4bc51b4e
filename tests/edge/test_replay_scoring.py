"""Events against expectations, and what mistakes cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SettingError
from edge.records import Event
from edge.replay.cost import Cost, is_dominated, mistakes, parse_cost
from edge.replay.expectations import Expectation
from edge.replay.scoring import Counts, Verdict, add_counts, count_findings, score_clip


def event(label, start_seconds, end_seconds):
    return Event(label, start_seconds, end_seconds, score=0.9, frame=0, frame_seconds=start_seconds)


def expect(label, start_seconds, end_seconds=float("inf")):
    return Expectation("a.mp4", label, start_seconds, end_seconds)


def score(events, expectations):
    return score_clip("a.mp4", events, expectations, seconds=20.0)


@pytest.mark.parametrize(
    ("events", "expectations", "verdicts"),
    [
        ([], [], []),
        ([event("cat", 2, 5)], [expect("cat", 1, 6)], ["right"]),
        ([], [expect("cat", 1, 6)], ["missed"]),
        # said while nothing was there: before, and well after
        ([event("cat", 0, 0.5)], [expect("cat", 1, 6)], ["false", "missed"]),
        ([event("cat", 7.5, 9)], [expect("cat", 1, 6)], ["missed", "false"]),
        # evidence takes time: an event may start a moment after a short appearance
        ([event("cat", 6.8, 7)], [expect("cat", 5.9, 6)], ["right"]),
        # another label counts twice: what was there is missed, what was said is wrong
        ([event("dog", 2, 5)], [expect("cat", 1, 6)], ["missed", "wrong"]),
        # wrong at first, right later
        ([event("dog", 2, 3), event("cat", 3, 5)], [expect("cat", 1, 6)], ["right", "wrong"]),
        # flicker: one appearance reported twice
        ([event("cat", 2, 3), event("cat", 4, 5)], [expect("cat", 1, 6)], ["right", "repeated"]),
        # an event that goes on while the cat is away for a moment
        ([event("cat", 2, 9)], [expect("cat", 1, 4), expect("cat", 5, 8)], ["right", "right"]),
        # two labels at once: each event finds its own
        ([event("cat", 2, 9), event("dog", 5, 6)], [expect("cat", 1, 9), expect("dog", 5, 7)],
         ["right", "right"]),
        # an event that never ended
        ([event("cat", 2, None)], [expect("cat", 1)], ["right"]),
    ],
)  # fmt: skip
def test_score_clip_gives_each_appearance_and_mistake_a_verdict(events, expectations, verdicts):
    assert [str(found.verdict) for found in score(events, expectations)] == verdicts


def test_score_clip_measures_how_late_the_first_right_event_starts():
    [found, repeated] = score([event("cat", 4, 5), event("cat", 2.5, 3)], [expect("cat", 1, 6)])
    assert (found.late_seconds, repeated.start_seconds) == (1.5, 4)
    [early] = score([event("cat", 0.5, 3)], [expect("cat", 1, 6)])
    assert early.late_seconds == 0.0


def test_score_clip_ends_open_appearances_with_the_clip():
    found = score([event("dog", 3, None)], [expect("cat", 1)])
    assert [one.end_seconds for one in found] == [20.0, 20.0]


def test_count_findings_gives_the_rate_of_false_events():
    findings = score([event("cat", 1, 2), event("cat", 5, 6)], [])
    counts = count_findings(findings, seconds=20.0)
    assert (counts.false, counts.false_per_hour) == (2, 360.0)
    assert Counts().false_per_hour == 0.0


events_of_a_clip = st.lists(
    st.builds(
        lambda label, start, length: event(label, start, start + length),
        st.sampled_from(["cat", "dog"]),
        st.floats(0, 18),
        st.floats(0.1, 5),
    ),
    max_size=5,
)
appearances = st.lists(
    st.builds(
        lambda label, start, length: expect(label, start, start + length),
        st.sampled_from(["cat", "dog"]),
        st.floats(0, 18),
        st.floats(0.1, 5),
    ),
    max_size=4,
)


@given(events_of_a_clip, appearances)
def test_every_appearance_and_every_event_is_accounted_for(events, expectations):
    counts = count_findings(score(events, expectations), seconds=20.0)
    assert counts.right + counts.missed == len(expectations)
    assert counts.wrong + counts.repeated + counts.false <= len(events)
    assert not events or counts.right + counts.wrong + counts.repeated + counts.false > 0
    assert counts.late_seconds >= 0


@given(events_of_a_clip, appearances)
def test_counts_of_parts_add_up(events, expectations):
    whole = count_findings(score(events, expectations), seconds=20.0)
    total = add_counts([whole, whole])
    assert Cost().of(total) == pytest.approx(2 * Cost().of(whole))


def test_findings_print_as_words():
    assert f"{Verdict.REPEATED}" == "repeated"


def test_cost_reads_what_it_writes():
    cost = parse_cost("late=0.5, missed=20")
    assert str(cost) == "missed=20 wrong=5 false=3 repeated=1 late=0.5"
    assert parse_cost(str(cost)) == cost
    assert parse_cost("") == Cost()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mised=3", r"Received: mised=3\. Did you mean missed\."),
        ("missed", r"Received: missed\. Write for example --cost 'missed=10"),
        ("late=-1", "a number from 0 on"),
        ("late=nan", "a number from 0 on"),
    ],
)
def test_cost_refuses_what_it_does_not_know(text, said):
    with pytest.raises(SettingError, match=said):
        parse_cost(text)


def test_is_dominated_only_by_what_is_nowhere_worse():
    front = [mistakes(Counts(missed=1)), mistakes(Counts(false=2))]
    assert is_dominated(mistakes(Counts(missed=1, late_seconds=0.1)), front)
    assert not is_dominated(mistakes(Counts(false=1)), front)
    assert not is_dominated(front[0], front)
