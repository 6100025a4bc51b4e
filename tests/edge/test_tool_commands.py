import json
import re
import subprocess
import sys

import numpy as np
import pytest
from colour_model import build_colour_model, picture_bgr, write_colour_model
from PIL import Image

from edge import benchmark, classifier, cli, inspection, interpreter, live_benchmark
from edge.benchmark import Benchmark, Speed, Timing
from edge.classifier import Classifier
from edge.live_benchmark import LiveSpeed
from edge.manifest import DecisionSpec, InputSpec, Manifest
from edge.modelfile import write_model_file
from edge.testing import FakeInterpreter, fake_model


@pytest.fixture
def edge(capfd):
    """Return a function that runs a command and returns exit code, output and errors."""

    def run(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


@pytest.fixture
def model(tmp_path):
    return write_colour_model(tmp_path / "colours.tflite")


@pytest.fixture
def pictures(tmp_path):
    """A picture per label in a folder per label."""
    for label in ("red", "green", "blue"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        pixels_rgb = np.ascontiguousarray(picture_bgr(label)[:, :, ::-1])
        Image.fromarray(pixels_rgb).save(tmp_path / "pictures" / label / "1.png")
    return tmp_path / "pictures"


def test_classify_says_a_line_per_picture(edge, model, pictures):
    code, out, err = edge("classify", pictures / "red/1.png", pictures / "blue", "-m", model)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{pictures}/red/1.png: red 0.96",
        f"{pictures}/blue/1.png: blue 0.96",
    ]


def test_classify_below_the_threshold_names_the_best(edge, tmp_path, pictures):
    thresholds = {"red": 0.99, "green": 0.5, "blue": 0.5}
    model = write_colour_model(tmp_path / "strict.tflite", thresholds=thresholds)
    _, out, _ = edge("classify", pictures / "red/1.png", "-m", model)
    assert out.endswith("1.png: unknown 0.96 (best: red)\n")


def test_classify_goes_on_after_an_unreadable_file(edge, model, pictures):
    (pictures / "page.jpg").write_text("<html>")
    paths = (pictures / "page.jpg", pictures / "absent.png", pictures / "green/1.png")
    code, out, err = edge("classify", *paths, "-m", model, "--json")
    assert code == 1
    assert [json.loads(line)["label"] for line in out.splitlines()] == ["green"]
    assert "page.jpg: it holds text" in err
    assert "absent.png: No such file" in err


def test_classify_of_a_folder_without_pictures_fails(edge, model, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = edge("classify", tmp_path / "empty", "-m", model)
    assert (code, out) == (1, "")
    assert "must hold picture files" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--threads", "0"), 2, "from 1 to 64"),
        (("--runtime", "onnx"), 2, "auto, litert, tflite-runtime, tensorflow"),
        (("--model", "absent.tflite"), 1, "absent.tflite: No such file"),
        (("--model", "."), 1, "Is a directory"),
    ],
)
def test_wrong_settings_end_with_a_message(edge, model, pictures, arguments, code, message):
    found, out, err = edge("classify", pictures / "red/1.png", "-m", model, *arguments)
    assert (found, out) == (code, "")
    assert message in err


def test_environment_sets_model_runtime_and_threads(edge, model, pictures, monkeypatch):
    monkeypatch.setenv("EDGE_MODEL", str(model))
    monkeypatch.setenv("EDGE_THREADS", "99")
    code, _, err = edge("classify", pictures / "red/1.png")
    assert (code, "Received: 99" in err) == (2, True)
    code, out, _ = edge("classify", pictures / "red/1.png", "--threads", "2")
    assert (code, out.endswith("red 0.96\n")) == (0, True)


def test_foreign_and_damaged_models_are_refused(edge, tmp_path, model, pictures):
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(build_colour_model())
    for path, message in ((foreign, "carries a manifest"), (model, "intact")):
        if path is model:
            model.write_bytes(model.read_bytes().replace(b"\x0c", b"\x0d", 1))
        code, _, err = edge("classify", pictures / "red/1.png", "-m", path)
        assert code == 1
        assert message in err


def test_evaluate_shows_tables_for_people(edge, model, pictures):
    (pictures / "red/page.jpg").write_text("<html>")
    code, out, err = edge("evaluate", pictures, "-m", model)
    assert code == 0
    assert "3 pictures: accuracy 100.00%, top-1 100.00%, 0 unknown" in out
    assert "precision" in out
    assert "unknown" in out
    assert "page.jpg: it holds text" in err


@pytest.mark.parametrize(
    ("mapping", "code", "message"),
    [
        ("Cats", 2, "Write it as NAME=LABEL"),
        ("=red", 2, "Write it as NAME=LABEL"),
        ("red=crimson", 2, "red, green, blue. Received: red=crimson"),
    ],
)
def test_evaluate_refuses_a_wrong_mapping(edge, model, pictures, mapping, code, message):
    found, out, err = edge("evaluate", pictures, "-m", model, "--map", mapping)
    assert (found, out) == (code, "")
    assert message in err


def test_evaluate_of_a_folder_with_an_unknown_label_lists_the_labels(edge, model, pictures):
    (pictures / "purple").mkdir()
    code, _, err = edge("evaluate", pictures, "-m", model)
    assert code == 1
    assert "labels: red, green, blue. Received: purple" in err
    assert "--map purple=LABEL" in err


