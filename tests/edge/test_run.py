"""`edge run` as its users call it, with a model of one kilobyte and clips of plain colours."""

import io
import json
import os
import signal
from dataclasses import replace

import cv2
import numpy as np
import pytest
from clips import BLUE, GREEN, RED, write_picture, write_scene
from colour_model import LABELS, write_colour_model
from rich.console import Console

from edge import classifier, window
from edge.capture import process as capture
from edge.cli import main, output
from edge.cli.run_settings import list_labels, parse_cpus
from edge.errors import SourceError
from edge.records import Offline
from edge.testing import FakeSource, blank_frame

AT_ONCE = ("--evidence", "period_seconds=0 leave_seconds=0 hysteresis=0")


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    return write_colour_model(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(autouse=True)
def _uses_colours(monkeypatch, colours):
    monkeypatch.setenv("EDGE_MODEL", str(colours))


@pytest.fixture
def clip(tmp_path):
    return str(write_scene(tmp_path / "clip.avi", [RED] * 3 + [GREEN] * 4 + [BLUE] * 3))


@pytest.fixture
def replace_capture(monkeypatch):
    """Let scripts take the place of capture processes; return the list of what was asked for."""

    def replace_it(make_source):
        requests = []

        def open_fake(request, **_):
            requests.append(request)
            return make_source()

        monkeypatch.setattr(capture, "CaptureProcess", open_fake)
        return requests

    return replace_it


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


def of_type(lines, kind):
    return [line for line in lines if line["type"] == kind]


def test_json_has_a_line_per_decision_and_event_and_a_summary(edge_run, clip):
    code, lines, error = edge_run("--source", clip, "--as-fast-as-possible", "--json", *AT_ONCE)
    assert (code, error) == (0, "")
    decisions, events, summary = of_type(lines, "decision"), of_type(lines, "event"), lines[-1]
    assert [line["frame"] for line in decisions] == list(range(10))
    assert [line["label"] for line in decisions] == ["red"] * 3 + ["green"] * 4 + ["blue"] * 3
    assert {line["picture"] for line in decisions} == {"live"}
    assert decisions[3]["time_seconds"] == pytest.approx(0.3)
    assert [(line["label"], line["phase"]) for line in events] == [
        *(("red", "start"), ("red", "end"), ("green", "start")),
        *(("green", "end"), ("blue", "start"), ("blue", "end")),
    ]
    assert summary["type"] == "summary"
    assert summary["frames_captured"] == summary["frames_classified"] == 10
    assert summary["frames_dropped"] == summary["frames_resting"] == 0
    assert summary["frames_unusable"] == summary["outages"] == 0
    assert (summary["decisions"], summary["events"]) == (10, 3)
    assert summary["decided"] == {"green": 4, "red": 3, "blue": 3}
    assert len(summary["model_sha256"]) == 64
    assert 0 < summary["age_ms"]["p50"] <= summary["age_ms"]["p99"]


def test_people_read_changes_and_a_summary(edge_run, clip):
    code, _, error = edge_run("--source", clip, "--as-fast-as-possible", *AT_ONCE)
    assert code == 0
    first, *changes, counts, latency, decided = error.splitlines()
    assert first == f"{clip}, model colours: red, green, blue. Ctrl-C ends."
    assert [line.split()[2] for line in changes] == [label for label in LABELS for _ in range(2)]
    assert [" was there for " in line for line in changes] == [False, True] * 3
    assert counts.startswith("10 of 10 frames classified in")
    assert latency.startswith("frame to label: p50")
    assert decided == "10 decisions: green 4 (40 %), red 3 (30 %), blue 3 (30 %); 3 events"


def test_a_paced_recording_ends_with_its_last_frame(edge_run, tmp_path):
    clip = write_scene(tmp_path / "short.avi", [RED] * 4, rate_hz=100.0)
    code, lines, _ = edge_run("--source", str(clip), "--json")
    summary = lines[-1]
    assert code == 0
    assert of_type(lines, "decision")[-1]["frame"] == 3
    assert summary["frames_captured"] == 4
    assert summary["frames_classified"] + summary["frames_dropped"] == 4


def test_max_frames_ends_a_run(edge_run, clip):
    _, lines, _ = edge_run("-s", clip, "--as-fast-as-possible", "--json", "--max-frames", "4")
    assert len(of_type(lines, "decision")) == 4
    assert lines[-1]["frames_classified"] == 4


def test_duration_ends_a_run_whose_source_waits(edge_run, tmp_path):
    slow = write_scene(tmp_path / "slow.avi", [RED, GREEN], rate_hz=0.02)
    code, lines, _ = edge_run("--source", str(slow), "--json", "--duration", "1.5")
    assert code == 0
    assert [line["type"] for line in lines] == ["decision", "event", "event", "summary"]


def test_a_folder_of_pictures_is_a_source(edge_run, tmp_path, caplog):
    for name, colour in (("a.png", RED), ("b.png", BLUE)):
        write_picture(tmp_path / "pictures" / name, colour)
    (tmp_path / "pictures" / "aa.jpg").write_text("no picture")
    folder = str(tmp_path / "pictures")
    _, lines, _ = edge_run("--source", folder, "--as-fast-as-possible", "--json", *AT_ONCE)
    assert [line["label"] for line in of_type(lines, "decision")] == ["red", "blue"]
    assert "aa.jpg" in caplog.text


# (options, labels decided over 3 red, 4 green and 3 blue frames)
RULES = [
    (["--evidence", AT_ONCE[1] + " rule=consecutive votes=3 window=3"],
     [None, None, "red"] + [None] * 2 + ["green"] * 2 + [None] * 2 + ["blue"]),
    (["--threshold", "0.999", *AT_ONCE], [None] * 10),
    (["--threshold", "0.999", "--threshold", "red=0.5", *AT_ONCE], ["red"] * 3 + [None] * 7),
]  # fmt: skip


@pytest.mark.parametrize(("options", "labels"), RULES)
def test_the_rules_of_the_model_can_be_changed(edge_run, clip, options, labels):
    _, lines, _ = edge_run("--source", clip, "--as-fast-as-possible", "--json", *options)
    said = [line["label"] for line in of_type(lines, "decision")]
    assert said == [label or "unknown" for label in labels]


# (options, exit code, what the message says)
BAD_OPTIONS = [
    (["--source", "nowhere.mp4"], 1, "nowhere.mp4: No such file"),
    (["--source", "gopher://door"], 2, "A source is a camera"),
    (["--camera", "0", "--source", "demo:"], 2, "There can be only one source"),
    (["--camera", "0", "--as-fast-as-possible"], 2, "Only a recording can run"),
    (["--model", "nowhere.tflite"], 1, "nowhere.tflite: No such file"),
    (["--runtime", "abacus"], 2, "abacus"),
    (["--threads", "0"], 2, "from 1 to 64"),
    (["--evidence", "votes=9 window=5"], 2, "Received: 9 of 5"),
    (["--evidence", "voices=3"], 2, "voices"),
    (["--picture", "gloom=3"], 2, "gloom"),
    (["--region", "0.5,0.5,0.1,0.9"], 2, "--region"),
    (["--rotate", "45"], 2, "0, 90, 180 or 270"),
    (["--flip", "sideways"], 2, "none, horizontal, vertical, both"),
    (["--rate", "0"], 2, "rate must be above 0"),
    (["--pixel-format", "J"], 2, "MJPG or YUYV"),
    (["--max-fps", "0"], 2, "--max-fps must be"),
    (["--max-fps", "nan"], 2, "--max-fps must be"),
    (["--cpus", "first"], 2, "--cpus must be"),
    (["--cpus", "3-1"], 2, "--cpus must be"),
    (["--cpus", "9999"], 2, "cores that this process may use"),
    (["--show-regions", "region.txt"], 2, ".png or .jpg"),
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


def test_a_lost_source_is_an_error_after_the_summary(edge_run, replace_capture):
    lost = SourceError("Camera 0 must stay", received="nothing", fix="Plug it in")
    replace_capture(lambda: FakeSource([blank_frame(0), blank_frame(1), lost]))
    code, lines, error = edge_run("--camera", "0", "--json")
    assert code == 1
    assert lines[-1]["type"] == "summary"
    assert lines[-1]["frames_captured"] == 2
    assert error == "edge: Camera 0 must stay. Received: nothing. Plug it in.\n"


def test_what_is_asked_of_a_source_reaches_it(edge_run, replace_capture, monkeypatch):
    requests = replace_capture(lambda: FakeSource([]))
    edge_run()
    edge_run(
        *("--camera", "2", "--size", "320x240", "--rate", "5", "--pixel-format", "mjpg"),
        *("--rotate", "180", "--flip", "both", "--region", "0,0,0.5,1"),
    )
    monkeypatch.setenv("EDGE_SOURCE", "demo:")
    edge_run("--as-fast-as-possible")
    edge_run("--camera", "1")
    assert [request.address for request in requests] == ["0", "2", "demo:", "1"]
    assert [request.is_live for request in requests] == [True, True, False, True]
    assert [request.every_frame for request in requests] == [False, False, True, False]
    assert requests[0].options.size_wh == (640, 480)
    asked = requests[1].options
    assert (asked.size_wh, asked.rate_hz, asked.pixel_format) == ((320, 240), 5.0, "MJPG")
    assert (asked.rotate_degrees, asked.flip, asked.snapshot_seconds) == (180, "both", 0.2)
    assert requests[1].region.box == (0.0, 0.0, 0.5, 1.0)
    assert requests[1].input.size_wh == (8, 6)


def test_a_camera_that_never_delivers_is_a_failure(edge_run, replace_capture):
    replace_capture(lambda: FakeSource([Offline("No such file", 0.0)] * 3))
    code, lines, error = edge_run("--camera", "7", "--json")
    assert code == 1
    assert lines[0] == {
        "type": "picture",
        "picture": "offline",
        "time_seconds": None,
        "reason": "No such file",
    }
    assert (len(lines), lines[-1]["outages"]) == (2, 1)
    assert "Received: none from camera 7" in error


def test_a_camera_that_does_not_exist_is_waited_for(edge_run):
    code, _, error = edge_run("--source", "/dev/video99", "--duration", "1.5")
    assert code == 1
    assert "edge: WARNING" not in error  # the log of the tests is caught elsewhere
    assert "offline: waiting for it, Ctrl-C ends" in error


def test_a_still_scene_rests_and_the_gate_can_be_turned_off(edge_run, tmp_path):
    still = str(write_scene(tmp_path / "still.avi", [RED] * 30, moves=False))
    arguments = ("--source", still, "--as-fast-as-possible", "--json")
    _, lines, _ = edge_run(*arguments)
    assert lines[-1]["frames_resting"] > 15
    assert lines[-1]["frames_classified"] + lines[-1]["frames_resting"] == 30
    _, lines, _ = edge_run(*arguments, "--no-motion-gate")
    assert (lines[-1]["frames_resting"], lines[-1]["frames_classified"]) == (0, 30)


def test_nothing_is_decided_on_a_dark_picture(edge_run, tmp_path):
    dark = str(write_scene(tmp_path / "dark.avi", [RED] * 10 + [(0, 0, 0)] * 40))
    _, lines, _ = edge_run("--source", dark, "--as-fast-as-possible", "--json")
    states = [line["picture"] for line in of_type(lines, "picture")]
    assert states == ["dark"]
    of_dark = [line for line in of_type(lines, "decision") if line["picture"] == "dark"]
    assert {line["label"] for line in of_dark} == {"unknown"}
    assert lines[-1]["frames_unusable"] == len(of_dark) > 20


def test_max_fps_keeps_the_model_cool(edge_run, tmp_path):
    clip = str(write_scene(tmp_path / "fast.avi", [RED, GREEN] * 60, rate_hz=60.0))
    _, lines, _ = edge_run("--source", clip, "--json", "--max-fps", "10")
    assert 0 < lines[-1]["frames_classified"] <= 22
    assert lines[-1]["frames_dropped"] > 60


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_a_run_keeps_to_its_cores(edge_run, clip):
    before = os.sched_getaffinity(0)
    try:
        code, _, _ = edge_run("--source", clip, "--as-fast-as-possible", "--cpus", str(min(before)))
        assert code == 0
        assert os.sched_getaffinity(0) == {min(before)}
    finally:
        os.sched_setaffinity(0, before)
    assert parse_cpus("0,2-4") == {0, 2, 3, 4}


def test_the_region_is_what_the_model_sees(edge_run, tmp_path):
    halves = np.zeros((48, 64, 3), np.uint8)
    halves[:, :32], halves[:, 32:] = RED, BLUE
    cv2.imwrite(str(tmp_path / "halves.png"), halves)
    for region, label in (("0,0,0.5,1", "red"), ("0.5,0 1,0 1,1 0.5,1", "blue")):
        _, lines, _ = edge_run(
            "--source", str(tmp_path / "halves.png"), "--region", region, "--json", *AT_ONCE
        )
        assert lines[0]["label"] == label


def test_show_regions_writes_a_picture_and_ends(edge_run, clip, tmp_path):
    path = tmp_path / "region.png"
    arguments = ("--source", clip, "--region", "0.1,0.2,0.9,0.8", "--show-regions", str(path))
    code, _, error = edge_run(*arguments)
    assert (code, error) == (0, f"{path}: the region over a frame of 160x120 pixels\n")
    assert cv2.imread(str(path)).shape[1] >= 960
    code, lines, _ = edge_run(*arguments, "--json")
    assert lines == [{"type": "regions", "path": str(path), "size_wh": [160, 120]}]


def test_show_regions_says_where_it_cannot_write(edge_run, clip, tmp_path):
    path = tmp_path / "nowhere" / "region.png"
    code, _, error = edge_run("--source", clip, "--show-regions", str(path))
    assert code == 1
    assert "must be writable" in error


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
        return "" if self.left > 0 else "q"

    def close(self):
        pass


def test_a_window_that_is_closed_ends_the_run(edge_run, clip, monkeypatch):
    monkeypatch.setattr(window, "check_window", lambda: None)
    monkeypatch.setattr(window, "OpenCvScreen", TwoPictures)
    arguments = ("--source", clip, "--as-fast-as-possible", "--window", "--json")
    code, lines, error = edge_run(*arguments)
    assert (code, error) == (0, "")
    assert lines[-1]["frames_classified"] == 2


def test_a_terminal_has_a_panel(edge_run, clip, monkeypatch):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(output, "console", lambda: terminal)
    monkeypatch.setattr(output, "has_terminal", lambda: True)
    code, _, error = edge_run("--source", clip, "--as-fast-as-possible", *AT_ONCE)
    assert code == 0
    assert "blue" in terminal.file.getvalue()
    first, *summary = error.splitlines()
    assert first.endswith("Ctrl-C ends.")
    assert len(summary) == 3


def test_a_signal_while_the_model_is_loaded_ends_the_run_with_a_summary(edge_run, monkeypatch):
    monkeypatch.setattr(
        classifier, "load_classifier", lambda *_, **__: signal.raise_signal(signal.SIGTERM)
    )
    code, lines, error = edge_run("--source", "demo:", "--json")
    assert (code, error) == (0, "")
    assert [line["type"] for line in lines] == ["summary"]
    assert lines[0]["frames_classified"] == 0
    assert len(lines[0]["model_sha256"]) == 64


def test_a_second_signal_ends_the_run_with_a_summary(edge_run, replace_capture):
    class Insisted:
        def read(self):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        def close(self):
            pass

    replace_capture(Insisted)
    code, lines, _ = edge_run("--source", "demo:", "--as-fast-as-possible", "--json")
    assert code == 0
    assert lines[-1]["type"] == "summary"


def test_predictions_that_are_no_probabilities_are_reported(edge_run, clip, monkeypatch):
    wrong = np.array([np.nan, 0.5, 0.5], np.float32)
    classify = classifier.Classifier.classify_frame

    def classify_wrongly(self, frame):
        return replace(classify(self, frame), scores=wrong)

    monkeypatch.setattr(classifier.Classifier, "classify_frame", classify_wrongly)
    code, lines, error = edge_run("--source", clip, "--as-fast-as-possible", "--json")
    assert code == 0
    assert lines[-1]["decided"] == {"unknown": 10}
    assert error == "edge: 10 predictions were no probabilities\n"


def test_many_labels_are_not_all_listed():
    labels = [f"label {number}" for number in range(1001)]
    text = list_labels(labels)
    assert text.endswith("label 9 and 991 more")
