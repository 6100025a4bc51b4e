import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import SettingError
from edge.region import OUTSIDE, Region, parse_region

TRIANGLE = "0.2,0.2 0.8,0.2 0.2,0.8"


def noise(height=48, width=64):
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_region_by_default_is_the_whole_frame():
    frame = noise()
    assert Region().apply(frame) is not None
    assert np.array_equal(Region().apply(frame), frame)
    assert Region().cells((60, 80)).all()


def test_apply_cuts_out_a_view():
    frame = noise()
    crop = parse_region("0.25,0.5,0.75,1").apply(frame)
    assert np.array_equal(crop, frame[24:48, 16:48])
    assert np.shares_memory(crop, frame)


def test_apply_greys_what_is_outside_of_the_polygon():
    frame = noise(100, 100)
    before = frame.copy()
    crop = parse_region(TRIANGLE).apply(frame)
    assert crop.shape == (60, 60, 3)
    assert np.array_equal(crop[10, 10], frame[30, 30])
    assert crop[50, 50].tolist() == [OUTSIDE] * 3
    assert np.array_equal(frame, before)


def test_apply_keeps_its_buffer_until_the_frames_change_in_size():
    region = parse_region(TRIANGLE)
    first = region.apply(noise(100, 100))
    assert region.apply(noise(100, 100)) is first
    assert region.apply(noise(50, 50)).shape == (30, 30, 3)
    assert region.apply(noise(100, 100))[50, 50].tolist() == [OUTSIDE] * 3


@pytest.mark.parametrize(
    "corners",
    [
        "0.1,0.1 0.5,0.5 0.9,0.9",  # a line
        "0,0 1,1 1,0 0,1",  # two halves of a loop, each around the other way
        "0.1,0.1 0.9,0.9 0.1,0.1",  # there and back
    ],
)
def test_a_polygon_without_an_area_is_refused(corners):
    with pytest.raises(SettingError, match=r"no line and no loop.*Received: .*Write for example"):
        parse_region(corners)


def test_apply_of_a_tiny_region_leaves_a_pixel():
    assert parse_region("0.999,0.999,1,1").apply(noise()).shape == (1, 1, 3)
    assert parse_region("0.5,0.5,0.501,0.501").apply(noise()).shape == (1, 1, 3)


def test_cells_are_those_of_the_whole_frame():
    cells = parse_region("0.5,0,1,0.5").cells((60, 80))
    assert cells[:30, 40:].all()
    assert cells.sum() == 30 * 40


def test_cells_of_a_polygon_are_about_its_area():
    cells = parse_region(TRIANGLE).cells((60, 80))
    assert cells.sum() / cells.size == pytest.approx(0.18, abs=0.02)  # and its edge
    assert not cells[45, 60]


shares = st.integers(0, 1000).map(lambda number: number / 1000)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(shares, shares), min_size=3, max_size=8))
def test_cells_of_any_polygon_are_some_and_within_its_box(points):
    text = " ".join(f"{x},{y}" for x, y in points)
    try:
        region = parse_region(text)
    except SettingError:
        return  # all on a line
    assert parse_region(str(region)) == region
    rows, columns = np.nonzero(region.cells((60, 80)))
    assert len(rows)
    left, top, right, bottom = region.box
    assert left * 80 - 1 <= columns.min() <= columns.max() <= right * 80
    assert top * 60 - 1 <= rows.min() <= rows.max() <= bottom * 60


@settings(max_examples=50, deadline=None)
@given(st.tuples(shares, shares, shares, shares))
def test_a_region_is_written_as_it_is_read(box):
    try:
        region = Region(box)
    except SettingError:
        return
    assert parse_region(str(region)) == region


def test_regions_are_equal_by_what_they_show():
    region = parse_region(TRIANGLE)
    region.apply(noise())
    assert region == parse_region(TRIANGLE)


# (text, what the message says, what it proposes)
WRONG = [
    ("", "four numbers, or three corners.*Received: nothing", "0.1,0.2,0.9,0.8"),
    ("left", "numbers.*Received: left", "0.1,0.2,0.9,0.8"),
    ("0.1,0.2,0.9", "four numbers", "0.1,0.2,0.9,0.8"),
    ("0.1 0.2 0.9 0.8", "four numbers", "0.1,0.2,0.9,0.8"),
    ("0.9,0.2,0.1,0.8", "not be empty.*Received: 0.9,0.2,0.1,0.8", "0.1,0.2,0.9,0.8"),
    ("0,0,640,480", "within the frame, from 0 to 1", "0.1,0.2,0.9,0.8"),
    ("nan,0,1,1", "within the frame", "0.1,0.2,0.9,0.8"),
    ("0.1,0.2 0.9,0.2", "three corners or more", "0.1,0.2,0.9,0.8"),
    ("0,0 0,1 1,1,1", "three corners", "0.1,0.2 0.9,0.2 0.5,0.8"),
    ("0,0 0.5,0 1,0", "not be empty", "0.1,0.2 0.9,0.2 0.5,0.8"),
    ("0,0 0.5,0 2,1", "within the frame", "0.1,0.2 0.9,0.2 0.5,0.8"),
]


@pytest.mark.parametrize(("text", "message", "proposed"), WRONG)
def test_parse_region_refuses(text, message, proposed):
    with pytest.raises(SettingError, match=message) as caught:
        parse_region(text)
    assert f'--region "{proposed}"' in caught.value.fix
    assert parse_region(proposed)


def test_region_refuses_a_polygon_in_another_box():
    with pytest.raises(SettingError, match="three corners, and their box"):
        Region((0.0, 0.0, 1.0, 1.0), ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)))


@pytest.mark.parametrize("text", ["0.25,0.25,0.75,0.75", TRIANGLE])
def test_draw_darkens_what_is_outside(text):
    frame = np.full((480, 1000, 3), 200, np.uint8)
    picture = parse_region(text).draw(frame)
    height, width = picture.shape[0] - 480, picture.shape[1] - 1000
    assert height > 0 < width  # margins for the numbers
    inside = picture[44 + int(0.33 * 480), 56 + 330]
    outside = picture[44 + int(0.93 * 480), 56 + 930]
    assert inside.tolist() == [200] * 3
    assert outside.tolist() == [70] * 3


def test_draw_enlarges_small_frames_and_leaves_them_alone():
    frame = noise(120, 160)
    before = frame.copy()
    picture = parse_region(TRIANGLE).draw(frame)
    assert picture.shape[1] > 960
    assert np.array_equal(frame, before)
    yellow = cv2.inRange(picture, (0, 220, 255), (0, 220, 255))
    assert cv2.countNonZero(yellow) > 500  # the outline of the triangle
