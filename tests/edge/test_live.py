"""What `edge run` writes: JSON lines, lines for logs, the summary."""

import dataclasses
import json

import pytest

from edge.cli import live
from edge.records import Decision, Event, Look, Picture
from edge.runtime import Percentiles, RunSummary, Tally
from edge.testing import ManualClock, RecordingFollower, blank_frame

CAT = Decision("cat", 0.9312345678, frame=42, time_seconds=1.4, age_ms=17.1234567)
UNKNOWN = Decision("unknown", 0.31, frame=43, time_seconds=1.5, age_ms=9.0)
DARK = dataclasses.replace(UNKNOWN, frame=44, time_seconds=1.6, picture=Picture.DARK)
STARTED = Event("cat", 1.4, None, 0.9312345678, 42, 1.4)
ENDED = dataclasses.replace(STARTED, end_seconds=4.6000001, score=0.98, frame=60, frame_seconds=2)
OFFLINE = Look(Picture.OFFLINE, reason="unplugged")
SUMMARY = RunSummary(
    frames_captured=300,
    frames_classified=140,
    frames_dropped=60,
    frames_resting=90,
    frames_unusable=10,
    seconds=10.0,
    fps=14.0,
    age_ms=Percentiles(p50=12.3456, p99=40.1),
    decisions=150,
    decided={"none": 120, "cat": 30},
    events=1,
    outages=2,
    failures=3,
)
EMPTY = RunSummary(0, 0, 0, 0, 0, 0.0, 0.0, None, 0, {}, 0, 0)


def look_at(decision, **changes):
    frame = blank_frame(decision.frame, time_seconds=decision.time_seconds, captured_seconds=-0.009)
    return Look(decision.picture, frame, decision=decision, **changes)


def json_of(capsys, *looks):
    display = live.JsonLines()
    for look in looks:
        display.handle(look)
    display.close()
    captured = capsys.readouterr()
    assert captured.err == ""
    return [json.loads(line) for line in captured.out.splitlines()]


def test_a_decision_is_the_documented_line_of_json(capsys):
    assert json_of(capsys, look_at(CAT)) == [
        {
            "type": "decision",
            "label": "cat",
            "score": 0.931235,
            "frame": 42,
            "time_seconds": 1.4,
            "age_ms": 17.123,
            "picture": "live",
        }
    ]


def test_an_event_is_a_line_of_json_at_its_start_and_at_its_end(capsys):
    looks = (look_at(CAT, events=(STARTED,)), Look(Picture.LIVE, events=(ENDED,)))
    _, started, ended = json_of(capsys, *looks)
    assert started == {
        "type": "event",
        "phase": "start",
        "label": "cat",
        "score": 0.931235,
        "start_seconds": 1.4,
        "end_seconds": None,
        "frame": 42,
        "frame_seconds": 1.4,
    }
    assert (ended["phase"], ended["end_seconds"], ended["frame"]) == ("end", 4.6, 60)


def test_the_picture_is_a_line_of_json_when_its_state_changes(capsys):
    looks = (look_at(CAT), look_at(DARK), look_at(DARK), OFFLINE, OFFLINE, look_at(CAT))
    records = [line for line in json_of(capsys, *looks) if line["type"] == "picture"]
    assert records == [
        {"type": "picture", "picture": "dark", "time_seconds": 1.6, "reason": ""},
        {"type": "picture", "picture": "offline", "time_seconds": None, "reason": "unplugged"},
        {"type": "picture", "picture": "live", "time_seconds": 1.4, "reason": ""},
    ]


def test_nothing_is_written_of_a_still_picture(capsys):
    assert json_of(capsys, Look(Picture.LIVE, blank_frame(), is_resting=True)) == []


def test_a_display_that_nobody_reads_any_more_ends_the_run():
    class Unread(RecordingFollower):
        def handle(self, look):
            raise BrokenPipeError

    ended = []
    unread = Unread()
    display = live.Display(unread, when_unread=lambda: ended.append(True))
    display.handle(look_at(CAT))
    display.close()
    assert (ended, unread.is_closed) == ([True], True)


def test_a_display_that_is_read_gets_each_look():
    shown = RecordingFollower()
    live.Display(shown, when_unread=pytest.fail).handle(OFFLINE)
    assert shown.handled == [OFFLINE]


