import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ModelFileError
from edge.manifest import DecisionSpec, GoldenExample, InputSpec, Manifest
from edge.modelfile import read_model_file, read_whole, write_model_file
from edge.ziptail import pack_tail, split_tail

MODEL_BYTES = b"\x1c\x00\x00\x00TFL3" + bytes(range(256))  # looks like one, is never run


@pytest.fixture
def manifest():
    pixels_rgb = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    return Manifest(
        name="pets",
        labels=("cat", "Hündin", "none"),
        input=InputSpec(160, 120),
        decision=DecisionSpec({"cat": 0.7, "Hündin": 0.6, "none": 0.0}, temperature=1.2),
        training={"network": "cnn", "counts": {"train": {"cat": 3}}},
        quantization={"mode": "qat"},
        golden=(GoldenExample(pixels_rgb, (0.5, 0.25, 0.25)),),
    )


@pytest.fixture
def path(tmp_path, manifest):
    path = tmp_path / "pets.tflite"
    write_model_file(path, model_bytes=MODEL_BYTES, manifest=manifest)
    return path


def test_write_then_read_gives_the_same(path, manifest):
    model = read_model_file(path)
    assert model.model_bytes == MODEL_BYTES
    assert model.manifest.to_dict() == manifest.to_dict()
    assert model.size_bytes == path.stat().st_size
    assert model.manifest.input.size_wh == (160, 120)
    np.testing.assert_array_equal(
        model.manifest.golden[0].pixels_rgb, manifest.golden[0].pixels_rgb
    )


def test_write_gives_the_same_bytes_again_and_leaves_no_temporary(path, manifest):
    first = path.read_bytes()
    write_model_file(path, model_bytes=first, manifest=manifest)  # replaces the tail
    assert path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == ["pets.tflite"]


def test_zip_tail_is_readable_by_any_zip_tool(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode() == "cat\nHündin\nnone\n"
        assert json.loads(archive.read("manifest.json"))["format"] == "catseye-model"


def test_no_single_flipped_bit_is_accepted(path):
    intact = path.read_bytes()
    generator = np.random.default_rng(1)
    for position in range(len(intact)):
        mutant = bytearray(intact)
        mutant[position] ^= 1 << int(generator.integers(8))
        path.write_bytes(mutant)
        with pytest.raises(ModelFileError, match="Received: "):
            read_model_file(path)


def test_no_bit_of_the_zip_tail_may_be_another(path):
    """Not even of its times and attributes, which nothing depends on."""
    intact = path.read_bytes()
    directory = intact.index(b"PK\x01\x02")
    for position in (
        *range(len(MODEL_BYTES), len(MODEL_BYTES) + 30),
        *range(directory, len(intact)),
    ):
        for bit in range(8):
            mutant = bytearray(intact)
            mutant[position] ^= 1 << bit
            path.write_bytes(mutant)
            with pytest.raises(ModelFileError, match="Received: "):
                read_model_file(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.99, 0.9999])
def test_truncated_file_is_refused(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelFileError):
        read_model_file(path)


def rewrite(path, change, labels="cat\nHündin\nnone\n", pack=json.dumps):
    """Write the file again with another manifest and the hash that it had."""
    model_bytes, members = split_tail(path.read_bytes())
    values = json.loads(members["manifest.json"])
    change(values)
    members = {"labels.txt": labels.encode(), "manifest.json": pack(values).encode()}
    path.write_bytes(model_bytes + pack_tail(len(model_bytes), members))


def test_changed_threshold_is_refused(path):
    rewrite(path, lambda values: values["decision"]["thresholds"].update(cat=0.1))
    with pytest.raises(ModelFileError, match="does not match the hash"):
        read_model_file(path)


def test_swapped_labels_are_refused(path):
    rewrite(path, lambda values: None, labels="none\nHündin\ncat\n")
    with pytest.raises(ModelFileError, match="does not match the hash"):
        read_model_file(path)


def test_manifest_may_be_written_with_other_blanks(path, manifest):
    rewrite(path, lambda values: None, pack=lambda values: json.dumps(values, indent=4))
    assert read_model_file(path).manifest.to_dict() == manifest.to_dict()


def test_manifest_nested_without_end_is_refused(path):
    rewrite(path, lambda values: None, pack=lambda _: "[" * 100_000)
    with pytest.raises(ModelFileError, match=r"manifest\.json is no JSON"):
        read_model_file(path)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data, tail: data + b"more", "not as it was written"),
        (lambda data, tail: data + tail, "does not match the hash|not as it was written"),
        (lambda data, tail: data[: -len(tail)] + b"more" + tail, "hash|not as it was written"),
        (lambda data, tail: data[: -len(tail)], "without one: made by others, or cut off"),
        (lambda data, tail: data[:-9], "zip tail is cut off or overwritten"),
    ],
)
def test_tail_that_was_cut_doubled_or_moved_is_refused(path, damage, reason):
    data = path.read_bytes()
    path.write_bytes(damage(data, data[len(MODEL_BYTES) :]))
    with pytest.raises(ModelFileError, match=reason):
        read_model_file(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "must be a TFLite FlatBuffer"),
        (b"<html><body>404 Not Found", "must be a TFLite FlatBuffer"),
        (MODEL_BYTES, "carries a manifest"),  # TFLite, but not ours
        (MODEL_BYTES + b"PK\x05\x06" + bytes(18), "carries a manifest"),  # an empty zip tail
    ],
)
def test_foreign_content_is_refused(tmp_path, content, reason):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=reason):
        read_model_file(path)


def test_missing_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path / "nothing.tflite", tmp_path):
        with pytest.raises(ModelFileError, match="must be readable"):
            read_model_file(path)


def test_write_into_a_missing_folder_leaves_nothing(tmp_path, manifest):
    with pytest.raises(OSError, match="No such file"):
        write_model_file(tmp_path / "no" / "m.tflite", model_bytes=MODEL_BYTES, manifest=manifest)
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_no_model_file():
    """It may never end: reading it whole would take all memory."""
    for read in (read_model_file, read_whole):
        with pytest.raises(ModelFileError, match=r"/dev/zero, which is no file"):
            read(Path("/dev/zero"))
