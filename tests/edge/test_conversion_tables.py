"""What `edge inspect` shows of a conversion, whoever wrote the manifest."""

from dataclasses import replace

import pytest
from colour_model import build_colour_model, write_colour_model
from operator_model import Step, build_operators

from edge import cli
from edge.cli.conversion_tables import show_edge_tpu, show_latency
from edge.edge_tpu import judge_readiness
from edge.modelfile import read_model_file, write_model_file

FIGURES = {
    "size_bytes": 12_345,
    "accuracy": 0.975,
    "recall": {"red": 1.0, "green": 0.95, "blue": 0.975},
    "agreement": 0.995,
    "divergence": 0.00123,
}
QUANTIZATION = {
    "mode": "int8",
    "asked": "auto",
    "attempts": [
        {"mode": "int8", "passed": False, "reason": "accuracy falls"},
        {"mode": "qat", "passed": True, "reason": "right on 97 %"},
    ],
    "warnings": ["look at this"],
    "versions": {"catseye": "0.1.0"},
    "parity": {
        "part": "validation",
        "pictures": 200,
        "models": {"float32": {**FIGURES, "accuracy": 0.98}, "int8": FIGURES},
    },
    "calibration": {
        "temperature": 0.8,
        "before": {"error": 0.0312, "bins": []},
        "after": {"error": 0.0104, "bins": []},
    },
    "measured": {
        "machine": "a fast one",
        "models": {"int8": {"latency_ms": 1.25}},
        "latency": [
            {
                "runtime": "litert",
                "runtime_version": "2.3.0",
                "threads": 2,
                "invocations": 80,
                "invoke_ms": {"p50": 0.75, "p90": 0.875},
                "reason": "",
            },
            {"runtime": "tflite-runtime", "reason": "it was built for NumPy 1"},
        ],
    },
}


def inspect(capfd, tmp_path, quantization):
    path = write_colour_model(tmp_path / "colours.tflite")
    model = read_model_file(path)
    manifest = replace(model.manifest, quantization=quantization)
    write_model_file(path, model_bytes=model.model_bytes, manifest=manifest)
    assert cli.main(["inspect", str(path)]) == 0
    return capfd.readouterr().out


def rows(text):
    """Return the cells of every line."""
    return [line.split() for line in text.splitlines()]


def test_inspect_shows_the_report_of_the_conversion(capfd, tmp_path):
    text = inspect(capfd, tmp_path, QUANTIZATION)
    assert "auto: int8 is not good enough: accuracy falls\n" in text
    assert "auto: qat is good enough: right on 97 %\n" in text
    assert "warning: look at this\n" in text
    assert "quantization  mode int8, asked auto, versions (catseye 0.1.0)\n" in text
    shown = rows(text)
    assert ["200", "validation", "pictures", "float32", "int8"] in shown
    assert ["size,", "KB", "12", "12"] in shown
    assert ["accuracy,", "%", "98.0", "97.5"] in shown
    assert ["recall", "green,", "%", "95.0", "95.0"] in shown
    assert ["divergence,", "nats", "0.00123", "0.00123"] in shown
    assert ["latency,", "ms", "1.25"] in shown
    assert ["litert", "2.3.0", "2", "0.75", "0.875", "80"] in shown
    assert ["tflite-runtime", "it", "was", "built", "for", "NumPy", "1"] in shown
    assert ["measured", "on", "a", "fast", "one"] in shown
    said = (
        "calibration error 3.12 %, with the temperature 0.8 1.04 % (of the pictures that chose it)"
    )
    assert said.split() in shown


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"parity": "fine", "calibration": 3, "measured": [1]},
        {"parity": {"models": ["a"]}, "calibration": {"labels": "x", "before": 1}},
        {"parity": {"models": {"a": 1, "b": {"accuracy": "high", "recall": 5}}}},
        {"measured": {"latency": [1, {"runtime": 3, "invoke_ms": "fast", "reason": 5}]}},
        {"measured": {"latency": {"a": 1}, "models": 5}},
        {"asked": "auto", "attempts": [1, {}], "warnings": "many"},
        {"parity": {"models": {"a": {"size_bytes": float("nan"), "accuracy": float("inf")}}}},
        {"parity": {"models": {"a": {"size_bytes": 10**400, "recall": {"red": -(10**400)}}}}},
        {"parity": {"models": {"a": {"accuracy": 1.7e308, "divergence": float("-inf")}}}},
        {"calibration": {"before": {"error": float("nan")}, "after": {"error": 10**400}}},
        {"measured": {"latency": [{"runtime": "a", "invoke_ms": {"p50": float("inf")}}]}},
    ],
)
def test_inspect_of_a_manifest_of_others_leaves_out_what_it_does_not_know(capfd, tmp_path, odd):
    assert "intact" in inspect(capfd, tmp_path, odd)


def test_inspect_never_steers_the_terminal(capfd, tmp_path):
    steering = "\x1b[31mred\x1b[0m\x07\nintact\u202e"
    odd = {
        "mode": steering,
        "warnings": [steering],
        "parity": {"models": {steering: {"accuracy": 1.0, "recall": {steering: 1.0}}}},
        "measured": {"machine": steering, "latency": [{"runtime": steering, "reason": steering}]},
    }
    text = inspect(capfd, tmp_path, odd)
    assert r"warning: \x1b[31mred\x1b[0m\x07\nintact\u202e" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_inspect_says_what_an_edge_tpu_would_make_of_a_foreign_file(capfd, tmp_path):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(build_colour_model(dtype="float32"))
    assert cli.main(["inspect", str(path)]) == 0
    out = capfd.readouterr().out
    assert "Edge TPU: nothing would run on an Edge TPU (Coral's documented rules" in out
    assert "not the compiler's own verdict)" in out
    assert "AVERAGE_POOL_2D, RESHAPE, SOFTMAX" in out
    assert "it computes with float32" in out


def test_doubts_are_shown_apart(capsys):
    pooled = Step("RESIZE_BILINEAR", (1, 8, 8, 8))
    show_edge_tpu(judge_readiness(build_operators(pooled, pooled)).to_dict())
    out = capsys.readouterr().out
    assert "all 2 operators would run" in out
    assert "may fall to the CPU" in out
    assert "RESIZE_BILINEAR (2)" in out


def test_latency_without_trouble_has_no_column_for_it(capsys):
    show_latency(QUANTIZATION["measured"]["latency"][:1], machine="m")
    assert "why not" not in capsys.readouterr().out
