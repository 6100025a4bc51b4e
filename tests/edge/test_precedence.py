import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from edge.guard.output import GuardedOutput
from edge.guard.precedence import keep_memory, offer_memory
from edge.guard.request import OutputRequest, read_notes


def adjustment(pid):
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


@pytest.fixture(autouse=True)
def _as_before():
    before = adjustment("self")
    yield
    Path("/proc/self/oom_score_adj").write_text(str(before))


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.communicate(b"\n", timeout=20)


def test_guard_outlives_the_main_process_when_memory_is_short(tmp_path):
    request = OutputRequest("door", f"file:{tmp_path / 'pin.csv'}", tmp_path)
    with closing(GuardedOutput(request, idle_seconds=lambda: 0.0)) as output:
        assert output.wait_ready(20)
        (note,) = read_notes(tmp_path).values()
        assert len(note.processes) == 2  # the guard and its understudy
        for pid, _ in note.processes:
            assert adjustment(pid) < adjustment(os.getpid()) == 300


def test_guard_is_run_at_once_once_it_serves(tmp_path):
    """A guard that starts must not take the processor from one that serves."""
    probe = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    if subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode:
        pytest.skip("this user may not ask for real time")
    request = OutputRequest("door", f"file:{tmp_path / 'pin.csv'}", tmp_path)
    with closing(GuardedOutput(request, idle_seconds=lambda: 0.0)) as output:
        assert output.wait_ready(20)
        (note,) = read_notes(tmp_path).values()
        pids = [pid for pid, _ in note.processes]
        end_seconds = time.monotonic() + 20
        while {*map(os.sched_getscheduler, pids)} != {os.SCHED_RR}:  # the understudy gets warm yet
            assert time.monotonic() < end_seconds
            time.sleep(0.01)


def test_memory_is_kept_as_far_as_the_user_may_ask(sleeper):
    offer_memory(sleeper.pid)
    assert adjustment(sleeper.pid) == 300
    keep_memory(sleeper.pid)
    assert adjustment(sleeper.pid) in (-500, 0)  # as the machine grants it


def test_memory_of_a_process_that_is_gone_is_nobodys():
    offer_memory(2**22 + 1)
    keep_memory(2**22 + 1)
