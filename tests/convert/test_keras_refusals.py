"""Keras files that are refused: damaged, of another kind, or with code of their own."""

import copy
import importlib
import io
import json
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from keras_models import KERASES, build, change_archive, layer_of
from texture_runs import SIDE

from convert.keras_file.architecture import read_architecture
from convert.keras_file.archive import open_archive
from convert.keras_file.rebuild import load_original
from convert.keras_file.vetting import vet_config
from edge.errors import ModelFileError


@pytest.fixture(scope="module", params=KERASES)
def saved(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    build(request.param).save(path)
    return path


@pytest.fixture
def file(saved, tmp_path):
    path = tmp_path / "others.keras"
    path.write_bytes(saved.read_bytes())
    return path


def look(path):
    """Do what is done with a file before Keras sees it."""
    archive = open_archive(path)
    read_architecture(archive.config)
    vet_config(archive.config, is_legacy=archive.is_legacy)
    return archive


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module whose import, and whose functions, leave a trace; return the trace's path."""
    trace = tmp_path / "trace"
    program = f"open({str(trace)!r}, 'w').close()\ndef spring(*_, **__): pass\nclass Spring: pass\n"
    (tmp_path / "catseye_trap.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    yield trace
    sys.modules.pop("catseye_trap", None)


def make_zip(**members):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "File is not a zip file"),
        (b"no archive", "File is not a zip file"),
        (make_zip(word="text"), "no item named 'config.json'"),
        (make_zip(config_json="{}"), "no item named 'metadata.json'"),
        (make_zip(config_json="{}", metadata_json="{}"), "no item named 'model.weights.h5'"),
        (make_zip(config_json="[1]"), "config.json holds no JSON object"),
        (make_zip(config_json="{"), "Expecting property name"),
        (make_zip(config_json="[" * 100_000), "recursion"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file; it can hold Python code"),
    ],
)
def test_what_is_no_keras_file_is_refused(tmp_path, content, said):
    path = tmp_path / "others.keras"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=said):
        open_archive(path)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"must be readable.*No such file"):
        open_archive(tmp_path / "none.keras")


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_truncated_file_is_refused(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelFileError, match=r"must be a whole \.keras archive"):
        open_archive(file)


def test_flipped_bit_in_the_weights_is_refused(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"Bad CRC-32 for file 'model\.weights\.h5'"):
        open_archive(file)


def test_weights_of_another_model_are_refused(file):
    with zipfile.ZipFile(file) as archive:
        held = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(held, "r+") as weights:
        for name in list(weights):
            del weights[name]
    change_archive(file, **{"model.weights.h5": held.getvalue()})
    with pytest.raises(ModelFileError, match="must load"):
        load_original(look(file))


def test_keras_of_the_future_is_refused(file):
    change_archive(file, metadata_json=json.dumps({"keras_version": "4.0.0"}).encode())
    with pytest.raises(ModelFileError, match=r"must be of Keras 2 or 3.*by Keras '4\.0\.0'"):
        open_archive(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("class_name"),
        lambda config: config.update(config=3),
        lambda config: config["config"].pop("layers"),
        lambda config: config["config"].update(layers=[]),
        lambda config: config["config"].update(output_layers=[["scores", 0, 0], ["pool", 0, 0]]),
        lambda config: config["config"].update(output_layers=["none", 0, 0]),
        lambda config: config["config"].update(input_layers=[["none", 0, 0]]),
        lambda config: layer_of(config, "scores").update(inbound_nodes=[3]),
        lambda config: layer_of(config, "scores").update(name=7, class_name="Lambda"),
        lambda config: layer_of(config, "to_one").update(name=7),
        lambda config: layer_of(config, "to_one").update(
            inbound_nodes=layer_of(config, "scores")["inbound_nodes"]  # a circle
        ),
    ],
)
def test_damaged_description_is_refused(file, change):
    change_archive(file, change)
    with pytest.raises(ModelFileError):
        look(file)


