"""`edge package` as a user calls it, with classifiers of every kind of input and output."""

import json
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from colour_model import (
    LABELS,
    build_colour_model,
    need_newer_runtime,
    picture_bgr,
    write_colour_model,
)
from described import described_by_others
from flatbuffers import Builder
from PIL import Image

from convert import wrapping
from convert.graph import add_scaling
from convert.metadata import Provenance
from edge.classifier import open_classifier
from edge.cli import main
from edge.inspection import inspect_file
from edge.interpreter import open_interpreter
from edge.manifest import InputSpec
from edge.metadata import read_metadata
from edge.modelfile import read_model_file

FLOAT = ("--mean", "127", "--std", "128")


def said_labels(path):
    with open_classifier(path) as classifier:
        return [classifier.classify(picture_bgr(label)).label for label in LABELS]


@pytest.mark.parametrize(
    ("dtype", "arguments", "scaled"),
    [
        ("uint8", (), (127.0, 128.0)),
        ("uint8", FLOAT, (127.0, 128.0)),  # says what the quantization says
        ("uint8", ("--mean", "127.5", "--std", "127.5"), (127.0, 128.0)),  # so does this, nearly
        ("int8", (), (128.0, 128.0)),
        ("float32", FLOAT, (127.0, 128.0)),
    ],
)
def test_wrapped_file_answers_as_the_original(tmp_path, foreign, pack, dtype, arguments, scaled):
    code, out, _ = pack(foreign(dtype=dtype), "--json", *arguments)
    assert code == 0
    report = json.loads(out)
    model = read_model_file(tmp_path / "packaged.tflite")
    assert report["model_sha256"] == model.sha256
    assert report["scores"] == "probabilities"
    assert model.manifest.input.dtype == dtype
    assert (model.manifest.input.mean, model.manifest.input.scale) == scaled
    assert said_labels(model.path) == list(LABELS)
    assert inspect_file(model.path).verdict == "intact"
    assert model.manifest.training["assumptions"] == report["assumptions"]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@pytest.mark.parametrize("is_flat", [True, False])
def test_logits_get_a_softmax(tmp_path, foreign, pack, dtype, is_flat):
    arguments = FLOAT if dtype == "float32" else ()
    path = foreign(dtype=dtype, is_soft=False, is_flat=is_flat)
    code, out, _ = pack(path, *arguments)
    assert code == 0
    assert "scores: logits (from -0." in out
    assert "a softmax was added" in out
    assert said_labels(tmp_path / "packaged.tflite") == list(LABELS)
    with open_classifier(tmp_path / "packaged.tflite") as classifier:
        scores = classifier.classify(picture_bgr("green")).scores
    logits = np.array([-127 / 128, 1.0, -127 / 128])
    assert scores == pytest.approx(np.exp(logits) / np.exp(logits).sum(), abs=0.02)


def test_channels_with_scales_of_their_own_are_scaled_by_the_model(tmp_path, foreign, pack):
    path = foreign(dtype="float32", is_soft=False)
    means, deviations = np.array([120.0, 110.0, 100.0]), np.array([60.0, 50.0, 40.0])
    code, out, _ = pack(path, "--mean", "120,110,100", "--std", "60,50,40")
    assert code == 0
    assert "(pixel - (120, 110, 100)) / (60, 50, 40), as asked" in out
    with open_classifier(tmp_path / "packaged.tflite") as classifier:
        found = classifier.classify(np.full((6, 8, 3), (30, 20, 10), np.uint8)).scores
    logits = (np.array([10.0, 20.0, 30.0]) - means) / deviations
    assert found == pytest.approx(np.exp(logits) / np.exp(logits).sum(), abs=1e-5)


def test_file_that_says_everything_itself_needs_no_option(tmp_path, pack, capsys):
    spec = InputSpec(8, 6, dtype="float32", mean=100.0, scale=50.0)
    about = Provenance("hues", author="A. Uthor", licence="CC0-1.0")
    path = tmp_path / "foreign.tflite"
    path.write_bytes(described_by_others(build_colour_model(dtype="float32"), spec, about))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "0 red\n1 green\n2 blue\n")
    code, out, _ = pack(path, with_labels=False)
    assert code == 0
    assert "labels: those of its own labels.txt\n" in out
    assert "labels: line numbers were taken off\n" in out
    assert "float32 input: (pixel - 100) / 50, as its metadata says\n" in out
    model = read_model_file(tmp_path / "packaged.tflite")
    assert model.manifest.labels == LABELS
    said = read_metadata(model.model_bytes)
    assert (said.author, said.licence, said.means) == ("A. Uthor", "CC0-1.0", (100.0,))


