import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.guarded import MainProcess, read_pin, wait_until
from edge.errors import GuardError
from edge.guard.limits import Limits
from edge.guard.output import GuardedOutput
from edge.guard.request import OutputRequest, read_notes
from edge.guard.safety import release_all

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
SLACK = 0.5  # seconds beyond a limit, as promised


@pytest.fixture
def main(tmp_path):
    process = MainProcess(tmp_path, longest_seconds=3.0)
    yield process
    if process.process.poll() is None:
        process.process.send_signal(signal.SIGCONT)
    process.close()


def off_after(process, seconds):
    """Wait until the pin is off; return after how many seconds from now, infinite if never."""
    now = time.monotonic()
    if not wait_until(lambda: not process.is_on(), seconds):
        return float("inf")
    return read_pin(process.pin_path)[-1].end_seconds - now


def test_output_is_energised_for_what_was_asked(main):
    assert main.tell("on 0.3") == "0.300"
    assert wait_until(lambda: not main.is_on())
    span = read_pin(main.pin_path)[-1]
    assert 0.25 < span.end_seconds - span.start_seconds < 0.3 + SLACK


def test_output_is_cut_to_its_longest_time(tmp_path):
    main = MainProcess(tmp_path, longest_seconds=0.3)
    assert main.tell("on 60") == "0.300"
    assert wait_until(lambda: not main.is_on(), 2)
    main.close()


def test_asking_again_does_not_make_it_longer(tmp_path):
    main = MainProcess(tmp_path, longest_seconds=0.4)
    while main.tell("on 0.2").startswith("0"):
        time.sleep(0.05)
    spans = read_pin(main.pin_path)
    assert spans[0].end_seconds is not None
    assert spans[0].end_seconds - spans[0].start_seconds < 0.4 + SLACK
    main.close()


def test_pause_is_kept_and_told(main):
    main.tell("on 0.1")
    wait_until(lambda: not main.is_on())
    assert "needs its pause" in main.tell("on 0.1")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_output_is_released_when_the_main_process_dies(main, number):
    main.tell("on 3")
    main.process.send_signal(number)
    assert off_after(main, 2) < 1.0


@pytest.mark.parametrize("way", ["stopped", "hangs"])
def test_output_is_released_when_the_main_process_makes_no_progress(main, way):
    main.tell("on 3")
    if way == "stopped":
        main.process.send_signal(signal.SIGSTOP)
    else:
        main.tell("hang")
    assert off_after(main, 2) < 1.2


@LINUX
def test_understudy_releases_it_when_main_and_guard_die_together(main):
    main.tell("on 3")
    guard, _ = main.guard_pids()
    os.kill(guard, signal.SIGKILL)
    main.process.kill()
    assert off_after(main, 3) < 2.0


@LINUX
def test_understudy_releases_it_when_the_guard_hangs(main):
    main.tell("on 3")
    guard, _ = main.guard_pids()
    os.kill(guard, signal.SIGSTOP)
    assert off_after(main, 3) < 1.0
    assert wait_until(lambda: main.tell("trouble") == "" and main.guard_pids()[0] != guard)
    assert wait_until(lambda: main.tell("on 0.1") == "0.100")


@LINUX
def test_guard_that_lost_its_understudy_is_replaced(main):
    main.tell("on 3")
    guard, understudy = main.guard_pids()
    os.kill(understudy, signal.SIGKILL)
    assert off_after(main, 2) < 1.2
    assert wait_until(lambda: main.guard_pids()[0] != guard)
    assert wait_until(lambda: main.tell("on 0.1") == "0.100")


@LINUX
def test_release_all_makes_safe_what_all_three_left_energised(main, tmp_path):
    main.tell("on 3")
    pids = main.guard_pids()
    for pid in reversed(pids):
        os.kill(pid, signal.SIGSTOP)  # so that none of them acts
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    main.process.kill()
    assert main.is_on()
    command = [sys.executable, "-m", "edge.guard", "--release", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "edge: output door: released\n")
    assert not main.is_on()
    assert read_notes(tmp_path) == {}


@LINUX
def test_release_all_kills_a_guard_that_still_runs(main, tmp_path):
    main.tell("on 3")
    guard, _ = main.guard_pids()
    release_all(tmp_path)
    assert not main.is_on()
    assert wait_until(lambda: has_ended(guard))


def has_ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_release_all_needs_no_notes(tmp_path):
    assert release_all(tmp_path) == []


