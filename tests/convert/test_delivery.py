"""A file appears under its asked name once it has proved itself, and not before."""

import numpy as np
import pytest
from colour_model import LABELS, build_colour_model

from convert.delivery import deliver_model
from edge import integrity
from edge.cli import main
from edge.errors import ModelFileError
from edge.manifest import DecisionSpec, GoldenExample, InputSpec, Manifest
from edge.modelfile import damaged

RIGHT, WRONG = (0.98, 0.01, 0.01), (0.01, 0.98, 0.01)


@pytest.fixture
def asked(tmp_path):
    """Return the asked path, with somebody's file under it."""
    path = tmp_path / "asked.tflite"
    path.write_bytes(b"mine")
    return path


def deliver(path, scores):
    """Deliver the colour model with an example that says this of red."""
    golden = GoldenExample(np.full((4, 4, 3), (255, 0, 0), np.uint8), scores)
    manifest = Manifest(
        name="colours",
        labels=LABELS,
        input=InputSpec(8, 6),
        decision=DecisionSpec(dict.fromkeys(LABELS, 0.5)),
        golden=(golden,),
    )
    return deliver_model(path, model_bytes=build_colour_model(), manifest=manifest)


def test_delivered_file_replaces_the_old_one(asked):
    model = deliver(asked, RIGHT)
    assert (model.path, model.size_bytes) == (asked, asked.stat().st_size)
    assert list(asked.parent.iterdir()) == [asked]


@pytest.mark.parametrize("folder", [".", "absolute"])
def test_file_that_fails_leaves_the_old_one_and_names_it(asked, monkeypatch, folder):
    monkeypatch.chdir(asked.parent)
    path = asked if folder == "absolute" else asked.relative_to(asked.parent)
    with pytest.raises(ModelFileError, match="golden example 1 is off") as caught:
        deliver(path, WRONG)
    assert caught.value.received.startswith(f"{path}: ")
    assert asked.read_bytes() == b"mine"
    assert list(asked.parent.iterdir()) == [asked]


def fail(path):
    raise damaged(path, "its scores are no numbers")


def interrupt(path):
    raise KeyboardInterrupt


@pytest.mark.parametrize("end", [fail, interrupt])
def test_package_that_ends_early_leaves_the_old_file(asked, monkeypatch, capsys, end):
    def check(model, runtime, **limits):
        if model.manifest.golden:  # the finished file, not the trial of what came
            end(model.path)

    monkeypatch.setattr(integrity, "_run_child", check)
    foreign, labels = asked.with_name("foreign.tflite"), asked.with_name("labels.txt")
    foreign.write_bytes(build_colour_model(dtype="int8"))
    labels.write_text("crimson\nlime\nnavy\n")  # no file that has passed already
    words = ("package", foreign, "--labels", labels, "-o", asked, "--overwrite")
    assert main([*map(str, words)]) == 1
    assert asked.read_bytes() == b"mine"
    assert sorted(asked.parent.iterdir()) == [asked, foreign, labels]
    if end is fail:
        assert f"Received: {asked}: its scores are no numbers" in capsys.readouterr().err
