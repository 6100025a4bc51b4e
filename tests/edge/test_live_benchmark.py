import os
import signal

import pytest
from colour_model import write_colour_model

from edge import live_benchmark
from edge.errors import CatseyeError
from edge.live_benchmark import (
    measure_live_in_child,
    open_prepared,
)
from edge.modelfile import read_model_file
from edge.sources.options import SourceOptions
from edge.testing import ManualClock


@pytest.fixture
def model(tmp_path):
    return read_model_file(write_colour_model(tmp_path / "colours.tflite"))


def test_prepared_frames_go_on_and_differ_from_one_to_the_next():
    clock = ManualClock(5.0)
    source = open_prepared("anything", clock=clock, options=SourceOptions())
    first, second = source.read(), source.read()
    clock.advance(0.5)
    third = source.read()
    assert [frame.index for frame in (first, second, third)] == [0, 1, 2]
    assert (first.time_seconds, third.time_seconds, third.captured_seconds) == (0.0, 0.5, 5.5)
    assert (first.pixels_bgr != second.pixels_bgr).any()
    assert first.pixels_bgr.shape == (480, 640, 3)
    source.close()


def test_opener_names_the_prepared_frames_wherever_this_runs():
    module, _, name = live_benchmark._OPENER.partition(":")
    assert (module, name) == (live_benchmark.__name__, open_prepared.__name__)


def test_whole_loop_is_measured_in_a_child(model):
    found = measure_live_in_child(model, runtime="litert", seconds=0.1)
    assert found.rate_hz > 0
    assert found.invoke_rate_hz > found.rate_hz  # a model that costs next to nothing
    assert 0 < found.ratio < 1


def test_failing_child_is_named(model):
    model.path.write_bytes(b"gone")
    with pytest.raises(CatseyeError, match=r"with litert.*exit code 1: .*ModelFileError"):
        measure_live_in_child(model, runtime="litert", seconds=0.1)


def test_capture_process_rests_while_the_runtime_is_timed_alone(monkeypatch):
    sent = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    with live_benchmark._at_rest(77):
        assert sent == [(77, signal.SIGSTOP)]
    assert sent[1:] == [(77, signal.SIGCONT)]


def test_capture_that_delivers_nothing_is_an_error_and_no_endless_wait(model, monkeypatch):
    monkeypatch.setattr(live_benchmark, "_OPENER", "edge.live_benchmark:absent")
    monkeypatch.setattr(live_benchmark, "_LONGEST_START_SECONDS", 0.2)
    with pytest.raises(CatseyeError, match="must deliver frames"):
        live_benchmark.measure_live(model, runtime="litert", seconds=0.1)
