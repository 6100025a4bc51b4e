"""`edge collect` as its users call it: by time, on motion and by key."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import cv2
import pytest
from clips import BLUE, GREEN, RED, write_scene

from edge.capture import process as capture
from edge.cli import main
from edge.cli.collect import Session
from edge.cli.keys import END, Keys
from edge.collect import CollectSpec
from edge.errors import SettingError
from edge.records import Offline
from edge.testing import FakeSource, blank_frame

AWAY = Offline("unplugged", since_seconds=0.0)
END_SECONDS = 30


@pytest.fixture
def clip(tmp_path):
    """Four seconds at ten frames a second; each shows something else."""
    return str(write_scene(tmp_path / "clip.avi", [RED] * 20 + [GREEN] * 20))


@pytest.fixture
def still(tmp_path):
    """One scene, still for three seconds; then two seconds of motion."""
    path = tmp_path / "still.avi"
    write_scene(tmp_path / "a.avi", [BLUE] * 30, moves=False)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (160, 120))
    reader = cv2.VideoCapture(str(tmp_path / "a.avi"))
    for index in range(30):
        pixels = reader.read()[1]
        for part in range(1 if index < 20 else 2):
            if index >= 20:
                left = (index - 20) * 8 + part * 4
                cv2.rectangle(pixels, (left, 40), (left + 50, 100), (0, 0, 255), -1)
            writer.write(pixels)
    reader.release()
    writer.release()
    return str(path)


def collect(folder, *words):
    return main(["collect", "--label", "cat", "--into", str(folder / "photos"), *words])


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_collect_every_second_of_a_recording(capfd, tmp_path, clip):
    assert collect(tmp_path, "--source", clip, "--every", "1", "--as-fast-as-possible") == 0
    shown = capfd.readouterr()
    paths = shown.out.splitlines()
    assert [path.rpartition("/")[2] for path in paths] == names(tmp_path / "photos")
    assert len(paths) == 4
    assert "4 pictures in 1 burst in " in shown.err


def test_collect_writes_a_json_line_per_picture_and_a_summary(capfd, tmp_path, clip):
    words = ("--every", "1", "--max-pictures", "3", "--as-fast-as-possible", "--json")
    assert collect(tmp_path, "--source", clip, *words) == 0
    *stored, summary = map(json.loads, capfd.readouterr().out.splitlines())
    assert [(one["type"], one["burst"], one["time_seconds"]) for one in stored] == [
        *(("stored", 1, 0.0), ("stored", 1, 1.0), ("stored", 1, 2.0))
    ]
    assert summary == {
        "type": "summary",
        "label": "cat",
        "folder": str(tmp_path / "photos" / "cat"),
        "frames": 21,
        "stored": 3,
        "alike": 0,
        "bursts": 1,
        "outages": 0,
    }


def test_collect_on_motion_leaves_the_still_scene_out(capfd, tmp_path, still):
    words = ("--on-motion", "--as-fast-as-possible", "--json")
    assert collect(tmp_path, "--source", still, *words) == 0
    *stored, summary = map(json.loads, capfd.readouterr().out.splitlines())
    assert summary["frames"] == 40
    assert stored
    assert all(one["time_seconds"] >= 2.0 for one in stored)


def test_collect_turns_the_pictures(tmp_path, clip):
    words = ("--every", "9", "--rotate", "90", "--as-fast-as-possible")
    assert collect(tmp_path, "--source", clip, *words) == 0
    [name] = names(tmp_path / "photos")
    assert cv2.imread(str(tmp_path / "photos" / "cat" / name)).shape == (160, 120, 3)


@pytest.fixture
def replace_capture(monkeypatch):
    """Let a script take the place of the capture process."""

    def replace_it(*script):
        monkeypatch.setattr(
            capture, "CaptureProcess", lambda request, **_: FakeSource(list(script))
        )

    return replace_it


def test_collect_waits_for_a_camera_that_goes_away(capfd, tmp_path, replace_capture):
    replace_capture(blank_frame(grey=50), AWAY, AWAY, blank_frame(1, time_seconds=9.0))
    assert collect(tmp_path, "--camera", "0", "--every", "1") == 0
    said = capfd.readouterr().err
    assert said.count("offline: waiting for it, Ctrl-C ends") == 1
    assert "the source is back" in said
    assert "1 picture in 1 burst in " in said
    assert "1 left out as nearly the same; away 1 time" in said


def test_collect_says_so_in_json_too(capfd, tmp_path, replace_capture):
    replace_capture(blank_frame(grey=50), AWAY, AWAY, blank_frame(1, time_seconds=9.0))
    assert collect(tmp_path, "--camera", "0", "--every", "1", "--json") == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["type"], line.get("picture")) for line in lines] == [
        *(("stored", None), ("picture", "offline"), ("picture", "live"), ("summary", None))
    ]


def test_collect_from_a_camera_that_never_delivers_fails(capfd, tmp_path, replace_capture):
    replace_capture(AWAY)
    assert collect(tmp_path, "--camera", "0", "--every", "1") == 1
    assert "A camera or stream must deliver a frame" in capfd.readouterr().err
    assert not (tmp_path / "photos").exists()


def test_a_failure_in_between_is_told_with_what_was_stored(capfd, tmp_path, monkeypatch):
    folder = tmp_path / "photos" / "cat"

    class Thief(FakeSource):
        def read(self):
            if folder.is_dir() and names(folder):
                folder.rename(tmp_path / "gone")
            return super().read()

    striped = blank_frame(1, time_seconds=5.0)
    striped.pixels_bgr[:, ::2] = 250
    script = [blank_frame(grey=50, size_wh=(4, 4)), striped]
    monkeypatch.setattr(capture, "CaptureProcess", lambda request, **_: Thief(script))
    assert collect(tmp_path, "--camera", "0", "--every", "1") == 1
    said = capfd.readouterr().err
    assert "1 picture in " in said
    assert "A picture is stored in full or not at all" in said
    assert len(names(tmp_path / "gone")) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--every", "0"), "--every must be a number of seconds above 0"),
        (("--every", "nan"), "--every must be a number of seconds above 0"),
        (("--every", "1", "--on-motion"), "Leave one of them out"),
        (("--every", "1", "--camera", "0"), "There can be only one source"),
        (("--every", "1", "--size", "big"), "--size must be width and height"),
        (("--every", "1", "--label", "a/b"), "no path"),
        (("--every", "1", "--label", ".."), "no path"),
        ((), "Received: no terminal to read keys from. Write for example --every 2"),
    ],
)
def test_collect_refuses_what_can_never_be(capfd, tmp_path, clip, words, said):
    assert collect(tmp_path, "--source", clip, *words) == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "photos").exists()


@pytest.fixture
def terminal():
    """Both ends of a terminal: the person's and the program's."""
    person, program = pty.openpty()
    yield person, program
    for descriptor in (person, program):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_keys_are_read_without_enter_and_without_waiting(terminal):
    person, program = terminal
    before = termios.tcgetattr(program)
    with Keys(program) as keys:
        assert keys.poll() == ""
        os.write(person, b" q")
        assert keys.poll() == " q"
        assert keys.poll() == ""
    assert termios.tcgetattr(program) == before


def test_keys_of_a_terminal_that_was_closed_end_the_run(terminal):
    person, program = terminal
    with Keys(program) as keys:
        os.close(person)
        assert keys.poll() == END


def test_keys_need_a_terminal(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(SettingError, match="no terminal"):
        Keys(file.fileno())


def test_a_key_takes_one_picture_and_none_while_the_source_is_away(terminal, capfd):
    person, program = terminal
    with Keys(program) as keys:
        session = Session(keys, lambda frame: True, is_json=False)
        assert (session.is_over(), session.is_due(blank_frame(0))) == (False, False)
        os.write(person, b"\n\n")
        assert not session.is_over()
        assert [session.is_due(blank_frame(i)) for i in (1, 2)] == [True, False]
        os.write(person, b" ")
        session.is_over()
        session.when_away(AWAY)
        session.is_over()
        assert not session.is_due(blank_frame(3))
        assert "no picture taken: the source is away" in capfd.readouterr().err
        os.write(person, b"q")
        assert session.is_over()


def test_after_a_key_a_picture_that_is_left_out_is_told(terminal, capfd):
    session = Session(Keys(terminal[1]), lambda frame: True, is_json=False)
    session.greet(CollectSpec("cat", Path("photos")))
    session.when_stored(None)
    said = capfd.readouterr().err
    assert "Enter or space takes one, q ends" in said
    assert "not stored: nearly the same as a picture of this run" in said


def start(tmp_path, *words, stdin):
    return subprocess.Popen(
        [sys.executable, "-m", "edge", "collect", "--label", "cat", "--source", "demo:", *words],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )


def test_collect_by_key_from_start_to_end(tmp_path, terminal):
    person, program = terminal
    with start(tmp_path, stdin=program) as run:
        assert "Enter or space takes one, q ends" in run.stderr.readline()
        os.write(person, b" ")
        assert run.stdout.readline().startswith("photos/cat/cat-")
        os.write(person, b"q")
        rest = run.communicate(timeout=END_SECONDS)
    assert (run.returncode, rest[1]) == (0, "1 picture in 1 burst in photos/cat\n")
    assert len(names(tmp_path)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_collect_with_a_summary(tmp_path, number):
    with start(tmp_path, "--every", "0.1", "--json", stdin=subprocess.DEVNULL) as run:
        stored = json.loads(run.stdout.readline())
        run.send_signal(number)
        rest, said = run.communicate(timeout=END_SECONDS)
    assert run.returncode == 0, said
    summary = json.loads(rest.splitlines()[-1])
    assert summary["type"] == "summary"
    assert summary["stored"] == len(names(tmp_path)) >= 1
    assert stored["path"].startswith("photos/cat/")
