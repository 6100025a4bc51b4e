"""What an Edge TPU would make of a model, by Coral's documented rules."""

import random
from pathlib import Path

import numpy as np
import pytest
from colour_model import build_colour_model
from operator_model import Step, build_operators

from edge.edge_tpu import judge_readiness
from edge.edge_tpu_rules import RULES
from edge.errors import ModelFileError
from edge.modelfile import default_model_path, read_model_file

MODES = Path(__file__).parents[1] / "contracts" / "modes"
WEIGHTS, BIAS = np.ones((8, 3, 3, 8), np.int8), np.zeros(8, np.int32)
CONVOLUTION = Step("CONV_2D", constants=(WEIGHTS, BIAS))


def axes(*numbers):
    return (np.array(numbers, np.int32),)


def only(found):
    """Return the one thing that falls to the CPU."""
    (finding,) = found.on_cpu
    return finding


@pytest.mark.parametrize(
    ("name", "operators"),
    [("mobilenet_v1_0.25_128_quant.tflite", 31), ("mobilenet_v2_1.0_224_quant.tflite", 66)],
)
def test_models_that_coral_publishes_run_there_whole(shared_data, name, operators):
    """Coral offers both compiled, with every operator mapped."""
    found = judge_readiness((shared_data / "models" / name).read_bytes())
    assert (found.operators, found.on_tpu, found.on_cpu, found.doubts) == (
        *(operators, operators),
        *((), ()),
    )
    assert str(found) == f"all {operators} operators would run on an Edge TPU"
    assert found.needs_runtime == 10


def test_embedded_model_runs_there_whole():
    found = judge_readiness(read_model_file(default_model_path()).model_bytes)
    assert found.on_tpu == found.operators > 60
    assert found.needs_runtime == 13  # for QUANTIZE, which makes int8 of the uint8 pixels


@pytest.mark.parametrize("mode", ["qat", "int8"])
def test_integer_modes_run_there_whole(mode):
    found = judge_readiness((MODES / f"{mode}.tflite").read_bytes())
    assert (found.on_tpu, found.on_cpu) == (found.operators, ())


@pytest.mark.parametrize(
    ("mode", "first", "reason"),
    [
        ("float32", "CONV_2D", "it computes with float32"),
        ("dynamic", "CONV_2D", "it computes with float32"),
        ("float16", "DEQUANTIZE", "no such operator"),
        ("int16x8", "QUANTIZE", "it computes with float32 and int16"),
    ],
)
def test_other_modes_stay_on_the_cpu(mode, first, reason):
    found = judge_readiness((MODES / f"{mode}.tflite").read_bytes())
    assert (found.on_tpu, found.needs_runtime) == (0, None)
    assert str(found) == "nothing would run on an Edge TPU"
    assert (found.on_cpu[0].operator, found.on_cpu[0].place) == (first, 1)
    assert reason in found.on_cpu[0].reason
    assert sum(finding.count for finding in found.on_cpu) == found.operators


def test_from_the_first_that_cannot_on_everything_stays_on_the_cpu():
    found = judge_readiness(
        build_operators(CONVOLUTION, CONVOLUTION, Step("ELU"), CONVOLUTION, Step("RELU"))
    )
    assert str(found) == "2 of 5 operators would run on an Edge TPU, 3 not"
    assert [(one.operator, one.count, one.place) for one in found.on_cpu] == [
        ("ELU", 1, 3),
        ("CONV_2D", 1, 4),
        ("RELU", 1, 5),
    ]
    assert found.on_cpu[0].reason == "the Edge TPU has no such operator"
    assert "comes after ELU" in found.on_cpu[1].reason


def test_floats_at_both_ends_hold_nothing_up():
    found = judge_readiness(
        build_operators(
            Step("QUANTIZE"), CONVOLUTION, Step("DEQUANTIZE", dtype="float32"), dtype="float32"
        )
    )
    assert found.on_tpu == 1
    assert [one.operator for one in found.on_cpu] == ["QUANTIZE", "DEQUANTIZE"]
    assert "what follows is not held up" in found.on_cpu[0].reason


def test_compiled_model_is_told():
    found = judge_readiness(build_operators(Step("edgetpu-custom-op")))
    assert found.is_compiled
    assert "compiled for the Edge TPU already" in str(found)