def test_the_json_summary_is_the_documented_one(capsys):
    live.emit_summary(SUMMARY, model_sha256="ab" * 32)
    assert json.loads(capsys.readouterr().out) == {
        "type": "summary",
        "frames_captured": 300,
        "frames_classified": 140,
        "frames_dropped": 60,
        "frames_resting": 90,
        "frames_unusable": 10,
        "seconds": 10.0,
        "fps": 14.0,
        "age_ms": {"p50": 12.346, "p99": 40.1},
        "decisions": 150,
        "decided": {"none": 120, "cat": 30},
        "events": 1,
        "outages": 2,
        "failures": 3,
        "model_sha256": "ab" * 32,
    }


def test_the_json_summary_of_nothing_is_complete(capsys):
    live.emit_summary(EMPTY, model_sha256=None)
    record = json.loads(capsys.readouterr().out)
    assert record["age_ms"] == {"p50": None, "p99": None}
    assert (record["decisions"], record["decided"]) == (0, {})


@pytest.fixture
def plain(capsys):
    """Return a function that handles looks and returns what was said, and the clock."""
    clock = ManualClock()
    tally = Tally(clock)
    display = live.PlainLines(tally, clock=clock)

    def say(*looks):
        for look in looks:
            tally.handle(look)
            display.handle(look)
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    yield say, clock
    display.close()


def test_plain_lines_tell_changes_and_now_and_then_the_rate(plain):
    say, clock = plain
    assert say(look_at(CAT), look_at(CAT)) == "    1.40 s  cat 0.93\n"
    assert say(look_at(UNKNOWN)) == "    1.50 s  unknown\n"
    clock.advance(10.0)
    assert say(look_at(UNKNOWN)) == (
        "    1.50 s  (0.3 frames per second, 10009 ms from frame to label, 40 dropped)\n"
    )
    assert say(look_at(UNKNOWN)) == ""


def test_plain_lines_say_that_the_loop_idles(plain):
    say, clock = plain
    clock.advance(10.0)
    frame = blank_frame(30, captured_seconds=9.99)
    assert say(Look(Picture.LIVE, frame, is_resting=True)) == (
        "    1.00 s  (0.0 frames per second, 10 ms from frame to label, 30 dropped, "
        "nothing moves)\n"
    )


def test_plain_lines_tell_what_is_wrong_with_the_picture_once(plain):
    say, _ = plain
    assert say(look_at(CAT), look_at(DARK), look_at(DARK)) == (
        "    1.40 s  cat 0.93\n    1.60 s  picture: dark, nothing is decided\n"
    )
    assert say(OFFLINE, OFFLINE) == "            offline: waiting for it, Ctrl-C ends\n"
    assert say(look_at(CAT)) == "    1.40 s  picture: live\n    1.40 s  cat 0.93\n"


def test_plain_lines_tell_the_state_of_the_picture_now_and_then(plain):
    say, clock = plain
    dark = look_at(DARK, reason="brightness 3 of 255")
    assert say(dark) == "    1.60 s  picture: dark (brightness 3 of 255), nothing is decided\n"
    clock.advance(10.0)
    assert say(dark).endswith("43 dropped, picture: dark, brightness 3 of 255)\n")


def test_plain_lines_tell_what_an_appearance_was(plain):
    assert plain[0](Look(Picture.LIVE, events=(ENDED,))) == (
        "    4.60 s  cat was there for 3.2 s, best at 2.00 s with 0.98\n"
    )


def test_the_summary_is_in_words():
    assert live.describe_summary(SUMMARY).splitlines() == [
        "140 of 300 frames classified in 10.0 s (14.0 frames per second), "
        "60 dropped for newer ones",
        "90 frames spared because nothing moved, 10 unusable",
        "frame to label: p50 12.3 ms, p99 40.1 ms",
        "150 decisions: none 120 (80 %), cat 30 (20 %); 1 event",
        "the source was away 2 times",
        "actions failed 3 times; the log says why",
    ]


def test_the_summary_of_nothing_is_in_words():
    assert live.describe_summary(EMPTY) == "no frame was classified"


def test_the_summary_names_the_most_frequent_labels_only():
    decided = {f"label {number}": 15 for number in range(10)}
    text = live.describe_summary(dataclasses.replace(SUMMARY, decided=decided))
    assert "label 5 15 (10 %), 4 other labels" in text
