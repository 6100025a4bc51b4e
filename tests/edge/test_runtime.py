import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.classifier import Classifier
from edge.decision import Decider
from edge.errors import SourceError
from edge.events import EventTracker
from edge.evidence import EvidenceSpec
from edge.records import Decision, Event, Look, Offline, Picture
from edge.runtime import DurationHistogram, Tally, run
from edge.testing import (
    EVERY_FRAME,
    FakeInterpreter,
    FakeSource,
    ManualClock,
    RecordingFollower,
    blank_frame,
    fake_model,
)
from edge.watcher import Watcher

LABELS = ("cat", "none")
CAT, NONE = (0.9, 0.1), (0.1, 0.9)
LOST = SourceError("A camera must stay", received="nothing", fix="Plug it in")
AWAY = Offline("unplugged", since_seconds=0.0)


def make_watcher(rows=(CAT,), *, clock=None, evidence=EVERY_FRAME, **parts):
    classifier = Classifier(fake_model(LABELS), FakeInterpreter(rows))
    decider = Decider(LABELS, thresholds=dict.fromkeys(LABELS, 0.5), evidence=evidence)
    return Watcher(classifier, decider, clock=clock or ManualClock(), **parts)


def labels_of(action):
    return [look.decision.label for look in action.handled]


def test_run_hands_every_look_to_every_action_in_order():
    source = FakeSource([blank_frame(index) for index in range(3)])
    first, second = RecordingFollower(), RecordingFollower()
    run(source, make_watcher([CAT, NONE, CAT]), [first, second], clock=ManualClock())
    assert labels_of(first) == ["cat", "none", "cat"]
    assert first.handled == second.handled


def test_run_closes_nothing():
    source, action = FakeSource([blank_frame(0)]), RecordingFollower()
    classifier = Classifier(fake_model(LABELS), interpreter := FakeInterpreter([CAT]))
    decider = Decider(LABELS, thresholds=dict.fromkeys(LABELS, 0.5))
    clock = ManualClock()
    run(source, Watcher(classifier, decider, clock=clock), [action], clock=clock)
    assert [source.is_closed, action.is_closed, interpreter.is_closed] == [False] * 3


def test_run_stops_after_max_frames_and_reads_no_further():
    endless = (blank_frame(index) for index in itertools.count())
    summary = run(FakeSource(endless), make_watcher(), [], clock=ManualClock(), max_frames=7)
    assert summary.frames_classified == 7
    assert next(endless).index == 7


def test_run_stops_when_it_is_told_to():
    answers = iter([False, False, True])
    endless = FakeSource(blank_frame(index) for index in itertools.count())
    summary = run(endless, make_watcher(), [], clock=ManualClock(), until=lambda: next(answers))
    assert summary.frames_classified == 2


def test_run_lets_the_loss_of_a_source_through_and_a_tally_keeps_the_count():
    source = FakeSource([blank_frame(0), blank_frame(1), LOST])
    tally = Tally(clock := ManualClock())
    with pytest.raises(SourceError, match="must stay"):
        run(source, make_watcher(), [tally], clock=clock)
    assert tally.summary().frames_classified == 2


@pytest.mark.parametrize("script", [[blank_frame(0)], [blank_frame(0), LOST]])
def test_run_ends_the_events_that_go_on(script):
    action = RecordingFollower()
    watcher = make_watcher(events=EventTracker())
    try:
        run(FakeSource(script), watcher, [action], clock=ManualClock())
    except SourceError:
        assert LOST in script
    first, last = action.handled
    assert [event.end_seconds for event in (*first.events, *last.events)] == [None, 0.0]
    assert (last.frame, last.decision) == (None, None)


def test_run_classifies_no_more_than_max_fps():
    clock = ManualClock()
    starts = []

    def frames():
        for index in range(10):
            starts.append(clock.monotonic())
            clock.advance(0.01)  # the camera's next frame
            yield blank_frame(index, captured_seconds=clock.monotonic())

    run(FakeSource(frames()), make_watcher(clock=clock), [], clock=clock, max_fps=5)
    assert np.diff(starts) == pytest.approx([0.2] * 9)


def test_run_does_not_wait_for_looks_without_the_model():
    clock = ManualClock()
    run(FakeSource([AWAY] * 5), make_watcher(clock=clock), [], clock=clock, max_fps=5)
    assert clock.waits == []


class FailingAction(RecordingFollower):
    """Fails with what stands in its script for a look; keeps the others."""

    def __init__(self, *script):
        super().__init__()
        self._script = iter(script)

    def handle(self, look):
        error = next(self._script, None)
        if error is not None:
            raise error
        super().handle(look)


def test_run_goes_on_with_all_actions_when_one_fails(caplog):
    full = OSError("No space left")
    failing, after = FailingAction(None, full, full, KeyError("x"), None, full), RecordingFollower()
    source = FakeSource([blank_frame(index) for index in range(7)])
    summary = run(source, make_watcher(), [failing, after], clock=ManualClock())
    assert [look.frame.index for look in failing.handled] == [0, 4, 6]
    assert len(after.handled) == 7
    assert (summary.frames_classified, summary.failures) == (7, 4)
    assert caplog.messages == [
        "FailingAction: failed, the run goes on (OSError: No space left)",
        "FailingAction: failed, the run goes on (KeyError: 'x')",
    ]


