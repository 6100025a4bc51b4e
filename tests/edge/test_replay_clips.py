"""Clips run through a watcher, and the rules replayed on what it saw."""

from pathlib import Path

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
from edge.replay.playback import StillClock
from edge.replay.recording import Eyes, record_clip
from edge.replay.rules import Rules, replay_rules, thin_recording
from edge.testing import FakeInterpreter, FakeSource, blank_frame, fake_model, prediction
from edge.voting import Votes
from edge.watcher import Watcher

LABELS = ("cat", "dog", "none")
THRESHOLDS = (("cat", 0.6), ("dog", 0.6), ("none", 0.5))
RATE_HZ = 20.0
ROWS = {"c": (0.9, 0.05, 0.05), "d": (0.1, 0.8, 0.1), "n": (0.1, 0.1, 0.8), "?": (0.4, 0.3, 0.3)}
LETTERS = "cdn?CDN!x"


class Script:
    """Plays sensor, gate and model, a letter per frame.

    "x" is a dark picture; a capital letter, and "!" for "?", is a frame in which nothing moves.
    """

    reason = "it is night"

    def __init__(self, letters):
        self.letters = letters

    def judge(self, frame):
        return Picture.DARK if self.letters[frame.index] == "x" else Picture.LIVE

    def is_open(self, frame):
        return self.letters[frame.index] in "cdn?"

    def classify_frame(self, frame):
        letter = self.letters[frame.index].lower().replace("!", "?")
        return prediction(dict(zip(LABELS, ROWS[letter], strict=True)))


def frames_of(letters):
    return FakeSource([blank_frame(i, time_seconds=i / RATE_HZ) for i in range(len(letters))])


def record(letters, *, has_gate=True):
    script = Script(letters)
    eyes = Eyes(script, script, script if has_gate else None)
    return record_clip("a.mp4", frames_of(letters), eyes)


def watch(letters, evidence, *, has_gate=True):
    """Return the appearances that a watcher reports while it sees the clip itself."""
    script = Script(letters)
    watcher = Watcher(
        script,
        Decider(LABELS, thresholds=dict(THRESHOLDS), evidence=evidence),
        clock=StillClock(),
        sensor=script,
        gate=script if has_gate else None,
        events=EventTracker(),
    )
    source = frames_of(letters)
    events = []
    while (frame := source.read()) is not None:
        events += watcher.look(frame).events
    events += watcher.finish().events
    return tuple(event for event in events if event.end_seconds is not None)


def test_record_clip_asks_the_model_of_every_live_frame_and_keeps_no_pixels():
    recording = record("nnxNcc")
    assert [sight.picture.value for sight in recording.sights] == [
        *("live", "live", "dark", "live", "live", "live")
    ]
    assert [sight.is_still for sight in recording.sights] == [False] * 3 + [True] + [False] * 2
    assert [sight.prediction is None for sight in recording.sights] == [
        *(False, False, True, False, False, False)
    ]
    assert recording.seconds == pytest.approx(6 / RATE_HZ)
    assert {sight.frame.pixels_bgr.size for sight in recording.sights} == {3}


def test_record_clip_of_no_frames_has_no_length():
    assert record("").seconds == 0.0


def test_record_clip_shows_the_model_the_region_and_the_sensor_the_whole():
    half = np.zeros((8, 8, 3), np.uint8)
    half[:, 4:] = 255
    interpreter = FakeInterpreter([ROWS["n"]])
    seen = []

    class Sensor:
        reason = ""

        def judge(self, frame):
            seen.append(frame.glance)
            return Picture.LIVE

    eyes = Eyes(Classifier(fake_model(LABELS), interpreter), Sensor())
    frames = [Frame(half, index, index / RATE_HZ, 0.0) for index in range(2)]
    record_clip("a", FakeSource(frames), eyes, region=Region((0.5, 0.0, 1.0, 1.0)))
    assert interpreter.seen[0].min() == 255
    assert (seen[0].thumbnail.min(), seen[0].thumbnail.max()) == (0, 255)
    assert [one.is_repeat for one in seen] == [False, True]


def test_an_event_that_goes_on_ends_with_the_clip():
    [event] = replay_rules(record("nnnnn" + "c" * 40), Rules(THRESHOLDS, EvidenceSpec()))
    assert (event.label, event.end_seconds) == ("cat", 44 / RATE_HZ)


