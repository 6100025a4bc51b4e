import os

import pytest
from colour_model import build_colour_model, write_colour_model

from edge import classifier, threads
from edge.classifier import open_classifier
from edge.errors import ModelFileError
from edge.testing import FakeInterpreter
from edge.threads import fewest_threads, measure_threads, parse_threads, usable_cores


@pytest.mark.parametrize(
    ("invoke_ms", "chosen"),
    [
        ({1: 3.0}, 1),
        ({1: 1.1, 2: 1.0}, 1),  # within 10 %
        ({1: 1.11, 2: 1.0}, 2),
        ({1: 8.0, 2: 4.0, 3: 3.7}, 2),
        ({1: 8.0, 2: 4.0, 3: 3.0}, 3),
        ({1: 1.0, 2: 5.0, 4: 9.0}, 1),  # more threads in each other's way
    ],
)
def test_fewest_threads_that_are_about_as_fast_are_chosen(invoke_ms, chosen):
    assert fewest_threads(invoke_ms) == chosen


@pytest.mark.parametrize("text", ["", "0", "65", "-1", "1.5", "\u00b2", "9" * 5000])
def test_what_is_no_number_of_threads_becomes_the_default(text):
    assert parse_threads(text) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_cores_are_those_that_this_process_may_use():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_every_candidate_is_timed_in_turn_and_closed(monkeypatch):
    opened = {}

    def open_fake(model_bytes, *, runtime, threads):
        opened[threads] = FakeInterpreter([(1.0,)])
        return opened[threads]

    monkeypatch.setattr(threads, "open_interpreter", open_fake)
    found = measure_threads(b"", runtime="litert", cores=4, budget_seconds=0.0)
    assert list(found) == list(opened) == [1, 2, 3]
    assert all(milliseconds > 0 for milliseconds in found.values())
    assert {len(interpreter.seen) for interpreter in opened.values()} == {1 + 3 * 3}
    assert all(interpreter.is_closed for interpreter in opened.values())


def test_real_runtime_is_timed():
    found = measure_threads(build_colour_model(), runtime="litert", cores=2)
    assert list(found) == [1, 2]


def test_model_that_the_runtime_refuses_is_reported():
    with pytest.raises(ModelFileError):
        measure_threads(b"nothing", runtime="litert", cores=2)


@pytest.mark.parametrize(("asked", "given"), [(None, 3), (2, 2)])
def test_classifier_takes_what_was_measured_unless_told_otherwise(
    tmp_path, monkeypatch, asked, given
):
    path = write_colour_model(tmp_path / "colours.tflite")
    seen = []

    def open_noting(model_bytes, *, runtime, threads):
        seen.append(threads)
        return open_real(model_bytes, runtime=runtime, threads=1)

    open_real = classifier.open_interpreter
    monkeypatch.setattr(classifier, "verify_model", lambda model, runtime: 3)
    monkeypatch.setattr(classifier, "open_interpreter", open_noting)
    open_classifier(path, threads=asked).close()
    assert seen == [given]
