"""`edge run` as its users call it, with a model of one kilobyte and clips of plain colours."""

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from clips import BLUE, GREEN, RED, write_clip, write_picture
from colour_model import LABELS, write_colour_model
from rich.console import Console

from edge import classifier, sources, window
from edge.cli import main, output
from edge.cli.run_settings import list_labels
from edge.errors import SourceError
from edge.testing import FakeSource, blank_frame

END_SECONDS = 20  # a second on an idle machine; this one may be busy


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    return write_colour_model(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(autouse=True)
def _uses_colours(monkeypatch, colours):
    monkeypatch.setenv("EDGE_MODEL", str(colours))


@pytest.fixture
def clip(tmp_path):
    return str(write_clip(tmp_path / "clip.avi", [RED] * 3 + [GREEN] * 4 + [BLUE] * 3))


@pytest.fixture
def edge_run(capsys):
    """Run `edge run` in this process; return exit code, JSON lines and standard error."""

    def call(*arguments):
        capsys.readouterr()
        code = main(["run", *arguments])
        captured = capsys.readouterr()
        lines = captured.out.splitlines() if "--json" in arguments else []
        if "--json" not in arguments:
            assert captured.out == ""
        return code, [json.loads(line) for line in lines], captured.err

    return call


def test_json_has_a_line_per_decision_and_a_summary(edge_run, clip):
    code, lines, error = edge_run("--source", clip, "--as-fast-as-possible", "--json")
    assert (code, error) == (0, "")
    *decisions, summary = lines
    assert {line["type"] for line in decisions} == {"decision"}
    assert [line["frame"] for line in decisions] == list(range(10))
    assert [line["label"] for line in decisions] == ["red"] * 3 + ["green"] * 4 + ["blue"] * 3
    assert decisions[3]["time_seconds"] == pytest.approx(0.3)
    assert summary["type"] == "summary"
    assert summary["frames_captured"] == summary["frames_classified"] == 10
    assert summary["frames_dropped"] == 0
    assert summary["decisions"] == 10
    assert summary["decided"] == {"green": 4, "red": 3, "blue": 3}
    assert len(summary["model_sha256"]) == 64
    assert 0 < summary["age_ms"]["p50"] <= summary["age_ms"]["p99"]


def test_people_read_changes_and_a_summary(edge_run, clip):
    code, _, error = edge_run("--source", clip, "--as-fast-as-possible")
    assert code == 0
    first, *changes, counts, latency, decided = error.splitlines()
    assert first == f"{clip}, model colours: red, green, blue. Ctrl-C ends."
    assert [line.split()[2] for line in changes] == list(LABELS)
    assert counts.startswith("10 of 10 frames classified in")
    assert latency.startswith("frame to label: p50")
    assert decided == "10 decisions: green 4 (40 %), red 3 (30 %), blue 3 (30 %)"


def test_a_paced_recording_ends_with_its_last_frame(edge_run, tmp_path):
    clip = write_clip(tmp_path / "short.avi", [RED] * 4, rate_hz=100.0)
    code, (*decisions, summary), _ = edge_run("--source", str(clip), "--json")
    assert code == 0
    assert decisions[-1]["frame"] == 3
    assert summary["frames_captured"] == 4
    assert summary["frames_classified"] + summary["frames_dropped"] == 4


def test_max_frames_ends_a_run(edge_run, clip):
    _, lines, _ = edge_run("-s", clip, "--as-fast-as-possible", "--json", "--max-frames", "4")
    assert len(lines) == 5
    assert lines[-1]["frames_classified"] == 4


def test_duration_ends_a_run_whose_source_waits(edge_run, tmp_path):
    slow = write_clip(tmp_path / "slow.avi", [RED, GREEN], rate_hz=0.02)
    code, lines, _ = edge_run("--source", str(slow), "--json", "--duration", "0.5")
    assert code == 0
    assert [line["type"] for line in lines] == ["decision", "summary"]


def test_a_folder_of_pictures_is_a_source(edge_run, tmp_path, caplog):
    for name, colour in (("a.png", RED), ("b.png", BLUE)):
        write_picture(tmp_path / "pictures" / name, colour)
    (tmp_path / "pictures" / "aa.jpg").write_text("no picture")
    folder = str(tmp_path / "pictures")
    _, lines, _ = edge_run("--source", folder, "--as-fast-as-possible", "--json")
    assert [line.get("label") for line in lines] == ["red", "blue", None]
    assert "aa.jpg" in caplog.text


# (options, labels decided over 3 red, 4 green and 3 blue frames)
RULES = [
    (["--votes", "3", "--of", "3"], [None, None, "red"] + [None] * 2 + ["green"] * 2 + [None] * 2),
    (["--threshold", "0.999"], [None] * 9),
    (["--threshold", "0.999", "--threshold", "red=0.5"], ["red"] * 3 + [None] * 6),
]


@pytest.mark.parametrize(("options", "labels"), RULES)
def test_the_rules_of_the_model_can_be_changed(edge_run, clip, options, labels):
    _, lines, _ = edge_run("--source", clip, "--as-fast-as-possible", "--json", *options)
    said = [line["label"] for line in lines[:9]]
    assert said == [label or "unknown" for label in labels]


# (options, exit code, what the message says)
BAD_OPTIONS = [
    (["--source", "nowhere.mp4"], 1, "nowhere.mp4: No such file"),
    (["--source", "rtsp://door"], 2, "A source is a camera"),
    (["--camera", "0", "--source", "demo:"], 2, "There can be only one source"),
    (["--camera", "0", "--as-fast-as-possible"], 2, "Only a recording can run"),
    (["--model", "nowhere.tflite"], 1, "nowhere.tflite: No such file"),
    (["--runtime", "abacus"], 2, "abacus"),
    (["--threads", "0"], 2, "from 1 to 64"),
    (["--votes", "9", "--of", "5"], 2, "Received: 9 of 5"),
    (["--threshold", "high"], 2, "--threshold must be a score"),
    (["--threshold", "nan"], 2, "--threshold must be a score"),
    (["--threshold", "fox=0.5"], 2, "red, green, blue"),
    (["--duration", "0"], 2, "--duration must be"),
    (["--duration", "nan"], 2, "--duration must be"),
    (["--size", "big"], 2, "--size must be"),
    (["--size", "0x480"], 2, "--size must be"),
]


@pytest.mark.parametrize(("options", "code", "said"), BAD_OPTIONS, ids=str)
def test_what_cannot_be_used_is_said(edge_run, clip, options, code, said):
    if "--source" not in options and "--camera" not in options:
        options = ["--source", clip, *options]
    received_code, lines, error = edge_run("--json", *options)
    assert received_code == code
    assert lines == []
    assert error.startswith("edge: ")
    assert said in error
    assert len(error.splitlines()) == 1


def test_a_lost_source_is_an_error_after_the_summary(edge_run, monkeypatch):
    lost = SourceError("Camera 0 must stay", received="nothing", fix="Plug it in")
    script = [blank_frame(index, captured_seconds=0.0) for index in range(2)]
    monkeypatch.setattr(sources, "open_source", lambda *_, **__: FakeSource([*script, lost]))
    code, lines, error = edge_run("--camera", "0", "--json")
    assert code == 1
    assert lines[-1]["type"] == "summary"
    assert lines[-1]["frames_captured"] == 2
    assert error == "edge: Camera 0 must stay. Received: nothing. Plug it in.\n"


def test_without_a_source_camera_0_is_used(edge_run, monkeypatch):
    opened = []

    def open_source(uri, **settings):
        opened.append((uri, settings["size_wh"], settings["pace"]))
        return FakeSource([])

    monkeypatch.setattr(sources, "open_source", open_source)
    edge_run()
    edge_run("--camera", "2", "--size", "320x240")
    monkeypatch.setenv("EDGE_SOURCE", "demo:")
    edge_run("--as-fast-as-possible")
    edge_run("--camera", "1")
    assert opened == [
        ("0", (640, 480), True),
        ("2", (320, 240), True),
        ("demo:", (640, 480), False),
        ("1", (640, 480), True),
    ]


def test_a_window_that_cannot_be_opened_does_not_end_the_run(edge_run, clip, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    arguments = ("--source", clip, "--as-fast-as-possible", "--window", "--json")
    code, lines, error = edge_run(*arguments)
    assert code == 0
    assert lines[-1]["frames_classified"] == 10
    assert error.startswith("edge: A window needs ")
    assert error.endswith("The run goes on without a window.\n")


class TwoPictures:
    """A screen whose user closes it at the second picture."""

    def __init__(self):
        self.left = 2

    def show(self, picture_bgr):
        self.left -= 1
        return self.left > 0

    def close(self):
        pass


def test_a_window_that_is_closed_ends_the_run(edge_run, clip, monkeypatch):
    monkeypatch.setattr(window, "check_window", lambda: None)
    monkeypatch.setattr(window, "OpenCvScreen", TwoPictures)
    arguments = ("--source", clip, "--as-fast-as-possible", "--window", "--json")
    code, lines, error = edge_run(*arguments)
    assert (code, error) == (0, "")
    assert lines[-1]["frames_classified"] == 2


def test_a_terminal_has_a_live_line(edge_run, clip, monkeypatch):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(output, "console", lambda: terminal)
    code, _, error = edge_run("--source", clip, "--as-fast-as-possible")
    assert code == 0
    assert "blue" in terminal.file.getvalue()
    first, *summary = error.splitlines()
    assert first.endswith("Ctrl-C ends.")
    assert len(summary) == 3


def test_a_signal_while_the_model_is_loaded_ends_the_run_with_a_summary(edge_run, monkeypatch):
    monkeypatch.setattr(
        classifier, "open_classifier", lambda *_, **__: signal.raise_signal(signal.SIGTERM)
    )
    code, lines, error = edge_run("--source", "demo:", "--json")
    assert (code, error) == (0, "")
    assert [line["type"] for line in lines] == ["summary"]
    assert lines[0]["frames_classified"] == 0
    assert lines[0]["model_sha256"] is None


def test_a_second_signal_ends_the_run_with_a_summary(edge_run, monkeypatch):
    class Insisted:
        def read(self):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        def close(self):
            pass

    monkeypatch.setattr(sources, "open_source", lambda *_, **__: Insisted())
    code, lines, _ = edge_run("--source", "demo:", "--as-fast-as-possible", "--json")
    assert code == 0
    assert lines[-1]["type"] == "summary"


def test_predictions_that_are_no_probabilities_are_reported(edge_run, clip, monkeypatch):
    wrong = np.array([np.nan, 0.5, 0.5], np.float32)
    classify = classifier.Classifier.classify

    def classify_wrongly(self, frame_bgr):
        return replace(classify(self, frame_bgr), scores=wrong)

    monkeypatch.setattr(classifier.Classifier, "classify", classify_wrongly)
    code, lines, error = edge_run("--source", clip, "--as-fast-as-possible", "--json")
    assert code == 0
    assert lines[-1]["decided"] == {"unknown": 10}
    assert error == "edge: 10 predictions were no probabilities\n"


def test_many_labels_are_not_all_listed():
    labels = [f"label {number}" for number in range(1001)]
    text = list_labels(labels)
    assert text.endswith("label 9 and 991 more")


@pytest.fixture
def slow_run(tmp_path):
    """Start `edge run` on a recording whose second frame is due in minutes."""
    slow = write_clip(tmp_path / "slow.avi", [RED, GREEN], rate_hz=0.005)
    processes = []

    def start(*options):
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--source", str(slow), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ),
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_waiting_run_with_its_summary(slow_run, number):
    process = slow_run("--json")
    first = json.loads(process.stdout.readline())
    process.send_signal(number)
    out, error = process.communicate(timeout=END_SECONDS)
    assert (first["label"], process.returncode, error) == ("red", 0, "")
    assert json.loads(out)["frames_classified"] == 1


def test_a_reader_that_leaves_ends_the_run_without_a_traceback(tmp_path, clip):
    command = f"{sys.executable} -m edge run -s {clip} --as-fast-as-possible --json | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["label"] == "red"
    assert done.stderr == ""
