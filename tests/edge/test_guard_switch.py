"""The guard's decisions by themselves: limits, lease, faults, over random schedules."""

import random

import pytest

from edge.boot import read_boot_id
from edge.errors import SettingError
from edge.guard.ledger import Ledger
from edge.guard.limits import WINDOW_SECONDS, Governor, Limits, Span
from edge.guard.switch import LEASE_SECONDS, RETRY_SECONDS, Switch


class TimedPin:
    """A pin that knows when it was energised; it may fail."""

    def __init__(self, generator=None, share=0.0):
        self._generator, self._share = generator, share
        self.now = 0.0
        self.level = False
        self.since = 0.0
        self.spans = []

    def write(self, is_energised):
        if self._generator is not None and self._generator.random() < self._share:
            raise OSError(5, "Input/output error")
        if self.level and not is_energised:
            self.spans.append((self.since, self.now))
        elif is_energised and not self.level:
            self.since = self.now
        self.level = is_energised

    def close(self):
        pass


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"longest_seconds": 0.0}, r"longest_seconds of an output must be from 0.05 to 30.*0\.0"),
        ({"longest_seconds": -1.0}, "longest_seconds"),
        ({"longest_seconds": 1e9}, "longest_seconds"),
        ({"longest_seconds": float("nan")}, "longest_seconds"),
        ({"duty": 0.6}, "duty"),
        ({"duty": 0.0}, "duty"),
        ({"pause_seconds": -0.1}, "pause_seconds"),
    ],
)
def test_limits_have_hard_caps(changed, text):
    with pytest.raises(SettingError, match=text):
        Limits(**changed)


def test_governor_gives_what_the_duty_leaves():
    governor = Governor(Limits(longest_seconds=30.0, duty=0.05, pause_seconds=0.0))
    governor.begin(0.0, seconds=20.0)
    governor.end(20.0)
    assert governor.allowance(100.0).seconds == pytest.approx(10.0)
    governor.begin(100.0, seconds=10.0)
    governor.end(110.0)
    assert governor.allowance(200.0).reason == "duty"
    assert governor.allowance(WINDOW_SECONDS + 20.0).seconds == pytest.approx(20.0)


def test_governor_extends_no_further_than_the_longest_time():
    governor = Governor(Limits(longest_seconds=5.0))
    governor.begin(0.0, seconds=4.0)
    assert governor.extend(3.0, seconds=1.0).end_seconds == 4.0
    assert governor.extend(3.0, seconds=1.5).end_seconds == 4.5
    assert governor.extend(4.0, seconds=9.0).end_seconds == 5.0


def test_ledger_counts_what_was_planned_by_a_process_that_died(tmp_path):
    Ledger(tmp_path / "door.ledger", boot_id="one").write([Span(10.0, 15.0)])
    assert Ledger(tmp_path / "door.ledger", boot_id="one").read(16.0) == (Span(10.0, 15.0),)


@pytest.mark.parametrize(
    "content",
    [
        None,  # no file
        b"",
        b"{",
        b'{"boot_id": "another", "spans": [[1, 2]]}',  # monotonic times of another boot
        b'{"boot_id": "one"}',
        b'{"boot_id": "one", "spans": [[1]]}',
        b'{"boot_id": "one", "spans": [["a", "b"]]}',
        b'{"boot_id": "one", "spans": [[1e9, 2e9]]}',  # in a future that no plan reaches
        b"[]",
    ],
)
def test_ledger_that_says_nothing_is_empty(tmp_path, content):
    path = tmp_path / "door.ledger"
    if content is not None:
        path.write_bytes(content)
    assert Ledger(path, boot_id="one").read(5.0) == ()


def test_ledger_counts_where_the_system_names_no_boot(tmp_path):
    unnamed = read_boot_id(tmp_path / "not-linux")
    Ledger(tmp_path / "door.ledger", boot_id=unnamed).write([Span(10.0, 15.0)])
    assert Ledger(tmp_path / "door.ledger", boot_id=unnamed).read(16.0) == (Span(10.0, 15.0),)


def make_switch(pin, **limits):
    reports = []
    switch = Switch(pin, Governor(Limits(**limits)), report=reports.append)
    return switch, reports


def test_switch_loses_the_output_with_the_lease():
    pin = TimedPin()
    switch, reports = make_switch(pin)
    switch.hear("energise 1 4 0", 0.0)
    assert switch.tick(0.0) == LEASE_SECONDS
    switch.tick(LEASE_SECONDS)
    assert not pin.level
    assert reports == ["granted 1 4.000", "off lease"]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "x"])
