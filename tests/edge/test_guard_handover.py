"""From one guard to the next, and between guards of several main processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edge.errors import GuardError
from edge.guard import pins
from edge.guard.output import GuardedOutput
from edge.guard.pins import FilePin
from edge.guard.request import OutputRequest, list_notes, read_note, start_time, write_note
from edge.guard.safety import release_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
PATIENCE_SECONDS = 8.0


def wait_until(condition):
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def guards_of(folder):
    return [pid for pid, _ in read_note(folder / "guard" / "door.json").processes]


def is_on(path):
    return path.read_text().endswith(",1\n")


@pytest.fixture
def request_(tmp_path):
    return OutputRequest("door", f"file:{tmp_path / 'pin.csv'}", tmp_path)


@pytest.fixture
def output(request_):
    made = GuardedOutput(request_, idle_seconds=lambda: 0.0)
    assert made.wait_ready(PATIENCE_SECONDS)
    yield made
    made.close()


def test_second_main_process_does_not_take_the_output(output, request_, tmp_path):
    output.energise(3.0)
    before = guards_of(tmp_path)
    code = "import sys; from edge.guard.process import *; sys.exit(guard_output())"
    with subprocess.Popen(["sleep", "60"]) as other:
        line = json.loads(request_.to_line()) | {"owner": other.pid}
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(line) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        other.kill()
    assert done.returncode == 1
    assert done.stdout.startswith("unclaimed The output door must belong to one running edge. Rec")
    assert f"process {os.getpid()}" in done.stdout
    assert is_on(tmp_path / "pin.csv")
    assert guards_of(tmp_path) == before


def test_next_guard_ends_what_is_left_of_the_one_before(request_, tmp_path):
    """Both are stopped, as a machine out of memory would have them, and nobody else acts."""
    first = GuardedOutput(request_, idle_seconds=lambda: 0.0)
    first.energise(3.0)
    guard, understudy = guards_of(tmp_path)
    os.kill(understudy, signal.SIGSTOP)
    os.kill(guard, signal.SIGSTOP)
    second = GuardedOutput(request_, idle_seconds=lambda: 0.0)
    assert second.wait_ready(PATIENCE_SECONDS)
    assert not is_on(tmp_path / "pin.csv")
    assert wait_until(lambda: not start_time(guard) and not start_time(understudy))
    first.close()
    second.close()


def test_close_is_quick_while_the_guard_is_stopped(output, tmp_path):
    output.energise(5.0)
    for pid in reversed(guards_of(tmp_path)[:1]):
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    output.close()
    assert time.monotonic() - began < 2.0
    assert wait_until(lambda: not is_on(tmp_path / "pin.csv"))


def test_loop_that_hangs_does_not_get_the_output(tmp_path, request_):
    output = GuardedOutput(request_, idle_seconds=lambda: 2.0)
    with pytest.raises(GuardError, match="the loop makes no progress"):
        output.energise(1.0)
    output.close()
    assert ",1" not in (tmp_path / "pin.csv").read_text()


def test_guard_goes_on_where_nothing_can_be_noted(tmp_path, request_, caplog):
    (tmp_path / "guard").write_text("in the way of the folder")
    output = GuardedOutput(request_, idle_seconds=lambda: 0.0)
    assert output.energise(0.1) == 0.1
    assert wait_until(lambda: not output.is_energised)
    output.close()
    assert "output door: its times cannot be written down" in caplog.text


def test_pin_of_another_program_is_left_to_it(tmp_path, monkeypatch):
    """Neither a note nor an understudy that waits for the pin stays behind."""
    monkeypatch.setenv("EDGE_SCRIPTED_PIN", str(tmp_path / "pin.csv"))
    (tmp_path / "pin.csv.faults").write_text('{"claim": 999, "error": "EBUSY"}')
    request = OutputRequest("door", "edge.guard.scripted:ScriptedPin", tmp_path)
    output = GuardedOutput(request, idle_seconds=lambda: 0.0)
    assert wait_until(lambda: list_notes(tmp_path))
    pids = guards_of(tmp_path)
    assert wait_until(lambda: "claimed" in output.trouble)
    output.close()
    assert wait_until(lambda: not any(map(start_time, pids)))
    assert wait_until(lambda: list_notes(tmp_path) == [])


def test_release_all_goes_on_after_a_note_that_is_damaged(output, tmp_path):
    output.energise(3.0)
    (tmp_path / "guard" / "aaa.json").write_text("{")
    with pytest.raises(GuardError, match=r"aaa\.json must say which pin an output has"):
        release_all(tmp_path)
    assert not is_on(tmp_path / "pin.csv")


def test_release_all_kills_no_process_that_is_no_guard(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as other:
        note = {
            "pin": f"file:{tmp_path / 'pin.csv'}",
            "active_low": True,
            "processes": [[other.pid, start_time(other.pid)]],
        }
        folder = tmp_path / "guard"
        folder.mkdir()
        (folder / "door.json").write_text(json.dumps(note))
        assert release_all(tmp_path) == ["door"]
        assert other.poll() is None
        other.kill()
    assert Path(tmp_path / "pin.csv").read_text().endswith(",1\n")  # high is safe


def test_guard_that_is_killed_while_it_waits_for_a_pin_leaves_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_SCRIPTED_PIN", str(tmp_path / "pin.csv"))
    (tmp_path / "pin.csv.faults").write_text('{"claim": 999, "error": "EBUSY"}')
    request = OutputRequest("door", "edge.guard.scripted:ScriptedPin", tmp_path)
    output = GuardedOutput(request, idle_seconds=lambda: 0.0)
    assert wait_until(lambda: list_notes(tmp_path))
    pids = guards_of(tmp_path)
    output.close()
    assert wait_until(lambda: not any(map(start_time, pids)))


def test_next_understudy_stands_in_where_the_next_guard_dies_too(tmp_path, monkeypatch):
    """The first is killed while the output is on and the pin cannot be claimed by anybody."""
    path, faults = tmp_path / "pin.csv", tmp_path / "pin.csv.faults"
    monkeypatch.setenv("EDGE_SCRIPTED_PIN", str(path))
    request = OutputRequest("door", "edge.guard.scripted:ScriptedPin", tmp_path)
    output = GuardedOutput(request, idle_seconds=lambda: 0.0)
    output.energise(3.0)
    before = guards_of(tmp_path)
    faults.write_text('{"claim": 999, "error": "EIO"}')
    os.kill(before[0], signal.SIGKILL)
    assert wait_until(lambda: guards_of(tmp_path) != before)
    output.close()
    assert is_on(path)

    def is_released_without_faults():
        faults.unlink(missing_ok=True)  # again and again: who fails just now writes it anew
        return not is_on(path)

    assert wait_until(is_released_without_faults)


def test_guard_that_dies_meanwhile_is_told_and_the_next_one_is_left_alone(output, tmp_path):
    first, _ = guards_of(tmp_path)
    os.kill(first, signal.SIGSTOP)  # so that it cannot answer
    threading.Timer(0.2, os.kill, (first, signal.SIGKILL)).start()
    with pytest.raises(GuardError, match="has ended meanwhile"):
        output.energise(1.0)
    assert output.wait_ready(PATIENCE_SECONDS)
    second, _ = guards_of(tmp_path)
    assert output.energise(0.1) == 0.1
    assert second != first
    assert start_time(second)


def test_close_ends_the_wait_for_a_guard(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_SCRIPTED_PIN", str(tmp_path / "pin.csv"))
    (tmp_path / "pin.csv.faults").write_text('{"claim": 999, "error": "EBUSY"}')
    request = OutputRequest("door", "edge.guard.scripted:ScriptedPin", tmp_path)
    output = GuardedOutput(request, idle_seconds=lambda: 0.0)
    threading.Timer(0.2, output.close).start()
    began = time.monotonic()
    with pytest.raises(GuardError, match="the run is over"):
        output.energise(1.0)
    assert time.monotonic() - began < 2.0


def test_guard_takes_nothing_out_of_the_folder_it_is_started_in(request_, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    output = GuardedOutput(request_, idle_seconds=lambda: 0.0)
    assert output.wait_ready(PATIENCE_SECONDS)
    output.close()


def test_guard_ends_in_order_where_its_note_cannot_be_removed(request_, tmp_path):
    (tmp_path / "guard" / "door.json").mkdir(parents=True)  # as good as a disk gone read-only
    done = subprocess.run(
        [sys.executable, "-m", "edge.guard"],
        input=f"{request_.to_line()}\nend\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "ready" in done.stdout


def test_note_of_another_boot_names_no_process(request_, tmp_path):
    write_note(request_, os.getpid())
    path = request_.note_path
    assert read_note(path).processes
    path.write_text(json.dumps(json.loads(path.read_text()) | {"boot_id": "another"}))
    note = read_note(path)
    assert (note.processes, note.owner) == ((), (0, 0))
    assert note.pin == f"file:{tmp_path / 'pin.csv'}"


def test_release_without_a_folder_says_what_is_missing():
    done = subprocess.run(
        [sys.executable, "-m", "edge.guard", "--release"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--release takes the folder of the memory. Received: nothing. Write" in done.stderr


def test_file_pin_whose_line_is_cut_has_failed(tmp_path, monkeypatch):
    pin = FilePin(tmp_path / "pin.csv")
    monkeypatch.setattr(pins.os, "write", lambda file, data: len(data) - 1)
    with pytest.raises(OSError, match="No space left"):
        pin.write(True)
    pin.close()
