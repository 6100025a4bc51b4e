"""What `edge run` shows: JSON lines, lines for logs, the live line, the summary."""

import dataclasses
import io
import json
import logging

import pytest
from rich.console import Console

from edge.cli import live
from edge.records import Decision
from edge.runtime import Percentiles, RunSummary, Tally
from edge.testing import ManualClock

CAT = Decision("cat", 0.9312345678, frame=42, time_seconds=1.4, age_ms=17.1234567)
UNKNOWN = Decision("unknown", 0.31, frame=43, time_seconds=1.5, age_ms=9.0)
SUMMARY = RunSummary(
    frames_captured=300,
    frames_classified=240,
    frames_dropped=60,
    seconds=10.0,
    fps=24.0,
    age_ms=Percentiles(p50=12.3456, p99=40.1),
    decisions=240,
    decided={"none": 180, "cat": 60},
)
EMPTY = RunSummary(0, 0, 0, 0.0, 0.0, None, 0, {})


def handle_all(display, tally, decisions):
    for decision in decisions:
        tally.handle(decision)
        display.handle(decision)


def test_json_lines_are_the_documented_ones(capsys):
    display = live.JsonLines()
    display.handle(CAT)
    display.close()
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "type": "decision",
        "label": "cat",
        "score": 0.931235,
        "frame": 42,
        "time_seconds": 1.4,
        "age_ms": 17.123,
    }
    assert captured.err == ""


def test_the_json_summary_is_the_documented_one(capsys):
    live.emit_summary(SUMMARY, model_sha256="ab" * 32)
    assert json.loads(capsys.readouterr().out) == {
        "type": "summary",
        "frames_captured": 300,
        "frames_classified": 240,
        "frames_dropped": 60,
        "seconds": 10.0,
        "fps": 24.0,
        "age_ms": {"p50": 12.346, "p99": 40.1},
        "decisions": 240,
        "decided": {"none": 180, "cat": 60},
        "model_sha256": "ab" * 32,
    }


def test_the_json_summary_of_nothing_is_complete(capsys):
    live.emit_summary(EMPTY, model_sha256=None)
    record = json.loads(capsys.readouterr().out)
    assert record["age_ms"] == {"p50": None, "p99": None}
    assert (record["decisions"], record["decided"]) == (0, {})


def test_plain_lines_tell_changes_and_now_and_then_the_rate(capsys):
    tally = Tally(clock := ManualClock())
    display = live.PlainLines(tally, clock=clock)
    handle_all(display, tally, [CAT, CAT])
    assert capsys.readouterr() == ("", "    1.40 s  cat 0.93\n")
    handle_all(display, tally, [UNKNOWN])
    assert capsys.readouterr().err == "    1.50 s  unknown\n"
    clock.advance(10.0)
    handle_all(display, tally, [UNKNOWN])
    assert capsys.readouterr().err == (
        "    1.50 s  (0.3 frames per second, 9 ms from frame to label, 40 dropped)\n"
    )
    handle_all(display, tally, [UNKNOWN])
    display.close()
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=100, legacy_windows=False)


@pytest.fixture
def live_line(terminal):
    clock = ManualClock(100.0)
    tally = Tally(clock)
    line = live.LiveLine(tally, clock=clock, console=terminal)
    yield line, tally, clock
    line.close()
    line.close()


def test_the_live_line_says_that_it_starts(live_line):
    assert live_line[0].__rich__().plain == "starting"


def test_the_live_line_has_label_score_rate_latency_and_drops(live_line):
    line, tally, clock = live_line
    for _ in range(5):
        clock.advance(0.1)
        handle_all(line, tally, [CAT])
    assert line.__rich__().plain == (
        "● live    cat      0.93 █████████░   10.0 fps  latency   17 ms  dropped 38  00:01"
    )


def test_the_live_line_says_that_it_waits(live_line):
    line, tally, clock = live_line
    handle_all(line, tally, [CAT])
    clock.advance(2.5)
    assert line.__rich__().plain.startswith("○ waiting cat")


def test_what_was_decided_stays_above_the_live_line(live_line, terminal):
    line, tally, _ = live_line
    handle_all(line, tally, [UNKNOWN, CAT, CAT, UNKNOWN])
    line.close()
    kept = terminal.file.getvalue()
    assert kept.count(live.describe_change(CAT)) == 1
    assert kept.count(live.describe_change(UNKNOWN)) == 2


def test_the_live_line_counts_hours(live_line):
    line, tally, _ = live_line
    handle_all(line, tally, [dataclasses.replace(UNKNOWN, time_seconds=7384.5)])
    assert line.__rich__().plain.endswith("2:03:04")


def test_the_live_line_is_drawn_and_taken_away(terminal):
    clock = ManualClock()
    line = live.LiveLine(Tally(clock), clock=clock, console=terminal)
    line.close()
    drawn = terminal.file.getvalue()
    assert "starting" in drawn
    assert drawn.endswith(("\x1b[2K", "\x1b[?25h", "\r"))


def test_the_log_is_written_above_the_live_line_and_gets_its_stream_back(terminal, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(live.sys, "stderr", stream)
    handler = logging.StreamHandler(stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    clock = ManualClock()
    line = live.LiveLine(Tally(clock), clock=clock, console=terminal)
    assert handler.stream is not stream
    logging.getLogger().warning("camera 0: delivers less")
    line.close()
    assert handler.stream is stream
    assert "camera 0: delivers less" in terminal.file.getvalue()


def test_the_summary_is_in_words():
    assert live.describe_summary(SUMMARY).splitlines() == [
        "240 of 300 frames classified in 10.0 s (24.0 frames per second), "
        "60 dropped for newer ones",
        "frame to label: p50 12.3 ms, p99 40.1 ms",
        "240 decisions: none 180 (75 %), cat 60 (25 %)",
    ]


def test_the_summary_of_nothing_is_in_words():
    assert live.describe_summary(EMPTY) == "no frame was classified"


def test_the_summary_names_the_most_frequent_labels_only():
    decided = {f"label {number}": 24 for number in range(10)}
    text = live.describe_summary(dataclasses.replace(SUMMARY, decided=decided))
    assert text.endswith("label 5 24 (10 %), 4 other labels")