ODD = np.ones((1, 4, 4, 8), np.int8)
ZEROS = np.full((1, 4, 4, 8), 3, np.int8)  # 3 is what zero is here
BATCH = np.array([[1, 0], [0, 0], [0, 0], [0, 0]], np.int32)
SIDES = np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
ROWS = np.ones((4, 128), np.int8)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        # what holds of every operator
        (Step("RELU", dtype="int16"), "it computes with int16"),
        (Step("CONV_2D", constants=(WEIGHTS.astype(np.float32), BIAS)), "not 8-bit numbers"),
        (Step("CONV_2D", constants=(WEIGHTS, BIAS), computed=(0,)), "must stand in the file"),
        (Step("RELU", signature=(1, -1, -1, 8)), "only at run time"),
        (Step("RELU", signature=(-1, 4, 4, 8)), ""),  # the batch, as of every Keras model
        (Step("SUB", shape=(2, 4, 4, 8)), "more than three sides"),
        # what holds of one
        (Step("AVERAGE_POOL_2D", options=("Pool2DOptions", {"fusedActivationFunction": 1})), "act"),
        (Step("MAX_POOL_2D", options=("Pool2DOptions", {"fusedActivationFunction": 0})), ""),
        (
            Step(
                *("CONV_2D", (1, 4, 4, 8), "int8", (WEIGHTS, BIAS)),
                options=("Conv2DOptions", {"dilationWFactor": 2, "dilationHFactor": 1}),
            ),
            "not dilated alike",
        ),
        (
            Step(
                *("DEPTHWISE_CONV_2D", (1, 4, 4, 8), "int8", (WEIGHTS, BIAS)),
                options=("DepthwiseConv2DOptions", {"dilationWFactor": 2, "dilationHFactor": 2}),
            ),
            "",
        ),
        (Step("CONCATENATION", constants=(ODD,)), "joins a constant"),
        (Step("CONCATENATION", constants=(ZEROS,)), ""),
        (Step("MEAN", (1, 8), constants=axes(1, 2)), ""),
        (Step("MEAN", (4, 4, 8), constants=axes(0)), "reduces the batch"),
        (Step("MEAN", (1, 4, 4), constants=axes(-1)), ""),  # of 8 channels, a multiple of 4
        (Step("REDUCE_MAX", (4, 4, 8), constants=axes(-4)), "reduces the batch"),
        (Step("SUM", (1, 8), constants=axes(1, 2), computed=(0,)), "must stand in the file"),
        (Step("PACK", (1, 1, 4, 4, 8), options=("PackOptions", {"axis": 0})), "along the batch"),
        (Step("PAD", constants=(BATCH,)), "pads the batch"),
        (Step("PAD", (1, 6, 6, 8), constants=(SIDES,)), ""),
        (Step("PRELU", constants=(np.ones((1, 1, 8), np.int8),)), ""),
        (Step("PRELU", constants=(np.ones((4, 4, 8), np.int8),)), "more than the channel"),
        (Step("FULLY_CONNECTED", (4, 4), constants=(ROWS, BIAS)), "more than one row"),
        (Step("FULLY_CONNECTED", (1, 4), constants=(ROWS, BIAS)), ""),
        (
            Step(
                *("FULLY_CONNECTED", (1, 4), "int8", (ROWS, BIAS)),
                options=("FullyConnectedOptions", {"weightsFormat": 1}),
            ),
            "shuffled",
        ),
        (Step("SOFTMAX"), "more than one row"),
        (Step("SPLIT", (1, 2, 4, 8), constants=axes(1), before=1), ""),
        (Step("SPLIT", constants=axes(0), before=1), "cuts the batch"),
        (Step("STRIDED_SLICE", constants=axes(0) + axes(4) + axes(1)), ""),
        (Step("STRIDED_SLICE", constants=axes(0) + axes(4) + axes(2)), "steps over 1"),
        (
            Step(
                *("STRIDED_SLICE", (1, 4, 4, 8), "int8", axes(0) + axes(4) + axes(1)),
                options=("StridedSliceOptions", {"newAxisMask": 1}),
            ),
            "adds axes",
        ),
        (Step("LEAKY_RELU"), "no such operator"),
        (Step("HARD_SWISH"), "no such operator"),
    ],
)
def test_rules_of_single_operators(step, reason):
    found = judge_readiness(build_operators(step))
    if reason:
        assert reason in only(found).reason
    else:
        assert found.on_cpu == ()


def test_channels_that_are_reduced_must_be_a_multiple_of_4():
    step = Step("MEAN", (1, 4, 4), constants=axes(-1))
    found = judge_readiness(build_operators(step, shape=(1, 4, 4, 6)))
    assert "no multiple of 4" in only(found).reason


def test_softmax_must_not_be_longer_than_the_rule_says():
    for length, count in ((16_000, 1), (16_001, 0)):
        step = Step("SOFTMAX", (1, length))
        assert judge_readiness(build_operators(step, shape=(1, length))).on_tpu == count


@pytest.mark.parametrize(
    ("step", "is_open"),
    [
        (Step("RESIZE_BILINEAR", (1, 8, 8, 8), constants=axes(8, 8)), True),
        (Step("RESHAPE", (1, 128), constants=axes(1, 128)), True),
        (Step("RESHAPE", (4, 4, 8), constants=axes(4, 4, 8)), False),  # moves nothing
    ],
)
def test_what_the_rules_leave_open_is_said(step, is_open):
    found = judge_readiness(build_operators(step))
    assert found.on_tpu == 1
    assert [one.operator for one in found.doubts] == [step.name] * is_open


def test_newest_operator_says_which_runtime_it_takes():
    transpose = Step("TRANSPOSE", constants=axes(0, 2, 1, 3))
    assert judge_readiness(build_operators(CONVOLUTION, transpose)).needs_runtime == 14
    assert {rule.since for rule in RULES.values()} == {10, 13, 14}


def test_verdict_as_json_says_what_it_rests_on():
    values = judge_readiness(build_operators(Step("ELU"))).to_dict()
    assert "not the compiler's own verdict" in values["basis"]
    assert values["rules"].startswith("https://coral.ai/")
    assert values["on_cpu"] == [
        {
            "operator": "ELU",
            "count": 1,
            "place": 1,
            "reason": "the Edge TPU has no such operator",
        }
    ]


@pytest.mark.parametrize("data", [b"", b"\x18\x00\x00\x00TFL3", b"\xff" * 64])
def test_bytes_that_are_no_flatbuffer_are_refused(data):
    with pytest.raises(ModelFileError, match="whole FlatBuffer"):
        judge_readiness(data)


def test_mutants_never_crash():
    chance = random.Random(7)
    for original in (build_colour_model(), (MODES / "int8.tflite").read_bytes()):
        for _ in range(300):
            mutant = bytearray(original)
            for _ in range(3):
                mutant[chance.randrange(len(mutant))] = chance.randrange(256)
            try:
                judge_readiness(bytes(mutant))
            except ModelFileError:
                continue
