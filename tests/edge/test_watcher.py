"""What is believed of a frame, and what keeps a frame from being decided on."""

import dataclasses

import pytest

from edge.classifier import Classifier
from edge.decision import Decider
from edge.events import EventTracker
from edge.evidence import EvidenceSpec
from edge.records import Offline, Picture
from edge.testing import EVERY_FRAME, FakeInterpreter, ManualClock, blank_frame, fake_model
from edge.watcher import Watcher

LABELS = ("cat", "none")
CAT, NONE = (0.9, 0.1), (0.1, 0.9)
AWAY = Offline("unplugged", since_seconds=0.0)


class Sensor:
    """Calls pictures by their brightness."""

    reason = "it is night"

    def judge(self, frame):
        return Picture.DARK if frame.pixels_bgr.mean() < 10 else Picture.LIVE


class Gate:
    """Is open for frames with even numbers."""

    def is_open(self, frame):
        return frame.index % 2 == 0


def open_watcher(rows=(CAT,), *, evidence=EVERY_FRAME, **parts):
    clock = parts.setdefault("clock", ManualClock())
    interpreter = FakeInterpreter(rows)
    decider = Decider(LABELS, thresholds=dict.fromkeys(LABELS, 0.5), evidence=evidence)
    watcher = Watcher(Classifier(fake_model(LABELS), interpreter), decider, **parts)
    return watcher, clock, interpreter


def test_a_good_frame_is_classified_and_decided_on():
    watcher, _, interpreter = open_watcher()
    look = watcher.look(blank_frame(3, grey=70))
    assert look.picture is Picture.LIVE
    assert (look.decision.label, look.prediction.top_label) == ("cat", "cat")
    assert look.frame.index == look.decision.frame == 3
    assert [int(pixels.mean()) for pixels in interpreter.seen] == [70]


def test_what_the_lens_has_fitted_is_not_fitted_again():
    watcher, _, interpreter = open_watcher()
    fitted = blank_frame(grey=9).pixels_bgr
    watcher.look(dataclasses.replace(blank_frame(grey=70), fitted=fitted))
    assert [int(pixels.mean()) for pixels in interpreter.seen] == [9]


def test_an_unusable_picture_is_not_shown_to_the_model():
    watcher, _, interpreter = open_watcher(sensor=Sensor())
    look = watcher.look(blank_frame(grey=5))
    assert (look.picture, look.decision.picture) == (Picture.DARK, Picture.DARK)
    assert (look.decision.label, look.prediction, look.reason) == ("unknown", None, "it is night")
    assert interpreter.seen == []


def test_an_unusable_picture_clears_the_evidence():
    evidence = EvidenceSpec(votes=2, window=2, period_seconds=0, hysteresis=0, leave_seconds=0)
    watcher, _, _ = open_watcher(evidence=evidence, sensor=Sensor())
    greys = [70, 70, 5, 70, 70]
    said = [watcher.look(blank_frame(i, grey=grey)).decision.label for i, grey in enumerate(greys)]
    assert said == ["unknown", "cat", "unknown", "unknown", "cat"]


@pytest.mark.parametrize("age_seconds", [1.01, 3600.0])
def test_a_frame_that_is_old_before_the_model_is_not_shown_to_it(age_seconds):
    watcher, _, interpreter = open_watcher(clock=ManualClock(age_seconds))
    look = watcher.look(blank_frame())
    assert (look.decision.label, look.prediction) == ("unknown", None)
    assert look.reason == f"the frame is {age_seconds:.1f} s old"
    assert interpreter.seen == []


class SlowInterpreter(FakeInterpreter):
    """Takes time."""

    def __init__(self, clock, seconds):
        super().__init__([CAT])
        self._clock, self._seconds = clock, seconds

    def invoke(self):
        super().invoke()
        self._clock.advance(self._seconds)


@pytest.mark.parametrize(("seconds", "label"), [(0.99, "cat"), (1.01, "unknown")])
def test_a_frame_that_is_old_after_the_model_is_not_decided_on(seconds, label):
    clock = ManualClock()
    classifier = Classifier(fake_model(LABELS), SlowInterpreter(clock, seconds))
    decider = Decider(LABELS, thresholds=dict.fromkeys(LABELS, 0.5), evidence=EVERY_FRAME)
    look = Watcher(classifier, decider, clock=clock).look(blank_frame())
    assert look.decision.label == label
    assert bool(look.reason) == (label == "unknown")


class RunningClock(ManualClock):
    """Goes on between any two looks at it."""

    def monotonic(self):
        self.advance(0.2)
        return super().monotonic()


def test_no_label_is_told_with_an_age_beyond_the_limit():
    told = []
    for tenths in range(20):
        watcher, _, _ = open_watcher(clock=RunningClock(tenths / 10))
        told.append(watcher.look(blank_frame()).decision)
    assert {decision.label for decision in told} == {"cat", "unknown"}
    assert all(decision.age_ms <= 1000 for decision in told if decision.label == "cat")


