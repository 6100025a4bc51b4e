import logging
import threading
import time
from dataclasses import replace

import pytest

from benchmarks.guarded import read_pin, wait_until
from edge.actions.gpio import GpioAction
from edge.errors import GuardError, SettingError
from edge.occurrence import ActionContext, Instant, Occurrence
from edge.status import Status
from edge.testing import ManualClock

AT = Instant(1.8e9, 100.0, "boot", is_trusted=True)
FIRED = Occurrence("0" * 32, "let the cat in", "cat", 0.97, {"cat": 0.97}, "", AT, "f" * 64)
STATUS = Status(place="here", picture="live")


@pytest.fixture
def make(tmp_path):
    made = []

    def make(**changed):
        pin = f"file:{tmp_path / 'pin.csv'}"
        settings = replace(
            GpioAction.Settings(pin, pause_seconds=0.1, duty_percent=50.0), **changed
        )
        context = ActionContext(
            "door", "here", tmp_path, ManualClock(100.0), lambda: 0.0, lambda name, mode: None
        )
        made.append(GpioAction(settings, context))
        return made[-1]

    yield make
    for action in made:
        action.close()


def is_on(tmp_path):
    spans = read_pin(tmp_path / "pin.csv")
    return bool(spans) and spans[-1].end_seconds is None


def test_pulse_of_a_rule(make, tmp_path):
    action = make(pulse_seconds=0.3)
    assert action.perform(FIRED) == "energised, open for 0.3 s"
    assert action.output_status().is_energised
    assert wait_until(lambda: not action.output_status().is_energised)
    assert not is_on(tmp_path)


def test_second_occurrence_within_the_pause_is_refused(make):
    action = make(pulse_seconds=0.1, pause_seconds=5.0)
    action.perform(FIRED)
    assert wait_until(lambda: not action.output_status().is_energised)
    with pytest.raises(GuardError, match="needs its pause"):
        action.perform(FIRED)


def test_veto_releases_what_its_rule_has_energised(make, tmp_path):
    action = make(pulse_seconds=5.0)
    action.perform(FIRED)
    action.note(replace(STATUS, vetoed=frozenset({"another rule"})))
    assert action.output_status().is_energised
    action.note(replace(STATUS, vetoed=frozenset({"let the cat in"})))
    assert wait_until(lambda: not is_on(tmp_path), 1.0)


def test_veto_that_came_meanwhile_counts(make, tmp_path):
    action = make()
    action.note(replace(STATUS, vetoed=frozenset({"let the cat in"})))
    assert action.perform(FIRED) == "left alone: vetoed meanwhile"
    action.note(STATUS)
    assert action.perform(FIRED).startswith("energised")


def test_what_has_waited_for_too_long_opens_nothing(make, tmp_path):
    late = replace(FIRED, at=replace(AT, monotonic_seconds=97.0))
    with pytest.raises(GuardError, match=r"must be happening now.*seen 3\.0 s ago"):
        make().perform(late)
    assert not is_on(tmp_path)


def test_locked_by_hand_no_rule_opens(make, tmp_path):
    action = make()
    action.set_mode("lock")
    assert action.perform(FIRED) == "left alone: locked by hand"
    assert not is_on(tmp_path)
    assert action.output_status().mode == "lock"


def test_lock_by_hand_releases_at_once(make, tmp_path):
    action = make(pulse_seconds=5.0)
    action.perform(FIRED)
    action.set_mode("lock")
    assert wait_until(lambda: not is_on(tmp_path), 1.0)


def test_open_by_hand_keeps_it_energised_within_the_limits(make, tmp_path):
    action = make(longest_seconds=0.3, pulse_seconds=0.3)
    action.set_mode("open")
    assert wait_until(lambda: len(read_pin(tmp_path / "pin.csv")) >= 3)
    assert action.perform(FIRED) == "left alone: kept open by hand"
    action.set_mode("auto")
    assert wait_until(lambda: not is_on(tmp_path))
    spans = [span for span in read_pin(tmp_path / "pin.csv") if span.end_seconds]
    assert all(span.end_seconds - span.start_seconds < 0.3 + 0.5 for span in spans)


def test_hold_by_hand_that_has_used_up_its_duty_is_told(make, caplog):
    action = make(longest_seconds=0.3, pulse_seconds=0.3, duty_percent=0.1)  # 0.6 s of 600
    assert action.backlog().trouble == ""
    action.set_mode("open")
    assert wait_until(lambda: action.backlog().trouble)
    assert action.backlog().trouble == (
        "kept open by hand, but it was on for too much of the last ten minutes"
    )
    assert action.output_status().trouble == ""  # no reason to restart the service
    assert wait_until(lambda: not action.output_status().is_energised)
    time.sleep(0.6)  # two more attempts to hold it
    assert caplog.text.count("too much of the last ten minutes") == 1
    action.set_mode("auto")
    assert action.backlog().trouble == ""


