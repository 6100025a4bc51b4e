"""The demo source. Most cases use two made photos, so that they run without scikit-image."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from edge.classifier import open_classifier
from edge.decision import Decider
from edge.errors import MissingExtraError, SettingError
from edge.evidence import model_evidence
from edge.modelfile import default_model_path
from edge.runtime import run
from edge.sources import open_source
from edge.sources.demo import DemoScene, actors
from edge.sources.demo.motion import Gait, Mark, Pose, pose_at, sunlight_at
from edge.testing import ManualClock, RecordingFollower
from edge.watcher import Watcher

CAT_BGR = (250, 0, 250)  # colours that the garden has next to nothing of
PERSON_BGR = (250, 0, 0)
SMALL_WH = (160, 120)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for photo, colour in ((actors.CAT, CAT_BGR), (actors.PERSON, PERSON_BGR)):
        width, height = photo.size_wh
        cv2.imwrite(str(folder / photo.file_name), np.full((height, width, 3), colour, np.uint8))
    return folder


@pytest.fixture(scope="module")
def frames(photos):
    return list(read_all(DemoScene(size_wh=SMALL_WH, photos=photos, clock=ManualClock(7.0))))


@pytest.fixture(scope="module")
def shares(frames):
    """Map times to how much of the frame is cat and how much person."""
    return {f.time_seconds: (share_of(f, CAT_BGR), share_of(f, PERSON_BGR)) for f in frames[::4]}


def read_all(scene):
    while (frame := scene.read()) is not None:
        yield frame


def phase_at(time_seconds):
    return next(
        phase.name
        for phase in DemoScene.phases
        if phase.start_seconds <= time_seconds < phase.end_seconds
    )


def share_of(frame, colour_bgr):
    """Return how much of a frame has about that hue, in [0, 1]."""
    pixels = frame.pixels_bgr.astype(np.float32)
    scaled = np.float32(colour_bgr) * pixels.max(axis=2, keepdims=True) / 250
    return float((np.abs(pixels - scaled).max(axis=2) < 32).mean())


def test_phases_tell_the_story_without_a_gap():
    starts = [phase.start_seconds for phase in DemoScene.phases]
    ends = [phase.end_seconds for phase in DemoScene.phases]
    assert starts == [0.0, *ends[:-1]]
    assert ends[-1] == DemoScene.seconds
    assert DemoScene.seconds <= 45  # `make demo` ends by itself within a minute
    assert [phase.name for phase in DemoScene.phases] == [
        "empty",
        *("person arrives", "person stays", "person leaves", "empty"),
        *("cat arrives", "cat stays", "cat leaves", "empty"),
    ]


def test_frames_follow_a_fixed_timeline(frames):
    assert [frame.index for frame in frames] == list(range(32 * 25))
    assert all(frame.time_seconds == frame.index / 25 for frame in frames)
    assert {frame.captured_seconds for frame in frames} == {7.0}
    assert {frame.pixels_bgr.shape for frame in frames} == {(120, 160, 3)}
    assert {frame.pixels_bgr.dtype for frame in frames} == {np.dtype(np.uint8)}


def test_frames_follow_from_the_seed_and_are_the_readers_own(photos, frames):
    same, other = (DemoScene(size_wh=SMALL_WH, photos=photos, seed=seed) for seed in (0, 1))
    for expected in frames[:3]:
        frame = same.read()
        np.testing.assert_array_equal(frame.pixels_bgr, expected.pixels_bgr)
        assert (other.read().pixels_bgr != expected.pixels_bgr).mean() > 0.5
        frame.pixels_bgr[:] = 0  # nobody else's business


def test_visitors_are_there_in_their_phases_only(shares):
    for time_seconds, (cat, person) in shares.items():
        phase = phase_at(time_seconds)
        assert cat < 0.005 or phase.startswith("cat"), time_seconds
        assert person < 0.005 or phase.startswith("person"), time_seconds
        if phase == "cat stays":
            assert cat > 0.5
        if phase == "person stays":
            assert person > 0.2


def test_the_cat_shows_no_edge_of_its_photo(frames):
    # its back and the tips of its ears are cut off in the photo, so these stay out of the frame
    for frame in frames:
        if phase_at(frame.time_seconds) == "cat stays":
            for corner in (np.s_[:8, :8], np.s_[-8:, :8]):
                assert np.abs(frame.pixels_bgr[corner].std(axis=(0, 1))).max() < 20


def test_visitors_move_without_jumps(shares):
    assert np.abs(np.diff(np.array(list(shares.values())), axis=0)).max() < 0.16


def test_light_and_noise_change_an_empty_scene(frames):
    empty = [frame for frame in frames if phase_at(frame.time_seconds) == "empty"]
    brightness = np.array([frame.pixels_bgr.mean() for frame in empty])
    assert brightness.max() - brightness.min() > 20  # a cloud
    noise = empty[1].pixels_bgr.astype(int) - empty[0].pixels_bgr
    assert 1.5 < noise.std() < 8


@pytest.mark.parametrize("size_wh", [(1280, 720), (480, 640), (64, 48)])
def test_every_size_has_the_whole_scene_until_closed(photos, size_wh):
    scene = DemoScene(size_wh=size_wh, photos=photos)
    frame = scene.read()
    assert frame.pixels_bgr.shape == (size_wh[1], size_wh[0], 3)
    assert frame.pixels_bgr.std() > 30
    scene.close()
    scene.close()
    assert scene.read() is None


def test_a_scene_too_small_is_refused():
    with pytest.raises(SettingError, match=r"demo: needs at least 64x48 pixels. Received: 8x6"):
        DemoScene(size_wh=(8, 6))


def test_missing_photos_name_the_file_and_the_extra(tmp_path):
    with pytest.raises(
        MissingExtraError, match=r"astronaut\.png.*pip install --no-deps scikit-image"
    ):
        DemoScene(photos=tmp_path)


def test_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(actors, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"without scikit-image.*--no-deps scikit-image"):
        open_source("demo:", clock=ManualClock())


def test_scikit_image_is_found_and_not_imported():
    if actors.find_photos() is None:
        pytest.skip("scikit-image is not installed")
    program = (
        "import sys\n"
        "from edge.sources.demo import DemoScene\n"
        "DemoScene(size_wh=(64, 48)).read()\n"
        "sys.exit('skimage' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def test_cutouts_are_transparent_around_the_actor(photos):
    for photo, inside_xy in ((actors.CAT, (200, 150)), (actors.PERSON, (200, 350))):
        cutout = actors.open_cutout(photo, folder=photos)
        assert cutout.shape == (photo.size_wh[1], photo.size_wh[0], 4)
        assert cutout[inside_xy[1], inside_xy[0], 3] == 255
        assert cutout[0, -1].tolist() == [0, 0, 0, 0]
        assert (cutout[:, :, :3].max(axis=2) <= cutout[:, :, 3]).all()


def test_a_photo_of_another_size_is_scaled(tmp_path):
    larger = np.full((600, 902, 3), CAT_BGR, np.uint8)
    cv2.imwrite(str(tmp_path / actors.CAT.file_name), larger)
    assert actors.open_cutout(actors.CAT, folder=tmp_path).shape == (300, 451, 4)


def test_pose_rests_between_equal_marks():
    gait = Gait(steps_hz=2, bob=10, lean_degrees=5, breath=0)
    marks = (Mark(0.0, Pose(4, 8, 2)), Mark(1.0, Pose(4, 8, 2)), Mark(2.0, Pose(9, 8, 2)))
    assert pose_at(0.25, marks, gait) == Pose(4, 8, 2)
    walking = pose_at(1.4, marks, gait)
    assert 4 < walking.x < 9
    assert walking.y < 8  # a step
    assert pose_at(-0.1, marks, gait) is None


@pytest.mark.parametrize(
    ("time_seconds", "sun"),
    [(0.0, 1.0), (10.0, 0.5), (11.0, 0.5), (20.0, 0.0), (30.0, 1.0)],
)
def test_sunlight_takes_the_thickest_cloud(time_seconds, sun):
    assert sunlight_at(time_seconds, [(10.0, 4.0, 0.5), (20.0, 4.0, 1.0)]) == sun


class EveryNth:
    """Shows only some frames, as a slow device would see them."""

    def __init__(self, source, step):
        self.source, self.step = source, step

    def read(self):
        frames = [self.source.read() for _ in range(self.step)]
        return frames[0]


def test_the_embedded_model_follows_the_story():
    if actors.find_photos() is None:
        pytest.skip("scikit-image is not installed")
    if not default_model_path().exists():
        pytest.skip("no embedded model")
    action = RecordingFollower()
    with open_classifier(default_model_path()) as classifier:
        spec = classifier.model.manifest.decision
        evidence = model_evidence(spec)
        decider = Decider(classifier.labels, thresholds=spec.thresholds, evidence=evidence)
        source = EveryNth(DemoScene(), 4)
        watcher = Watcher(classifier, decider, clock=(clock := ManualClock()))
        run(source, watcher, [action], clock=clock)
    decisions = [look.decision for look in action.handled]
    seen = {}
    for decision in decisions:
        seen.setdefault(phase_at(decision.time_seconds), set()).add(decision.label)
    settled = [d for d in decisions if 18.4 <= d.time_seconds < 25.4]
    assert {decision.label for decision in settled} == {"cat"}
    for phase, labels in seen.items():
        if not phase.startswith("cat"):
            # the votes of the last frames with the cat reach into the moment after it
            assert not labels & {"cat", "dog"}, phase
        assert "dog" not in labels, phase
