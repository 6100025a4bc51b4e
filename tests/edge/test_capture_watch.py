"""When a capture process counts as stalled, dead or frozen, and how long is waited: pure rules."""

import pytest

from edge.capture.rhythm import Rhythm
from edge.capture.slot import OPENING, READING, RESTING, STARTING, Pulse
from edge.capture.watch import DEAD, DEFAULT_LIMITS, FINE, FROZEN, STALLED, Backoff, Watch


def judge(pulse, at, *, is_live=True, **how):
    watch = Watch(DEFAULT_LIMITS, is_live=is_live, start_seconds=0.0, **how)
    verdict = FINE
    for second in range(1, at + 1):
        verdict = watch.judge(pulse, float(second))
    return verdict


# (phase, second of its last beat, now, verdict)
SILENCES = [
    (STARTING, 0, 3, FINE),
    (STARTING, 0, 19, FINE),  # it imports; on a Pi Zero that takes a while
    (STARTING, 0, 21, DEAD),
    (OPENING, 10, 14, FINE),
    (OPENING, 10, 16, STALLED),
    (OPENING, 10, 17, DEAD),
    (READING, 10, 14, FINE),
    (READING, 10, 15, DEAD),
    (RESTING, 10, 15, DEAD),
]


@pytest.mark.parametrize(("phase", "beat", "now", "verdict"), SILENCES)
def test_silence_is_judged_by_what_was_being_done(phase, beat, now, verdict):
    assert judge(Pulse(phase, float(beat), 0.0, 0.0, 0), now) == verdict


# (second of last change, of last frame, repeats, verdict)
RUNS = [
    (10, 13, 90, FINE),
    (10, 14, 120, FROZEN),
    (10, 19, 2, FINE),  # snapshots: few, one in some seconds
]


@pytest.mark.parametrize(("change", "last", "repeats", "verdict"), RUNS)
def test_a_long_run_of_one_frame_is_frozen(change, last, repeats, verdict):
    pulse = Pulse(READING, float(last), float(last), float(change), repeats)
    assert judge(pulse, last) == verdict
    assert judge(pulse, last, is_live=False) == FINE  # stills are allowed in recordings


def test_source_that_stays_frozen_gets_more_time_each_time():
    pulse = Pulse(READING, 15.0, 15.0, 10.0, 150)
    assert judge(pulse, 15) == FROZEN
    assert judge(pulse, 15, frozen_starts=1) == FINE
    pulse = Pulse(READING, 18.0, 18.0, 10.0, 240)
    assert judge(pulse, 18, frozen_starts=50) == FROZEN


def test_source_that_came_back_is_found_frozen_as_soon_as_any_other():
    watch = Watch(DEFAULT_LIMITS, is_live=True, start_seconds=0.0, frozen_starts=1)
    pulse = Pulse(READING, 14.0, 14.0, 10.0, 120)
    watch.judge(pulse, 12.0)
    assert watch.judge(pulse, 14.0) == FINE
    watch.note_return()
    assert watch.judge(pulse, 14.0) == FROZEN


def test_recording_has_patience_with_disks():
    pulse = Pulse(READING, 10.0, 10.0, 10.0, 0)
    assert judge(pulse, 39, is_live=False) == FINE
    assert judge(pulse, 41, is_live=False) == DEAD


def test_reader_that_was_away_itself_gives_the_process_a_moment():
    watch = Watch(DEFAULT_LIMITS, is_live=True, start_seconds=0.0)
    pulse = Pulse(READING, 1.0, 1.0, 1.0, 0)
    assert watch.judge(pulse, 1.0) == FINE
    assert watch.judge(pulse, 60.0) == FINE
    assert watch.judge(pulse, 60.5) == FINE
    assert watch.judge(pulse, 61.5) == DEAD


def test_waits_differ_by_chance_within_a_fifth():
    least, most = (Backoff(1.0, 4.0, chance=lambda share=share: share) for share in (0.0, 1.0))
    assert [least.next_seconds() for _ in range(4)] == pytest.approx([0.8, 1.6, 3.2, 3.2])
    assert [most.next_seconds() for _ in range(4)] == pytest.approx([1.2, 2.4, 4.8, 4.8])
    assert len({Backoff(1.0, 4.0).next_seconds() for _ in range(20)}) > 10


# (age of the newest frame as share of the period, whether the next one is waited for)
MOMENTS = [(0.0, False), (0.5, False), (0.74, False), (0.8, True), (1.0, True), (1.2, False)]


@pytest.mark.parametrize(("share", "is_worth_it"), MOMENTS)
def test_next_frame_is_waited_for_only_while_it_is_nearly_due(share, is_worth_it):
    rhythm = Rhythm()
    rhythm.note(index=3, captured_seconds=1.0)
    assert rhythm.worth_waiting_seconds(1.0, 1.02) == 0.0  # nothing is known yet of the period
    rhythm.note(index=15, captured_seconds=1.4)
    seconds = rhythm.worth_waiting_seconds(2.0, 2.0 + share / 30)
    assert (seconds > 0) == is_worth_it
    assert seconds < 0.35 / 30


def test_slow_source_is_waited_for_some_milliseconds_only_and_a_fast_one_never():
    slow, fast = Rhythm(), Rhythm()
    for index in range(2):
        slow.note(index=index, captured_seconds=float(index))
        fast.note(index=index, captured_seconds=index / 500)
    assert slow.worth_waiting_seconds(1.0, 1.9) == 0.0
    assert 0 < slow.worth_waiting_seconds(1.0, 1.995) < 0.02
    assert fast.worth_waiting_seconds(1.0, 1.0019) == 0.0