def test_label_that_stands_twice_gets_a_number(tmp_path, foreign, pack, labels):
    labels.write_text("crane\ncar\nCrane\n")
    code, out, _ = pack(foreign())
    assert code == 0
    assert "labels: 'Crane' stands twice, so that the second is called 'Crane (2)'" in out
    assert read_model_file(tmp_path / "packaged.tflite").manifest.labels == (
        "crane",
        "car",
        "Crane (2)",
    )


def test_options_reach_the_file(tmp_path, foreign, pack):
    code, _, _ = pack(foreign(), "--threshold", "0.9", "--name", "Hues", "--author", "A. Uthor")
    assert code == 0
    model = read_model_file(tmp_path / "packaged.tflite")
    assert model.manifest.name == "Hues"
    assert set(model.manifest.decision.thresholds.values()) == {0.9}
    assert read_metadata(model.model_bytes).author == "A. Uthor"


def test_same_file_gives_the_same_bytes(tmp_path, foreign, pack):
    path = foreign()
    packaged = tmp_path / "packaged.tflite"
    pack(path)
    first = packaged.read_bytes()
    pack(path, "--overwrite")
    assert packaged.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        # how pixels are scaled is not known
        ({"dtype": "float32"}, (), "Of a float32 input somebody must say how pixels are scaled"),
        # what is asked for is not what the quantization says
        ({}, ("--mean", "0", "--std", "255"), "which is up to 127 of 256 steps off"),
        ({"copies": 4}, (), "as an object detector"),
        ({"batch": 2}, (), "(2, 6, 8, 3) uint8"),
        ({"channels": 1}, (), "grey pictures"),
        ({"size_wh": (8, 3), "channels": 4}, (), "channels first"),
        ({"is_soft": False}, ("--scores", "probabilities"), "Probabilities lie between 0 and 1"),
        ({}, ("--scores", "logits"), "by SOFTMAX, which add up to 1"),
    ],
)
def test_what_cannot_be_packaged_is_refused(tmp_path, foreign, pack, arguments, options, message):
    code, out, err = pack(foreign(**arguments), *options)
    assert (code, out) == (1, "")
    assert message in err
    assert not (tmp_path / "packaged.tflite").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red\ngreen\n", "want a line 'background'"),
        ("background\nred\ngreen\nblue\n", "without a line for the background"),
        ("a\nb\nc\nd\ne\nf\n", "a label for each of the 3 scores"),
        ("red\n\nblue\n", "one line of text"),
        ("red\nunknown\nblue\n", "is reserved"),
        ("", "at least one label"),
        (b"\xff\xfe\x00", "must be text in UTF-8"),
    ],
)
def test_labels_that_do_not_fit_are_refused(foreign, pack, labels, text, message):
    labels.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, _, err = pack(foreign())
    assert code == 1
    assert message in err
    assert "labels.txt" in err or "scores of" in err


def test_labels_must_come_from_somewhere(foreign, pack):
    code, _, err = pack(foreign(), with_labels=False)
    assert code == 1
    assert "Use --labels FILE" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mean", "127"), "--mean and --std belong together"),
        (("--mean", "127", "--std", "0"), "--std above 0"),
        (("--mean", "1,2", "--std", "1"), "a number or three"),
        (("--mean", "x", "--std", "1"), "a number or three"),
        (("--mean", "nan", "--std", "1"), "a number or three"),
        (("--scores", "odds"), "--scores must be one of"),
        (("--threshold", "nan"), "--threshold must be a number"),
    ],
)
def test_wrong_usage_is_told(foreign, pack, options, message):
    code, _, err = pack(foreign(), *options)
    assert code == 2
    assert message in err


def test_scaling_by_other_channels_is_noticed(tmp_path, foreign, pack, monkeypatch):
    def add_wrong(model_bytes, *, means, deviations):
        return add_scaling(model_bytes, means=means[::-1], deviations=deviations)

    monkeypatch.setattr(wrapping, "add_scaling", add_wrong)
    path = foreign(dtype="float32", is_soft=False)
    code, _, err = pack(path, "--mean", "123.675,116.28,103.53", "--std", "58.4,57.1,57.4")
    assert code == 1
    assert "must answer as the original does. Received: " in err
    assert not (tmp_path / "packaged.tflite").exists()


