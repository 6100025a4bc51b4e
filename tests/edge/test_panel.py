"""The panel of `edge run` in a terminal, drawn at the sizes that people have."""

import dataclasses
import io
import logging
import threading

import pytest
from rich.console import Console

from edge.cli import live, panel
from edge.cli.vitals import Health, Vitals
from edge.hardware import decode_power
from edge.records import Decision, Event, Look, Picture
from edge.runtime import Tally
from edge.testing import ManualClock, blank_frame, prediction

LABELS = ("cat", "dog", "none")
SEEN = prediction({"cat": 0.93, "dog": 0.03, "none": 0.04})
STARTED = Event("cat", 0.0, None, 0.93, 2, 0.07)


class StillVitals:
    """Vitals that ask nobody."""

    def __init__(self):
        self.health = Health()
        self.is_closed = False

    def close(self):
        self.is_closed = True


class Scene:
    """A panel, and what it is told."""

    def __init__(self, labels=LABELS, threshold=0.8):
        self.clock = ManualClock(100.0)
        self.tally = Tally(self.clock)
        self.vitals = StillVitals()
        self.terminal = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
        self.panel = panel.Panel(
            self.tally,
            clock=self.clock,
            console=self.terminal,
            title="camera 0, pets",
            thresholds=dict.fromkeys(labels, threshold),
            vitals=self.vitals,
        )
        self._index = -1

    def tell(self, look):
        self.tally.handle(look)
        self.panel.handle(look)

    def see(self, seen=SEEN, *, picture=Picture.LIVE, is_resting=False, reason="", events=()):
        """Look at a new frame, a tenth of a second later."""
        self.clock.advance(0.1)
        self._index += 2
        now_seconds = self.clock.monotonic()
        frame = blank_frame(self._index, captured_seconds=now_seconds - 0.017)
        decision = Decision(seen.label, seen.score, self._index, self._index / 30, 17.0, picture)
        is_asked = picture is Picture.LIVE and not is_resting
        self.tell(
            Look(
                picture,
                frame,
                seen if is_asked else None,
                None if is_resting else decision,
                events,
                is_resting,
                reason,
            )
        )

    def draw(self, width=80, encoding="utf-8"):
        file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        console = Console(file=file, width=width, height=24)
        console.print(self.panel)
        file.seek(0)
        return file.read().splitlines()


@pytest.fixture
def scene():
    made = Scene()
    yield made
    made.panel.close()
    made.panel.close()


def test_the_panel_says_that_it_starts(scene):
    assert "○ starting" in scene.draw()[1]


def test_the_panel_shows_state_scores_rates_and_events(scene):
    for _ in range(5):
        scene.see()
    scene.see(events=(STARTED,))
    assert scene.draw() == [
        "╭─ camera 0, pets ─────────────────────────────────────────────────────────────╮",
        "│ ● live  cat 0.93                                                             │",
        "│ cat  ████████████████████████████████│████░░░ 0.93                           │",
        "│ dog  █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░│░░░░░░░ 0.03                           │",
        "│ none ██░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░│░░░░░░░ 0.04                           │",
        "│ 10.0 fps  model 1.0 ms  age 17 ms  00:00  dropped 6                          │",
        "│ 00:00 cat 0.93, is there                                                     │",
        "╰──────────────────────────────────────────────────────────────────────────────╯",
    ]


def test_the_panel_fits_into_forty_columns(scene):
    scene.vitals.health = Health(54.3, decode_power(0x5).now)
    scene.see(events=(STARTED,))
    scene.see(is_resting=True)
    lines = scene.draw(40)
    assert {len(line) for line in lines} == {40}
    text = "\n".join(lines)
    assert "…" not in text
    for part in ("idle, nothing moves", "spared 1", "54 °C", "processor throttled"):
        assert part in text


def test_the_panel_says_that_nothing_moves_and_holds_the_scores(scene):
    scene.see()
    scene.see(is_resting=True)
    assert "● live  cat 0.93  idle, nothing moves" in scene.draw()[1]
    assert "0.93" in scene.draw()[2]


@pytest.mark.parametrize("picture", [*panel._REASONS])
def test_the_panel_says_what_is_wrong_with_the_picture(scene, picture):
    scene.see(picture=picture)
    lines = scene.draw()
    assert f"○ {picture.value}: {panel._REASONS[picture]}" in lines[1]
    assert "░ " in lines[2]
    assert "0.93" not in lines[2]  # the model was not asked
    assert "unusable 1" in lines[5]


def test_every_state_but_live_and_offline_has_its_words():
    assert {*panel._REASONS, Picture.LIVE, Picture.OFFLINE} == set(Picture)


