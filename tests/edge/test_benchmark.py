import json
import time

import pytest
from colour_model import write_colour_model

from edge import benchmark
from edge.benchmark import Speed, Timing, describe_machine, measure_in_child, measure_speed
from edge.errors import CatseyeError
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