def test_bench_shows_a_row_per_runtime_and_threads(edge, model, monkeypatch):
    def measure(_, *, runtime, threads, frames):
        speed = Speed(Timing(1.0, 1.5, 2.0), Timing(0.05, 0.1, 0.2), Timing(1.25, 1.75, 2.5))
        return Benchmark(runtime, "2.3.0", threads, frames, speed, 140.5, 62.25)

    def measure_live(_, *, runtime, threads):
        return LiveSpeed(rate_hz=775.0, invoke_rate_hz=1000.0, ratio=0.775)

    monkeypatch.setattr(benchmark, "measure_in_child", measure)
    monkeypatch.setattr(live_benchmark, "measure_live_in_child", measure_live)
    code, out, err = edge("bench", "-m", model, "--frames", "2", "--threads", "3")
    assert code == 0
    row = next(line for line in out.splitlines() if "litert" in line)
    values = ["2.3.0", "3", "1.0", "0.05", "1.25", "2.5", "1.250", "800.0", "775.0", "0.775"]
    assert row.split()[1:] == [*values, "140.5", "62.25"]
    assert re.search(r"litert: without --threads, edge run uses \d on this machine", err)
    assert "OpenCV" in err


def test_bench_leaves_out_a_runtime_that_does_not_load(edge, model, monkeypatch):
    measured = []

    def measure(_, *, runtime, threads, frames):
        measured.append(runtime)
        timing = Timing(1.0, 1.0, 1.0)
        return Benchmark(runtime, "1", threads, frames, Speed(timing, timing, timing), 1.0, 1.0)

    live = LiveSpeed(1.0, 1.0, 1.0)
    monkeypatch.setattr(benchmark, "measure_in_child", measure)
    monkeypatch.setattr(live_benchmark, "measure_live_in_child", lambda *_, **__: live)
    monkeypatch.setattr(interpreter, "find_spec", lambda name: None if name == "tensorflow" else 1)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    code, _, err = edge("bench", "-m", model, "--threads", "1", "--json")
    assert (code, measured) == (0, ["litert"])
    assert "The runtime tflite-runtime must be installed" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--frames", "0"), "0 is not in the range"),
        (("--threads", "65"), "from 1 to 64"),
        (
            ("--runtime", "onnx"),
            "one of all, auto, litert, tflite-runtime, tensorflow. Received: onnx",
        ),
    ],
)
def test_bench_refuses_wrong_settings(edge, model, arguments, message):
    code, out, err = edge("bench", "-m", model, *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_inspect_summarises_for_people(edge, model):
    code, out, _ = edge("inspect", model)
    assert code == 0
    for text in ("intact", "red, green, blue", "8x6 RGB, uint8", "3 examples", "AVERAGE_POOL_2D"):
        assert text in out


MANY = ("red", "green", "blue", *(f"breed {number}" for number in range(997)))


def test_inspect_of_many_labels_makes_no_endless_tables(edge, tmp_path, monkeypatch):
    manifest = Manifest("breeds", MANY, InputSpec(8, 6), DecisionSpec(dict.fromkeys(MANY, 0.5)))
    model = tmp_path / "breeds.tflite"
    write_model_file(model, model_bytes=build_colour_model(), manifest=manifest)
    monkeypatch.setattr(inspection, "verify_model", lambda _: None)
    code, out, _ = edge("inspect", model)
    assert code == 0
    assert "breed 16 and 980 others" in out
    assert "thresholds    0.5 for every label" in out
    assert max(map(len, out.splitlines())) < 250


def test_evaluate_of_many_labels_shows_those_that_were_said(edge, pictures, monkeypatch):
    rows = np.full((3, 1000), 0.0001)
    rows[range(3), (2, 1, 10)] = 0.9  # blue, green and, wrongly, a breed
    fake = Classifier(fake_model(MANY), FakeInterpreter(rows))
    monkeypatch.setattr(classifier, "open_classifier", lambda *_, **__: fake)
    code, out, _ = edge("evaluate", pictures)
    assert code == 0
    header = next(line for line in out.splitlines() if "shows / said" in line)
    assert re.split(r"  +", header.strip()) == ["shows / said", "green", "blue", "breed 7"]


def test_inspect_of_a_damaged_file_ends_with_1(edge, model):
    model.write_bytes(model.read_bytes()[:-30])
    code, out, _ = edge("inspect", model, "--json")
    record = json.loads(out)
    assert (code, record["intact"], record["manifest"]) == (1, False, None)
    assert "cut off" in record["reason"]


def test_inspect_shows_what_a_foreign_file_takes_and_gives(edge, tmp_path):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(build_colour_model(dtype="int8"))
    code, out, _ = edge("inspect", path)
    assert code == 0
    assert "  input         picture: (1, 6, 8, 3) int8, scale 0.0078125, zero point 0\n" in out
    assert "  output        scores: (1, 3) int8, scale 0.00390625, zero point -128\n" in out


def test_inspect_of_a_foreign_file_is_not_verifiable(edge, tmp_path):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(build_colour_model())
    code, out, _ = edge("inspect", path, "--json")
    record = json.loads(out)
    assert (code, record["intact"], record["verdict"]) == (0, None, "not verifiable")


def test_doctor_says_each_finding_with_its_fix(edge, model):
    code, out, _ = edge("doctor", "-m", model)
    assert code == 0
    assert "ok    runtime" in out
    assert "colours (red, green, blue), intact" in out


def test_doctor_ends_with_1_when_a_run_is_impossible(edge, model, monkeypatch):
    monkeypatch.setattr(interpreter, "find_spec", lambda _: None)
    code, out, _ = edge("doctor", "-m", model, "--json")
    records = {record["check"]: record for record in map(json.loads, out.splitlines())}
    assert code == 1
    assert records["runtime"]["status"] == "fail"
    assert "pip install ai-edge-litert" in records["runtime"]["fix"]


def test_doctor_works_without_opencv(model):
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "from edge.cli import main\n"
        f"sys.exit(main(['doctor', '-m', {str(model)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "fail  opencv" in done.stdout
    assert "fail  model" in done.stdout
    assert done.stderr == ""
