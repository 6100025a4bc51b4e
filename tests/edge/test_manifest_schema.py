"""The manifest's JSON schema: real files keep it, and it refuses what the program refuses."""

import copy
import json
import zipfile
from pathlib import Path

import jsonschema
import pytest
from colour_model import write_colour_model
from model_commands import call_on, each_command

import edge
from edge.errors import ModelFileError
from edge.manifest import FORMAT, FORMAT_VERSION, RESIZE_MODES, Manifest
from edge.modelfile import default_model_path, read_model_file, write_model_file

SCHEMA = json.loads((Path(edge.__file__).parent / "manifest.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def stored(path):
    """Return the manifest of a model file as it lies in the zip tail."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return stored(write_colour_model(tmp_path_factory.mktemp("model") / "colours.tflite"))


def is_taken_by_schema(values):
    return VALIDATOR.is_valid(values)


def is_taken_by_program(values):
    values = copy.deepcopy(values)
    values.pop("content_sha256", None)  # `edge.modelfile` looks at it first
    try:
        Manifest.from_dict(values)
    except ModelFileError:
        return False
    return True


def changed(values, place, new):
    """Return a copy with one value replaced, or taken away where `new` is `GONE`."""
    values = copy.deepcopy(values)
    *way, last = place
    inner = values
    for key in way:
        inner = inner[key]
    if new is GONE:
        del inner[last]
    else:
        inner[last] = new
    return values


GONE = object()
NUMBERS = ("1", None, True, [1], {})
SIDES = (0, -1, 4097, 2.5, *NUMBERS)

REFUSED = [
    (("format",), ("catseye-run", None, 1, GONE)),
    (("format_version",), (0, -1, FORMAT_VERSION + 1, 99, "1", None, True, 1.5, GONE)),
    (("name",), (None, 5, ["a"], GONE)),
    (("labels",), ([], "red", None, ["red", 5], ["red", ""], ["a\nb"], {"red": 1}, GONE)),
    (("labels", 0), ("green", "Unknown", "unknown", " ", "a\r", 7, None)),
    (("labels", 0), (" cat", "cat ", "cat\n", "\tcat", "\u3000cat", "cat\u00a0", "\u2003", "a\tb")),
    (("labels", 0), ("a\u2028b", "a\u2029b", "a\x0bb", "a\x1cb", "a\x85b", "a\0b", "a\x7fb")),
    (("input",), (None, [], "squash", {}, GONE)),
    (("input", "width"), (*SIDES, GONE)),
    (("input", "height"), (*SIDES, GONE)),
    (("input", "colour_order"), ("BGR", "rgb", None, GONE)),
    (("input", "resize"), ("stretch", "Squash", None, 1, GONE)),
    (("input", "interpolation"), ("nearest", None, GONE)),
    (("input", "region"), (None, [0, 0, 1, 1], "0,0,1,1", {}, GONE)),
    (("input", "region", "left"), (-0.1, 1, 1.5, *NUMBERS, GONE)),
    (("input", "region", "top"), (-0.1, 1, 1.5, *NUMBERS, GONE)),
    (("input", "region", "right"), (0, 1.1, -1, "1", None, [1], GONE)),
    (("input", "region", "bottom"), (0, 1.1, -1, "1", None, [1], GONE)),
    (("input", "region", "width"), (1,)),
    (("input", "dtype"), ("int16", "float16", None, GONE)),
    (("input", "mean"), (1e39, -1e39, *NUMBERS, GONE)),
    (("input", "scale"), (0, -1, 1e39, *NUMBERS, GONE)),
    (("input", "padding"), (127,)),
    (("decision",), (None, [], {}, GONE)),
    (("decision", "thresholds"), (None, [0.5], 0.5, GONE)),
    (("decision", "thresholds", "red"), (-0.1, 1.1, *NUMBERS)),
    (("decision", "temperature"), (0, -1, *NUMBERS, GONE)),
    (("decision", "votes"), (0, -1, 1001, 1.5, *NUMBERS, GONE)),
    (("decision", "window"), (0, -1, 1001, 1.5, *NUMBERS, GONE)),
    (("decision", "veto"), (1,)),
    (("training",), (None, [], "here", GONE)),
    (("quantization",), (None, [], "int8", GONE)),
    (("golden",), (None, {}, "", [None], [{}], [[]], GONE)),
    (("golden", 0, "width"), (*SIDES, GONE)),
    (("golden", 0, "height"), (*SIDES, GONE)),
    (("golden", 0, "rgb"), (None, 5, "!", "AAA", "=", GONE)),
    (("golden", 0, "scores"), (None, [], "1", ["1"], [None, 1, 1], [True, 1, 1], GONE)),
    (("golden", 0, "label"), ("red",)),
    (("surprise",), (1,)),
]
"""Places in a manifest, and what must not stand there."""

MUTANTS = [
    pytest.param(place, new, id=f"{'.'.join(map(str, place))} {'GONE' if new is GONE else new!r}")
    for place, news in REFUSED
    for new in news
]


@pytest.mark.parametrize(("place", "new"), MUTANTS)
def test_schema_and_program_refuse_the_same(manifest, place, new):
    mutant = changed(manifest, place, new)
    assert not is_taken_by_schema(mutant)
    assert not is_taken_by_program(mutant)


TAKEN = [
    (("name",), ("", "Tür")),
    (("input", "resize"), RESIZE_MODES),
    (("input", "region", "left"), (0, 0.5, 0.999)),
    (("input", "region", "bottom"), (1, 0.001)),
    (("input", "dtype"), ("uint8", "int8", "float32")),
    (("input", "mean"), (0, -5.5, 127)),
    (("input", "scale"), (1, 255.0, 1e-3)),
    (("input", "width"), (1, 4096)),
    (("decision", "thresholds", "red"), (0, 1, 0.5)),
    (("decision", "temperature"), (0.01, 7)),
    (("decision", "window"), (1000,)),
    (("training",), ({}, {"anything": [1, {"deep": None}]})),
    (("golden",), ([],)),
]
"""Places in a manifest, and what may stand there."""


@pytest.mark.parametrize(
    ("place", "new"),
    [
        pytest.param(place, new, id=f"{'.'.join(place)} {new!r}")
        for place, news in TAKEN
        for new in news
    ],
)
def test_schema_and_program_take_the_same(manifest, place, new):
    mutant = changed(manifest, place, new)
    VALIDATOR.validate(mutant)
    assert is_taken_by_program(mutant)


ONLY_BY_PROGRAM = [
    (("labels",), ["red", "RED", "blue"]),  # differ in case alone
    (("labels",), ["caf\udce9", "green", "blue"]),  # cannot be written
    (("decision", "thresholds", "cyan"), 0.5),  # a threshold without its label
    (("decision", "thresholds", "red"), GONE),
    (("decision", "votes"), 2),  # of 1 frame
    (("input", "region"), {"left": 0.6, "top": 0, "right": 0.5, "bottom": 1}),
    (("golden", 0, "width"), 5),  # of pixels for 4
    (("golden", 0, "scores"), [1, 0]),  # of three labels
]


@pytest.mark.parametrize(("place", "new"), ONLY_BY_PROGRAM)
def test_what_the_schema_says_it_cannot_say_is_refused_by_the_program(manifest, place, new):
    mutant = changed(manifest, place, new)
    assert is_taken_by_schema(mutant)
    assert not is_taken_by_program(mutant)


def test_schema_is_one_and_names_the_version_of_the_program():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    properties = SCHEMA["properties"]
    assert SCHEMA["$id"] == f"urn:catseye:model-manifest:{FORMAT_VERSION}"
    assert properties["format_version"] == {"const": FORMAT_VERSION}
    assert properties["format"] == {"const": FORMAT}
    assert properties["input"]["properties"]["resize"] == {"enum": list(RESIZE_MODES)}


def test_embedded_model_keeps_the_schema():
    VALIDATOR.validate(stored(default_model_path()))


@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_what_is_written_keeps_the_schema(tmp_path, resize):
    path = write_colour_model(tmp_path / "model.tflite", golden=(), resize=resize)
    VALIDATOR.validate(stored(path))
    again = tmp_path / "again.tflite"
    model = read_model_file(path)
    write_model_file(again, model_bytes=model.model_bytes, manifest=model.manifest)
    assert again.read_bytes() == path.read_bytes()


def write_newer(path, hash_field="0" * 64):
    """Write a model file of the next version, whose hash may count otherwise."""
    write_colour_model(path)
    values = {**stored(path), "format_version": FORMAT_VERSION + 1, "surprise": 1}
    values["content_sha256"] = hash_field
    if hash_field is GONE:
        del values["content_sha256"]
    with zipfile.ZipFile(path) as archive:
        end = min(info.header_offset for info in archive.infolist())
    path.write_bytes(path.read_bytes()[:end])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "red\ngreen\nblue\n")
        archive.writestr("manifest.json", json.dumps(values))
    return path


@pytest.mark.parametrize("hash_field", ["0" * 64, GONE])
def test_a_newer_version_is_refused_before_its_hash_and_its_fields(tmp_path, hash_field):
    path = write_newer(tmp_path / "model.tflite", hash_field)
    with pytest.raises(ModelFileError, match=r"format version 1\..*version 2.*newer catseye"):
        read_model_file(path)


@each_command
def test_every_command_says_what_to_do_about_a_newer_version(tmp_path, capfd, command):
    model = write_newer(tmp_path / "model.tflite")
    code, said = call_on(model, command, capfd)
    assert code == (0 if command[0] == "inspect" else 1)
    assert "version 2" in said
    assert "git pull" in said
    assert "damaged" not in said
    assert "Traceback" not in said
