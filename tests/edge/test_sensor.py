"""The state of a picture, on generated frames and on real ones."""

import itertools
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from edge.conditions import CONDITIONS
from edge.errors import SettingError
from edge.glance import glance, shrink_to_thumbnail
from edge.records import Frame, Picture
from edge.sensor import SensorSense, SensorSpec, contrast_of, sharpness_of
from edge.sources import open_source
from edge.testing import ManualClock

RATE_HZ = 10.0


def scene(seed=0, *, size_wh=(640, 480), offset_xy=(0, 0)):
    """A cluttered place: boxes of all sizes, and the view of it from an offset in pixels."""
    generator = np.random.default_rng(seed)
    wide_bgr = np.full((720, 960, 3), 110, np.uint8)
    for _ in range(150):
        left, top = generator.integers(0, (940, 700))
        width, height = generator.integers(8, 160, 2)
        colour = [int(value) for value in generator.integers(20, 230, 3)]
        cv2.rectangle(wide_bgr, (left, top), (left + width, top + height), colour, -1)
    left, top = 160 + offset_xy[0], 120 + offset_xy[1]
    return np.ascontiguousarray(wide_bgr[top : top + size_wh[1], left : left + size_wh[0]])


def noisy(picture_bgr, *, seed, deviation=2.0):
    added = np.random.default_rng(seed).normal(0, deviation, picture_bgr.shape)
    return np.clip(picture_bgr + added, 0, 255).astype(np.uint8)


def frames(pictures_bgr, *, start_seconds=0.0, rate_hz=RATE_HZ):
    """Make frames with glances of pictures, as the lens does."""
    previous_bgr = None
    for index, picture_bgr in enumerate(pictures_bgr):
        time_seconds = start_seconds + index / rate_hz
        yield Frame(picture_bgr, index, time_seconds, 0.0, glance=glance(picture_bgr, previous_bgr))
        previous_bgr = picture_bgr


def filmed(picture_bgr, count, *, deviation=2.0, first=0):
    """A camera's frames of a place where nothing moves: no two have the same noise."""
    return [noisy(picture_bgr, seed=first + n, deviation=deviation) for n in range(count)]


def states(sense, pictures_bgr, **timing):
    return [sense.judge(frame) for frame in frames(pictures_bgr, **timing)]


def settled(picture_bgr, *, deviation=1.0):
    """The state of a still scene after four seconds."""
    sense = SensorSense()
    return states(sense, filmed(picture_bgr, 3, deviation=deviation), rate_hz=0.5)[-1]


def test_a_still_scene_with_noise_is_live():
    assert set(states(SensorSense(), filmed(scene(), 50))) == {Picture.LIVE}


def test_identical_frames_are_frozen_after_three_seconds_and_live_with_the_next_new_one():
    sense = SensorSense()
    seen = states(sense, [*[scene()] * 41, noisy(scene(), seed=1)])
    assert seen == [Picture.LIVE] * 30 + [Picture.FROZEN] * 11 + [Picture.LIVE]
    assert sense.reason == ""


def test_a_frozen_run_is_told_with_its_length_and_the_limit():
    sense = SensorSense(SensorSpec(frozen_seconds=1.0))
    states(sense, [scene()] * 16)
    assert sense.reason == "all pixels the same for 1.5 s; limit 1 s"


def test_different_pictures_of_a_folder_are_neither_frozen_nor_moved():
    pictures = [scene(seed) for seed in range(40)]
    assert set(states(SensorSense(), pictures, rate_hz=1.0)) == {Picture.LIVE}
    assert set(states(SensorSense(), pictures, rate_hz=0.2)) == {Picture.LIVE}


def test_two_equal_pictures_far_apart_are_no_frozen_run():
    assert set(states(SensorSense(), [scene()] * 3, rate_hz=0.2)) == {Picture.LIVE}


@pytest.mark.parametrize(
    ("picture_bgr", "state", "reason"),
    [
        # a lens cap
        (
            np.zeros((480, 640, 3), np.uint8),
            Picture.DARK,
            "0.0 % of the picture is as bright as 10",
        ),
        # a tenth of a percent of light, beneath the noise
        ((scene() * 0.01).astype(np.uint8), Picture.DARK, "as bright as 10"),
        # the sun
        (np.full((480, 640, 3), 255, np.uint8), Picture.BRIGHT, "darker than 245"),
        # a cloth
        (np.full((480, 640, 3), 90, np.uint8), Picture.COVERED, "local contrast is"),
        # a hand that lets light through at one side
        (
            np.broadcast_to(np.linspace(20, 90, 640)[None, :, None], (480, 640, 3)).astype(
                np.uint8
            ),
            Picture.COVERED,
            "at least 1.00 needed",
        ),
    ],
)
def test_a_picture_that_shows_nothing_says_why(picture_bgr, state, reason):
    sense = SensorSense()
    assert set(states(sense, filmed(picture_bgr, 20, deviation=3.0))) == {state}
    assert reason in sense.reason
    assert states(sense, filmed(scene(), 6, first=50), start_seconds=3.0)[-1] is Picture.LIVE


