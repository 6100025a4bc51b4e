"""The process from which capture processes are forked: what it starts ends with it."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from edge.capture.nursery import Nursery

PATIENCE_SECONDS = 10.0


@pytest.fixture
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()


@contextmanager
def pipes():
    """Four descriptors for a capture process whose order never comes, and its standard input."""
    with ExitStack() as opened:
        ends = [os.pipe() for _ in range(3)]
        for descriptor in (end for pair in ends for end in pair):
            opened.callback(_close_quietly, descriptor)
        (bell, ring), (heard, voice), (_messages, said) = ends
        yield (bell, ring, heard, said), voice


def _close_quietly(descriptor):
    try:
        os.close(descriptor)
    except OSError:  # the test has closed it
        return


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds):
    end_seconds = time.monotonic() + PATIENCE_SECONDS
    while not holds() and time.monotonic() < end_seconds:
        time.sleep(0.01)
    assert holds()


def test_a_process_is_killed_on_request_and_its_end_reported(nursery):
    with pipes() as (descriptors, _):
        pid = nursery.start(descriptors)
        assert is_alive(pid)
        assert nursery.exit_code(pid) is None
        nursery.kill(pid)
        assert nursery.exit_code(pid, PATIENCE_SECONDS) == -signal.SIGKILL
        nursery.kill(pid)  # its number may be another's by now: nobody is killed


def test_a_process_whose_order_cannot_come_ends_by_itself(nursery):
    with pipes() as (descriptors, voice):
        pid = nursery.start(descriptors)
        os.close(descriptors[2])
        os.close(voice)
        assert nursery.exit_code(pid, PATIENCE_SECONDS) == 0


def test_a_stopped_process_is_killed_as_well(nursery):
    with pipes() as (descriptors, _):
        pid = nursery.start(descriptors)
        os.kill(pid, signal.SIGSTOP)
        nursery.kill(pid)
        assert nursery.exit_code(pid, PATIENCE_SECONDS) == -signal.SIGKILL


def test_all_end_with_the_nursery(nursery):
    with pipes() as (first, _), pipes() as (second, _):
        pids = [nursery.start(first), nursery.start(second)]
        nursery.close()
        wait_until(lambda: not any(map(is_alive, pids)))


def test_a_killed_nursery_takes_its_children_along_and_is_known_to_have_ended(nursery):
    with pipes() as (descriptors, _):
        pid = nursery.start(descriptors)
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid))
        assert nursery.exit_code(pid, PATIENCE_SECONDS) == -signal.SIGKILL
        assert nursery.has_ended
        with pytest.raises(OSError, match=r"pipe|reset|Connection"):
            nursery.start(descriptors)


def test_a_killed_program_leaves_nothing_behind():
    with subprocess.Popen(
        [sys.executable, "-c", "FORKS = True\n" + textwrap.dedent(LONELY)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        pids = json.loads(program.stdout.readline())
        assert all(map(is_alive, pids))
        program.kill()
        wait_until(lambda: not any(map(is_alive, pids)))


ANOTHER_THREAD = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""

LONELY = """
    import json, os
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from edge.capture.nursery import Nursery
    nursery = Nursery()
    (bell, ring), (heard, voice), (messages, said) = (os.pipe() for _ in range(3))
    pid = nursery.start((bell, ring, heard, said))
    stat = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    command = open(f"/proc/{stat[1]}/cmdline").read()
    assert ("-c" in command) == FORKS, command
    print(json.dumps([pid, int(stat[1])]), flush=True)
    input()
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted on Linux")
@pytest.mark.parametrize("is_alone", [True, False])
def test_only_a_program_with_one_thread_is_forked(is_alone):
    start = "" if is_alone else ANOTHER_THREAD
    code = start + f"FORKS = {is_alone}\n" + textwrap.dedent(LONELY)
    program = subprocess.run(
        [sys.executable, "-c", code], input="\n\n", capture_output=True, text=True, check=False
    )
    assert program.returncode == 0, program.stderr


CIRCLE = """
    import weakref
    from edge.capture.nursery import Nursery
    class Knot:
        pass
    knot = Knot()
    knot.itself = knot
    is_there = weakref.ref(knot)
    Nursery().close()
    del knot
    Nursery().close()
    print(is_there())
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted on Linux")
def test_what_was_there_at_a_fork_and_has_ended_since_is_collected_at_the_next():
    program = "import os\nos.environ['OPENBLAS_NUM_THREADS'] = '1'\n" + textwrap.dedent(CIRCLE)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


LOGGED = """
    import logging
    logging.basicConfig(filename="program.log")
    logging.getLogger("edge").addHandler(logging.FileHandler("edge.log"))
    from edge.capture.process import CaptureProcess
    from edge.capture.request import LensRequest
    with CaptureProcess(LensRequest("demo:", is_live=True)) as capture:
        seen = [type(capture.read()).__name__ for _ in range(3)]
        print(seen[-1])
"""


def test_the_log_files_of_a_program_are_no_hindrance(tmp_path):
    program = "import os\nos.environ['OPENBLAS_NUM_THREADS'] = '1'\n" + textwrap.dedent(LOGGED)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["Frame"], done.stderr
