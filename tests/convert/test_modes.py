"""Every mode, on every runtime that is installed."""

import numpy as np
import pytest
from texture_runs import SIDE

from convert.candidates import Workshop
from convert.gate import Limits
from convert.modes import AUTO_ORDER, CHOICES, MODES, modes_to_try
from convert.parity import run_model
from convert.progress import no_progress
from convert.qat import Recipe
from convert.run_folder import read_run
from edge.errors import MissingExtraError, SettingError
from edge.interpreter import RUNTIMES, load_runtime
from edge.manifest import InputSpec
from edge.operators import list_operators


@pytest.fixture(scope="module")
def workshop(wide_run):
    recipe = Recipe(pictures=48)
    return Workshop(read_run(wide_run), recipe=recipe, limits=Limits(), progress=no_progress)


@pytest.fixture(scope="module")
def candidates(workshop):
    """What each mode makes of a network whose large layer has over 1,024 weights."""
    return {mode: workshop.make(mode).candidate for mode in MODES}


@pytest.fixture(params=RUNTIMES)
def runtime(request):
    try:
        load_runtime(request.param)
    except MissingExtraError as error:
        pytest.skip(f"{request.param}: {error.received}")
    return request.param


@pytest.mark.parametrize("mode", MODES)
def test_mode_runs_on_every_runtime_and_says_what_the_float_network_says(
    workshop, candidates, mode, runtime
):
    candidate, judge = candidates[mode], workshop.judge
    spec = InputSpec(width=SIDE, height=SIDE, dtype=candidate.dtype)
    found, _ = run_model(candidate.model_bytes, judge.pictures, spec=spec, runtime=runtime)
    assert (found.argmax(axis=1) == judge.original.argmax(axis=1)).mean() > 0.97
    assert np.abs(found - judge.original).mean() < 0.02


# Types of a convolution's input and weights, and whether floats are left anywhere inside.
INSIDE = {
    "qat": ("int8", "int8", False),
    "int8": ("int8", "int8", False),
    "int16x8": ("int16", "int8", False),
    "dynamic": ("float32", "int8", True),
    "float16": ("float32", "float32", True),
    "float32": ("float32", "float32", True),
}


@pytest.mark.parametrize("mode", MODES)
def test_mode_computes_with_the_numbers_that_it_says(candidates, mode):
    uses = list_operators(candidates[mode].model_bytes)
    activations, weights, has_floats = INSIDE[mode]
    convolutions = [use.inputs[:2] for use in uses if use.name == "CONV_2D"]
    assert (activations, weights) in convolutions
    inner = [use for use in uses if use.name not in ("QUANTIZE", "DEQUANTIZE")]
    assert any("float32" in use.inputs for use in inner) == has_floats
    assert MODES[mode].is_integer != has_floats
    assert any("float16" in use.inputs for use in uses) == (mode == "float16")


@pytest.mark.parametrize("choice", CHOICES)
def test_choice_stands_for_modes(choice):
    tried = modes_to_try(choice)
    assert tried == (AUTO_ORDER if choice == "auto" else (choice,))
    assert set(tried) <= set(MODES)


def test_auto_tries_integers_of_eight_bits_first_and_the_exact_last():
    assert AUTO_ORDER[:2] == ("int8", "qat")
    assert AUTO_ORDER[-1] == "float32"


def test_unknown_choice_is_refused():
    with pytest.raises(SettingError, match=r"one of qat, int8, int16x8, .*auto\. Received: int4"):
        modes_to_try("int4")
