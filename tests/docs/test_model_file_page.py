"""docs/model-file.md read as by somebody who writes such a file without catseye."""

import base64
import hashlib
import json
import re
import struct
import zlib
from pathlib import Path

import pytest
from colour_model import CERTAIN, LABELS, build_colour_model

from edge.classifier import open_classifier
from edge.errors import ModelFileError
from edge.inspection import inspect_file
from edge.modelfile import read_model_file

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "model-file.md").read_text(encoding="utf-8")
FIELDS = set(re.findall(r"`((?:input|decision)\.\w+)`", PAGE))

# What a file of this model says; of these, the fields that the page lists.
INPUT = {
    "width": 8,
    "height": 6,
    "colour_order": "RGB",
    "resize": "squash",
    "interpolation": "bilinear",
    "region": {"left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0},
    "dtype": "uint8",
    "mean": 127.0,
    "scale": 128.0,
}
DECISION = {
    "thresholds": dict.fromkeys(LABELS, 0.5),
    "temperature": 1.0,
    "votes": 3,
    "window": 5,
}
COLOURS_RGB = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def listed(part, values):
    return {name: value for name, value in values.items() if f"{part}.{name}" in FIELDS}


def make_manifest(golden):
    return {
        "format": "catseye-model",
        "format_version": 1,
        "name": "by hand",
        "labels": list(LABELS),
        "input": listed("input", INPUT),
        "decision": listed("decision", DECISION),
        "training": {},
        "quantization": {},
        "golden": golden,
    }


def golden_examples(high=CERTAIN):
    low = (1 - high) / 2
    return [
        {
            "width": 4,
            "height": 4,
            "rgb": base64.b64encode(bytes(COLOURS_RGB[label]) * 16).decode(),
            "scores": [high if label == other else low for other in LABELS],
        }
        for label in LABELS
    ]


def hash_content(front, labels, manifest):
    digest = hashlib.sha256()
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    for part in (front, labels, canonical):
        digest.update(struct.pack("<Q", len(part)) + part)
    return digest.hexdigest()


def pack(front, labels, manifest):
    """Put the parts together as the page's table of records says."""
    files, directory = b"", b""
    members = ((b"labels.txt", labels), (b"manifest.json", manifest))
    for name, content in members:
        place = len(front) + len(files)
        size = len(content)
        shared = struct.pack("<HHHHH", 20, 0, 0, 0, 33)
        shared += struct.pack("<IIIHH", zlib.crc32(content), size, size, len(name), 0)
        files += b"PK\x03\x04" + shared + name + content
        directory += b"PK\x01\x02" + struct.pack("<H", 788) + shared
        directory += struct.pack("<HHHII", 0, 0, 0, 27525120, place) + name
    end = struct.pack("<HHHHIIH", 0, 0, 2, 2, len(directory), len(front) + len(files), 0)
    return front + files + directory + b"PK\x05\x06" + end


def write_by_hand(path, golden):
    front, labels = build_colour_model(), "".join(f"{label}\n" for label in LABELS).encode()
    manifest = make_manifest(golden)
    manifest["content_sha256"] = hash_content(front, labels, manifest)
    path.write_bytes(pack(front, labels, json.dumps(manifest).encode()))
    return path


def test_file_written_as_the_page_says_is_intact_and_runs(tmp_path):
    path = write_by_hand(tmp_path / "mine.tflite", golden_examples())
    assert inspect_file(path).verdict == "intact"
    with open_classifier(path) as classifier:
        assert classifier.labels == LABELS


def test_page_shows_what_is_hashed():
    spelled, hashed = re.findall(r"^```json\n(.*?)\n```", PAGE, re.M | re.S)
    assert spelled != hashed
    assert json.dumps(json.loads(spelled), sort_keys=True, separators=(",", ":")) == hashed


# As JavaScript, or C with two decimals, would write what the hash takes for 0.5 and 2e-07.
@pytest.mark.parametrize(
    ("canonical", "spelled"), [("0.5", "0.50"), ("2e-07", "2e-7"), ("2e-07", "0.0000002")]
)
def test_numbers_may_be_spelled_otherwise_once_the_hash_is_right(tmp_path, canonical, spelled):
    path = tmp_path / "mine.tflite"
    front, labels = build_colour_model(), "".join(f"{label}\n" for label in LABELS).encode()
    manifest = make_manifest([]) | {"quantization": {"rate": 2e-7}}
    manifest["content_sha256"] = hash_content(front, labels, manifest)
    text = json.dumps(manifest)
    assert canonical in text
    path.write_bytes(pack(front, labels, text.replace(canonical, spelled).encode()))
    assert inspect_file(path).verdict == "intact"


def test_hash_over_another_spelling_is_wrong(tmp_path):
    path = tmp_path / "mine.tflite"
    front, labels = build_colour_model(), "".join(f"{label}\n" for label in LABELS).encode()
    manifest = make_manifest([]) | {"quantization": {"rate": 2e-7}}
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).replace("2e-07", "2e-7")
    digest = hashlib.sha256()
    for part in (front, labels, text.encode()):
        digest.update(struct.pack("<Q", len(part)) + part)
    manifest["content_sha256"] = digest.hexdigest()
    path.write_bytes(pack(front, labels, json.dumps(manifest).encode()))
    assert inspect_file(path).verdict == "damaged"


def test_golden_examples_may_be_left_out(tmp_path):
    path = write_by_hand(tmp_path / "mine.tflite", [])
    assert inspect_file(path).verdict == "intact"


def test_golden_examples_that_are_wrong_are_noticed(tmp_path):
    path = write_by_hand(tmp_path / "mine.tflite", golden_examples(high=0.5))
    found = inspect_file(path)
    assert (found.verdict, found.reason[:17]) == ("damaged", "golden example 1 ")


def test_page_names_every_field_of_the_manifest(tmp_path):
    path = write_by_hand(tmp_path / "mine.tflite", golden_examples())
    values = read_model_file(path).manifest.to_dict()
    for part in ("input", "decision"):
        assert {f"{part}.{name}" for name in values[part]} <= FIELDS
    for name in values:
        assert re.search(rf"^\| `{name}", PAGE, re.M), name


@pytest.mark.parametrize(("old", "new"), [(b"PK\x01\x02\x14\x03", b"PK\x01\x02\x14\x00")])
def test_other_form_of_the_archive_is_told(tmp_path, old, new):
    path = write_by_hand(tmp_path / "mine.tflite", golden_examples())
    path.write_bytes(path.read_bytes().replace(old, new, 1))  # made on Windows
    with pytest.raises(ModelFileError, match=r"not as it was written, from byte [\d,]+ on"):
        read_model_file(path)


def test_python_example_of_the_page_runs(tmp_path, monkeypatch):
    """It packs a bare model with the call of edge.modelfile."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    (program,) = [block for block in blocks if "write_model_file" in block]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare.tflite").write_bytes(build_colour_model(size_wh=(160, 160)))
    exec(compile(program, "model-file.md", "exec"), {})
    assert inspect_file(tmp_path / "mine.tflite").verdict == "intact"
