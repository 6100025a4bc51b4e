"""While nothing moves, frames come some six times a second; the others are passed over."""

import itertools

import pytest
from clips import RED, write_clip

from edge.capture.lens import REST_SECONDS
from edge.capture.process import CaptureProcess, RestNotice
from edge.capture.request import LensRequest
from edge.manifest import InputSpec
from edge.records import Frame, Look, Picture

RATE_HZ = 50.0


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.avi", [RED] * 50, rate_hz=RATE_HZ)


def read_all(clip, *, is_resting, every_frame=False):
    request = LensRequest(
        str(clip), is_live=False, every_frame=every_frame, input=InputSpec(width=8, height=8)
    )
    with CaptureProcess(request) as source:
        RestNotice(source).handle(Look(Picture.LIVE, is_resting=is_resting))
        return list(itertools.takewhile(lambda seen: isinstance(seen, Frame), iter(source.read, 0)))


def gaps_seconds(frames):
    return [
        after.time_seconds - before.time_seconds for before, after in itertools.pairwise(frames)
    ]


def test_at_rest_frames_come_some_six_times_a_second_and_are_not_fitted(clip):
    frames = read_all(clip, is_resting=True)[3:]  # the word has to get around first
    assert 3 <= len(frames) <= 7
    assert min(gaps_seconds(frames)) >= REST_SECONDS - 0.011
    assert max(gaps_seconds(frames)) < REST_SECONDS + 3 / RATE_HZ
    assert all(frame.fitted is None for frame in frames)


def test_a_frame_that_was_passed_over_is_counted(clip):
    for frame in read_all(clip, is_resting=True):
        assert frame.time_seconds == pytest.approx(frame.index / RATE_HZ, abs=1e-3)


def test_without_rest_no_frame_is_passed_over(clip):
    frames = read_all(clip, is_resting=False)
    assert len(frames) >= 45  # a busy machine drops some
    assert max(gaps_seconds(frames)) < REST_SECONDS


def test_who_wants_every_frame_gets_every_frame(clip):
    frames = read_all(clip, is_resting=True, every_frame=True)
    assert [frame.index for frame in frames] == list(range(50))
