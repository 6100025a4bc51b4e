"""Pictures of network cameras: whole, or none."""

import cv2
import mjpegd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sources.decoding import decode_picture, picture_size

JPEG = mjpegd.encode(5)
PNG = mjpegd.encode(5, suffix=".png")


@pytest.mark.parametrize("data", [JPEG, PNG, JPEG + b"\r\n", JPEG + bytes(64)])
def test_a_whole_picture_is_decoded(data):
    pixels_bgr = decode_picture(data)
    assert pixels_bgr.shape == (48, 64, 3)
    assert mjpegd.read_counter(pixels_bgr) == 5


@given(st.integers(0, len(JPEG) - 2))
def test_a_jpeg_that_is_cut_off_is_none(length):
    assert decode_picture(JPEG[:length]) is None


@given(st.integers(0, len(PNG) - 1))
def test_a_png_that_is_cut_off_is_none(length):
    assert decode_picture(PNG[:length]) is None


@given(st.binary(max_size=300))
def test_noise_is_none(data):
    assert decode_picture(data) is None
    assert decode_picture(b"\xff\xd8" + data + b"\xff\xd9") is None


def test_other_formats_stay_closed():
    bmp = cv2.imencode(".bmp", mjpegd.make_picture(1))[1].tobytes()
    assert decode_picture(bmp) is None


def test_a_size_that_would_fill_the_memory_is_refused_unread():
    huge = PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:]
    assert picture_size(huge) == (60_000, 60_000)
    assert decode_picture(huge) is None


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_grey_pictures_come_with_three_colours(suffix):
    data = cv2.imencode(suffix, np.full((10, 20), 77, np.uint8))[1].tobytes()
    assert picture_size(data) == (20, 10)
    assert decode_picture(data).shape == (10, 20, 3)


def test_size_of_a_jpeg_stands_behind_any_number_of_segments():
    comment = b"\xff\xfe\x00\x06abcd"
    assert picture_size(JPEG[:2] + comment * 3 + b"\xff" + JPEG[2:]) == (64, 48)
