"""What the window shows."""

import numpy as np
import pytest

from edge.manifest import InputSpec
from edge.manifest import Region as ModelRegion
from edge.painting import Painter
from edge.records import Decision, Look, Picture
from edge.region import parse_region
from edge.testing import ManualClock, blank_frame, prediction

THRESHOLDS = {"cat": 0.8, "none": 0.5}
SEEN = prediction({"cat": 0.93, "none": 0.07})
DECISION = Decision("cat", 0.93, frame=0, time_seconds=0.0, age_ms=12.0)
GREEN, YELLOW = (90, 200, 90), (60, 200, 240)
TEXTS = 4 * 22 + 10  # pixels: state, two bars, rates


def look_at(*, size_wh=(640, 480), grey=200, **changes):
    frame = blank_frame(size_wh=size_wh, grey=grey)
    values = {"prediction": SEEN, "decision": DECISION, **changes}
    return Look(Picture.LIVE, frame, **values)


def open_painter(**settings):
    return Painter(clock=ManualClock(), thresholds=THRESHOLDS, **settings)


# (size of the frame, size of the picture without the texts below it)
SIZES = [
    ((640, 480), (640, 480)),
    ((1920, 1080), (960, 540)),  # at most 960 pixels long
    ((1080, 1920), (540, 960)),
    ((8, 8), (360, 8)),  # the texts need their room
]


@pytest.mark.parametrize(("size_wh", "shown_wh"), SIZES)
def test_texts_stand_below_the_frame(size_wh, shown_wh):
    look = look_at(size_wh=size_wh)
    picture_bgr = open_painter().draw(look)
    assert picture_bgr.shape == (shown_wh[1] + TEXTS, shown_wh[0], 3)
    assert (picture_bgr[: shown_wh[1], : min(shown_wh[0], size_wh[0])] == 200).all()
    assert picture_bgr[shown_wh[1] :].max() > 200  # there is text
    assert (look.frame.pixels_bgr == 200).all()


def test_a_bar_is_as_long_as_its_score_and_marked_at_the_threshold():
    picture_bgr = open_painter().draw(look_at())
    row = picture_bgr[480 + 22 + 14, 130:580]
    is_green = (row == GREEN).all(axis=1)
    is_mark = (row == 255).all(axis=1)
    assert int(is_green.sum() + is_mark.sum()) == pytest.approx(0.93 * 450, abs=1)
    assert np.flatnonzero(is_mark)[0] == round(0.8 * 449)


def test_what_the_model_does_not_see_is_darker():
    spec = InputSpec(96, 96, resize="crop", region=ModelRegion(0.0, 0.0, 1.0, 0.5))
    picture_bgr = open_painter(spec=spec).draw(look_at(grey=150))[:480]
    assert (picture_bgr[:240, 200:440] == 150).all()
    picture_bgr[:240, 200:440] = 50
    assert (picture_bgr == 50).all()


def test_a_frame_that_is_seen_whole_is_left_alone():
    for spec in (InputSpec(96, 96), InputSpec(96, 96, resize="letterbox")):
        assert (open_painter(spec=spec).draw(look_at(grey=150))[:480] == 150).all()


@pytest.mark.parametrize("region", ["0.25,0.25,0.75,0.75", "0.25,0.25 0.75,0.25 0.5,0.75"])
def test_the_region_is_outlined_and_the_rest_darker(region):
    spec = InputSpec(96, 96)
    picture_bgr = open_painter(spec=spec, region=parse_region(region)).draw(look_at(grey=150))
    assert (picture_bgr[150, 320] == 150).all()
    assert (picture_bgr[10, 10] == 50).all()
    assert (picture_bgr[400, 320] == 50).all()
    assert (picture_bgr[:480] == YELLOW).all(axis=2).sum() > 400


def test_the_models_own_cut_is_of_the_region():
    spec = InputSpec(96, 96, resize="crop")
    painter = open_painter(spec=spec, region=parse_region("0.5,0,1,0.5"))  # 320x240 on the right
    picture_bgr = painter.draw(look_at(grey=150))
    assert (picture_bgr[120, 330] == 50).all()  # cut off: 40 of 320 columns on each side
    assert (picture_bgr[120, 380] == 150).all()


def test_key_m_shows_what_moves_and_hides_it_again():
    moved = np.zeros((60, 80), np.bool_)
    moved[0, 0] = True
    painter = open_painter(moved=lambda: moved)
    frames = []
    for key in ("m", "m", ""):
        frames.append(painter.draw(look_at(grey=100)))
        painter.press(key)
    plain, tinted, again = frames
    assert (plain[:480] == 100).all()
    assert (tinted[:8, :8] != 100).any(axis=2).all()
    assert (tinted[8:480, 8:] == 100).all()
    assert (again[:480] == 100).all()


def test_nobody_may_know_what_moves():
    painter = open_painter()
    painter.press("m")
    assert (painter.draw(look_at(grey=100))[:480] == 100).all()


def test_while_the_source_is_away_the_last_picture_is_dark():
    clock = ManualClock()
    painter = Painter(clock=clock, thresholds=THRESHOLDS)
    painter.draw(look_at(grey=100))
    away = Look(Picture.OFFLINE, reason="unplugged")
    for _ in range(3):
        clock.advance(0.25)
        assert (painter.draw(away)[:480] == 50).all()
    assert (painter.draw(look_at(grey=100))[:480] == 100).all()


def test_before_the_first_frame_there_is_a_picture_too():
    picture_bgr = open_painter().draw(Look(Picture.OFFLINE, reason="unplugged"))
    assert picture_bgr.shape == (480 + TEXTS, 640, 3)
    assert picture_bgr.max() > 200


def test_scores_that_are_no_numbers_are_no_bars():
    broken = prediction({"cat": float("nan"), "none": 0.5})
    assert open_painter().draw(look_at(prediction=broken)).shape[0] == 480 + TEXTS
