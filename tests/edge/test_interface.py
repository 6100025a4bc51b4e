import numpy as np
import pytest
from colour_model import build_colour_model

from edge.errors import ModelFileError
from edge.interface import Tensor, read_interface
from edge.metadata import Metadata, read_metadata


def test_interface_says_what_goes_in_and_out():
    found = read_interface(build_colour_model(dtype="int8"))
    assert found.inputs == (Tensor("picture", (1, 6, 8, 3), "int8", (1 / 128,), (0,)),)
    assert found.outputs == (Tensor("scores", (1, 3), "int8", (1 / 256,), (-128,)),)
    assert str(found.inputs[0]) == "(1, 6, 8, 3) int8, scale 0.0078125, zero point 0"
    assert found.ending == "SOFTMAX"


def test_float_tensors_have_no_quantization():
    (tensor,) = read_interface(build_colour_model(dtype="float32")).inputs
    assert (tensor.scales, tensor.zero_points) == ((), ())
    assert str(tensor) == "(1, 6, 8, 3) float32"


def test_ending_passes_over_what_computes_nothing():
    assert read_interface(build_colour_model(is_soft=False)).ending == "AVERAGE_POOL_2D"


def test_several_outputs_are_all_there():
    assert len(read_interface(build_colour_model(copies=4)).outputs) == 4


@pytest.mark.parametrize("data", [b"", bytes(64), build_colour_model()[:300], b"\xff" * 64])
def test_bytes_that_are_no_model_are_refused(data):
    with pytest.raises(ModelFileError, match=r"must (be a whole|hold a)"):
        read_interface(data)


def test_mutants_never_crash():
    chance = np.random.default_rng(7)
    original = np.frombuffer(build_colour_model(), np.uint8)
    for _ in range(500):
        mutant = original.copy()
        mutant[chance.integers(len(mutant), size=3)] = chance.integers(256, size=3)
        for read in (read_interface, read_metadata):
            try:
                read(mutant.tobytes())
            except ModelFileError:
                continue


def test_model_without_metadata_has_none():
    assert read_metadata(build_colour_model()) is None


def test_metadata_of_a_foreign_file_is_read(shared_data):
    path = shared_data / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    assert read_metadata(path.read_bytes()) == Metadata(
        name="ImageClassifier",
        description="Identify the most prominent object in the image from a known set of "
        "categories.",
        means=(127.5,),
        deviations=(127.5,),
        labels_name="imagenet_labels.txt",
    )
