"""The motion gate, on generated scenes and on real clips."""

import re
from dataclasses import fields

import numpy as np
import pytest

from edge.classifier import open_classifier
from edge.errors import SettingError
from edge.modelfile import default_model_path
from edge.motion import MotionGate, MotionSpec
from edge.records import Frame, Glance
from edge.testing import blank_frame


@pytest.fixture
def bench(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import motion_gate

    return motion_gate


CASES = [
    "still",
    "noise of a small sensor",
    "night, noisy",
    "lamp 50 Hz, whole picture",
    "lamp 60 Hz, slow beat",
    "lamp 50 Hz, rolling bands",
    "gain hunts",
    "dawn in a minute",
    "soft shadow of a cloud",
    "key frames of a codec",
    "exposure steps up",
    "exposure steps down",
    "infrared switches on",
    "cat walks",
    "cat runs",
    "dark cat, poor contrast",
    "cat creeps",
    "kitten, 1 %",
    "cat at night",
    "cat under a lamp",
]
OPENS_FOR_A_MOMENT = {"exposure steps up", "exposure steps down", "infrared switches on"}


@pytest.mark.parametrize("rate_hz", [30.0, 10.0, 6.0])
@pytest.mark.parametrize("name", CASES)
def test_generated_scene(bench, name, rate_hz):
    case = next(case for case in bench.CASES if case.name == name)
    outcome = bench.judge(case, rate_hz=rate_hz, seed=7)
    if case.must_open:
        assert outcome.delay_seconds is not None
        assert outcome.delay_seconds <= 0.3
    elif name in OPENS_FOR_A_MOMENT:
        assert outcome.motion_share <= 0.2
    else:
        assert outcome.motion_share == 0.0
        assert outcome.open_share <= 1.1 / (2 * rate_hz) + 0.01  # a look every two seconds


def test_every_generated_scene_is_tested(bench):
    assert sorted(CASES) == sorted(case.name for case in bench.CASES)


@pytest.mark.parametrize("rate_hz", [5.0, 12.5, 30.0, 60.0])
def test_a_closed_gate_opens_for_a_look_every_two_seconds(rate_hz):
    gate = MotionGate()
    opened = [
        frame.time_seconds
        for frame in (blank_frame(n, time_seconds=n / rate_hz) for n in range(int(11 * rate_hz)))
        if gate.is_open(frame)
    ]
    assert np.diff(opened).max() <= 2.0 + 1 / rate_hz + 1e-6
    assert len(opened) <= 6


def square(index, *, at=None, rate_hz=10.0):
    """A frame of grey cells, with a square of other brightness."""
    thumbnail = np.full((60, 80), 100, np.uint8)
    if at is not None:
        row, column = at
        thumbnail[row : row + 12, column : column + 12] = 140
    return Frame(
        np.zeros((1, 1, 3), np.uint8), index, index / rate_hz, 0.0, glance=Glance(thumbnail, False)
    )


def test_the_first_frame_is_looked_at():
    assert MotionGate().is_open(square(0))


def test_the_gate_is_held_open_for_a_second():
    gate = MotionGate()
    for index in range(5):
        gate.is_open(square(index))
    assert gate.is_open(square(5, at=(20, 30)))
    assert [gate.is_open(square(index)) for index in range(6, 18)] == [True] * 10 + [False] * 2


def test_the_mask_shows_what_moved():
    gate = MotionGate()
    for index in range(5):
        gate.is_open(square(index))
    assert not gate.mask.any()
    gate.is_open(square(5, at=(20, 30)))
    assert gate.has_motion
    assert gate.mask[22:30, 32:40].all()
    rows, columns = np.nonzero(gate.mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 31, 30, 41)


def test_motion_outside_the_region_does_not_count():
    region = np.zeros((60, 80), bool)
    region[:, 50:] = True
    gate = MotionGate(region=region)
    for index in range(5):
        gate.is_open(square(index))
    assert not gate.is_open(square(5, at=(20, 10)))
    assert not gate.mask.any()
    assert gate.is_open(square(6, at=(20, 60)))


def test_a_region_of_another_shape_is_refused():
    with pytest.raises(SettingError, match=re.escape("(60, 80)") + ".*" + re.escape("(80, 60)")):
        MotionGate(region=np.ones((80, 60), bool))


def test_time_that_goes_backwards_is_looked_at():
    gate = MotionGate()
    for index in range(5):
        gate.is_open(square(index + 1000))
    assert gate.is_open(square(0))
    assert not gate.is_open(square(1))


def test_the_same_frames_open_the_gate_the_same_way(bench):
    case = next(case for case in bench.CASES if case.name == "cat at night")
    runs = []
    for _ in range(2):
        gate = MotionGate()
        runs.append([gate.is_open(frame) for frame in case.frames()])
    assert runs[0] == runs[1]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", [field.name for field in fields(MotionSpec)])
def test_a_limit_that_is_none_is_refused(name, value):
    with pytest.raises(SettingError, match=f"above zero.*{name}={value}.*Choose for example"):
        MotionSpec(**{name: value})


def test_no_appearance_in_a_real_clip_is_lost_or_late(bench, shared_data):
    path = default_model_path()
    if not path.is_file():
        pytest.skip(f"no embedded model: {path} does not exist")
    found = 0
    with open_classifier(path) as classifier:
        for clip in sorted((shared_data / "videos").iterdir()):
            seen = bench.watch(clip, classifier)
            ungated = bench.appearances(seen, classifier, None)
            gated = bench.appearances(seen, classifier, MotionGate())
            late = bench.delays(ungated, gated)
            assert max(late, default=0.0) <= 0.3, clip.name
            found += len(late)
    assert found >= 5