def test_the_panel_says_that_the_source_is_away_and_why(scene):
    scene.see()
    scene.tell(Look(Picture.OFFLINE, reason="it does not answer within two seconds"))
    assert "○ offline: it does not answer within two seconds" in scene.draw()[1]
    assert "outages 1" in "\n".join(scene.draw())
    assert {len(line) for line in scene.draw(40)} == {40}
    assert "…" not in "\n".join(scene.draw(40))


def test_the_panel_says_that_a_frame_is_old(scene):
    scene.see(reason="the frame is 1.3 s old")
    assert "● live  the frame is 1.3 s old" in scene.draw()[1]


def test_the_panel_says_that_it_waits(scene):
    scene.see()
    scene.clock.advance(2.5)
    assert "○ waiting for a frame" in scene.draw()[1]


def test_an_event_is_one_line_from_its_start_to_its_end(scene):
    scene.see(events=(STARTED,))
    ended = dataclasses.replace(STARTED, end_seconds=3.2, score=0.98)
    dog = dataclasses.replace(STARTED, label="dog", start_seconds=62.0)
    scene.see(events=(ended, dog))
    assert [line.strip("│ ") for line in scene.draw()[6:8]] == [
        "00:00 cat 0.98, 3.2 s",
        "01:02 dog 0.93, is there",
    ]


def test_only_the_last_events_stay(scene):
    for number in range(5):
        event = dataclasses.replace(STARTED, label=f"cat {number}", end_seconds=1.0)
        scene.see(events=(STARTED,))
        scene.see(events=(event,))
    text = "\n".join(scene.draw())
    assert "cat 1" not in text
    assert all(f"cat {number}" in text for number in (2, 3, 4))


def test_of_many_labels_the_best_are_shown():
    labels = [f"a label of many letters {number}" for number in range(1001)]
    scene = Scene(labels)
    scores = dict.fromkeys(labels, 0.0) | {labels[700]: 0.9, labels[3]: 0.05}
    scene.see(prediction(scores))
    for width in (40, 80):
        lines = scene.draw(width)
        assert {len(line) for line in lines} == {width}
        assert sum("a label" in line for line in lines[2:]) == 5
        assert "0.90" in "\n".join(lines)
    scene.panel.close()


def test_a_terminal_without_unicode_gets_ascii(scene):
    scene.vitals.health = Health()
    scene.see()
    text = "\n".join(scene.draw(encoding="ascii"))
    assert text.isascii()
    assert "* live" in text
    assert "####" in text


def test_hours_are_counted(scene):
    decision = Decision("cat", 0.9, frame=0, time_seconds=7384.5, age_ms=1.0)
    scene.tell(Look(Picture.LIVE, blank_frame(), SEEN, decision))
    assert "2:03:04" in "\n".join(scene.draw())


def test_what_was_decided_stays_above_the_panel(scene):
    nobody = prediction({"cat": 0.4, "dog": 0.3, "none": 0.3})
    for seen in (nobody, SEEN, SEEN, nobody):
        scene.see(seen)
    scene.panel.close()
    kept = scene.terminal.file.getvalue()
    assert kept.count("s  unknown") == 2
    assert kept.count("s  cat 0.93") == 1


def test_the_panel_is_drawn_and_taken_away(scene):
    scene.panel.close()
    drawn = scene.terminal.file.getvalue()
    assert "starting" in drawn
    assert drawn.endswith(("\x1b[2K", "\x1b[?25h", "\r"))
    assert scene.vitals.is_closed


def test_the_log_is_written_above_the_panel_and_gets_its_stream_back(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(panel.sys, "stderr", stream)
    handler = logging.StreamHandler(stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    scene = Scene()
    assert handler.stream is not stream
    logging.getLogger().warning("camera 0: delivers less")
    scene.panel.close()
    assert handler.stream is stream
    assert "camera 0: delivers less" in scene.terminal.file.getvalue()


def test_the_lines_above_the_panel_are_those_of_a_log(scene):
    decision = Decision("cat", 0.93, frame=0, time_seconds=1.6, age_ms=1.0)
    scene.tell(Look(Picture.LIVE, blank_frame(), SEEN, decision))
    assert live.describe_change(decision) in scene.terminal.file.getvalue()


def test_vitals_ask_again_and_again_until_closed():
    asked = threading.Semaphore(0)

    def temperature():
        asked.release()
        return 54.0

    vitals = Vitals(temperature=temperature, power=lambda: decode_power(0x1), period_seconds=0.001)
    assert all(asked.acquire(timeout=10) for _ in range(3))
    assert vitals.health == Health(54.0, ("supply voltage too low",))
    vitals.close()
    vitals.close()


def test_a_tool_that_hangs_delays_nobody():
    released, hangs = threading.Event(), threading.Event()

    def power():
        hangs.set()
        released.wait()

    vitals = Vitals(temperature=lambda: 54.0, power=power)
    assert hangs.wait(10)
    assert vitals.health == Health(54.0)
    vitals.close()
    released.set()