def test_what_one_look_brought_up_is_decided_though_the_scene_is_still():
    """Under rules that believe the first look the model rests then, under others it is asked."""
    recording = record("nnnnnnc" + "C" * 60)
    slow = EvidenceSpec(votes=5, window=5)
    quick = EvidenceSpec(votes=1, window=1, period_seconds=0.0, leave_seconds=0.0)
    assert [event.start_seconds for event in replay_rules(recording, Rules(THRESHOLDS, slow))]
    [event] = replay_rules(recording, Rules(THRESHOLDS, quick))
    assert event.start_seconds == 6 / RATE_HZ


evidence_specs = st.sampled_from(
    [
        EvidenceSpec(),
        EvidenceSpec(rule="mean", votes=3, window=4, leave_seconds=0.2),
        EvidenceSpec(rule="consecutive", votes=2, hysteresis=0.3),
        EvidenceSpec(rule="decayed-sum", enough=1.5, cooldown_seconds=1.0),
        EvidenceSpec(votes=1, window=1, period_seconds=0.0, leave_seconds=0.0),
        EvidenceSpec(enter_seconds=0.3, longest_gap_seconds=0.5),
    ]
)
scenes = st.one_of(
    st.text(LETTERS, max_size=120),
    st.lists(
        st.tuples(st.sampled_from(LETTERS), st.integers(1, 50)).map(lambda run: run[0] * run[1]),
        max_size=8,
    ).map("".join),
)


@given(scenes, evidence_specs, st.booleans())
@settings(deadline=None)
def test_replayed_rules_report_what_the_watcher_reports(letters, evidence, has_gate):
    recording = record(letters, has_gate=has_gate)
    expected = watch(letters, evidence, has_gate=has_gate)
    assert replay_rules(recording, Rules(THRESHOLDS, evidence)) == expected


def test_the_rules_decide_which_frames_the_watcher_shows_to_the_model():
    """So that the property above is not met by scenes in which nothing depends on it."""
    letters, asked = "nnnnnnc" + "C" * 30, []
    for evidence in (EvidenceSpec(votes=5, window=5), EvidenceSpec(votes=1, window=1)):
        script = Script(letters)
        classify, frames = script.classify_frame, []
        script.classify_frame = lambda frame, c=classify, f=frames: (
            f.append(frame.index) or c(frame)
        )
        decider = Decider(LABELS, thresholds=dict(THRESHOLDS), evidence=evidence)
        watcher = Watcher(script, decider, clock=StillClock(), gate=script)
        for index in range(len(letters)):
            watcher.look(blank_frame(index, time_seconds=index / RATE_HZ))
        asked.append(len(frames))
    assert asked[0] != asked[1]


long_scenes = st.lists(
    st.sampled_from([letter * 15 for letter in "cndCNDx"]), max_size=8
).map("".join)  # fmt: skip


@given(long_scenes, st.integers(0, 9))
@settings(deadline=None)
def test_a_thin_recording_tells_the_same_story(letters, offset):
    evidence = EvidenceSpec()
    recording = record("n" * offset + letters)
    thin = thin_recording(recording, period_seconds=evidence.period_seconds)
    rules = Rules(THRESHOLDS, evidence)
    events, expected = replay_rules(thin, rules), replay_rules(recording, rules)
    assert [event.label for event in events] == [event.label for event in expected]
    for event, exact in zip(events, expected, strict=True):
        assert abs(event.start_seconds - exact.start_seconds) <= evidence.period_seconds + 1e-6


@given(scenes, evidence_specs)
@settings(deadline=None)
def test_a_thin_recording_leaves_out_no_vote(letters, evidence):
    recording = record(letters)
    thin = thin_recording(recording, period_seconds=evidence.period_seconds)
    assert find_votes(recording, evidence) <= {sight.frame.index for sight in thin.sights}


def find_votes(recording, evidence):
    """Return the frames whose predictions are votes under some rules."""
    found = set()

    class Noting(Votes):
        def add(self, scores, now):
            is_vote = super().add(scores, now)
            if is_vote:
                found.add(round(now.time_seconds * RATE_HZ))
            return is_vote

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.decision.Votes", Noting)
        replay_rules(recording, Rules(THRESHOLDS, evidence))
    return found


def test_a_thin_recording_is_thinner():
    recording = record("n" * 100 + "N" * 100)
    thin = thin_recording(recording, period_seconds=0.1)
    assert len(thin.sights) < 110
    assert thin_recording(recording, period_seconds=0.0).sights == recording.sights


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


def test_find_clips_hides_the_password_of_an_address():
    with pytest.raises(DataError, match=r"rtsp://\*\*\*@door/1: nothing there"):
        find_clips(Path("rtsp://me:secret@door/1"))


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
