import cv2
import numpy as np
import pytest

from edge.preprocess import fit_frame


def noise_bgr(width, height):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("frame_wh", "size_wh"),
    [
        ((640, 480), (160, 160)),  # a camera
        ((640, 480), (128, 128)),  # five times smaller at most
        ((400, 360), (200, 120)),  # twice and three times
        ((400, 400), (200, 200)),  # twice, which OpenCV averages
        ((500, 500), (100, 100)),  # five times
        ((160, 480), (160, 160)),  # in height alone
        ((180, 180), (160, 160)),  # a photo of the training set
        ((64, 48), (160, 160)),  # enlarged
    ],
)
def test_fit_frame_samples_what_it_shrinks_little(frame_wh, size_wh):
    frame_bgr = noise_bgr(*frame_wh)
    expected_rgb = cv2.resize(frame_bgr, size_wh, interpolation=cv2.INTER_LINEAR)[:, :, ::-1]
    np.testing.assert_array_equal(fit_frame(frame_bgr, size_wh=size_wh), expected_rgb)


@pytest.mark.parametrize(
    ("frame_wh", "size_wh"),
    [
        ((1280, 720), (160, 160)),  # halved once
        ((4001, 3003), (160, 160)),  # halved three times, odd sides
        ((3000, 1), (160, 160)),  # a line
        ((1, 3000), (7, 5)),
    ],
)
def test_fit_frame_averages_what_it_shrinks_much(frame_wh, size_wh):
    frame_bgr = noise_bgr(*frame_wh)
    shrunk = fit_frame(frame_bgr, size_wh=size_wh)
    assert shrunk.shape == (size_wh[1], size_wh[0], 3)
    assert shrunk.std() < 0.75 * frame_bgr.std()
    assert abs(shrunk.mean() - frame_bgr.mean()) < 4


def test_fit_frame_fills_the_given_array_and_leaves_the_frame_alone():
    frame_bgr = noise_bgr(320, 240)
    before = frame_bgr.copy()
    out = np.zeros((96, 128, 3), np.uint8)
    assert fit_frame(frame_bgr, size_wh=(128, 96), out=out) is out
    np.testing.assert_array_equal(out, fit_frame(frame_bgr, size_wh=(128, 96)))
    np.testing.assert_array_equal(frame_bgr, before)


def test_fit_frame_of_the_right_size_only_orders_the_colours():
    frame_bgr = noise_bgr(160, 160)
    np.testing.assert_array_equal(fit_frame(frame_bgr, size_wh=(160, 160)), frame_bgr[:, :, ::-1])


def test_fit_frame_of_a_large_picture_averages_what_it_shrinks():
    checkerboard = np.indices((1600, 1600)).sum(axis=0) % 2 * 255
    frame_bgr = np.repeat(checkerboard[:, :, np.newaxis], 3, axis=2).astype(np.uint8)
    shrunk = fit_frame(frame_bgr, size_wh=(160, 160)).astype(int)
    assert abs(shrunk - 127).max() <= 1
