import zipfile

import pytest
from colour_model import build_colour_model, write_colour_model

from edge import interpreter
from edge.errors import ModelFileError
from edge.inspection import inspect_file
from edge.modelfile import read_model_file


@pytest.fixture
def path(tmp_path):
    return write_colour_model(tmp_path / "colours.tflite")


def test_own_file_is_intact(path):
    found = inspect_file(path)
    assert (found.verdict, found.size_bytes) == ("intact", path.stat().st_size)
    assert found.manifest.name == "colours"
    assert [use.name for use in found.operators] == ["AVERAGE_POOL_2D", "RESHAPE", "SOFTMAX"]


def test_foreign_file_is_not_verifiable(tmp_path):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(build_colour_model())
    found = inspect_file(path)
    assert (found.verdict, found.manifest) == ("not verifiable", None)
    assert "no manifest" in found.reason
    assert "edge package wraps it" in found.reason
    assert len(found.operators) == 3
    assert [str(tensor) for tensor in found.interface.outputs] == [
        "(1, 3) uint8, scale 0.00390625, zero point 0"
    ]
    assert found.metadata is None


def test_metadata_of_a_foreign_file_is_shown(shared_data):
    found = inspect_file(shared_data / "models" / "mobilenet_v1_0.25_128_quant.tflite")
    assert found.verdict == "not verifiable"
    assert (found.metadata.name, found.metadata.means) == ("ImageClassifier", (127.5,))


def test_foreign_file_with_labels_is_not_verifiable(tmp_path):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(build_colour_model())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "red\ngreen\nblue\n")
    assert inspect_file(path).verdict == "not verifiable"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:200], "point outside themselves"),  # cut in the FlatBuffer
        (lambda data: data[:-30], "zip tail is cut off"),  # cut in the tail
        (lambda data: data[:300] + b"\x55" + data[301:], "does not match the hash"),
        (lambda _: b"<html>Not Found</html>", "TFL3"),
        (lambda _: b"", "TFL3"),
    ],
)
def test_damaged_file_is_damaged_and_says_how(path, damage, reason):
    path.write_bytes(damage(path.read_bytes()))
    found = inspect_file(path)
    assert (found.verdict, found.manifest) == ("damaged", None)
    assert reason in found.reason
    assert str(path) not in found.reason


def test_absent_file_and_folder_are_errors(tmp_path):
    with pytest.raises(ModelFileError, match="No such file"):
        inspect_file(tmp_path / "absent.tflite")
    with pytest.raises(ModelFileError, match="Is a directory"):
        inspect_file(tmp_path)


def test_newer_format_is_not_called_damaged(path):
    changed = path.with_name("newer.tflite")
    changed.write_bytes(build_colour_model())
    with zipfile.ZipFile(changed, "a") as archive:
        archive.writestr("labels.txt", "red\n")
        archive.writestr("manifest.json", '{"format": "catseye-model", "format_version": 9}')
    found = inspect_file(changed)
    assert found.verdict == "not verifiable"
    assert "received version 9. Install a newer catseye: git pull" in found.reason


@pytest.mark.parametrize("text", ["{", '{"format": "catseye-model", "format_version": "x"}'])
def test_manifest_that_is_none_is_damaged(path, text):
    changed = path.with_name("odd.tflite")
    changed.write_bytes(build_colour_model())
    with zipfile.ZipFile(changed, "a") as archive:
        archive.writestr("manifest.json", text)
    assert inspect_file(changed).verdict == "damaged"


@pytest.mark.parametrize("text", ["[]", '{"name": "hues"}', '{"format_version": 1}'])
def test_manifest_of_others_is_not_verifiable(tmp_path, text):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(build_colour_model())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("manifest.json", text)
    assert inspect_file(path).verdict == "not verifiable"
    with pytest.raises(ModelFileError, match="wrap it with edge package"):
        read_model_file(path)


def test_without_a_runtime_the_hash_decides(path, monkeypatch):
    monkeypatch.setattr(interpreter, "find_spec", lambda _: None)
    found = inspect_file(path)
    assert found.verdict == "intact"
    assert "no runtime" in found.reason
