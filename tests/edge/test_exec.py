import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from occurrences import make_context, make_occurrence, wait_until

from edge.actions.exec import ExecAction, ExecSettings
from edge.actions.program import run_program
from edge.clock import SystemClock
from edge.errors import ActionError, SettingError


def open_exec(folder, *command, **settings):
    return ExecAction(ExecSettings(command=command, **settings), make_context(folder))


def open_python(folder, text, **settings):
    return open_exec(folder, sys.executable, "-c", text, **settings)


def is_running(pid):
    """Whether a process runs; one that nobody has waited for yet does not."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_exec_tells_what_has_occurred_in_the_environment(tmp_path):
    text = "import os, pathlib; pathlib.Path('seen').write_text(repr(dict(os.environ)))"
    open_python(tmp_path, text).perform(make_occurrence(7))
    seen = eval((tmp_path / "seen").read_text())  # noqa: S307 - our own
    told = {name: seen[name] for name in seen if name.startswith("EDGE_")}
    assert told.pop("EDGE_EVENT_SNAPSHOT").endswith(".jpg")
    assert len(told.pop("EDGE_CALL")) == 32
    assert told == {
        "EDGE_EVENT_ID": f"{7:032x}",
        "EDGE_EVENT_RULE": "let in",
        "EDGE_EVENT_LABEL": "cat",
        "EDGE_EVENT_SCORE": "0.9877",
        "EDGE_EVENT_TIME": "2027-01-15T08:00:00.250Z",
    }


def test_exec_passes_no_secret_and_no_configuration_on(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_TOKEN", "swordfish")
    monkeypatch.setenv("EDGE_ACTIONS_TELL_TOKEN", "swordfish")
    monkeypatch.setenv("LC_TIME", "C")
    open_python(tmp_path, "import os; open('seen', 'w').write(str(dict(os.environ)))").perform(
        make_occurrence()
    )
    seen = (tmp_path / "seen").read_text()
    assert "swordfish" not in seen
    assert "LC_TIME" in seen


# Labels that would do harm if any of them came to a shell or into the arguments.
HOSTILE = ["x; touch pwned", "$(touch pwned)", "`touch pwned`", "a\nb", "-rf", "a\0b", "'\""]


@pytest.mark.parametrize("label", HOSTILE)
def test_exec_hands_a_label_on_as_it_is(tmp_path, label):
    text = "import os, sys; open('seen', 'w').write(os.environ['EDGE_EVENT_LABEL'] + str(sys.argv))"
    open_python(tmp_path, text).perform(make_occurrence(label=label))
    assert (tmp_path / "seen").read_text() == label.replace("\0", "") + "['-c']"
    assert [path.name for path in tmp_path.iterdir()] == ["seen"]


def test_exec_lends_the_snapshot_while_the_program_runs(tmp_path):
    text = "import os; p = os.environ['EDGE_EVENT_SNAPSHOT']; print(p, open(p, 'rb').read()[:2])"
    said = open_python(tmp_path, text).perform(make_occurrence())
    path, _, start = said.removeprefix("ended with code 0: ").partition(" ")
    assert start == "b'\\xff\\xd8'"
    assert not Path(path).parent.exists()


def test_exec_goes_on_without_a_snapshot(tmp_path):
    text = "import os; print(repr(os.environ['EDGE_EVENT_SNAPSHOT']))"
    action = open_python(tmp_path, text)
    assert action.perform(make_occurrence(has_snapshot=False)) == "ended with code 0: ''"


def test_exec_goes_on_where_the_snapshot_cannot_be_written(tmp_path, monkeypatch):
    def fail(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    text = "import os; print(repr(os.environ['EDGE_EVENT_SNAPSHOT']))"
    assert open_python(tmp_path, text).perform(make_occurrence()) == "ended with code 0: ''"


def test_exec_goes_on_where_no_folder_can_be_made(tmp_path, monkeypatch):
    def fail(**arguments):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "mkdtemp", fail)
    text = "import os; print(repr(os.environ['EDGE_EVENT_SNAPSHOT']))"
    assert open_python(tmp_path, text).perform(make_occurrence()) == "ended with code 0: ''"


FAILING = [
    # it says no
    ("print('first'); print('no cat\\x07 here'); raise SystemExit(3)", r"3 from .*: no cat\? here"),
    ("raise SystemExit(1)", r"Received: 1 from [^:]*\. See"),  # without a word
    ("import os; os.kill(os.getpid(), 9)", r"Received: -9 from"),  # killed by somebody else
]


@pytest.mark.parametrize(("text", "message"), FAILING)
def test_exec_reports_the_code_and_the_last_line(tmp_path, text, message):
    with pytest.raises(ActionError, match=message):
        open_python(tmp_path, text).perform(make_occurrence())


def test_exec_kills_a_program_that_sleeps_with_all_it_has_started(tmp_path):
    text = (
        "import subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    start_seconds = time.monotonic()
    with pytest.raises(ActionError, match=r"must end within 1 s.*killed then: \d+") as caught:
        open_python(tmp_path, text, timeout_seconds=1.0).perform(make_occurrence())
    assert time.monotonic() - start_seconds < 5
    pid = int(caught.value.received.rpartition(" ")[2])
    wait_until(lambda: not is_running(pid))


def test_exec_leaves_no_daemon_behind_and_does_not_wait_for_it(tmp_path):
    text = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    start_seconds = time.monotonic()
    said = open_python(tmp_path, text).perform(make_occurrence())
    assert time.monotonic() - start_seconds < 5
    wait_until(lambda: not is_running(int(said.rpartition(" ")[2])))


def test_exec_leaves_no_group_of_its_session_behind(tmp_path):
    text = "import subprocess; print(subprocess.Popen(['sleep', '600'], process_group=0).pid)"
    said = open_python(tmp_path, text).perform(make_occurrence())
    wait_until(lambda: not is_running(int(said.rpartition(" ")[2])))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("ending", ["", "time.sleep(600)"])
def test_exec_leaves_no_session_of_its_children_behind(tmp_path, ending):
    """A real daemon: forked twice, with a session of its own, and a child that it forks again."""
    text = (
        "import os, subprocess, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "    open('new', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "    os.rename('new', 'pids')\n"
        "    time.sleep(600)\n"
        "while not os.path.exists('pids'): time.sleep(0.01)\n"
    )
    action = open_python(tmp_path, text + ending, timeout_seconds=5.0 if ending else 20.0)
    with pytest.raises(ActionError, match="killed then") if ending else nullcontext():
        action.perform(make_occurrence())
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    wait_until(lambda: not any(map(is_running, pids)))


def test_exec_kills_nobody_of_another_call(tmp_path):
    """Two programs at once: the end of the one leaves the other alone."""
    other = open_python(tmp_path, "import time; open('up', 'w'); time.sleep(1.5)")
    with ThreadPoolExecutor() as pool:
        said = pool.submit(other.perform, make_occurrence(1))
        wait_until((tmp_path / "up").exists)
        assert open_exec(tmp_path, "true").perform(make_occurrence(1)) == "ended with code 0"
        assert said.result() == "ended with code 0"


def test_exec_survives_a_program_that_prints_a_gigabyte(tmp_path):
    text = (
        "import os\n"
        "block = b'x' * 1_000_000\n"
        "for _ in range(1000): os.write(1, block)\n"
        "os.write(2, b'\\nthe end\\n')"
    )
    action = open_python(tmp_path, text, timeout_seconds=60.0)
    assert action.perform(make_occurrence()) == "ended with code 0: the end"


def test_exec_waits_for_a_program_that_has_closed_its_outputs(tmp_path):
    text = "import os, time; os.close(1); os.close(2); time.sleep(0.2); open('done', 'w')"
    assert open_python(tmp_path, text).perform(make_occurrence()) == "ended with code 0"
    assert (tmp_path / "done").exists()


def test_exec_close_kills_the_program(tmp_path):
    action = open_python(tmp_path, "import time; time.sleep(600)", timeout_seconds=600.0)
    threading.Timer(0.2, action.close).start()
    with pytest.raises(ActionError, match="killed at the end of the run"):
        action.perform(make_occurrence())


def test_exec_gives_no_input(tmp_path):
    action = open_python(tmp_path, "import sys; print(repr(sys.stdin.read()))")
    assert action.perform(make_occurrence()) == "ended with code 0: ''"


def _make_script(folder, text, mode):
    path = folder / "script"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


# (what is made, what the error says)
MISSING = [
    (lambda folder: str(folder / "nothing"), "No such file or directory"),
    (lambda folder: "no-such-program-anywhere", "No such file or directory"),
    (lambda folder: _make_script(folder, "#!/bin/sh\n", 0o644), "Permission denied"),
    (lambda folder: _make_script(folder, "", 0o755), "Exec format error"),
    (lambda folder: _make_script(folder, "#!/no/such/shell\n", 0o755), "No such file"),
]


@pytest.mark.parametrize(("make", "reason"), MISSING)
def test_exec_says_why_a_program_cannot_be_called(tmp_path, make, reason):
    with pytest.raises(ActionError, match=reason):
        open_exec(tmp_path, make(tmp_path)).perform(make_occurrence())


def test_exec_check_finds_the_program_and_does_not_call_it(tmp_path):
    path = _make_script(tmp_path, "#!/bin/sh\ntouch called\n", 0o755)
    assert list(open_exec(tmp_path, path).check()) == [f"{path} can be executed"]
    assert list(open_exec(tmp_path, "sh").check()) == [
        f"{subprocess.check_output(['which', 'sh'], text=True).strip()} can be executed"
    ]
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize("program", ["/nowhere/at/all", "no-such-program-anywhere"])
def test_exec_check_names_a_program_that_is_not_there(tmp_path, monkeypatch, program):
    monkeypatch.chdir(tmp_path)
    _make_script(tmp_path, "#!/bin/sh\n", 0o755)
    with pytest.raises(ActionError, match=f"Received: {program}"):
        list(open_exec(tmp_path, program).check())


# Commands that can never be called.
UNFIT = [(), ("",), ("sh", "a\0b"), ("./script",), ("bin/script",)]


@pytest.mark.parametrize("command", UNFIT)
def test_exec_settings_refuse_a_command(command):
    check = ExecSettings.__dataclass_fields__["command"].metadata["edge.settings"].check
    with pytest.raises(SettingError, match=r"must name a program|zero byte|absolute path"):
        check(command)


def test_run_program_kills_what_it_runs_when_it_is_interrupted(tmp_path):
    class Interrupting(SystemClock):
        def monotonic(self):
            now_seconds = super().monotonic()
            if (tmp_path / "pid").exists():
                raise KeyboardInterrupt
            return now_seconds

    text = (
        "import os, time\n"
        "open('new', 'w').write(str(os.getpid()))\n"
        "os.rename('new', 'pid')\n"
        "time.sleep(600)"
    )
    with pytest.raises(KeyboardInterrupt):
        run_program(
            [sys.executable, "-c", text],
            environment={},
            folder=tmp_path,
            timeout_seconds=60,
            stop=threading.Event(),
            clock=Interrupting(),
        )
    assert not is_running(int((tmp_path / "pid").read_text()))
