import json
import time

import pytest
from colour_model import build_colour_model, write_colour_model

from edge import benchmark
from edge.benchmark import (
    Speed,
    Timing,
    describe_machine,
    measure_in_child,
    measure_latency,
    measure_speed,
)
from edge.errors import CatseyeError, MissingExtraError
from edge.interpreter import open_interpreter
from edge.modelfile import read_model_file


@pytest.fixture
def model(tmp_path):
    return read_model_file(write_colour_model(tmp_path / "colours.tflite"))


def test_speed_measures_each_step(model):
    speed = measure_speed(model, open_interpreter(model.model_bytes), frames=5)
    for timing in (speed.invoke, speed.preprocess, speed.frame_to_label):
        assert 0 < timing.p50 <= timing.p90 <= timing.p99
    assert speed.frame_to_label.p50 > speed.invoke.p50


def test_overhead_and_rate_follow_from_the_medians():
    speed = Speed(Timing(4.0, 5.0, 6.0), Timing(0.2, 0.2, 0.3), Timing(5.0, 6.0, 7.0))
    assert speed.overhead_ratio == pytest.approx(1.25)
    assert speed.rate_hz == pytest.approx(200.0)


def test_child_reports_start_and_memory(model, capsys):
    assert benchmark.main(model.path, "litert", 1, 2, time.monotonic()) == 0
    record = json.loads(capsys.readouterr().out)
    assert 0 < record["cold_start_ms"] < 60_000
    assert record["peak_rss_mb"] > 1
    assert set(record["speed"]) == {"invoke", "preprocess", "frame_to_label"}


def test_measurement_in_children(model):
    found = measure_in_child(model, runtime="litert", threads=1, frames=2)
    assert (found.runtime, found.threads, found.frames) == ("litert", 1, 2)
    assert 0 < found.cold_start_ms < 60_000
    assert 20 < found.peak_rss_mb < 500


def test_failing_child_is_named(model):
    model.path.write_bytes(b"gone")
    with pytest.raises(CatseyeError, match=r"with litert.*exit code 1: .*ModelFileError"):
        measure_in_child(model, runtime="litert", frames=1)


def test_machine_is_described_with_versions():
    described = describe_machine()
    for part in ("cores", "Python 3.", "NumPy", "OpenCV", "catseye"):
        assert part in described


def test_latency_in_brief_is_of_every_runtime_and_thread_count(monkeypatch):
    monkeypatch.setattr(benchmark, "usable_thread_counts", lambda: [1, 2, 4, 8])
    monkeypatch.setattr(benchmark, "available_runtimes", lambda: ("litert",))
    rows = measure_latency(build_colour_model(), seconds=0.0)
    assert [(row.runtime, row.threads, row.invocations, row.reason) for row in rows] == [
        ("litert", threads, 10, "") for threads in (1, 2, 4)
    ]
    assert all(0 < row.invoke.p50 <= row.invoke.p90 for row in rows)
    assert list(rows[0].to_dict()["invoke_ms"]) == ["p50", "p90"]


def test_longer_latency_rests_on_more_invocations(monkeypatch):
    monkeypatch.setattr(benchmark, "usable_thread_counts", lambda: [1])
    monkeypatch.setattr(benchmark, "available_runtimes", lambda: ("litert",))
    (row,) = measure_latency(build_colour_model(dtype="float32"), seconds=60.0)
    assert row.invocations == 500


def test_runtime_that_refuses_the_network_gets_a_row_that_says_why(monkeypatch):
    monkeypatch.setattr(benchmark, "available_runtimes", lambda: ("litert",))
    (row,) = measure_latency(build_colour_model(batch=2), seconds=0.0)
    assert (row.runtime, row.threads, row.invocations, row.invoke) == ("litert", None, 0, None)
    assert row.reason == "(2, 6, 8, 3) uint8"  # and not a single picture


def test_runtime_that_does_not_load_gets_a_row_that_says_why(monkeypatch):
    def refuse(name):
        raise MissingExtraError("rule", received=f"{name} does not load", fix="fix")

    monkeypatch.setattr(benchmark, "runtime_version", refuse)
    monkeypatch.setattr(benchmark, "available_runtimes", lambda: ("tflite-runtime",))
    (row,) = measure_latency(build_colour_model())
    assert (row.runtime_version, row.reason) == (None, "tflite-runtime does not load")
    assert row.to_dict()["invoke_ms"] == {"p50": None, "p90": None}