def test_switch_refuses_what_is_no_time(seconds):
    pin = TimedPin()
    switch, reports = make_switch(pin)
    switch.hear(f"energise 1 {seconds} 0", 0.0)
    assert not pin.level
    assert reports[0].startswith("refused 1 it was asked for")


@pytest.mark.parametrize(
    "line", ["", "energise", "energise 1", "energise 1 4", "open sesame", "\0", "beat " * 99]
)
def test_switch_takes_anything_else_as_a_beat(line):
    pin = TimedPin()
    switch, reports = make_switch(pin)
    switch.hear(line, 0.0)
    assert not pin.level
    assert reports == []


def test_switch_goes_on_without_its_account():
    def record(spans):
        raise OSError(28, "No space left on device")

    pin, reports = TimedPin(), []
    switch = Switch(pin, Governor(Limits()), report=reports.append, record=record)
    switch.hear("energise 1 1 0", 0.0)
    switch.hear("energise 2 2 0.5", 0.5)
    switch.tick(0.6)
    assert pin.level
    switch.hear("release", 0.7)
    assert not pin.level
    granted = ["unrecorded", "granted 1 1.000", "granted 2 2.000"]
    assert reports == [*granted, "unrecorded", "off asked"]


@pytest.mark.parametrize("sent", ["-0.1", "nan", "x"])
def test_switch_refuses_what_was_asked_for_before_it_was_stopped(sent):
    pin = TimedPin()
    switch, reports = make_switch(pin)
    switch.hear(f"energise 1 4 {sent}", LEASE_SECONDS)
    assert not pin.level
    assert reports == ["refused 1 it was asked for too long ago"]


def test_switch_writes_its_account_before_and_after_and_never_meanwhile():
    pin, accounts = TimedPin(), []
    limits = Limits(longest_seconds=5.0)
    switch = Switch(
        pin,
        Governor(limits),
        report=lambda line: None,
        record=lambda spans: accounts.append((pin.level, *spans)),
    )
    switch.hear("energise 1 1 0", 0.0)
    switch.hear("energise 2 2 0.5", 0.5)  # a disk that stalls now would keep it energised
    switch.hear("release", 0.6)
    assert accounts == [(False, Span(0.0, 5.0)), (False, Span(0.0, 0.6))]


def run_schedule(seed, *, is_faulty):
    """Run a random schedule; return the limits and the times in which the pin was energised."""
    generator = random.Random(seed)
    limits = Limits(
        longest_seconds=generator.uniform(0.05, 30.0),
        duty=generator.uniform(0.001, 0.5),
        pause_seconds=generator.choice([0.0, 0.5, 10.0]),
    )
    pin = TimedPin(generator, share=0.3 if is_faulty else 0.0)
    switch = Switch(pin, Governor(limits), report=lambda line: None)
    now, rest = 0.0, float("inf")
    for _ in range(60):
        pause = generator.expovariate(1 / generator.choice([0.05, 0.3, 2.0, 20.0]))
        while rest < pause:  # the guard wakes by itself
            now, pause = now + rest, pause - rest
            pin.now = now
            rest = switch.tick(now)
            rest = max(rest, 1e-6)
        now += pause
        pin.now = now
        if generator.random() > 0.1:
            line = generator.choice(["beat", "beat", "release", "energise 1 {:.3f} {:.6f}"])
            switch.hear(line.format(generator.expovariate(0.2), now), now)
        rest = max(switch.tick(now), 1e-6)
    while rest != float("inf"):
        now += rest
        pin.now = now
        rest = max(switch.tick(now), 1e-6)
    assert not pin.level
    return limits, pin.spans


def test_no_limit_is_passed_in_10_000_random_schedules():
    energised = 0
    for seed in range(10_000):
        limits, spans = run_schedule(seed, is_faulty=False)
        energised += len(spans)
        before = float("-inf")
        for start, end in spans:
            assert end - start <= limits.longest_seconds + 1e-3, seed
            assert start - before >= limits.pause_seconds - 1e-3, seed
            before = end
            window = end - WINDOW_SECONDS
            used = sum(e - max(s, window) for s, e in spans if window < e <= end)
            assert used <= limits.duty * WINDOW_SECONDS + 1e-3, seed
    assert energised > 10_000


def test_faults_of_the_pin_cost_their_retries_at_most():
    """A pin that fails at three of ten attempts is off after at most a dozen of them."""
    energised = 0
    for seed in range(3_000):
        limits, spans = run_schedule(seed, is_faulty=True)
        energised += len(spans)
        for start, end in spans:
            assert end - start <= limits.longest_seconds + 12 * RETRY_SECONDS, seed
    assert energised > 3_000
