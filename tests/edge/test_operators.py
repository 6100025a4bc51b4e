import random

import pytest
from colour_model import build_colour_model

from edge.errors import ModelFileError
from edge.operators import OperatorUse, list_operators


def test_operators_are_listed_with_their_types():
    assert list_operators(build_colour_model()) == (
        OperatorUse("AVERAGE_POOL_2D", ("uint8",), ("uint8",), 1),
        OperatorUse("RESHAPE", ("uint8",), ("uint8",), 1),
        OperatorUse("SOFTMAX", ("uint8",), ("uint8",), 1),
    )


def test_types_follow_the_tensors():
    uses = list_operators(build_colour_model(dtype="float32"))
    assert {use.inputs for use in uses} == {("float32",)}


def test_foreign_model_is_listed_the_most_frequent_first(shared_data):
    path = shared_data / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    uses = list_operators(path.read_bytes())
    assert uses[0] == OperatorUse("CONV_2D", ("uint8", "uint8", "int32"), ("uint8",), 15)
    assert sum(use.count for use in uses) == 31


def test_weights_that_were_cut_off_are_noticed(shared_data):
    data = (shared_data / "models" / "mobilenet_v1_0.25_128_quant.tflite").read_bytes()
    with pytest.raises(ModelFileError, match="point outside themselves"):
        list_operators(data[:500_000])


@pytest.mark.parametrize("data", [b"", b"\x18\x00\x00\x00TFL3", b"\xff" * 64])
def test_bytes_that_are_no_flatbuffer_are_refused(data):
    with pytest.raises(ModelFileError, match="whole FlatBuffer"):
        list_operators(data)


def test_flatbuffer_of_zeros_has_no_operators():
    assert list_operators(bytes(64)) == ()


def test_mutants_never_crash():
    chance = random.Random(5)
    original = build_colour_model()
    for _ in range(500):
        mutant = bytearray(original)
        for _ in range(3):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        try:
            list_operators(bytes(mutant))
        except ModelFileError:
            continue