def test_model_within_itself_without_end_is_refused(file):
    def nest(config):
        inner = copy.deepcopy(config)
        for _ in range(40):
            layers = [dict(inner)]
            inner = {"class_name": "Sequential", "module": "keras", "config": {"layers": layers}}
            inner["config"]["name"] = "again"
        config["config"]["layers"] = [{**inner, "name": "again", "inbound_nodes": []}]

    change_archive(file, nest)
    with pytest.raises(ModelFileError):
        look(file)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([None, None, None, 3], r"\[None, None, None, 3\]\. Fix its size: .*keras\.Input"),
        ([None, SIDE, SIDE, 1], r"32, 1\]\. Put .* make grey of colours"),
        ([None, 3, SIDE, SIDE], "3, 32, 32"),  # channels first
        ([None, SIDE, 5000, 3], "5000.*at most 4096"),
        ([None, SIDE * SIDE * 3], "3072"),
    ],
)
def test_input_that_is_no_picture_of_a_fixed_size_is_refused(file, shape, said):
    def reshape(config):
        for name in ("batch_shape", "batch_input_shape"):
            if name in layer_of(config, "pixels")["config"]:
                layer_of(config, "pixels")["config"][name] = shape

    change_archive(file, reshape)
    with pytest.raises(
        ModelFileError, match=f"^The network must take pictures of a fixed size in three.*{said}"
    ):
        look(file)


@pytest.mark.parametrize("kind", KERASES)
def test_several_inputs_or_outputs_are_refused(tmp_path, kind):
    keras = importlib.import_module(kind)
    layers = keras.layers
    pictures = [layers.Input((8, 8, 3), name=name) for name in ("left", "right")]
    flat = layers.Flatten()(layers.Add()(pictures))
    keras.Model(pictures, layers.Dense(3)(flat)).save(tmp_path / "inputs.keras")
    with pytest.raises(
        ModelFileError, match=r"^A network must have one input.*2 inputs: 'left', 'right'\. Build"
    ):
        look(tmp_path / "inputs.keras")
    both = layers.Add()([pictures[0], pictures[0]])
    ends = [layers.Dense(3, name=name)(layers.Flatten()(both)) for name in ("kind", "mood")]
    keras.Model(pictures[0], ends).save(tmp_path / "outputs.keras")
    with pytest.raises(
        ModelFileError,
        match=r"2 outputs: 'kind', 'mood'\. Save a model that gives",
    ):
        look(tmp_path / "outputs.keras")


@pytest.mark.parametrize("kind", KERASES)
def test_operation_that_is_no_layer_is_named_with_the_layer_to_use(tmp_path, kind):
    keras = importlib.import_module(kind)
    model = build(kind, front=lambda layers, x: keras.activations.relu(layers.Rescaling(1 / 9)(x)))
    model.save(tmp_path / "operation.keras")
    with pytest.raises(
        ModelFileError, match=r"\(the operation (ReLU|tf\.nn\.relu)\)\. Write .*layers\.ReLU\(\)"
    ):
        look(tmp_path / "operation.keras")


@pytest.mark.parametrize("kind", KERASES)
def test_layers_that_cannot_be_converted_are_all_named_with_their_place(tmp_path, kind):
    keras = importlib.import_module(kind)
    layers = keras.layers
    inner = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Reshape((64, 3)), layers.LSTM(4, name="memory")],
        name="back",
    )
    entry = layers.Input((8, 8, 3))
    x = layers.CenterCrop(8, 8, name="crop")(entry)
    x = layers.Conv2D(3, 1, activation="softmax", data_format="channels_last", name="fine")(x)
    keras.Model(entry, inner(x)).save(tmp_path / "odd.keras")
    with pytest.raises(
        ModelFileError,
        match=r"'crop' \(CenterCrop\), 'memory' \(LSTM\) in the model 'back'\. Replace them",
    ):
        look(tmp_path / "odd.keras")


def test_activation_and_order_that_cannot_be_converted_are_named(file):
    def change(config):
        layer_of(config, "scores")["config"]["activation"] = "log_softmax"
        layer_of(config, "pool")["config"]["data_format"] = "channels_first"

    change_archive(file, change)
    with pytest.raises(
        ModelFileError,
        match=r"'pool' \(GlobalAveragePooling2D with the channels first\), 'scores' \(Dense with "
        r"the activation log_softmax\)",
    ):
        look(file)


