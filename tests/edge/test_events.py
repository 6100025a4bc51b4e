import itertools
import math

import pytest
from evidence_cases import LABELS, raw_prediction
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import SettingError
from edge.events import EventTracker
from edge.records import UNKNOWN, Decision


def decision_at(seconds, label, *, score=0.8):
    return Decision(label, score, frame=round(seconds * 10), time_seconds=seconds, age_ms=5.0)


def prediction_of(label, score):
    rest = (1 - score) / (len(LABELS) - 1)
    return raw_prediction([score if label == name else rest for name in LABELS])


def track(tracker, steps):
    """Feed labels at times; return what was reported, as words."""
    told = []
    for seconds, label in steps:
        told += tracker.update(decision_at(seconds, label), prediction_of(label, 0.9))
    return [describe(event) for event in [*told, *tracker.finish()]]


def describe(event):
    if event.end_seconds is None:
        return f"{event.label} from {event.start_seconds:g}"
    return f"{event.label} {event.start_seconds:g} to {event.end_seconds:g}"


# (decisions, events)
STORIES = [
    ([(0, UNKNOWN), (1, "none")], []),  # nothing to report
    ([(0, "cat"), (1, "cat"), (2, "none"), (9, "none")], ["cat from 0", "cat 0 to 1"]),
    ([(0, "cat"), (1, UNKNOWN), (1.9, "cat"), (3, "cat")], ["cat from 0", "cat 0 to 3"]),  # flicker
    (
        [(0, "cat"), (1, "none"), (2, "cat")],
        ["cat from 0", "cat 0 to 0", "cat from 2", "cat 2 to 2"],
    ),
    (
        [(0, "cat"), (5, "cat")],
        ["cat from 0", "cat 0 to 0", "cat from 5", "cat 5 to 5"],
    ),  # no frames
    (
        [(0, "cat"), (1, "dog"), (2, "cat")],  # two labels never overlap
        ["cat from 0", "cat 0 to 0", "dog from 1", "dog 1 to 1", "cat from 2", "cat 2 to 2"],
    ),
    ([(7, "cat"), (0, "cat")], ["cat from 7", "cat 7 to 7", "cat from 0", "cat 0 to 0"]),  # anew
]


@pytest.mark.parametrize(("steps", "told"), STORIES)
def test_update_tells_the_story(steps, told):
    assert track(EventTracker(), steps) == told


def test_update_reports_a_start_at_once_and_an_end_when_the_gap_is_over():
    tracker = EventTracker(join_seconds=2.0)
    steps = [(0, "cat"), (1, "none"), (1.9, "none"), (2.0, "none"), (3, "none")]
    told = [len(tracker.update(decision_at(*step), prediction_of("cat", 0.9))) for step in steps]
    assert told == [1, 0, 0, 1, 0]


def test_update_finds_the_best_frame():
    tracker = EventTracker()
    for seconds, score in [(0.0, 0.7), (0.1, 0.95), (0.2, 0.8)]:
        tracker.update(decision_at(seconds, "cat"), prediction_of("cat", score))
    tracker.update(decision_at(0.3, "cat"), prediction_of("dog", 0.99))  # not the cat's frame
    [event] = tracker.finish()
    assert (event.frame, event.frame_seconds) == (1, 0.1)
    assert event.score == pytest.approx(0.95)


def test_update_starts_with_the_decision_s_score_until_a_frame_names_the_label_first():
    tracker = EventTracker()
    [start] = tracker.update(decision_at(0.0, "cat", score=0.9), prediction_of("dog", 0.6))
    assert (start.score, start.frame) == (0.9, 0)
    tracker.update(decision_at(0.1, "cat"), prediction_of("cat", 0.7))
    [end] = tracker.finish()
    assert (end.score, end.frame) == (pytest.approx(0.7), 1)


def test_update_without_a_prediction_ends_in_time():
    tracker = EventTracker()
    tracker.update(decision_at(0.0, "cat"), prediction_of("cat", 0.9))
    assert tracker.update(decision_at(1.0, UNKNOWN), None) == ()
    [event] = tracker.update(decision_at(2.0, UNKNOWN), None)
    assert event.end_seconds == 0.0


def test_rest_lets_an_event_go_on_whose_label_is_decided():
    tracker = EventTracker()
    tracker.update(decision_at(0.0, "cat"), prediction_of("cat", 0.9))
    assert [tracker.rest(float(seconds)) for seconds in range(1, 60)] == [()] * 59
    [event] = tracker.finish()
    assert event.end_seconds == 59.0


def test_rest_ends_an_event_in_a_gap():
    tracker = EventTracker()
    tracker.update(decision_at(0.0, "cat"), prediction_of("cat", 0.9))
    tracker.update(decision_at(0.1, "none"), prediction_of("none", 0.9))
    assert tracker.rest(1.0) == ()
    [event] = tracker.rest(2.0)
    assert event.end_seconds == 0.0


def test_finish_without_an_event():
    assert EventTracker().finish() == ()


def test_background_may_be_chosen():
    told = track(EventTracker(background=("cat",)), [(0, "cat"), (1, "none")])
    assert told == ["none from 1", "none 1 to 1"]


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf])
def test_tracker_refuses_a_gap_that_is_none(seconds):
    with pytest.raises(SettingError, match="gap between two events"):
        EventTracker(join_seconds=seconds)


labels = st.sampled_from([*LABELS, UNKNOWN])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 3), labels, st.floats(0.4, 1)), max_size=40))
def test_events_are_ordered_separate_and_made_of_decisions(steps):
    tracker, told, decided, seconds = EventTracker(), [], {}, 0.0
    for gap, label, score in steps:
        seconds += gap
        decided.setdefault(label, []).append(seconds)
        told += tracker.update(decision_at(seconds, label), prediction_of(label, score))
    told += tracker.finish()
    assert [event.end_seconds is None for event in told] == [True, False] * (len(told) // 2)
    ended = told[1::2]
    for start, end in zip(told[::2], ended, strict=True):
        assert (start.label, start.start_seconds) == (end.label, end.start_seconds)
        assert {end.start_seconds, end.end_seconds, end.frame_seconds} <= set(decided[end.label])
        assert end.start_seconds <= end.frame_seconds <= end.end_seconds
    for before, after in itertools.pairwise(ended):
        assert before.end_seconds < after.start_seconds
        if before.label == after.label:
            between = [*decided.get("cat", ()), *decided.get("dog", ())]
            gap = after.start_seconds - before.end_seconds
            other = any(before.end_seconds < t < after.start_seconds for t in between)
            assert gap >= 2.0 or other