def test_dark_is_left_only_when_clearly_lighter():
    sense = SensorSense()
    lit = scene() > 128
    pictures = [(lit * level).astype(np.uint8) for level in (7, 9, 9, 12, 9)]
    dark, live = Picture.DARK, Picture.LIVE
    assert states(sense, pictures) == [dark, dark, dark, live, live]


def test_out_of_focus_is_blurred_after_two_seconds_and_live_again_once_sharp():
    sense = SensorSense()
    soft_bgr = cv2.GaussianBlur(scene(), (0, 0), 20)
    seen = states(sense, [*filmed(soft_bgr, 40), *filmed(scene(), 10, first=60)])
    assert seen[:20] == [Picture.LIVE] * 20
    assert set(seen[20:40]) == {Picture.BLURRED}
    assert seen[45:] == [Picture.LIVE] * 5


def test_a_second_of_smear_is_not_called_blurred():
    soft_bgr = cv2.GaussianBlur(scene(), (0, 0), 20)
    pictures = [*filmed(scene(), 10), *filmed(soft_bgr, 12, first=20), *filmed(scene(), 10)]
    assert set(states(SensorSense(), pictures)) == {Picture.LIVE}


@pytest.mark.parametrize("shift_xy", [(32, 0), (-40, 24), (0, 60), (90, -70)])
def test_a_shifted_scene_is_moved_after_three_seconds(shift_xy):
    sense = SensorSense()
    assert set(states(sense, filmed(scene(), 20))) == {Picture.LIVE}
    pictures = filmed(scene(offset_xy=shift_xy), 50, first=100)
    seen = states(sense, pictures, start_seconds=2.0)
    assert seen[:30] == [Picture.LIVE] * 30
    assert set(seen[36:]) == {Picture.MOVED}
    assert "the view is shifted by" in sense.reason


def test_a_camera_that_was_moved_while_away_is_noticed():
    sense = SensorSense()
    states(sense, filmed(scene(), 20), start_seconds=100.0)
    seen = states(sense, filmed(scene(offset_xy=(60, 0)), 50, first=100))  # starts at zero again
    assert seen[0] is Picture.LIVE
    assert seen[-1] is Picture.MOVED


def test_the_new_view_is_the_right_one_after_a_minute():
    sense = SensorSense()
    states(sense, filmed(scene(), 8), rate_hz=2.0)
    pictures = filmed(scene(offset_xy=(60, 0)), 131, first=10)
    seen = states(sense, pictures, start_seconds=4.0, rate_hz=2.0)
    assert Picture.MOVED in seen
    assert set(seen[121:]) == {Picture.LIVE}


def test_a_scene_that_is_put_back_is_live():
    sense = SensorSense()
    away = filmed(scene(offset_xy=(60, 0)), 10, first=10)
    pictures = [*filmed(scene(), 6), *away, *filmed(scene(), 3, first=30)]
    seen = states(sense, pictures, rate_hz=2.0)
    assert seen[15:17] == [Picture.MOVED, Picture.LIVE]


def test_what_walks_into_a_moved_view_does_not_put_it_back():
    sense = SensorSense()
    away, elsewhere = scene(offset_xy=(60, 0)), scene(seed=7)
    pictures = [*filmed(scene(), 6), *filmed(away, 10, first=10), *filmed(elsewhere, 6, first=30)]
    seen = states(sense, [*pictures, *filmed(scene(), 2, first=40)], rate_hz=2.0)
    assert set(seen[15:22]) == {Picture.MOVED}
    assert seen[22] is Picture.LIVE


def test_a_moved_view_that_is_pushed_on_stays_moved():
    sense = SensorSense()
    pictures = [*filmed(scene(), 6), *filmed(scene(offset_xy=(60, 0)), 10, first=10)]
    seen = states(sense, [*pictures, *filmed(scene(offset_xy=(90, 40)), 10)], rate_hz=2.0)
    assert set(seen[15:]) == {Picture.MOVED}