@pytest.mark.parametrize("kind", KERASES)
def test_lambda_is_refused_and_not_run(tmp_path, kind):
    trace = tmp_path / "trace"
    layers = importlib.import_module(kind).layers

    def spring(x, trace=str(trace)):
        Path(trace).touch()
        return x / 255.0

    model = build(
        kind,
        front=lambda _, x: layers.Lambda(spring, name="lambda", output_shape=(SIDE, SIDE, 3))(x),
    )
    model.save(tmp_path / "lambda.keras")
    model(np.zeros((1, SIDE, SIDE, 3), np.float32))
    trace.unlink()  # there it was
    with pytest.raises(
        ModelFileError,
        match=r"no Python code of the file is run.*'lambda' \(Lambda\)\. Use Rescaling",
    ):
        look(tmp_path / "lambda.keras")
    with pytest.raises(ModelFileError, match=r"keras\.layers\.Lambda in layer 'lambda'"):
        load_original(open_archive(tmp_path / "lambda.keras"))  # whoever forgets to look
    assert not trace.exists()


EVIL = {"module": "catseye_trap", "class_name": "Spring", "config": {}, "registered_name": None}
FUNCTION = {"module": "catseye_trap", "class_name": "function", "config": "spring"}


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.update(module="catseye_trap", class_name="Spring"),
        lambda config: config.update(module="catseye_trap"),
        lambda config: config.update(registered_name="trap>Spring"),
        lambda config: layer_of(config, "scores").update(module="catseye_trap"),
        lambda config: layer_of(config, "scores").update(registered_name="trap>Dense"),
        lambda config: layer_of(config, "scores")["config"].update(dtype=EVIL),
        lambda config: layer_of(config, "scores")["config"].update(activation=EVIL),
        lambda config: layer_of(config, "scores")["config"].update(activation=FUNCTION),
        lambda config: layer_of(config, "scores")["config"].update(name=EVIL),
        lambda config: layer_of(config, "scores").update(build_config=EVIL),
        lambda config: layer_of(config, "flip")["config"].update(seed=[{"deep": EVIL}]),
        lambda config: layer_of(config, "flip")["config"].update(seed={"class_name": "__lambda__"}),
        lambda config: layer_of(config, "drop").update(
            module="keras.utils", class_name="get_file", config={"name": "drop", "origin": "x"}
        ),
        lambda config: layer_of(config, "to_one").update(
            module="tf_keras.src.layers.core.tf_op_layer",
            class_name="TFOpLambda",
            config={"name": "to_one", "function": "io.write_file"},
        ),
        lambda config: layer_of(config, "to_one").update(
            module="keras.src.ops.numpy", class_name="Load"
        ),
    ],
)
def test_code_that_the_description_names_is_refused_and_not_run(file, change, trap):
    change_archive(file, change)
    with pytest.raises(ModelFileError):
        look(file)
    with pytest.raises(ModelFileError):
        load_original(open_archive(file))
    assert not trap.exists()
    assert "catseye_trap" not in sys.modules


def test_what_only_training_needs_may_be_code_of_others_and_is_not_run(file, trap):
    def change(config):
        config["compile_config"] = {"optimizer": EVIL, "loss": FUNCTION, "metrics": [EVIL]}
        layer_of(config, "base")["compile_config"] = {"optimizer": EVIL}
        layer_of(config, "scores")["config"].update(
            kernel_initializer=EVIL, kernel_regularizer=EVIL, bias_constraint=EVIL
        )

    change_archive(file, change)
    assert load_original(look(file)).get_layer("scores") is not None
    assert not trap.exists()


def test_second_description_in_the_archive_is_not_what_keras_reads(file, trap):
    with zipfile.ZipFile(file) as archive:
        config = json.loads(archive.read("config.json"))
    config["module"] = "catseye_trap"
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", json.dumps(config))
    with pytest.raises(ModelFileError, match="catseye_trap"):
        look(file)
    assert not trap.exists()
