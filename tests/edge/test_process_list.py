"""A password in an address must not be seen by other users of the machine."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.cli.process_list import hide_secrets

SECRET = "sesame-4711"
ADDRESS = f"http://me:{SECRET}@127.0.0.1:9/video?token={SECRET}"
PATIENCE_SECONDS = 30

pytestmark = pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux")


def family(pid):
    """Return the process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def arguments_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def lines_until(process, text):
    deadline = time.monotonic() + PATIENCE_SECONDS
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line or time.monotonic() > deadline:
            return lines
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("options", [["--source", ADDRESS], [f"--source={ADDRESS}"]])
def test_no_process_of_a_run_shows_the_password_and_nothing_that_is_written(options):
    command = [sys.executable, "-m", "edge", "run", *options, "--json"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EDGE_LOG": "debug", "EDGE_DEBUG": "1"},
    )
    with process:
        said = lines_until(process, "no picture")
        running = family(process.pid)
        shown = [arguments_of(pid) for pid in running]
        first = process.stdout.readline()
        process.terminate()
        out, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert len(running) >= 2  # the lens, too
    assert "http://***@127.0.0.1:9/video?token=***" in shown[0]
    assert "--json" in shown[0]
    assert '"offline"' in first
    assert SECRET not in "".join([*shown, *said, first, out, error])


# neither a typing error nor a wrong model may show it
MISTAKES = [
    ["run", ADDRESS],
    [ADDRESS],
    ["run", "--source", ADDRESS, "--camera", "1"],
    ["run", "--source", ADDRESS, "--as-fast-as-possible"],
    ["run", "--source", ADDRESS.replace("http:", "gopher:")],
    ["run", "--source", ADDRESS, "--model", "nowhere.tflite"],
]


@pytest.mark.parametrize("arguments", MISTAKES, ids=str)
def test_no_message_shows_the_password(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "edge", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "EDGE_DEBUG": "1"},
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode in (1, 2)
    assert done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_arguments_without_a_password_stay_as_they_are(tmp_path):
    hide_secrets(["run", "--source", "http://door/video"], process=tmp_path / "nowhere")


def test_where_they_cannot_be_hidden_that_is_said(tmp_path, capsys):
    hide_secrets(["run", "--source", ADDRESS], process=tmp_path)
    error = capsys.readouterr().err
    assert "EDGE_SOURCE" in error
    assert SECRET not in error


def test_memory_that_holds_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "cmdline").write_bytes(f"edge\0run\0{ADDRESS}\0".encode())
    (tmp_path / "stat").write_text("1 (a (b) c) S " + "0 " * 60)
    memory = tmp_path / "mem"
    memory.write_bytes(bytes(200))
    hide_secrets(["run", ADDRESS], process=tmp_path)
    assert memory.read_bytes() == bytes(200)
    assert "EDGE_SOURCE" in capsys.readouterr().err
