"""`edge convert` as a user calls it."""

import contextlib
import io
import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from convert.modes import MODES
from convert.run_folder import read_run
from edge.classifier import open_classifier
from edge.cli import main
from edge.images import read_picture
from edge.metrics import apply_temperature
from edge.modelfile import read_model_file


def call(*arguments):
    """Run the command line in this process; return exit code and standard output."""
    held = io.StringIO()
    with contextlib.redirect_stdout(held):
        code = main(["convert", *map(str, arguments)])
    return code, held.getvalue()


@pytest.fixture(scope="session")
def converted(run_folder, tmp_path_factory):
    """A file made with quantization-aware training, and the JSON report."""
    path = tmp_path_factory.mktemp("models") / "textures.tflite"
    code, text = call(run_folder, "-o", path, "--json", "--author", "A. Uthor", "--name", "Weave")
    assert code == 0
    return path, text


@pytest.fixture
def run_copy(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / "run")


def test_convert_json_is_one_object_and_nothing_else(converted):
    path, text = converted
    report = json.loads(text)
    assert text.count("\n") == 1
    assert report["path"] == str(path)
    assert report["size_bytes"] == path.stat().st_size
    assert report["validation_images"] == 180
    assert list(report["models"]) == ["float32", "int8", "qat"]
    for figures in report["models"].values():
        assert figures["accuracy"] > 0.8
        assert figures["agreement"] > 0.95
        assert list(figures["recall"]) == report["labels"]
        assert figures["latency_ms"] > 0
    original, plain, qat = report["models"].values()
    assert qat["accuracy"] >= min(plain["accuracy"], original["accuracy"])
    assert qat["agreement"] >= plain["agreement"]
    assert report["fine_tuning"]["states"][0]["step"] == 0


def test_converted_file_explains_itself(converted, run_folder):
    path, text = converted
    report, run = json.loads(text), read_run(run_folder)
    model = read_model_file(path)
    manifest = model.manifest
    assert model.sha256 == report["model_sha256"]
    assert manifest.name == "Weave"
    assert manifest.labels == run.labels
    assert manifest.input.dtype == "uint8"
    assert manifest.decision.temperature == report["temperature"]
    assert set(manifest.decision.thresholds) == set(run.labels)
    assert len(manifest.golden) == 4
    assert manifest.quantization["mode"] == "qat"
    assert manifest.quantization["parity"]["pictures"] == 180
    assert manifest.training["data"]["fingerprint"] == "0" * 64
    assert str(run.pictures[0].path.parent.parent) not in json.dumps(manifest.to_dict())


def test_converted_file_is_a_zip_archive_that_other_readers_take(converted):
    with zipfile.ZipFile(converted[0]) as archive:
        infos = archive.infolist()
        assert [info.filename for info in infos] == ["labels.txt", "manifest.json"]
        assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}  # for MediaPipe
        assert archive.read("labels.txt").decode() == "stripes\nrößchen dots\nplain\n"


def test_converted_file_classifies_on_the_device_as_it_was_measured(converted, run_folder):
    path, text = converted
    report, run = json.loads(text), read_run(run_folder)
    with open_classifier(path) as classifier:
        said = [
            (classifier.classify(read_picture(picture.path)), picture.label)
            for picture in run.part("validation")
        ]
    accuracy = np.mean([prediction.top_label == label for prediction, label in said])
    assert accuracy == pytest.approx(report["models"][report["deployed"]]["accuracy"])


def test_golden_examples_are_raw_scores(converted):
    model = read_model_file(converted[0])
    with open_classifier(converted[0]) as classifier:
        for example in model.manifest.golden:
            pixels_bgr = np.ascontiguousarray(example.pixels_rgb[:, :, ::-1])
            raw = np.array(example.scores, np.float32)
            expected = apply_temperature(raw, model.manifest.decision.temperature)
            assert classifier.classify(pixels_bgr).scores == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("mode", "columns", "dtype"),
    [
        ("int8", ["float32", "int8"], "uint8"),
        ("int16x8", ["float32", "int16x8"], "float32"),
        ("dynamic", ["float32", "dynamic"], "float32"),
        ("float16", ["float32", "float16"], "float32"),
        ("float32", ["float32"], "float32"),
    ],
)
def test_convert_with_less(run_folder, tmp_path, mode, columns, dtype):
    path = tmp_path / "m.tflite"
    code, text = call(run_folder, "-o", path, "--quantize", mode, "--json")
    report = json.loads(text)
    assert code == 0
    assert list(report["models"]) == columns
    assert report["deployed"] == columns[-1]
    assert report["fine_tuning"] is None
    assert read_model_file(path).manifest.input.dtype == dtype
    with open_classifier(path) as classifier:
        picture = read_run(run_folder).part("validation")[0]
        assert classifier.classify(read_picture(picture.path)).top_label == picture.label


