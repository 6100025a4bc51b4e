"""The same cases over every TFLite runtime that is installed."""

import numpy as np
import pytest
from colour_model import (
    COLOURS_BGR,
    LABELS,
    build_colour_model,
    need_newer_runtime,
    picture_bgr,
    write_colour_model,
)

from edge.classifier import open_classifier
from edge.errors import ModelFileError, NotVerifiableError
from edge.interpreter import open_interpreter, runtime_version
from edge.modelfile import read_model_file, write_model_file
from edge.testing import FakeInterpreter


@pytest.fixture(params=["uint8", "int8", "float32"])
def model(request, runtime):
    with_dtype = open_interpreter(build_colour_model(dtype=request.param), runtime=runtime)
    yield with_dtype
    with_dtype.close()


def test_input_view_is_the_live_tensor(model):
    model.input_view()[:] = 9
    assert model.input_view().shape == (1, 6, 8, 3)
    assert (model.input_view() == 9).all()


@pytest.mark.parametrize("label", LABELS)
def test_output_is_probabilities_in_float32(model, label):
    colour_rgb = np.array(COLOURS_BGR[label][::-1])
    values = {
        "uint8": colour_rgb,
        "int8": colour_rgb - 128,
        "float32": (colour_rgb - 127) / 128,
    }
    model.input_view()[:] = values[model.input_view().dtype.name]
    model.invoke()
    scores = model.output()
    assert scores.shape == (3,)
    assert scores.dtype == np.float32
    assert LABELS[int(scores.argmax())] == label
    assert scores.sum() == pytest.approx(1.0, abs=0.02)


def test_output_of_four_dimensions_is_a_row_too(runtime):
    opened = open_interpreter(build_colour_model(is_flat=False), runtime=runtime)
    opened.input_view()[:] = np.array((0, 255, 0), np.uint8)
    opened.invoke()
    assert opened.output().shape == (3,)
    assert opened.output().argmax() == LABELS.index("green")


def test_invoke_may_be_repeated(model):
    model.input_view()[:] = 1
    model.invoke()
    first = model.output().copy()
    model.invoke()
    np.testing.assert_array_equal(model.output(), first)


def test_close_may_be_repeated(model):
    model.close()
    model.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_classifier_says_the_colour(runtime, tmp_path, threads):
    path = write_colour_model(tmp_path / "colours.tflite")
    with open_classifier(path, runtime=runtime, threads=threads) as classifier:
        said = [classifier.classify(picture_bgr(label)).label for label in LABELS]
    assert said == list(LABELS)


def test_model_cut_short_is_refused_and_this_process_lives(runtime, tmp_path):
    """The hash is right, the FlatBuffer is not: tflite-runtime 2.14 dies of it, in the child."""
    intact = read_model_file(write_colour_model(tmp_path / "colours.tflite"))
    path = tmp_path / "cut.tflite"
    write_model_file(path, model_bytes=intact.model_bytes[:400], manifest=intact.manifest)
    with pytest.raises(ModelFileError, match=r"(intact|load in its runtime).*cut\.tflite: \w"):
        open_classifier(path, runtime=runtime)


def test_model_of_a_newer_operator_says_that_the_runtime_is_too_old(runtime, tmp_path):
    path = write_colour_model(tmp_path / "newer.tflite", spoil=need_newer_runtime)
    fix = "--upgrade ai-edge-litert" if runtime == "litert" else "Use --runtime litert"
    reason = rf"{runtime} is older.*version '99'.*{fix}"
    with pytest.raises(NotVerifiableError, match=reason):
        open_interpreter(read_model_file(path).model_bytes, runtime=runtime)
    with pytest.raises(NotVerifiableError, match=reason):  # by the process that tries it first
        open_classifier(path, runtime=runtime)


def test_version_is_known(runtime):
    assert runtime_version(runtime)[0].isdigit()


def test_fake_keeps_the_same_contract():
    fake = FakeInterpreter([(0.25, 0.75)])
    assert fake.input_view().dtype == np.uint8
    assert fake.input_view().shape[0] == 1
    fake.invoke()
    assert fake.output().dtype == np.float32
    assert fake.output().tolist() == [0.25, 0.75]
    fake.close()
    fake.close()
