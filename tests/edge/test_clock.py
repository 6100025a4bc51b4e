import threading

import pytest

from edge.clock import RateMeter, SystemClock


def test_system_clock_wait_lets_time_pass():
    clock = SystemClock()
    start_seconds = clock.monotonic()
    clock.wait(0.01)
    assert clock.monotonic() - start_seconds >= 0.009


@pytest.mark.parametrize("seconds", [0.0, -5.0, float("-inf")])
def test_system_clock_does_not_wait_for_nothing(seconds):
    SystemClock().wait(seconds)


def test_system_clock_waits_end_with_the_stop_event():
    stop = threading.Event()
    waiting = threading.Thread(target=SystemClock(stop).wait, args=(float("inf"),))
    waiting.start()
    stop.set()
    waiting.join(timeout=10)
    assert not waiting.is_alive()


# (times that were added, now, rate)
RATES = [
    ([], 0.0, 0.0),  # nothing happened
    ([3.0], 9.0, 0.0),  # once is no rate
    ([1.0, 1.0], 1.0, 0.0),  # no time has passed
    ([0.0, 0.5], 0.5, 2.0),
    ([0.0, 0.5], 2.0, 0.5),  # it sinks while nothing happens
    ([tick / 100 for tick in range(1000)], 9.99, 100.0),
]


@pytest.mark.parametrize(("times", "now_seconds", "rate_hz"), RATES)
def test_rate_meter(times, now_seconds, rate_hz):
    meter = RateMeter()
    for time_seconds in times:
        meter.add(time_seconds)
    assert meter.rate_hz(now_seconds) == pytest.approx(rate_hz)


def test_rate_meter_follows_a_change_of_rate():
    meter = RateMeter()
    for tick in range(100):
        meter.add(tick / 100)
    for tick in range(40):
        meter.add(1.0 + tick / 10)
    assert meter.rate_hz(1.0 + 39 / 10) == pytest.approx(10.0)
