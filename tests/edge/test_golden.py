"""What the child process that tries a model says of it: real files in real processes."""

import json
import subprocess
import sys

import pytest
from colour_model import (
    LABELS,
    build_colour_model,
    lose_numbers,
    lose_tensor,
    need_newer_runtime,
    picture_bgr,
    write_colour_model,
)
from model_commands import call_on, each_command

from edge import golden
from edge.classifier import open_classifier
from edge.errors import ModelFileError, NotVerifiableError
from edge.golden import check_golden
from edge.inspection import inspect_file
from edge.integrity import (
    NOT_VERIFIABLE,
    REFUSED,
    child_command,
    child_environment,
    verify_model,
)
from edge.manifest import DecisionSpec, GoldenExample, InputSpec, Manifest
from edge.modelfile import read_model_file, write_model_file

# Does what the child does, with less memory than it has by itself.
LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from edge import golden
golden.runtime_version("litert")
mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + int(sys.argv[3]),) * 2)
sys.exit(golden.main(Path(sys.argv[1]), sys.argv[2], "litert"))
"""


def ask_child(path, sha256=None):
    """Return exit code and words of a child that tries the file."""
    sha256 = sha256 or read_model_file(path).sha256
    command = child_command("edge.golden", str(path), sha256, "litert")
    done = subprocess.run(command, env=child_environment(), capture_output=True, check=False)
    assert done.stderr == b""
    if done.returncode == 0:
        return 0, done.stdout
    return done.returncode, json.loads(done.stdout)


def write_wrong(path):
    """Write a model whose manifest says of blue what it says of red."""
    wrong = (GoldenExample(picture_bgr("red", size_wh=(4, 4)), (0.0, 1.0, 0.0)),)
    return write_colour_model(path, golden=wrong)


def write_of_size(path, side, *, batch=1):
    """Write a model of floats with a large input."""
    size_wh = (side, side)
    manifest = Manifest(
        "large",
        LABELS,
        InputSpec(side, side, dtype="float32"),
        DecisionSpec(dict.fromkeys(LABELS, 0.5)),
    )
    model_bytes = build_colour_model(size_wh=size_wh, dtype="float32", batch=batch)
    write_model_file(path, model_bytes=model_bytes, manifest=manifest)
    return path


def test_child_accepts_an_intact_model(tmp_path):
    assert ask_child(write_colour_model(tmp_path / "good.tflite")) == (0, b"threads 1\n" * 2)


def test_child_measures_threads_only_where_there_is_a_choice(tmp_path, monkeypatch, capsys):
    asked = []

    def measure(model_bytes, *, runtime, cores):
        asked.append(cores)
        return {1: 2.0, 2: 1.0, 3: 0.95}

    monkeypatch.setattr(golden, "measure_threads", measure)
    path = write_colour_model(tmp_path / "good.tflite")
    for cores in (1, 4):
        assert golden.main(path, read_model_file(path).sha256, "litert", cores) == 0
    assert asked == [4]
    assert capsys.readouterr().out.split("\n")[1::2] == ["threads 1", "threads 2"]


def test_model_that_cannot_run_on_several_threads_is_not_refused(tmp_path, monkeypatch, capsys):
    def measure(*_, **__):
        raise MemoryError

    monkeypatch.setattr(golden, "measure_threads", measure)
    path = write_colour_model(tmp_path / "good.tflite")
    assert golden.main(path, read_model_file(path).sha256, "litert", 4) == 0
    assert capsys.readouterr().out == "threads 1\n" * 2


def test_wrong_answer_to_a_golden_example_is_refused(tmp_path):
    path = write_wrong(tmp_path / "wrong.tflite")
    code, said = ask_child(path)
    assert code == REFUSED
    assert said["rule"] == "A model file must be intact"
    assert said["received"].startswith("golden example 1 is off by 0.9")
    assert said["fix"].startswith("Copy the file again")
    with pytest.raises(ModelFileError, match=r"intact.*wrong\.tflite: golden example 1 is off"):
        verify_model(read_model_file(path))


def test_child_says_that_a_file_changed_meanwhile(tmp_path):
    code, said = ask_child(write_colour_model(tmp_path / "good.tflite"), "0" * 64)
    assert (code, said["received"]) == (REFUSED, "it changed while it was read")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"spoil": lose_tensor}, r"it does not run \(Input tensor 4 lacks data\)"),
        ({"spoil": lose_numbers, "dtype": "float32"}, "its scores are no numbers"),
    ],
)
def test_model_that_loads_and_gives_no_scores_is_refused(tmp_path, options, reason):
    model = read_model_file(write_colour_model(tmp_path / "bad.tflite", **options))
    with pytest.raises(ModelFileError, match=rf"bad\.tflite: {reason}"):
        verify_model(model)
    with pytest.raises(ModelFileError, match=reason):
        check_golden(model, runtime="litert")


def test_golden_scores_that_are_no_numbers_prove_nothing(tmp_path):
    nothing = (GoldenExample(picture_bgr("red", size_wh=(4, 4)), (float("nan"),) * 3),)
    path = write_colour_model(tmp_path / "nan.tflite", golden=nothing)
    with pytest.raises(ModelFileError, match="golden"):
        check_golden(read_model_file(path), runtime="litert")


def test_temperature_does_not_change_golden_answers(tmp_path):
    path = write_colour_model(tmp_path / "soft.tflite", temperature=3.0)
    check_golden(read_model_file(path), runtime="litert")


def test_model_without_golden_examples_must_run(tmp_path):
    path = write_colour_model(tmp_path / "bare.tflite", golden=())
    check_golden(read_model_file(path), runtime="litert")


def test_model_of_absurd_size_is_refused_and_nothing_dies(tmp_path):
    path = write_of_size(tmp_path / "huge.tflite", 4096, batch=64)  # 13 GB a tensor
    with pytest.raises(ModelFileError, match=r"huge\.tflite: \w"):
        verify_model(read_model_file(path))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_child_says_that_memory_is_short(tmp_path):
    """A picture of 24 MiB is made beside the tensors: for that it is short first."""
    path = write_of_size(tmp_path / "large.tflite", 2896)
    words = (sys.executable, "-c", LITTLE_MEMORY, str(path), read_model_file(path).sha256)
    environment = child_environment()
    for spare_mib in (1024, *range(416, 120, -20)):
        command = (*words, str(spare_mib << 20))
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            break
    assert (done.returncode, done.stderr, spare_mib < 1024) == (REFUSED, b"", True)
    said = json.loads(done.stdout)
    assert said["rule"] == "A model must run in 1 GiB of memory"
    assert said["received"] == "it asks for more"


def test_manifest_that_contradicts_its_model_is_named_as_that(tmp_path):
    path = write_colour_model(tmp_path / "wide.tflite", size_wh=(320, 6))
    with pytest.raises(ModelFileError) as caught:
        open_classifier(path)
    error = caught.value
    assert error.rule.startswith(
        "The model's input must be what its manifest says, ((1, 6, 320, 3)"
    )
    assert error.received == f"{path}: ((1, 6, 8, 3), 'uint8')"
    assert "edge convert" in error.fix
    found = inspect_file(path)
    assert found.verdict == "damaged"
    assert "what its manifest says, ((1, 6, 320, 3), 'uint8'); received ((1, 6, 8" in found.reason


def test_model_for_a_newer_runtime_is_not_damaged(tmp_path):
    path = write_colour_model(tmp_path / "newer.tflite", spoil=need_newer_runtime)
    code, said = ask_child(path)
    assert code == NOT_VERIFIABLE
    assert "version '99'" in said["received"]
    with pytest.raises(NotVerifiableError, match=r"newer\.tflite: Didn't find op.*--upgrade"):
        verify_model(read_model_file(path))
    found = inspect_file(path)
    assert (found.verdict, found.manifest) == ("not verifiable", None)
    assert "litert is older" in found.reason
    assert "pip install --upgrade ai-edge-litert" in found.reason


@each_command
def test_every_command_says_that_the_runtime_is_too_old(tmp_path, capfd, command):
    model = write_colour_model(tmp_path / "newer.tflite", spoil=need_newer_runtime)
    code, said = call_on(model, command, capfd)
    assert code == (0 if command[0] == "inspect" else 1)
    assert "must be as new as the operators of the model (litert is older)" in said
    assert "pip install --upgrade ai-edge-litert" in said
    assert "damaged" not in said
    assert "intact" not in said
