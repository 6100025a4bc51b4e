"""The options of learning as a user gives them: kept, resumed bit by bit, and the range test."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from textures import write_textures

from edge.cli import main, output

SMALL = ("--size", "32", "--batch-size", "8")
RECIPE = (
    *("--network", "cnn", "--width", "0.5", "--schedule", "grow-batch", "--at-once", "8"),
    *("--head-epochs", "1", "--averaging", "0.9", "--mixup", "0.2", "--dropout", "0.2"),
    *("--label-smoothing", "0.05", "--weight-decay", "0.01", "--mixed-precision", "off"),
    *("--tensorboard", "--epochs", "4"),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_textures(tmp_path_factory.mktemp("learning") / "photos", count=60)


def call(*arguments):
    return main(["train", *map(str, arguments)])


def read_weights(run):
    return tf_keras.models.load_model(run / "model.keras", compile=False).get_weights()


@pytest.mark.slow
def test_a_training_cut_short_ends_bit_by_bit_like_a_whole_one(
    photos, tmp_path, capfd, monkeypatch
):
    import os
    import signal

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert call(photos, "-o", whole, *SMALL, *RECIPE) == 0
    emit = output.emit_json

    def interrupt(record):
        emit(record)
        if record["type"] == "epoch" and record["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(output, "emit_json", interrupt)
        assert call(photos, "-o", cut, *SMALL, *RECIPE, "--json") == 1
    assert call(photos, "-o", cut, "--resume") == 0
    for one, two in zip(read_weights(whole), read_weights(cut), strict=True):
        np.testing.assert_array_equal(one, two)

    training = json.loads((cut / "manifest.json").read_text())["training"]
    expected = {
        "network": "cnn",
        "width": 0.5,
        "schedule": "grow-batch",
        "at_once": 8,
        "head_epochs": 1,
        "averaging": 0.9,
        "mixup": 0.2,
        "dropout": 0.2,
        "label_smoothing": 0.05,
        "weight_decay": 0.01,
        "tensorboard": True,
        "mixed_precision": "off",
        "dtype_policy": "float32",
    }
    assert {name: training[name] for name in expected} == expected
    assert read_events(cut / "tensorboard") == read_events(whole / "tensorboard")


@pytest.mark.slow
def test_a_computed_layer_is_not_computed_again_on_resume(photos, tmp_path, capfd, monkeypatch):
    import os
    import signal

    options = ("--size", "32", "--epochs", "2", "--freeze", "most")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert call(photos, "-o", whole, *options) == 0
    assert "computing the last layer: 126 in" in capfd.readouterr().err
    emit = output.emit_json

    def interrupt(record):
        emit(record)
        if record["type"] == "epoch":
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(output, "emit_json", interrupt)
        assert call(photos, "-o", cut, *options, "--json") == 1
    capfd.readouterr()
    assert call(photos, "-o", cut, "--resume") == 0
    assert "computing the last layer" not in capfd.readouterr().err
    for one, two in zip(read_weights(whole), read_weights(cut), strict=True):
        np.testing.assert_array_equal(one, two)


def read_events(folder: Path):
    """Return the epochs and validation losses that TensorBoard would show."""
    found = {}
    for path in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset([str(path)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                if value.tag == "loss/validation":
                    found[event.step] = float(tf.make_ndarray(value.tensor))
    assert sorted(found) == [1, 2, 3, 4]
    return found


@pytest.mark.slow
def test_find_lr_suggests_a_rate_and_leaves_room_for_a_run(photos, tmp_path, capfd):
    run = tmp_path / "run"
    options = (photos, "-o", run, *SMALL, "--network", "lenet5")
    assert call(*options, "--find-lr", "--json") == 0
    (found,) = map(json.loads, capfd.readouterr().out.splitlines())
    assert found["type"] == "learning_rates"
    assert 1e-6 < found["suggested"] < 0.2
    rates = [point["learning_rate"] for point in found["tested"]]
    assert rates == sorted(rates)
    assert [path.name for path in run.iterdir()] == ["learning-rate.png"]
    assert (run / "learning-rate.png").read_bytes().startswith(b"\x89PNG")

    assert call(*options, "--epochs", "1", "--learning-rate", found["suggested"]) == 0
    capfd.readouterr()
    before = read_weights(run)
    assert call(*options, "--find-lr") == 0  # beside a run, which it does not touch
    assert "suggested: --learning-rate " in capfd.readouterr().out
    for one, two in zip(before, read_weights(run), strict=True):
        np.testing.assert_array_equal(one, two)
    assert (run / "manifest.json").is_file()


@pytest.mark.slow
def test_own_network_is_trained_and_converted(photos, tmp_path, capfd, monkeypatch):
    """From the working folder, as a user has it; conversion does without the user's code."""
    import sys

    (tmp_path / "my_networks.py").write_text(
        (Path(__file__).parent / "own_networks.py").read_text()
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    own = ("--network", "my_networks:build_right", "--epochs", "1")
    assert call(photos, "-o", "run", *SMALL, *own) == 0
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    assert manifest["network"] == "my_networks:build_right"
    (tmp_path / "my_networks.py").unlink()
    sys.modules.pop("my_networks")
    assert main(["convert", "run", "-o", "own.tflite", "--pictures", "16"]) == 0, (
        capfd.readouterr().err
    )


@pytest.mark.slow
@pytest.mark.parametrize("network", ["lenet5", "mobilenet-v2"])
def test_networks_are_trained_and_converted(network, photos, tmp_path, capfd):
    options = ["--network", network, "--epochs", "1"]
    if network == "mobilenet-v2":
        file = tmp_path / "weights.h5"
        tf_keras.applications.MobileNetV2(
            input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None
        ).save_weights(file)
        options += ["--width", "0.35", "--weights", str(file)]
    assert call(photos, "-o", tmp_path / "run", *SMALL, *options) == 0, capfd.readouterr().err
    made = ["convert", str(tmp_path / "run"), "-o", str(tmp_path / "made.tflite")]
    assert main([*made, "--pictures", "16"]) == 0, capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--find-lr", "--resume"), 2, "more than one of them"),
        (("--find-lr", "-o", "{photos}/run"), 1, "must not lie among the photos"),
        (("--find-lr", "-o", "{photos}"), 1, "holds something else"),
        (("--network", "no_such:build"), 2, "no module named 'no_such'"),
        (("--network", "mobilenet-v2", "--weights", "none.h5"), 1, "which is not there"),
        (("--network", "lenet5", "--dropout", "0.5"), 2, "--dropout needs a network"),
    ],
)
def test_options_that_cannot_be_met_are_named(photos, tmp_path, capfd, options, code, message):
    options = [option.format(photos=photos) for option in options]
    assert call(photos, "-o", tmp_path / "run", *SMALL, *options) == code
    assert not (photos / "run").exists()
    captured = capfd.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
