"""What one glance at a frame tells, on generated pictures."""

import cv2
import numpy as np
import pytest

from edge.glance import THUMBNAIL_SHAPE, glance, shrink_to_thumbnail


def picture(size_wh=(640, 480), *, seed=0):
    width, height = size_wh
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    "size_wh",
    [(640, 480), (1280, 720), (1920, 1080), (478, 850), (641, 481), (160, 120), (80, 60), (8, 8)],
)
def test_thumbnail_has_one_shape_and_the_means_of_areas(size_wh):
    height, width = size_wh[1], size_wh[0]
    ramp = np.linspace(20, 220, width, dtype=np.float32)[np.newaxis, :, np.newaxis]
    frame_bgr = np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8)
    thumbnail = shrink_to_thumbnail(frame_bgr)
    assert thumbnail.shape == THUMBNAIL_SHAPE
    assert thumbnail.dtype == np.uint8
    grey = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    exact = cv2.resize(grey, (80, 60), interpolation=cv2.INTER_AREA)
    assert np.abs(thumbnail.astype(int) - exact).max() <= 2


def test_thumbnail_averages_noise_away():
    assert shrink_to_thumbnail(picture()).std() < picture().std() / 6


def test_thumbnail_weighs_colours_as_the_eye_does():
    shades = [
        int(shrink_to_thumbnail(np.full((60, 80, 3), bgr, np.uint8))[0, 0])
        for bgr in ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    ]
    assert shades == [29, 150, 76]


def test_first_frame_is_no_repeat():
    assert not glance(picture()).is_repeat


def test_same_pixels_are_a_repeat():
    assert glance(picture(), picture()).is_repeat


@pytest.mark.parametrize("place", [(0, 0, 0), (240, 320, 1), (479, 639, 2)])
def test_one_step_of_one_pixel_is_no_repeat(place):
    changed = picture()
    changed[place] ^= 1
    assert not glance(changed, picture()).is_repeat


def test_another_size_is_no_repeat():
    assert not glance(picture((640, 480)), picture((480, 640))).is_repeat


def test_views_and_read_only_frames_are_looked_at():
    wide = picture((1280, 480))
    view = wide[:, 320:960]
    view.flags.writeable = False
    seen = glance(view, view.copy())
    assert seen.is_repeat
    assert np.array_equal(seen.thumbnail, shrink_to_thumbnail(view.copy()))
