"""Clips run through a watcher, and the rules replayed on what it saw."""

import cv2
import numpy as np
import pytest
from clips import GREEN, RED, write_clip, write_picture
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.classifier import Classifier
from edge.decision import Decider
from edge.errors import DataError
from edge.events import EventTracker
from edge.evidence import EvidenceSpec
from edge.records import Frame, Picture
from edge.region import Region
from edge.replay.clips import find_clips
from edge.replay.recording import StillClock, record_clip
from edge.replay.rules import Rules, replay_rules, thin_recording
from edge.testing import FakeInterpreter, FakeSource, blank_frame, fake_model
from edge.watcher import Watcher

LABELS = ("cat", "dog", "none")
THRESHOLDS = (("cat", 0.6), ("dog", 0.6), ("none", 0.5))
RATE_HZ = 20.0
ROWS = {"c": (0.9, 0.05, 0.05), "d": (0.1, 0.8, 0.1), "n": (0.1, 0.1, 0.8), "?": (0.4, 0.3, 0.3)}


class Script:
    """Plays sensor and gate: a letter per frame; "x" is a dark picture, "-" one at rest."""

    def __init__(self, letters):
        self.letters = letters

    def judge(self, frame):
        return Picture.DARK if self.letters[frame.index] == "x" else Picture.LIVE

    def is_open(self, frame):
        return self.letters[frame.index] != "-"


def record(letters, evidence, *, region=None):
    rows = [ROWS[letter] for letter in letters if letter in ROWS] or [ROWS["n"]]
    script = Script(letters)
    watcher = Watcher(
        Classifier(fake_model(LABELS), FakeInterpreter(rows)),
        Decider(LABELS, thresholds=dict(THRESHOLDS), evidence=evidence),
        clock=StillClock(),
        sensor=script,
        gate=script,
        events=EventTracker(),
    )
    frames = [blank_frame(i, time_seconds=i / RATE_HZ) for i in range(len(letters))]
    return record_clip("a.mp4", FakeSource(frames), watcher, region=region)


def test_record_clip_keeps_what_was_seen_and_no_pixels():
    recording = record("nnx-cc", EvidenceSpec())
    assert [sight.picture.value for sight in recording.sights] == [
        *("live", "live", "dark", "live", "live", "live")
    ]
    assert [sight.is_resting for sight in recording.sights] == [False] * 3 + [True] + [False] * 2
    assert [sight.prediction is None for sight in recording.sights] == [
        *(False, False, True, True, False, False)
    ]
    assert recording.seconds == pytest.approx(6 / RATE_HZ)
    assert {sight.frame.pixels_bgr.size for sight in recording.sights} == {3}


def test_record_clip_reports_events_that_the_end_of_the_clip_ends():
    recording = record("nnnnn" + "c" * 40, EvidenceSpec())
    [event] = recording.events
    assert (event.label, event.end_seconds) == ("cat", 44 / RATE_HZ)


def test_record_clip_of_no_frames_has_no_length():
    assert record("", EvidenceSpec()).seconds == 0.0


def test_record_clip_shows_the_model_the_region_and_the_sensor_the_whole():
    half = np.zeros((8, 8, 3), np.uint8)
    half[:, 4:] = 255
    interpreter = FakeInterpreter([ROWS["n"]])
    seen = []

    class Sensor:
        def judge(self, frame):
            seen.append(frame.glance)
            return Picture.LIVE

    watcher = Watcher(
        Classifier(fake_model(LABELS), interpreter),
        Decider(LABELS, thresholds=dict(THRESHOLDS)),
        clock=StillClock(),
        sensor=Sensor(),
    )
    frames = [Frame(half, index, index / RATE_HZ, 0.0) for index in range(2)]
    record_clip("a", FakeSource(frames), watcher, region=Region((0.5, 0.0, 1.0, 1.0)))
    assert interpreter.seen[0].min() == 255
    assert (seen[0].thumbnail.min(), seen[0].thumbnail.max()) == (0, 255)
    assert [one.is_repeat for one in seen] == [False, True]


evidence_specs = st.sampled_from(
    [
        EvidenceSpec(),
        EvidenceSpec(rule="mean", votes=3, window=4, leave_seconds=0.2),
        EvidenceSpec(rule="consecutive", votes=2, hysteresis=0.3),
        EvidenceSpec(rule="decayed-sum", enough=1.5, cooldown_seconds=1.0),
        EvidenceSpec(votes=1, window=1, period_seconds=0.0, leave_seconds=0.0),
    ]
)


@given(st.text("cdn?x-", max_size=120), evidence_specs)
@settings(deadline=None)
def test_replayed_rules_report_what_the_watcher_reported(letters, evidence):
    recording = record(letters, evidence)
    assert replay_rules(recording, Rules(THRESHOLDS, evidence)) == recording.events


@given(st.text("cdn?x-", max_size=120))
@settings(deadline=None)
def test_rules_are_replayed_on_what_was_seen_not_on_what_was_decided(letters):
    one, other = EvidenceSpec(), EvidenceSpec(rule="mean", leave_seconds=0.2)
    expected = record(letters, other).events
    assert replay_rules(record(letters, one), Rules(THRESHOLDS, other)) == expected


@given(st.lists(st.sampled_from(["c" * 15, "n" * 15, "-" * 15, "x" * 15, "d" * 15]), max_size=8))
@settings(deadline=None)
def test_a_thin_recording_tells_the_same_story(parts):
    evidence = EvidenceSpec()
    recording = record("".join(parts), evidence)
    thin = thin_recording(recording, period_seconds=evidence.period_seconds)
    events = replay_rules(thin, Rules(THRESHOLDS, evidence))
    assert [event.label for event in events] == [event.label for event in recording.events]
    for event, exact in zip(events, recording.events, strict=True):
        assert abs(event.start_seconds - exact.start_seconds) <= evidence.period_seconds + 1e-6
    assert len(thin.sights) <= len(recording.sights)


def test_find_clips_lists_videos_and_folders_of_pictures(tmp_path):
    write_clip(tmp_path / "b.avi", [RED])
    write_picture(tmp_path / "a" / "1.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "labels.csv").write_text("clip")
    (tmp_path / ".hidden.mp4").write_text("")
    assert [clip.name for clip in find_clips(tmp_path)] == ["a", "b.avi"]


def test_find_clips_takes_a_single_one(tmp_path):
    path = write_clip(tmp_path / "b.avi", [RED])
    assert [clip.path for clip in find_clips(path)] == [path]
    write_picture(tmp_path / "frames" / "1.png")
    assert [clip.name for clip in find_clips(tmp_path / "frames")] == ["frames"]


def test_find_clips_says_so_when_pictures_lie_beside_clips(tmp_path, caplog):
    write_clip(tmp_path / "b.avi", [RED])
    write_picture(tmp_path / "1.png", GREEN)
    assert len(find_clips(tmp_path)) == 1
    assert "1 pictures beside the clips are left out" in caplog.text


def test_find_clips_refuses_what_holds_none(tmp_path):
    with pytest.raises(DataError, match=r"a folder without any.*mp4, avi"):
        find_clips(tmp_path)
    with pytest.raises(DataError, match="nothing there"):
        find_clips(tmp_path / "gone.mp4")


def test_frames_of_a_clip_are_all_looked_at(tmp_path):
    from edge.replay.session import open_clip

    write_clip(tmp_path / "b.avi", [RED] * 7)
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((8, 8, 3), np.uint8))
    [clip] = find_clips(tmp_path)
    source = open_clip(clip, clock=StillClock())
    count = 0
    while source.read() is not None:
        count += 1
    source.close()
    assert count == 7