def test_folder_as_output_gets_a_fitting_proposal(tmp_path, foreign, pack, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = pack(foreign(), "-o", ".")
    assert code == 1
    assert "Received: the folder '.'. Use -o foreign-packaged.tflite." in err


def test_existing_output_stays(tmp_path, foreign, pack):
    (tmp_path / "packaged.tflite").write_bytes(b"mine")
    code, _, err = pack(foreign())
    assert code == 1
    assert "is not replaced unasked" in err
    assert (tmp_path / "packaged.tflite").read_bytes() == b"mine"


def write_custom(path, name):
    """Write a colour model whose softmax is an operator of somebody's own."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(build_colour_model(), 0))
    code = model.operatorCodes[2]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = name
    model.subgraphs[0].operators[2].builtinOptions = None
    model.subgraphs[0].operators[2].builtinOptionsType = 0
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Mystery", "must run in the device's interpreter. Received: "),
        ("edgetpu-custom-op", "was compiled for the Edge TPU"),
    ],
)
def test_operator_that_the_runtime_lacks_is_named(tmp_path, pack, name, message):
    code, _, err = pack(write_custom(tmp_path / "custom.tflite", name))
    assert code == 1
    assert message in err
    assert name in err or "Edge TPU" in err


def test_operator_newer_than_the_runtime_asks_for_a_newer_runtime(tmp_path, pack):
    own = write_colour_model(tmp_path / "newer.tflite", spoil=need_newer_runtime)
    path = tmp_path / "foreign.tflite"
    path.write_bytes(read_model_file(own).model_bytes)
    code, _, err = pack(path)
    assert code == 1
    assert "pip install --upgrade ai-edge-litert" in err
    assert "Copy the file again" not in err


def test_only_the_written_file_leaves_a_verdict(tmp_path, foreign, pack, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert pack(foreign())[0] == 0
    sha256 = read_model_file(tmp_path / "packaged.tflite").sha256
    verdicts = [path.name for path in (tmp_path / "cache/catseye/verified").iterdir()]
    assert [name.partition("-")[0] for name in verdicts] == [sha256]


def test_file_that_is_cut_off_is_refused(tmp_path, foreign, pack):
    path = foreign()
    path.write_bytes(path.read_bytes()[:300])
    code, _, err = pack(path)
    assert code == 1
    assert "whole FlatBuffer" in err


@pytest.mark.parametrize(
    ("name", "size"), [("mobilenet_v1_0.25_128_quant", 128), ("mobilenet_v2_1.0_224_quant", 224)]
)
def test_models_of_others_are_taken_by_every_verb(
    tmp_path, shared_data, pack, labels, capsys, name, size
):
    labels.write_bytes((shared_data / "models/imagenet_labels.txt").read_bytes())
    original = shared_data / "models" / f"{name}.tflite"
    code, out, _ = pack(original)
    assert code == 0
    assert "'crane' stands twice" in out
    path = tmp_path / "packaged.tflite"
    model = read_model_file(path)
    assert (model.manifest.input.size_wh, len(model.manifest.labels)) == ((size, size), 1001)
    assert all(max(example.scores) > 0.2 for example in model.manifest.golden)
    pictures = tmp_path / "pictures" / "tabby, tabby cat"
    pictures.mkdir(parents=True)
    with zipfile.ZipFile(shared_data / "cats-vs-dogs.zip") as archive:
        names = sorted(name for name in archive.namelist() if "/Cat/" in name)[:40:10]
        for number, member in enumerate(names):
            (pictures / f"{number}.jpg").write_bytes(archive.read(member))
    for verb in (
        ("classify", pictures),
        ("evaluate", pictures.parent),
        ("bench", "--threads", 1, "--frames", 3, "--runtime", "litert"),
        ("inspect",),
        ("run", "--source", pictures, "--as-fast-as-possible"),
    ):
        words = [path] if verb[0] == "inspect" else ["--model", path]
        assert main([*map(str, (*verb, *words)), "--json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])
    expect_same_answers(original, model, pictures / "0.jpg")


def expect_same_answers(original, model, picture):
    """The wrapped file says of pixels, bit for bit, what the original says."""
    size_wh = model.manifest.input.size_wh
    pixels_rgb = np.asarray(Image.open(picture).convert("RGB").resize(size_wh))
    answers = []
    for content in (original.read_bytes(), model.model_bytes):
        interpreter = open_interpreter(content)
        interpreter.input_view()[0] = pixels_rgb
        interpreter.invoke()
        answers.append(interpreter.output())
    np.testing.assert_array_equal(*answers)