def test_a_recording_that_nobody_watches_live_has_no_old_frames():
    watcher, _, _ = open_watcher(clock=ManualClock(3600.0), longest_age_seconds=None)
    assert watcher.look(blank_frame()).decision.label == "cat"


def test_a_still_picture_is_spared_and_the_belief_held():
    watcher, _, interpreter = open_watcher([CAT, NONE], gate=Gate(), events=EventTracker())
    first, second, third = (watcher.look(blank_frame(index)) for index in range(3))
    assert (first.is_resting, second.is_resting) == (False, True)
    assert (second.decision, second.prediction) == (None, None)
    assert len(interpreter.seen) == 2
    assert third.decision.label == "none"


class RarelyOpen:
    """Is open for the frames that are named, whatever moves."""

    def __init__(self, *indices):
        self.indices = indices

    def is_open(self, frame):
        return frame.index in self.indices


def test_what_one_look_at_a_still_scene_brings_up_is_looked_at_until_it_is_decided():
    watcher, _, interpreter = open_watcher(
        (NONE, NONE, NONE, CAT), evidence=EvidenceSpec(), gate=RarelyOpen(0, 1, 2, 10)
    )
    looks = [watcher.look(blank_frame(i, time_seconds=i / 10)) for i in range(30)]
    labels = [look.decision.label if look.decision else None for look in looks]
    assert labels[:9] == ["unknown", "unknown", "none"] + 6 * [None]
    assert labels[10:12] == ["none", "none"]  # the first look that says otherwise, and the next
    entered = labels.index("cat")
    assert entered <= 20  # three votes of five, and half a second until "none" is given up
    assert labels[entered + 1 :] == [None] * (29 - entered)
    assert len(interpreter.seen) == 3 + entered - 9


def test_a_spike_on_a_still_scene_is_looked_at_again_and_forgotten():
    watcher, _, _ = open_watcher(
        (NONE, NONE, NONE, CAT, NONE), evidence=EvidenceSpec(), gate=RarelyOpen(0, 1, 2, 10)
    )
    looks = [watcher.look(blank_frame(i, time_seconds=i / 10)) for i in range(15)]
    labels = [look.decision.label if look.decision else None for look in looks]
    assert labels[10:] == ["none", "none", None, None, None]


def test_an_event_lasts_while_nothing_moves():
    watcher, _, _ = open_watcher(gate=Gate(), events=EventTracker())
    (started,) = watcher.look(blank_frame(0)).events
    for index in (1, 3, 5):
        assert watcher.look(blank_frame(index, time_seconds=10.0 * index)).events == ()
    (ended,) = watcher.finish().events
    assert (started.end_seconds, ended.end_seconds) == (None, 50.0)


def test_offline_has_a_reason_and_no_decision():
    watcher, _, _ = open_watcher()
    look = watcher.look(AWAY)
    assert (look.picture, look.frame, look.decision) == (Picture.OFFLINE, None, None)
    assert look.reason == "unplugged"


def test_what_was_seen_before_an_outage_does_not_count_after_it():
    evidence = EvidenceSpec(votes=2, window=2, period_seconds=0, hysteresis=0, leave_seconds=0)
    watcher, _, _ = open_watcher(evidence=evidence)
    script = [blank_frame(0), blank_frame(1), AWAY, blank_frame(2), blank_frame(3)]
    decisions = [watcher.look(seen).decision for seen in script]
    said = [None if decision is None else decision.label for decision in decisions]
    assert said == ["unknown", "cat", None, "unknown", "cat"]


def test_an_event_ends_in_a_long_outage_at_its_last_decision():
    watcher, clock, _ = open_watcher(events=EventTracker(join_seconds=2.0))
    watcher.look(blank_frame(0, time_seconds=5.0))
    ended = []
    for _ in range(5):
        clock.advance(1.0)
        ended += watcher.look(AWAY).events
    assert [(event.start_seconds, event.end_seconds) for event in ended] == [(5.0, 5.0)]
    assert watcher.finish().events == ()


def test_an_event_goes_on_after_a_short_outage():
    watcher, clock, _ = open_watcher(events=EventTracker(join_seconds=2.0))
    watcher.look(blank_frame(0, time_seconds=5.0))
    clock.advance(0.5)
    assert watcher.look(AWAY).events == ()
    assert watcher.look(blank_frame(1, time_seconds=6.0, captured_seconds=0.5)).events == ()


def test_an_outage_before_the_first_frame_is_no_event():
    watcher, _, _ = open_watcher(events=EventTracker())
    assert watcher.look(AWAY).events == ()
    assert watcher.finish().picture is Picture.OFFLINE