def test_release_all_tells_a_note_that_is_damaged(tmp_path):
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "door.json").write_text("{")
    with pytest.raises(GuardError, match=r"door\.json must say which pin .* by hand"):
        release_all(tmp_path)
    command = [sys.executable, "-m", "edge.guard", "--release", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("edge: ")


@LINUX
def test_orderly_end_leaves_no_note_and_no_process(main, tmp_path):
    main.tell("on 0.1")
    guard, understudy = main.guard_pids()
    main.process.stdin.close()
    main.process.wait(5)
    assert wait_until(lambda: has_ended(guard) and has_ended(understudy))
    assert read_notes(tmp_path) == {}


def test_duty_outlasts_the_guard(tmp_path):
    limits = Limits(longest_seconds=1.0, duty=0.001, pause_seconds=0.0)
    request = OutputRequest("door", f"file:{tmp_path / 'pin.csv'}", tmp_path, limits=limits)
    first = GuardedOutput(request, idle_seconds=lambda: 0.0)
    assert first.energise(1.0) == pytest.approx(0.6)  # of 600 s
    assert wait_until(lambda: not first.is_energised)
    first.close()
    second = GuardedOutput(request, idle_seconds=lambda: 0.0)
    with pytest.raises(GuardError, match="too much of the last ten minutes"):
        second.energise(1.0)
    second.close()


# What the script makes fail, whether the output can be energised at last, a word of the trouble.
FAULTS = [
    ({"claim": 3, "error": "EBUSY"}, True, ""),  # another held it for a moment
    ({"claim": 999, "error": "EBUSY"}, False, "claimed"),
    ({"claim": 999, "error": "EACCES"}, False, "Permission denied"),
    ({"claim": 999, "error": "ENODEV"}, False, "No such device"),
    ({"on": 999, "error": "EIO"}, False, ""),
]


@pytest.mark.parametrize(("faults", "is_usable", "word"), FAULTS)
def test_faults_of_the_pin_are_told_and_leave_it_off(
    tmp_path, monkeypatch, faults, is_usable, word
):
    import json

    path = tmp_path / "pin.csv"
    path.with_name("pin.csv.faults").write_text(json.dumps(faults))
    monkeypatch.setenv("EDGE_SCRIPTED_PIN", str(path))
    request = OutputRequest("door", "edge.guard.scripted:ScriptedPin", tmp_path)
    output = GuardedOutput(request, idle_seconds=lambda: 0.0)
    if is_usable:
        assert output.energise(0.1) == 0.1
    else:
        with pytest.raises(GuardError, match="The output door must be free"):
            output.energise(0.1)
    assert word in output.trouble
    output.close()
    assert not path.exists() or not path.read_text().endswith(",1\n")


def test_output_that_cannot_be_switched_off_is_tried_again_and_alarmed(tmp_path, monkeypatch):
    path = tmp_path / "pin.csv"
    script = path.with_name("pin.csv.faults")
    monkeypatch.setenv("EDGE_SCRIPTED_PIN", str(path))
    request = OutputRequest("door", "edge.guard.scripted:ScriptedPin", tmp_path)
    output = GuardedOutput(request, idle_seconds=lambda: 0.0)
    assert output.wait_ready(5)
    script.write_text('{"off": 6, "error": "EIO"}')
    output.energise(0.1)
    assert wait_until(lambda: output.is_stuck)
    assert "cannot be switched off: Input/output error" in output.trouble
    with pytest.raises(GuardError, match="could not be switched off"):
        output.energise(0.1)
    assert wait_until(lambda: not output.is_stuck and output.trouble == "")
    assert path.read_text().endswith(",0\n")
    output.close()


def test_wall_clock_steps_change_nothing(tmp_path, monkeypatch):
    """The guard never asks the wall clock: one that raises is not noticed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import time\ndef never(): raise AssertionError\ntime.time = never\n"
    )
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    request = OutputRequest("door", f"file:{tmp_path / 'pin.csv'}", tmp_path)
    output = GuardedOutput(request, idle_seconds=lambda: 0.0)
    assert output.energise(0.2) == 0.2
    assert wait_until(lambda: not output.is_energised)
    output.close()


def test_guard_imports_little():
    code = "import edge.guard.process, sys; print({'numpy', 'cv2', 'gpiozero'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_guard_without_a_request_ends(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "edge.guard"], stdin=subprocess.DEVNULL, timeout=20, check=False
    )
    assert done.returncode == 0