def test_convert_prints_a_table_for_people(run_folder, tmp_path, capfd):
    path = tmp_path / "m.tflite"
    path.write_bytes(b"older")
    assert main(["convert", str(run_folder), "-o", str(path), "--quantize", "int8"]) == 1
    assert path.read_bytes() == b"older"
    assert "is not replaced unasked. Received: " + str(path) in capfd.readouterr().err
    arguments = [str(run_folder), "-o", str(path), "--quantize", "int8", "--overwrite"]
    assert main(["convert", *arguments]) == 0
    out, err = capfd.readouterr()
    for text in ("180 validation pictures", "int8 (in the file)", "recall rößchen dots, %"):
        assert text in out
    assert f"{path}: int8 (post-training)" in out
    assert "\npost-training: rounded as trained, nothing was learned\n" in out
    for text in ("calibration error", "litert", "measured on", "CONV_2D", "Edge TPU: all"):
        assert text in out
    assert "converted again, only the measured times differ" in out
    assert "checking int8: 180" in err
    assert "TensorFlow" not in err  # no chatter of native libraries
    read_model_file(path)


def test_every_mode_has_a_test():
    assert set(MODES) == {"qat", "int8", "int16x8", "dynamic", "float16", "float32"}


def refuse(capfd, code, *arguments):
    assert main(["convert", *map(str, arguments)]) == code
    out, err = capfd.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("option", "value"), [("--max-drop", -1), ("--max-drop", "nan"), ("--min-agreement", 99)]
)
def test_convert_refuses_limits_that_are_none(run_folder, tmp_path, capfd, option, value):
    err = refuse(capfd, 2, run_folder, "-o", tmp_path / "m.tflite", option, value)
    assert f"{option} must be" in err


def test_convert_refuses_an_unknown_mode(run_folder, tmp_path, capfd):
    err = refuse(capfd, 2, run_folder, "-o", tmp_path / "m.tflite", "--quantize", "int4")
    assert "one of qat, int8, int16x8, dynamic, float16, float32, auto. Received: int4." in err


@pytest.mark.parametrize("output", ["", "none/m.tflite", "file/m.tflite"])
def test_convert_refuses_an_output_that_cannot_be_written(run_folder, tmp_path, capfd, output):
    (tmp_path / "file").touch()
    err = refuse(capfd, 1, run_folder, "-o", tmp_path / output)
    assert "--output" in err
    assert str(tmp_path) in err


def test_convert_refuses_a_missing_run(tmp_path, capfd):
    err = refuse(capfd, 1, tmp_path / "none", "-o", tmp_path / "m.tflite")
    assert "The run folder must exist" in err


def test_convert_refuses_an_unfinished_run(run_copy, tmp_path, capfd):
    (run_copy / "model.keras").unlink()
    err = refuse(capfd, 1, run_copy, "-o", tmp_path / "m.tflite")
    assert "A run folder must hold model.keras" in err


def test_convert_refuses_pictures_that_changed_and_leaves_nothing_behind(
    run_copy, textures, tmp_path, capfd
):
    root = shutil.copytree(textures[0], tmp_path / "pictures")
    facts = json.loads((run_copy / "manifest.json").read_text(encoding="utf-8"))
    facts["data"]["root"] = str(root)
    (run_copy / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
    Image.new("RGB", (40, 40)).save(root / "plain" / "validation-3.png")
    (root / "plain" / "validation-4.png").unlink()
    output = tmp_path / "out" / "m.tflite"
    output.parent.mkdir()
    err = refuse(capfd, 1, run_copy, "-o", output)
    assert "2 of 180 are not" in err
    assert "validation-3.png (changed since training)" in err
    assert "validation-4.png (No such file" in err
    assert list(output.parent.iterdir()) == []
