import cv2
import numpy as np
import pytest

from edge.errors import ModelFileError
from edge.manifest import RESIZE_MODES, InputSpec, Region
from edge.preprocess import PADDING, describe_framing, fit_frame, seen_box


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
    np.testing.assert_array_equal(fit_frame(frame_bgr, spec=InputSpec(*size_wh)), expected_rgb)


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
    shrunk = fit_frame(frame_bgr, spec=InputSpec(*size_wh))
    assert shrunk.shape == (size_wh[1], size_wh[0], 3)
    assert shrunk.std() < 0.75 * frame_bgr.std()
    assert abs(shrunk.mean() - frame_bgr.mean()) < 4


def test_fit_frame_fills_the_given_array_and_leaves_the_frame_alone():
    frame_bgr = noise_bgr(320, 240)
    before = frame_bgr.copy()
    out = np.zeros((96, 128, 3), np.uint8)
    assert fit_frame(frame_bgr, spec=InputSpec(128, 96), out=out) is out
    np.testing.assert_array_equal(out, fit_frame(frame_bgr, spec=InputSpec(128, 96)))
    np.testing.assert_array_equal(frame_bgr, before)


def test_fit_frame_of_the_right_size_only_orders_the_colours():
    frame_bgr = noise_bgr(160, 160)
    np.testing.assert_array_equal(
        fit_frame(frame_bgr, spec=InputSpec(160, 160)), frame_bgr[:, :, ::-1]
    )


def test_fit_frame_of_a_large_picture_averages_what_it_shrinks():
    checkerboard = np.indices((1600, 1600)).sum(axis=0) % 2 * 255
    frame_bgr = np.repeat(checkerboard[:, :, np.newaxis], 3, axis=2).astype(np.uint8)
    shrunk = fit_frame(frame_bgr, spec=InputSpec(160, 160)).astype(int)
    assert abs(shrunk - 127).max() <= 1


RIGHT_HALF = Region(0.5, 0.0, 1.0, 1.0)
CROPS = [
    # frame, input, region, (left, top, right, bottom) that is seen
    ((640, 480), (160, 160), Region(), (80, 0, 560, 480)),
    ((480, 640), (160, 160), Region(), (0, 80, 480, 560)),  # upright
    ((1280, 720), (160, 120), Region(), (160, 0, 1120, 720)),  # an input of 4 to 3
    ((160, 160), (64, 64), Region(), (0, 0, 160, 160)),  # nothing to cut off
    ((5, 2), (64, 64), Region(), (1, 0, 3, 2)),  # an odd rest: the larger part at the end
    ((640, 480), (160, 160), RIGHT_HALF, (320, 80, 640, 400)),  # of the region
    ((3000, 1), (160, 160), Region(), (1499, 0, 1500, 1)),  # a pixel at least
]


@pytest.mark.parametrize(("frame_wh", "size_wh", "region", "box"), CROPS)
def test_crop_is_the_middle_of_the_frame_in_the_proportions_of_the_input(
    frame_wh, size_wh, region, box
):
    frame_bgr = noise_bgr(*frame_wh)
    left, top, right, bottom = box
    spec = InputSpec(*size_wh, resize="crop", region=region)
    assert seen_box(frame_wh, spec) == box
    cut_out = np.ascontiguousarray(frame_bgr[top:bottom, left:right])
    expected_rgb = fit_frame(cut_out, spec=InputSpec(*size_wh))
    np.testing.assert_array_equal(fit_frame(frame_bgr, spec=spec), expected_rgb)


BARS = [
    # frame, input, rows and columns of the input that show it
    ((640, 480), (160, 160), (slice(20, 140), slice(0, 160))),
    ((480, 640), (160, 160), (slice(0, 160), slice(20, 140))),  # upright: bars at the sides
    ((1280, 720), (224, 224), (slice(49, 175), slice(0, 224))),
    ((640, 480), (160, 120), (slice(0, 120), slice(0, 160))),  # no bars
    ((3000, 1), (160, 160), (slice(79, 80), slice(0, 160))),  # a pixel at least
    ((1, 3000), (161, 160), (slice(0, 160), slice(80, 81))),
    ((3, 2), (5, 5), (slice(1, 4), slice(0, 5))),  # enlarged; 3.33 rows
]