def test_run_logs_a_failure_that_stays_every_ten_minutes(caplog):
    clock = ManualClock()

    def frames():
        for index in range(24):
            yield blank_frame(index, captured_seconds=clock.monotonic())
            clock.advance(60.0)

    failing = FailingAction(*[OSError("No space left")] * 24)
    summary = run(FakeSource(frames()), make_watcher(clock=clock), [failing], clock=clock)
    assert (summary.failures, len(caplog.messages)) == (24, 3)


def test_run_ends_events_though_an_action_fails_at_the_end():
    action = RecordingFollower()
    watcher = make_watcher(events=EventTracker())
    failing = FailingAction(None, ValueError("late"))
    summary = run(FakeSource([blank_frame(0)]), watcher, [failing, action], clock=ManualClock())
    assert [event.end_seconds for event in action.handled[-1].events] == [0.0]
    assert summary.failures == 1


def test_run_lets_an_interrupt_of_an_action_through():
    with pytest.raises(KeyboardInterrupt):
        run(
            FakeSource([blank_frame(0)]),
            make_watcher(),
            [FailingAction(KeyboardInterrupt())],
            clock=ManualClock(),
        )


def test_run_counts_with_the_tally_among_the_actions():
    tally = Tally(clock := ManualClock())
    source = FakeSource([blank_frame(0), blank_frame(1)])
    summary = run(source, make_watcher(), [FailingAction(LOST), tally], clock=clock)
    assert summary == tally.summary()
    assert (tally.frames_classified, tally.failures) == (2, 1)


def test_run_sums_up():
    clock = ManualClock(100.0)

    def frames():
        for index in (0, 1, 4, 5):  # two were dropped
            clock.advance(0.5)
            yield blank_frame(index, captured_seconds=clock.monotonic() - 0.02)

    watcher = make_watcher([CAT, CAT, NONE], clock=clock)
    summary = run(FakeSource(frames()), watcher, [], clock=clock)
    assert summary.frames_captured == 6
    assert summary.frames_classified == summary.decisions == 4
    assert summary.frames_dropped == 2
    assert summary.seconds == pytest.approx(1.52)
    assert summary.fps == pytest.approx(4 / 1.52)
    assert summary.age_ms.p50 == pytest.approx(20.0, rel=0.01)
    assert summary.age_ms.p99 == pytest.approx(20.0, rel=0.01)
    assert summary.decided == {"cat": 2, "none": 2}


def test_run_of_an_empty_source_has_a_summary_too():
    summary = run(FakeSource([]), make_watcher(), [], clock=ManualClock())
    assert (summary.frames_captured, summary.frames_dropped, summary.fps) == (0, 0, 0.0)
    assert summary.age_ms is None
    assert summary.decided == {}


def test_run_smooths_over_frames():
    source = FakeSource([blank_frame(index) for index in range(4)])
    action = RecordingFollower()
    evidence = EvidenceSpec(votes=2, window=3, period_seconds=0.0, hysteresis=0, leave_seconds=0)
    watcher = make_watcher([CAT, NONE, CAT, CAT], evidence=evidence)
    run(source, watcher, [action], clock=ManualClock())
    assert labels_of(action) == ["unknown", "unknown", "cat", "cat"]


def make_look(index, label="cat", **changes):
    decision = Decision(label, 0.9, frame=index, time_seconds=0.0, age_ms=10.0)
    return Look(Picture.LIVE, blank_frame(index), decision=decision, **changes)


def test_tally_names_the_most_frequent_label_first():
    tally = Tally(ManualClock())
    for frame, label in enumerate(["unknown", "cat", "cat"]):
        tally.handle(make_look(frame, label))
    assert list(tally.summary().decided) == ["cat", "unknown"]


def test_tally_counts_each_captured_frame_once():
    tally = Tally(ManualClock())
    prediction = make_watcher().look(blank_frame()).prediction
    tally.handle(make_look(0, prediction=prediction))
    tally.handle(make_look(3))
    tally.handle(Look(Picture.LIVE, blank_frame(4), is_resting=True))
    summary = tally.summary()
    assert summary.frames_captured == 5
    assert summary.frames_classified == summary.frames_unusable == summary.frames_resting == 1
    assert summary.frames_dropped == 2
    assert summary.decisions == 2


def test_frames_that_a_resting_source_passed_over_count_as_resting():
    tally = Tally(ManualClock())
    for index in (0, 3, 6):
        tally.handle(Look(Picture.LIVE, blank_frame(index), is_resting=True))
    tally.handle(make_look(9))  # what came before was passed over, ...
    tally.handle(make_look(12))  # ... and this time dropped
    summary = tally.summary()
    assert (summary.frames_resting, summary.frames_dropped) == (9, 2)


def test_tally_counts_starts_of_events_and_outages():
    tally = Tally(ManualClock())
    start = Event("cat", 0.0, None, 0.9, 0, 0.0)
    end = Event("cat", 0.0, 1.0, 0.9, 0, 0.0)
    away = Look(Picture.OFFLINE, reason="unplugged")
    for look in (away, away, make_look(0, events=(start,)), away, away):
        tally.handle(look)
    tally.handle(Look(Picture.OFFLINE, events=(end,)))
    assert (tally.events, tally.outages) == (1, 2)


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
