import ast
import re

import pytest

from edge import wallclock
from edge.boot import read_boot_id
from edge.errors import SettingError
from edge.testing import ManualClock, ManualWallClock
from edge.wallclock import SystemWallClock, is_kernel_synchronized

SUMMER = 1_781_524_800.0
HOUR = 3600.0


class Machine:
    """A machine whose clocks and time server do what a test says."""

    def __init__(self, *, trust="synchronized", wall_seconds=SUMMER, is_synchronized=False):
        self.clock = ManualClock(100.0)
        self.manual = ManualWallClock(self.clock, offset_seconds=wall_seconds - 100.0)
        self.is_synchronized = is_synchronized
        self.asked = 0
        self.wall = SystemWallClock(
            clock=self.clock,
            trust=trust,
            wall=lambda: self.manual.now().wall_seconds,
            is_synchronized=self.answer,
            boot_id="b",
        )

    def answer(self):
        self.asked += 1
        return self.is_synchronized

    def is_trusted(self, *, after=0.0, step=0.0):
        self.clock.advance(after)
        self.manual.offset_seconds += step
        return self.wall.now().is_trusted


def test_system_wall_clock_tells_both_times():
    machine = Machine()
    now = machine.wall.now()
    assert (now.wall_seconds, now.monotonic_seconds, now.boot_id) == (SUMMER, 100.0, "b")
    assert now.is_trusted is False


def test_system_wall_clock_is_trusted_once_a_server_set_it():
    machine = Machine(wall_seconds=1_000.0)  # no battery: it is 1970
    assert not machine.is_trusted()
    machine.is_synchronized = True
    assert machine.is_trusted(step=SUMMER)  # a step is no wait: the kernel is asked at once


def test_system_wall_clock_asks_the_kernel_every_ten_seconds():
    machine = Machine()
    for _ in range(100):
        machine.is_trusted(after=1.0)
    assert machine.asked == 10


def test_system_wall_clock_stays_trusted_without_a_network():
    machine = Machine(is_synchronized=True)
    assert machine.is_trusted()
    machine.is_synchronized = False  # as the kernel says some hours after the last answer
    assert machine.is_trusted(after=90 * 24 * HOUR, step=50.0)  # it drifts


@pytest.mark.parametrize("step", [-HOUR, 61.0, 400 * 24 * HOUR])
def test_system_wall_clock_is_not_trusted_after_somebody_set_it(step):
    machine = Machine(is_synchronized=True)
    assert machine.is_trusted()
    machine.is_synchronized = False  # settimeofday(2) makes the kernel say so
    assert not machine.is_trusted(step=step)
    assert not machine.is_trusted(after=24 * HOUR)
    machine.is_synchronized = True
    assert machine.is_trusted(after=10.0)


def test_system_wall_clock_is_trusted_through_a_step_of_the_server():
    machine = Machine(is_synchronized=True)
    assert machine.is_trusted()
    assert machine.is_trusted(step=2 * HOUR)


# what it shows, whether that can be
YEARS = [
    (0.0, False),  # 1970
    (1_767_225_599.0, False),  # the last second of 2025
    (1_767_225_600.0, True),
    (4_102_444_799.0, True),
    (4_102_444_800.0, False),  # 2100
    (1e18, False),
    (-1.0, False),
]


@pytest.mark.parametrize(("wall_seconds", "is_trusted"), YEARS)
@pytest.mark.parametrize("trust", wallclock.TRUSTS)
def test_system_wall_clock_trusts_no_impossible_year(trust, wall_seconds, is_trusted):
    machine = Machine(trust=trust, wall_seconds=wall_seconds, is_synchronized=True)
    assert machine.is_trusted() is is_trusted


def test_system_wall_clock_always_trusted_doubts_a_long_step_for_an_hour():
    machine = Machine(trust="always")
    assert machine.is_trusted()
    assert machine.is_trusted(step=-3599.0)
    assert not machine.is_trusted(step=-3600.0)
    assert not machine.is_trusted(after=3599.0)
    assert machine.is_trusted(after=1.0)
    assert machine.asked == 0


def test_system_wall_clock_always_trusted_minds_no_thousand_small_steps():
    machine = Machine(trust="always")
    assert all(machine.is_trusted(after=0.1, step=(-1.0) ** turn) for turn in range(1000))


def test_system_wall_clock_refuses_another_trust():
    with pytest.raises(SettingError, match="one of synchronized, always"):
        SystemWallClock(clock=ManualClock(), trust="never")


def test_system_wall_clock_of_this_machine_tells_a_moment():
    now = SystemWallClock(clock=ManualClock(3.0)).now()
    assert now.monotonic_seconds == 3.0
    assert now.wall_seconds > 1_700_000_000
    assert re.fullmatch("[0-9a-f]{32}", now.boot_id)
    assert now.boot_id == read_boot_id()


def test_system_wall_clock_makes_a_boot_up_where_the_kernel_does_not_tell(monkeypatch):
    monkeypatch.setattr("edge.wallclock.read_boot_id", str)
    found = [SystemWallClock(clock=ManualClock()).now().boot_id for _ in range(2)]
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in found)
    assert found[0] != found[1]


# status of the kernel, whether timesyncd left its mark, whether the clock is kept right
STATUSES = [
    (0x0001, False, True),  # STA_PLL
    (0x2001, False, True),
    (0x0040, False, False),  # STA_UNSYNC
    (0x2041, True, False),  # the mark is older than what the kernel says
    (None, True, True),  # the kernel may not be asked
    (None, False, False),
]


@pytest.mark.parametrize(("status", "is_marked", "is_kept"), STATUSES)
def test_is_kernel_synchronized(monkeypatch, tmp_path, status, is_marked, is_kept):
    mark = tmp_path / "synchronized"
    if is_marked:
        mark.touch()
    monkeypatch.setattr(wallclock, "_read_kernel_status", lambda: status)
    monkeypatch.setattr(wallclock, "_SET_BY_TIMESYNCD", mark)
    assert is_kernel_synchronized() is is_kept


def test_read_kernel_status_asks_this_kernel():
    status = wallclock._read_kernel_status()
    assert status is None or 0 <= status < 0x10000


# what the C library has, what comes of it
LIBRARIES = [
    (lambda timex: -1, None),  # the call is not allowed
    (lambda timex: 5, 0),  # TIME_ERROR comes with the status
    (None, None),  # no such call
]


@pytest.mark.parametrize(("adjtimex", "status"), LIBRARIES)
def test_read_kernel_status_without_the_right(monkeypatch, adjtimex, status):
    library = type("Library", (), {} if adjtimex is None else {"adjtimex": staticmethod(adjtimex)})
    monkeypatch.setattr(wallclock.ctypes, "CDLL", lambda name, use_errno: library)
    assert wallclock._read_kernel_status() == status


def test_nothing_but_the_wall_clock_asks_for_the_time_of_day(repository):
    """A wall clock that steps must change no duration: nobody else may look at it."""
    asking = set()
    for path in (repository / "edge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "time.time",
                "time.time_ns",
            ):
                asking.add(path.relative_to(repository).as_posix())
    assert asking == {"edge/wallclock.py"}
