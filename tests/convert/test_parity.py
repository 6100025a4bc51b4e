"""Converted models held against their float original."""

import numpy as np
import pytest

from convert.candidates import Candidate, choose_state
from convert.export import export_float32
from convert.network import load_network
from convert.parity import Judge, Measurement, describe_runtime, divergence
from convert.pictures import load_pictures
from convert.qat import predict
from convert.run_folder import read_run


def column(name="qat", accuracy=0.9, agreement=0.99, divergence=0.01, recall=0.9):
    return Measurement(
        name=name,
        size_bytes=1,
        accuracy=accuracy,
        recall={"mine": recall},
        agreement=agreement,
        divergence=divergence,
        latency_ms=1.0,
        scores=np.zeros((1000, 1), np.float32),
    )


def candidate(state, **figures):
    return Candidate(state, b"", column(**figures))


def test_float32_agrees_with_the_keras_model_in_everything(run_folder):
    run = read_run(run_folder)
    network = load_network(run)
    pictures = load_pictures(run.part("validation")[::6], labels=run.labels, spec=run.input)
    original = predict(network, pictures, spec=run.input)
    judge = Judge(pictures, run.labels, run.input, original)
    found = judge.measure("float32", export_float32(network), dtype="float32")
    assert found.agreement == 1.0
    assert found.divergence == pytest.approx(0.0, abs=1e-6)
    assert found.accuracy == (original.argmax(axis=1) == pictures.truth).mean()
    assert set(found.recall) == set(run.labels)
    assert found.latency_ms > 0
    assert set(found.to_dict()) == {
        "size_bytes",
        "accuracy",
        "recall",
        "agreement",
        "divergence",
        "latency_ms",
    }


def test_divergence_of_a_surer_and_an_unsure_pupil():
    taught = np.array([[0.9, 0.1]], np.float32)
    near, far = np.array([[0.88, 0.12]], np.float32), np.array([[0.5, 0.5]], np.float32)
    assert 0 < divergence(taught, near) < divergence(taught, far)


def test_divergence_of_scores_rounded_to_zero_is_finite():
    assert divergence(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])) < 3.0


def test_describe_runtime_names_the_device_runtime():
    assert describe_runtime()["runtime"] in ("litert", "tflite-runtime")


ORIGINAL_ACCURACY = 0.901
REFERENCE = candidate("post-training", name="int8", accuracy=0.90, agreement=0.980)


def choose(pupils, reference, passed=()):
    return choose_state(
        pupils,
        reference=reference,
        original_accuracy=ORIGINAL_ACCURACY,
        is_passed=lambda candidate: candidate in passed,
    )


@pytest.mark.parametrize(
    ("pupils", "kept", "is_loud"),
    [
        # both sound: the nearer one
        ([("distilled", 0.91, 0.99, 0.01), ("settled", 0.91, 0.99, 0.02)], "distilled", False),
        ([("distilled", 0.91, 0.99, 0.03), ("settled", 0.91, 0.99, 0.02)], "settled", False),
        # as good as post-training is sound
        ([("distilled", 0.90, 0.98, 0.01)], "distilled", False),
        # the distilled one is nearer but less accurate
        ([("distilled", 0.89, 0.99, 0.01), ("settled", 0.90, 0.98, 0.02)], "settled", False),
        # none is sound: the best of all three, and a warning
        ([("distilled", 0.89, 0.97, 0.01), ("settled", 0.88, 0.97, 0.02)], "post-training", True),
        ([("distilled", 0.95, 0.975, 0.01)], "distilled", True),
    ],
)
def test_choose_state(pupils, kept, is_loud):
    candidates = [
        candidate(state, accuracy=accuracy, agreement=agreement, divergence=far)
        for state, accuracy, agreement, far in pupils
    ]
    chosen, warnings = choose(candidates, REFERENCE)
    assert chosen.state == kept
    assert bool(warnings) == is_loud
    if is_loud:
        assert "did not reach plain post-training int8" in warnings[0]
        assert repr(kept) in warnings[0]


def test_choose_state_takes_nothing_less_accurate_than_post_training():
    reference = candidate("post-training", name="int8", accuracy=0.93, agreement=0.98)
    pupil = candidate("distilled", accuracy=0.929, agreement=0.999)
    chosen, (warning,) = choose([pupil], reference)
    assert chosen == reference
    assert "did not reach plain post-training int8" in warning


def test_choose_state_warns_of_a_pupil_that_passes_where_the_more_accurate_reference_does_not():
    reference = candidate("post-training", name="int8", accuracy=0.905, agreement=0.98)
    pupil = candidate("distilled", accuracy=0.901, agreement=0.99)
    chosen, (warning,) = choose([pupil], reference, passed=[pupil])
    assert chosen == pupil
    assert "did not reach plain post-training int8" in warning


def test_choose_state_warns_of_what_is_behind_the_float_network():
    reference = candidate("post-training", name="int8", accuracy=0.85, agreement=0.95)
    pupil = candidate("distilled", accuracy=0.899, agreement=0.99)
    chosen, (warning,) = choose([pupil], reference)
    assert chosen == pupil
    assert "0.20 points of accuracy behind the float network" in warning


def test_choose_state_prefers_what_passes_the_gate():
    nearer = candidate("distilled", accuracy=0.92, agreement=0.99, divergence=0.01)
    further = candidate("settled", accuracy=0.91, agreement=0.99, divergence=0.02)
    assert choose([nearer, further], REFERENCE, passed=[further, REFERENCE]) == (further, [])
    chosen, (warning,) = choose([nearer, further], REFERENCE, passed=[REFERENCE])
    assert chosen == REFERENCE
    assert "loses too much of a recall" in warning
