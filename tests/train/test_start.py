"""A run may begin with the weights of another one of its kind that has not seen its judges."""

import numpy as np
import pytest
import tf_keras
from textures import write_textures

from edge.cli import main

SMALL = ("--network", "cnn", "--batch-size", "8", "--epochs", "1")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_textures(tmp_path_factory.mktemp("start") / "photos", count=20)


@pytest.fixture(scope="module")
def earlier(photos):
    run = photos.parent / "earlier"
    assert main(["train", str(photos), "-o", str(run), "--size", "32", *SMALL]) == 0
    return run


def call(*arguments):
    return main(["train", *map(str, arguments), *SMALL])


@pytest.mark.slow
def test_train_from_a_run_begins_with_its_weights_at_another_size(photos, earlier, tmp_path):
    run = tmp_path / "run"
    rate = ("--learning-rate", "1e-9")
    assert call(photos, "-o", run, "--from", earlier, "--size", 64, *rate) == 0
    before, after = (
        tf_keras.models.load_model(folder / "model.keras", compile=False)
        for folder in (earlier, run)
    )
    assert after.input_shape == (None, 64, 64, 3)
    for old, new in zip(before.trainable_weights, after.trainable_weights, strict=True):
        np.testing.assert_allclose(new.numpy(), old.numpy(), atol=1e-5)


def test_train_from_nothing_is_refused(photos, tmp_path, capfd):
    assert call(photos, "-o", tmp_path / "run", "--size", 32, "--from", tmp_path / "none") == 1
    assert "--from names the folder of an earlier run" in capfd.readouterr().err


def test_train_from_a_run_that_saw_the_judging_pictures_is_refused(
    photos, earlier, tmp_path, capfd
):
    other = ("--seed", 7, "--size", 32)
    assert call(photos, "-o", tmp_path / "run", "--from", earlier, *other) == 1
    assert "can neither choose nor judge" in capfd.readouterr().err


def test_train_from_another_network_is_wrong_usage(photos, earlier, tmp_path, capfd):
    other = ("--from", earlier, "--size", 32, *SMALL, "--network", "lenet5")
    assert main(["train", *map(str, (photos, "-o", tmp_path / "run", *other))]) == 2
    assert "same network and labels" in capfd.readouterr().err


def test_train_from_other_labels_fails(photos, earlier, tmp_path, capfd):
    labels = tmp_path / "two"
    write_textures(labels, count=20)
    for folder in sorted(labels.iterdir())[2:]:
        folder.rename(tmp_path / folder.name)
    assert call(labels, "-o", tmp_path / "run", "--from", earlier, "--size", 32) == 1
    assert "same network and labels" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("framing", "fix"),
    [
        (("--resize", "letterbox"), "Use --resize squash --region 0,0,1,1"),
        (("--region", "0.5,0,1,1"), "--region 0.5,0,1,1, "),
    ],
)
def test_train_from_a_run_that_saw_photos_otherwise_is_wrong_usage(
    photos, earlier, tmp_path, capfd, framing, fix
):
    assert call(photos, "-o", tmp_path / "run", "--from", earlier, "--size", 32, *framing) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "resized and cut out as in the run that it starts from" in said
    assert fix in said
    assert not (tmp_path / "run").exists()