@pytest.mark.parametrize(("frame_wh", "size_wh", "shown"), BARS)
def test_letterbox_shows_the_whole_frame_between_bars(frame_wh, size_wh, shown):
    frame_bgr = noise_bgr(*frame_wh)
    out = np.full((size_wh[1], size_wh[0], 3), 9, np.uint8)  # what an earlier frame left
    assert fit_frame(frame_bgr, spec=InputSpec(*size_wh, resize="letterbox"), out=out) is out
    height, width = out[shown].shape[:2]
    whole_rgb = fit_frame(frame_bgr, spec=InputSpec(width, height))
    np.testing.assert_array_equal(out[shown], whole_rgb)
    bars = np.ones(out.shape[:2], np.bool_)
    bars[shown] = False
    assert (out[bars] == PADDING).all()


def test_padding_is_zero_to_the_network():
    spec = InputSpec(8, 8)
    assert (PADDING - spec.mean) / spec.scale == 0.0


@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_region_is_cut_out_first(resize):
    frame_bgr = noise_bgr(640, 480)
    region = Region(0.25, 0.5, 0.75, 1.0)
    part_bgr = np.ascontiguousarray(frame_bgr[240:480, 160:480])
    np.testing.assert_array_equal(
        fit_frame(frame_bgr, spec=InputSpec(96, 64, resize=resize, region=region)),
        fit_frame(part_bgr, spec=InputSpec(96, 64, resize=resize)),
    )


def test_region_of_a_tiny_frame_is_a_pixel():
    spec = InputSpec(8, 8, region=Region(0.6, 0.0, 0.7, 0.01))
    assert seen_box((1, 1), spec) == (0, 0, 1, 1)
    assert seen_box((7, 3), spec) == (4, 0, 5, 1)


@pytest.mark.parametrize("resize", RESIZE_MODES)
def test_a_fitted_picture_stays_as_it_is(resize):
    spec = InputSpec(96, 64, resize=resize, region=RIGHT_HALF)
    fitted_rgb = fit_frame(noise_bgr(640, 480), spec=spec)
    fitted_bgr = np.ascontiguousarray(fitted_rgb[:, :, ::-1])
    np.testing.assert_array_equal(fit_frame(fitted_bgr, spec=spec.fitted), fitted_rgb)
    assert spec.fitted.size_wh == spec.size_wh


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_the_frame_is_not_copied(resize, monkeypatch):
    """What OpenCV gets is the frame's own memory."""
    frame_bgr, sources = noise_bgr(640, 480), []
    resize_of_opencv = cv2.resize

    def look(source, *arguments, **settings):
        sources.append(np.shares_memory(source, frame_bgr))
        return resize_of_opencv(source, *arguments, **settings)

    monkeypatch.setattr(cv2, "resize", look)
    fit_frame(frame_bgr, spec=InputSpec(160, 160, resize=resize, region=RIGHT_HALF))
    assert sources == [True]


@pytest.mark.parametrize(
    "sides",
    [(0.5, 0, 0.5, 1), (0.6, 0, 0.5, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1), (0, float("nan"), 1, 1)],
)
def test_region_must_lie_in_the_frame(sides):
    with pytest.raises(ModelFileError, match=r"input\.region"):
        Region(*sides)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (InputSpec(8, 8), "the whole frame, squashed"),
        (InputSpec(8, 8, resize="crop"), "the whole frame, cropped to the middle"),
        (InputSpec(8, 8, resize="letterbox"), "the whole frame, between bars (letterbox)"),
    ],
)
def test_framing_is_told_in_words(spec, words):
    assert describe_framing(spec) == words
