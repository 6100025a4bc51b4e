"""`edge convert` of Keras files of others, as a user calls it."""

import hashlib
import importlib
import json

import numpy as np
import pytest
from keras_models import KERASES, build, fit
from texture_runs import LABELS, SIDE

from convert.pictures import load_pictures
from convert.run_folder import RunPicture
from edge.classifier import open_classifier
from edge.cli import main
from edge.images import read_picture
from edge.manifest import InputSpec
from edge.modelfile import read_model_file


@pytest.fixture(scope="session")
def label_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    path.write_text("\n".join(LABELS), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def pixels(textures):
    root, rows = textures
    train = [RunPicture(root / r["path"], r["label"], r["part"], r["sha256"]) for r in rows]
    pictures = load_pictures(train[:240:2], labels=LABELS, spec=InputSpec(SIDE, SIDE))
    return pictures.pixels_rgb, pictures.truth


@pytest.fixture(scope="session", params=KERASES)
def others(request, pixels, tmp_path_factory):
    """A trained model of either Keras, as others save it."""
    model = build(request.param)
    fit(model, *pixels)
    path = tmp_path_factory.mktemp("others") / "textures.keras"
    model.save(path)
    return path


@pytest.fixture
def convert(label_file, textures, tmp_path, capfd):
    """Call the command; return exit code, standard output and standard error."""

    def call(model, *arguments, labels=label_file, data=textures[0], output=tmp_path / "m.tflite"):
        words = ["--labels", labels] if labels else []
        words += ["--data", data] if data else []
        code = main(["convert", str(model), "-o", str(output), *map(str, (*words, *arguments))])
        return (code, *capfd.readouterr())

    return call


def test_keras_file_becomes_a_model_file_like_any_other(others, convert, textures, tmp_path, capfd):
    code, out, err = convert(others, "--quantize", "int8", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["labels"] == list(LABELS)
    assert list(report["models"]) == ["float32", "int8"]
    assert report["models"]["int8"]["accuracy"] > 0.8
    assert report["validation_images"] + report["calibration_images"] == 426
    assert "catseye cannot know which of these pictures textures.keras was" in report["warnings"][0]
    for note in (
        "edge: frames: RGB, the whole frame squeezed to 32x32",
        "edge: augmentation: 'flip' left out, since it changes pictures in training only",
        "edge: pictures: the folder has no part to judge by",
        "edge: pixels: (pixel - 127.5) / 127.5, by its own 'to_one'",
    ):
        assert note in err
    path = tmp_path / "m.tflite"
    with open_classifier(path) as classifier:
        pictures = sorted((textures[0] / "plain").iterdir())[:20]
        said = [classifier.classify(read_picture(picture)).top_label for picture in pictures]
    assert said.count("plain") > 15
    for command in (["inspect"], ["evaluate", str(textures[0])], ["bench", "--frames", "3"]):
        option = [str(path)] if command == ["inspect"] else ["--model", str(path)]
        assert main([*command, *option, "--json"]) == 0
        first = json.loads(capfd.readouterr().out.splitlines()[0])
        assert first["model_sha256" if option[1:] else "intact"]


def test_model_file_says_where_it_comes_from_and_names_no_folder(others, convert, tmp_path):
    code, _, err = convert(others, "--quantize", "float32")
    assert code == 0, err
    manifest = read_model_file(tmp_path / "m.tflite").manifest
    assert manifest.name == "textures"
    origin = manifest.training["origin"]
    assert origin["file"] == "textures.keras"
    assert origin["sha256"] == hashlib.sha256(others.read_bytes()).hexdigest()
    assert origin["keras_version"][:2] in ("2.", "3.")
    assert "frames: RGB, the whole frame squeezed to 32x32" in manifest.training["assumptions"]
    assert sum(manifest.training["data"]["counts"]["validation"].values()) == 129
    text = json.dumps(manifest.to_dict())
    assert str(others.parent) not in text
    assert "/" not in json.dumps(manifest.training["data"])


def test_labels_in_another_order_are_noticed(others, convert, tmp_path):
    labels = tmp_path / "turned.txt"
    labels.write_text("\n".join((*LABELS[1:], LABELS[0])), encoding="utf-8")
    code, out, err = convert(others, "--quantize", "float32", "--json", labels=labels)
    assert code == 0, err
    doubt = json.loads(out)["warnings"][0]
    assert doubt.startswith("the labels may be in another order: pictures of 'rößchen dots' are")


@pytest.mark.slow
def test_keras_file_learns_to_be_8_bit(others, convert):
    code, out, err = convert(others, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert list(report["models"]) == ["float32", "int8", "qat"]
    assert report["fine_tuning"]["states"][0]["step"] == 0


def test_gate_refuses_a_keras_file_that_suffers_from_8_bits(convert, tmp_path):
    model = build("keras")
    kernel, _ = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * 0, np.float32([0, 0, 1e-4])])  # 1/256 cannot tell
    model.save(tmp_path / "unsure.keras")
    code, out, err = convert(tmp_path / "unsure.keras", "--quantize", "int8")
    assert code == 1
    assert "int8 (refused)" in out
    assert "Nothing was written" in err
    assert not (tmp_path / "m.tflite").exists()


def test_layer_that_cannot_learn_to_be_8_bit_is_named_with_a_mode_that_works(convert, tmp_path):
    model = build("keras", front=lambda layers, x: layers.ELU(name="odd_one")(x / 255.0))
    model.save(tmp_path / "odd.keras")
    code, _, err = convert(tmp_path / "odd.keras")
    assert code == 1
    assert "odd_one" in err
    assert "Use --quantize int8" in err


@pytest.mark.parametrize("missing", ["labels", "data"])
def test_labels_and_data_are_needed(others, convert, missing):
    code, out, err = convert(others, **{missing: None})
    assert (code, out) == (2, "")
    assert "A Keras file needs --labels and --data" in err


@pytest.mark.parametrize(
    "arguments", [["--labels", "l.txt"], ["--data", "d"], ["--mean", "0", "--std", "255"]]
)
def test_run_folder_needs_neither(run_folder, convert, arguments):
    code, out, err = convert(run_folder, *arguments, labels=None, data=None)
    assert (code, out) == (2, "")
    assert "belong to a .keras file; a run folder says it all" in err


@pytest.mark.parametrize("name", ["old.h5", "old.HDF5"])
def test_hdf5_is_refused_with_the_way_out(convert, tmp_path, name):
    import tf_keras

    model = build("tf_keras")
    with pytest.warns(UserWarning, match="HDF5"):
        tf_keras.models.save_model(model, tmp_path / "old.h5")
    (tmp_path / "old.h5").rename(tmp_path / name)
    code, out, err = convert(tmp_path / name)
    assert (code, out) == (2, "")
    assert "can hold Python code that is run by loading it, and has no safe mode" in err
    assert "model.save('model.keras')" in err
    (tmp_path / name).rename(tmp_path / "new.keras")
    code, out, err = convert(tmp_path / "new.keras")
    assert (code, out) == (1, "")
    assert "an HDF5 file" in err


@pytest.mark.parametrize("kind", KERASES)
def test_saved_model_is_refused_with_the_way_out(convert, tmp_path, kind):
    keras = importlib.import_module(kind)
    model = build(kind)
    if kind == "keras":
        keras.saving.save_model(model, tmp_path / "folder", zipped=False)
    else:
        model.save(tmp_path / "folder", save_format="tf")
    folder = next(tmp_path.glob("folder*"))
    code, out, err = convert(folder, labels=None, data=None)
    assert (code, out) == (1, "")
    assert "must come as one .keras file" in err


def test_wrong_label_count_is_refused(others, convert, tmp_path, textures):
    (tmp_path / "labels.txt").write_text("\n".join((*LABELS, "more")), encoding="utf-8")
    (tmp_path / "data").mkdir()
    for label in LABELS:
        (tmp_path / "data" / label).symlink_to(textures[0] / label)
    (tmp_path / "data" / "more").symlink_to(textures[0] / LABELS[0])
    code, out, err = convert(others, labels=tmp_path / "labels.txt", data=tmp_path / "data")
    assert (code, out) == (1, "")
    assert "There must be a label for each of the 3 scores" in err
    assert "Received: 4: stripes" in err


def test_empty_data_folder_is_refused(others, convert, tmp_path):
    (tmp_path / "data").mkdir()
    code, out, err = convert(others, data=tmp_path / "data")
    assert (code, out) == (1, "")
    assert "holds a subfolder per label" in err
