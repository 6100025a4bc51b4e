import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.classifier import Classifier
from edge.decision import Decider
from edge.errors import SourceError
from edge.records import Decision
from edge.runtime import DurationHistogram, Tally, run
from edge.testing import (
    FakeInterpreter,
    FakeSource,
    ManualClock,
    RecordingAction,
    blank_frame,
    fake_model,
)

LABELS = ("cat", "none")
CAT, NONE = (0.9, 0.1), (0.1, 0.9)
LOST = SourceError("A camera must stay", received="nothing", fix="Plug it in")


def make_parts(rows=(CAT,), *, votes=1, window=1):
    classifier = Classifier(fake_model(LABELS), FakeInterpreter(rows))
    thresholds = dict.fromkeys(LABELS, 0.5)
    return classifier, Decider(LABELS, thresholds=thresholds, votes=votes, window=window)


def make_decision(**changes):
    decision = Decision("cat", 0.9, frame=0, time_seconds=0.0, age_ms=10.0)
    return dataclasses.replace(decision, **changes)


def test_run_hands_every_decision_to_every_action_in_order():
    source = FakeSource([blank_frame(index) for index in range(3)])
    first, second = RecordingAction(), RecordingAction()
    run(source, *make_parts([CAT, NONE, CAT]), [first, second], clock=ManualClock())
    assert [decision.label for decision in first.handled] == ["cat", "none", "cat"]
    assert first.handled == second.handled


def test_run_classifies_the_pixels_of_the_frames():
    classifier = Classifier(fake_model(LABELS), interpreter := FakeInterpreter([CAT]))
    source = FakeSource([blank_frame(index, grey=10 * index) for index in range(3)])
    run(source, classifier, make_parts()[1], [], clock=ManualClock())
    assert [int(pixels.mean()) for pixels in interpreter.seen] == [0, 10, 20]


def test_run_closes_nothing():
    source, action = FakeSource([blank_frame(0)]), RecordingAction()
    classifier = Classifier(fake_model(LABELS), interpreter := FakeInterpreter([CAT]))
    run(source, classifier, make_parts()[1], [action], clock=ManualClock())
    assert [source.is_closed, action.is_closed, interpreter.is_closed] == [False] * 3


def test_run_stops_after_max_frames_and_reads_no_further():
    endless = (blank_frame(index) for index in itertools.count())
    summary = run(FakeSource(endless), *make_parts(), [], clock=ManualClock(), max_frames=7)
    assert summary.frames_classified == 7
    assert next(endless).index == 7


def test_run_stops_when_it_is_told_to():
    answers = iter([False, False, True])
    endless = FakeSource(blank_frame(index) for index in itertools.count())
    summary = run(endless, *make_parts(), [], clock=ManualClock(), until=lambda: next(answers))
    assert summary.frames_classified == 2


def test_run_lets_the_loss_of_a_source_through_and_a_tally_keeps_the_count():
    source = FakeSource([blank_frame(0), blank_frame(1), LOST])
    tally = Tally(clock := ManualClock())
    with pytest.raises(SourceError, match="must stay"):
        run(source, *make_parts(), [tally], clock=clock)
    assert tally.summary().frames_classified == 2


def test_run_sums_up():
    clock = ManualClock(100.0)

    def frames():
        for index in (0, 1, 4, 5):  # two were dropped
            clock.advance(0.5)
            yield blank_frame(index, captured_seconds=clock.monotonic() - 0.02)

    summary = run(FakeSource(frames()), *make_parts([CAT, CAT, NONE]), [], clock=clock)
    assert summary.frames_captured == 6
    assert summary.frames_classified == summary.decisions == 4
    assert summary.frames_dropped == 2
    assert summary.seconds == pytest.approx(1.52)
    assert summary.fps == pytest.approx(4 / 1.52)
    assert summary.age_ms.p50 == pytest.approx(20.0, rel=0.01)
    assert summary.age_ms.p99 == pytest.approx(20.0, rel=0.01)
    assert summary.decided == {"cat": 2, "none": 2}


def test_run_of_an_empty_source_has_a_summary_too():
    summary = run(FakeSource([]), *make_parts(), [], clock=ManualClock())
    assert (summary.frames_captured, summary.frames_dropped, summary.fps) == (0, 0, 0.0)
    assert summary.age_ms is None
    assert summary.decided == {}


def test_run_smooths_over_frames():
    source = FakeSource([blank_frame(index) for index in range(4)])
    action = RecordingAction()
    parts = make_parts([CAT, NONE, CAT, CAT], votes=2, window=3)
    run(source, *parts, [action], clock=ManualClock())
    assert [decision.label for decision in action.handled] == ["unknown", "unknown", "cat", "cat"]


def test_tally_names_the_most_frequent_label_first():
    tally = Tally(ManualClock())
    for frame, label in enumerate(["unknown", "cat", "cat"]):
        tally.handle(make_decision(label=label, frame=frame))
    assert list(tally.summary().decided) == ["cat", "unknown"]


def test_tally_is_an_action():
    tally = Tally(ManualClock())
    tally.close()
    tally.close()
    assert tally.frames_dropped == 0


durations_ms = st.lists(st.floats(0.011, 900_000.0), min_size=1, max_size=200)


@settings(max_examples=50, deadline=None)
@given(durations_ms, st.sampled_from([1, 50, 90, 99, 100]))
def test_histogram_is_right_to_one_percent(durations, share):
    histogram = DurationHistogram()
    for duration_ms in durations:
        histogram.add(duration_ms)
    exact = np.percentile(durations, share, method="inverted_cdf")
    assert histogram.percentile(share) == pytest.approx(exact, rel=0.0101)


@pytest.mark.parametrize("duration_ms", [0.0, 1e-9, -1.0, 1e12, float("inf")])
def test_histogram_takes_what_lies_outside(duration_ms):
    histogram = DurationHistogram()
    histogram.add(duration_ms)
    assert 0.005 < histogram.percentile(50) < 1_100_000


def test_histogram_without_durations():
    assert DurationHistogram().percentile(99) == 0.0


def test_histogram_does_not_grow():
    histogram = DurationHistogram()
    size = len(histogram._counts)
    for milliseconds in range(1, 20_000, 7):
        histogram.add(milliseconds / 3)
    assert len(histogram._counts) == size < 2000
