"""Which files `edge package` takes for those of others, and what it says of its own."""

import zipfile

import pytest
from colour_model import build_colour_model
from described import described_by_others

from convert.metadata import Provenance
from edge.inspection import inspect_file
from edge.manifest import InputSpec
from edge.modelfile import default_model_path, read_model_file


def test_metadata_that_names_lost_labels_is_told(tmp_path, pack):
    path = tmp_path / "foreign.tflite"
    said = described_by_others(build_colour_model(), InputSpec(8, 6), Provenance("hues"))
    path.write_bytes(said)
    code, _, err = pack(path, with_labels=False)
    assert code == 1
    assert "whose metadata names labels.txt, which is not in it, and no --labels" in err
    code, out, _ = pack(path)
    assert code == 0
    assert "labels: as asked; the file has lost its own labels.txt, which it names\n" in out


def test_own_file_without_its_tail_is_damaged(tmp_path, foreign, pack):
    pack(foreign())
    model = read_model_file(tmp_path / "packaged.tflite")
    whole = model.path.read_bytes()
    path = tmp_path / "own.tflite"
    for data in (model.model_bytes, whole[:-30], whole[:-1]):
        path.write_bytes(data)
        code, _, err = pack(path, "--overwrite")
        assert code == 1
        assert "own.tflite: its zip tail is cut off or overwritten. Copy the file again" in err
        assert model.path.read_bytes() == whole


def test_embedded_model_without_its_tail_is_damaged(tmp_path, pack):
    path = tmp_path / "pets.tflite"
    path.write_bytes(read_model_file(default_model_path()).model_bytes)
    code, _, err = pack(path)
    assert code == 1
    assert "its zip tail is cut off or overwritten" in err


def test_damaged_file_is_not_called_packaged(tmp_path, foreign, pack):
    pack(foreign())
    path = tmp_path / "packaged.tflite"
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    (tmp_path / "own.tflite").write_bytes(data)
    code, _, err = pack(tmp_path / "own.tflite", "--overwrite")
    assert code == 1
    assert "does not match the hash" in err


@pytest.mark.parametrize("text", ['{"name": "hues", "version": 3}', "[]"])
def test_manifest_of_others_is_no_obstacle(tmp_path, foreign, pack, text):
    path = foreign()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("manifest.json", text)
    assert inspect_file(path).verdict == "not verifiable"
    code, _, _ = pack(path)
    assert code == 0
    assert inspect_file(tmp_path / "packaged.tflite").verdict == "intact"
    assert text.encode() not in (tmp_path / "packaged.tflite").read_bytes()


def test_packaged_file_is_not_packaged_again(tmp_path, foreign, pack):
    pack(foreign())
    (tmp_path / "packaged.tflite").rename(tmp_path / "first.tflite")
    code, _, err = pack(tmp_path / "first.tflite")
    assert code == 1
    assert "is packaged already" in err