@pytest.mark.parametrize("start", [0, 700, 2900])
def test_a_state_is_told_on_time_however_times_are_rounded(start):
    sense = SensorSense()
    shown = [(scene(), 15), (scene(offset_xy=(60, 0)), 91)]
    filmed_pictures = [noisy(bgr, seed=n % 4) for bgr, count in shown for n in range(count)]
    seconds = 0.0
    for index, picture_bgr in enumerate(filmed_pictures):
        seen = Frame(picture_bgr, index, start + seconds, 0.0, glance=glance(picture_bgr))
        state = sense.judge(seen)
        seconds += 1 / 30
    assert state is Picture.MOVED


def test_a_panning_camera_has_not_moved():
    pictures = [noisy(scene(offset_xy=(-150 + 6 * n, 0)), seed=n) for n in range(50)]
    assert set(states(SensorSense(), pictures, rate_hz=5.0)) == {Picture.LIVE}


def test_time_that_goes_backwards_starts_a_frozen_run_anew():
    sense = SensorSense()
    states(sense, [scene()] * 25)
    assert set(states(sense, [scene()] * 30)) == {Picture.LIVE}


def test_a_frame_without_a_glance_is_looked_at():
    frame = Frame(np.zeros((480, 640, 3), np.uint8), 0, 0.0, 0.0)
    assert SensorSense().judge(frame) is Picture.DARK


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", [field.name for field in fields(SensorSpec)])
def test_a_limit_that_is_none_is_refused(name, value):
    with pytest.raises(SettingError, match=f"above zero.*{name}={value}.*Choose for example"):
        SensorSpec(**{name: value})


@pytest.mark.parametrize(
    "limits",
    [{"dark_level": 247.0}, {"dark_level": 500.0}, {"bright_level": 256.0}, {"moved_share": 1.0}],
)
def test_limits_out_of_a_pictures_range_are_refused(limits):
    (name,) = limits
    with pytest.raises(SettingError, match=f"below bright_level.*{name}=.*Choose for example"):
        SensorSpec(**limits)


def test_contrast_ignores_slow_gradients():
    ramp = np.broadcast_to(np.linspace(0, 250, 80), (60, 80)).astype(np.uint8)
    assert ramp.std() > 70
    assert contrast_of(ramp) < 3.0
    assert contrast_of(shrink_to_thumbnail(scene())) > 15


def test_sharpness_does_not_depend_on_light_or_size():
    sharp = sharpness_of(scene())
    for other in (scene() // 4, cv2.resize(scene(), (320, 240), interpolation=cv2.INTER_AREA)):
        assert sharpness_of(other) == pytest.approx(sharp, rel=0.25)


def test_sharpness_of_nothing_is_no_number():
    assert np.isnan(sharpness_of(np.full((480, 640, 3), 90, np.uint8)))


def test_real_clips_are_live_in_every_frame(shared_data):
    clips = sorted((shared_data / "videos").iterdir())
    assert len(clips) == 5
    for path in clips:
        source = open_source(str(path), clock=ManualClock())
        sense, previous_bgr = SensorSense(), None
        while (frame := source.read()) is not None:
            seen = glance(frame.pixels_bgr, previous_bgr)
            picture = sense.judge(replace(frame, glance=seen))
            assert picture is Picture.LIVE, (path.name, frame.index, sense.reason)
            previous_bgr = frame.pixels_bgr.copy()
        source.close()


@pytest.fixture(scope="module")
def photos(tmp_path_factory, shared_data):
    """Sixty photos, cats, dogs and rooms, at a camera's size."""
    import zipfile

    pictures = []
    for name, count in (("cats-vs-dogs.zip", 40), ("negatives.zip", 20)):
        with zipfile.ZipFile(shared_data / name) as archive:
            names = sorted(n for n in archive.namelist() if n.lower().endswith(".jpg"))
            for chosen in itertools.islice(names, 0, None, len(names) // count):
                data = np.frombuffer(archive.read(chosen), np.uint8)
                picture_bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
                pictures.append(cv2.resize(picture_bgr, (640, 480), interpolation=cv2.INTER_CUBIC))
    return pictures


@pytest.mark.parametrize("condition", ["as it is", "dusk", "night", "infrared", "noise"])
def test_photos_in_poor_but_usable_light_are_live(photos, condition):
    for number, picture_bgr in enumerate(photos):
        seen = settled(CONDITIONS[condition](picture_bgr))
        assert seen is Picture.LIVE, number


def test_photos_far_out_of_focus_are_blurred(photos):
    found = [
        settled(cv2.GaussianBlur(picture_bgr, (0, 0), 0.03 * 480)) is Picture.BLURRED
        for picture_bgr in photos
    ]
    assert np.mean(found) >= 0.95