def test_hold_that_is_ended_just_as_its_duty_is_used_up_leaves_no_trouble(make):
    action = make(longest_seconds=0.3, pulse_seconds=0.3, duty_percent=0.1)
    told = threading.Event()

    class Hand(logging.Handler):
        def emit(self, record):
            if "but it was on for too much" in record.getMessage():
                action.set_mode("auto")
                told.set()

    hand = Hand()
    logging.getLogger("edge.actions.gpio").addHandler(hand)
    action.set_mode("open")
    assert told.wait(10)
    action.close()  # its thread has ended
    logging.getLogger("edge.actions.gpio").removeHandler(hand)
    assert action.backlog().trouble == ""


def test_fail_state_open_means_that_lock_needs_current(make, tmp_path):
    action = make(fail_state="open")
    assert action.output_status().is_open
    assert action.output_status().is_open_at_rest
    action.set_mode("lock")
    assert wait_until(lambda: not action.output_status().is_open)
    assert is_on(tmp_path)
    action.set_mode("open")
    assert wait_until(lambda: not is_on(tmp_path))
    assert action.perform(FIRED) == "left alone: kept open by hand"


@pytest.mark.parametrize("mode", ["auto", "open", "lock"])
def test_mode_is_remembered(make, mode):
    first = make()
    first.set_mode(mode)
    first.close()
    assert make().output_status().mode == mode


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"mode": "ajar"}', b"\xff"])
def test_mode_that_cannot_be_read_is_lock(make, tmp_path, content):
    (tmp_path / "output-door.json").write_bytes(content)
    assert make().output_status().mode == "lock"


@pytest.mark.parametrize("content", [b"{", b'{"mode": "ajar"}'])
def test_mode_that_cannot_be_read_asks_for_no_current(make, tmp_path, content, caplog):
    (tmp_path / "output-door.json").write_bytes(content)
    action = make(fail_state="open")
    assert action.output_status().mode == "open"
    assert "stays de-energised until edge door auto" in caplog.text
    assert not is_on(tmp_path)


def test_rule_closes_what_is_open_without_current(make, tmp_path):
    action = make(fail_state="open", pulse_seconds=0.3)
    assert action.perform(FIRED) == "energised, closed for 0.3 s"
    assert not action.output_status().is_open
    assert wait_until(lambda: action.output_status().is_open)


def test_occurrence_after_the_end_waits_for_nothing(make):
    action = make()
    assert list(action.check())
    action.close()
    before = time.monotonic()
    with pytest.raises(GuardError, match="the run is over"):
        action.perform(FIRED)
    assert time.monotonic() - before < 0.5


def test_unknown_mode_is_refused(make):
    with pytest.raises(SettingError, match="one of auto, open, lock"):
        make().set_mode("ajar")


def test_mode_that_cannot_be_remembered_still_holds(make, tmp_path):
    action = make()
    (tmp_path / "output-door.new").mkdir()
    with pytest.raises(GuardError, match="remembered over a restart"):
        action.set_mode("lock")
    assert action.output_status().mode == "lock"


def test_check_claims_the_pin(make, tmp_path):
    assert list(make().check()) == [
        f"pin file:{tmp_path / 'pin.csv'}: claimed, de-energised (closed), its level low"
    ]


def test_check_says_which_level_is_safe_where_low_energises(make):
    (line,) = make(active_low=True).check()
    assert line.endswith("de-energised (closed), its level high")


def test_check_tells_what_a_rule_does_to_what_is_open(make):
    assert list(make(fail_state="open").check())[1] == "a rule that fires closes it, for its pulse"


def test_check_tells_why_the_pin_cannot_be_claimed(make, tmp_path):
    action = make(pin=f"file:{tmp_path}/no/folder.csv")
    with pytest.raises(GuardError, match=r"must be able to claim its pin.*No such file"):
        list(action.check())


def test_making_it_takes_no_time(make):
    before = time.monotonic()
    make()
    assert time.monotonic() - before < 0.5


def test_pulse_longer_than_the_limit_is_refused():
    with pytest.raises(SettingError, match=r"at most longest_seconds.*6 and 5"):
        GpioAction.Settings("17", pulse_seconds=6.0)
