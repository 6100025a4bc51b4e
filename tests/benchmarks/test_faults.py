"""What the benchmarks of faults and of frame age stand on, and one short run of each."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def _benchmarks(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")


def test_faults_are_dealt_out_evenly_and_in_another_order_to_each():
    from faults import KINDS, deal

    hands = deal(70, 4)
    every = [kind for hand in hands for kind in hand]
    assert {kind: every.count(kind) for kind in KINDS} == dict.fromkeys(KINDS, 10)
    assert max(map(len, hands)) - min(map(len, hands)) <= 1
    assert hands == deal(70, 4)
    assert len(set(map(tuple, hands))) == 4


def test_faults_are_injected_noticed_and_healed(monkeypatch, capsys):
    import faults

    from edge.capture.watch import Limits

    monkeypatch.setattr(faults, "LONGEST_AWAY_SECONDS", 0.1)
    faults.run(7, 7, Limits(0.8, 1.2, frozen_seconds=0.8, longest_backoff_seconds=0.5))
    title, *rows, lost, before, after = capsys.readouterr().out.splitlines()
    assert "noticed p50" in title
    assert [row.startswith(name) for row, name in zip(rows, faults.KINDS.values(), strict=True)]
    assert [row[26:].split()[0] for row in rows] == ["1"] * 7
    assert lost == "never noticed or healed: 0 of 7"
    assert before.partition("MB")[0].split()[1] == after.partition("MB")[0].split()[1]


def test_fault_that_is_never_noticed_is_counted(capsys):
    from faults import LOST, Outcome, report

    report([Outcome("block", LOST, 1.0), Outcome("block", 4.0, 2.0)])
    _, row, lost = capsys.readouterr().out.splitlines()
    assert " ".join(row.split()) == "read blocks for ever 2 32.00 s 60.00 1.50 s 2.00"
    assert lost == "never noticed or healed: 1 of 2"


def test_holdings_are_those_of_this_process():
    from faults import take_stock

    before = take_stock()
    with open("/dev/null"):  # noqa: PTH123 - a file that is open is what is wanted
        assert take_stock().descriptors == before.descriptors + 1
    assert before.threads >= 1
    assert before.resident_mb > 1


def test_slow_interpreter_answers_as_the_other_one_after_its_time():
    import time

    from frame_age import SlowInterpreter

    from edge.testing import FakeInterpreter

    bare = FakeInterpreter([(0.25, 0.75)])
    slow = SlowInterpreter(bare, 30.0)
    started_seconds = time.monotonic()
    slow.invoke()
    assert time.monotonic() - started_seconds >= 0.03
    assert slow.output().tolist() == [0.25, 0.75]
    assert slow.input_view() is bare.input_view()
    slow.close()
    assert bare.is_closed


def test_age_is_read_from_the_pixels_that_were_decided_on():
    from frame_age import AgeRecorder

    from edge.records import Look, Picture
    from edge.scripted import burn_time
    from edge.testing import ManualClock, blank_frame, prediction

    clock = ManualClock(100.0)
    recorder = AgeRecorder(clock)
    frame = blank_frame(captured_seconds=101.9)
    burn_time(frame.pixels_bgr, 101.5)
    clock.advance(2.0)
    recorder.handle(Look(Picture.LIVE, frame, prediction({"cat": 0.9})))
    recorder.handle(Look(Picture.LIVE, frame, is_resting=True))  # nobody has decided on it
    assert recorder.ages_ms == [pytest.approx(500.0)]
    assert recorder.at_seconds == [2.0]


def test_ages_are_measured_and_held_against_their_limit(capsys):
    from frame_age import measure_and_report

    measure_and_report(1.0, inference_ms=50.0, rate_hz=30.0)
    said = capsys.readouterr().out
    assert "one inference and one period of the source: 83.3 ms; p99 is" in said
    assert "outages 0" in said
    title, minute, both = said.splitlines()[:3]
    assert title.split()[:2] == ["minute", "frames"]
    assert minute.split()[1:] == both.split()[1:]
    assert 50.0 < float(both.split()[2]) < 500.0
