"""Near-identical photos are found, others are not, and what hangs together is joined."""

import io
import shutil
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from edge.errors import DataError, SettingError
from edge.images import read_picture
from train.data.groups import unite
from train.data.pattern import name_groups
from train.data.similar import find_candidates, find_similar, measure_likeness
from train.data.thumbnails import Thumbnails, shrink_photo, take_thumbnails


def draw_scene(chance, side=200):
    """A picture of shapes on a ground with structure, `(side, side, 3)`, BGR."""
    ground = cv2.resize(chance.uniform(40, 200, (6, 6, 3)), (side, side), interpolation=2)
    picture = np.ascontiguousarray(ground.clip(0, 255).astype(np.uint8))
    for _ in range(25):
        centre = tuple(int(value) for value in chance.integers(0, side, 2))
        axes = tuple(int(value) for value in chance.integers(4, side // 4, 2))
        colour = tuple(int(value) for value in chance.integers(0, 256, 3))
        cv2.ellipse(picture, centre, axes, float(chance.uniform(0, 180)), 0, 360, colour, -1)
    return picture


def stored(picture_bgr, form, **options):
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture_bgr[:, :, ::-1])).save(stream, form, **options)
    with Image.open(stream) as picture:
        return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])


ALTERATIONS = {
    "jpeg 15": lambda picture: stored(picture, "JPEG", quality=15),
    "webp": lambda picture: stored(picture, "WEBP", quality=50),
    "half": lambda picture: cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=3),
    "double": lambda picture: cv2.resize(picture, None, fx=2, fy=2, interpolation=2),
    "crop at a corner": lambda picture: picture[:180, 20:],
    "crop in the middle": lambda picture: picture[8:190, 12:186],
    "darker": lambda picture: (picture * 0.6).astype(np.uint8),
    "moved": lambda picture: np.roll(picture, (7, -9), (0, 1)),  # as in a burst
}


def thumbnails_of(pictures):
    names = tuple(f"{number}" for number in range(len(pictures)))
    return Thumbnails(names, np.stack([shrink_photo(picture) for picture in pictures]))


@pytest.mark.parametrize("name", ALTERATIONS)
def test_find_similar_finds_altered_copies_and_nothing_else(name):
    chance = np.random.default_rng(4)
    scenes = [draw_scene(chance) for _ in range(40)]
    copies = [ALTERATIONS[name](scene) for scene in scenes]
    pairs = find_similar(thumbnails_of([*scenes, *copies]))
    assert [(pair.first, pair.second) for pair in pairs] == [(i, i + 40) for i in range(40)]


def test_find_similar_of_photos_with_the_same_frame_finds_nothing():
    chance = np.random.default_rng(5)
    framed = [
        cv2.copyMakeBorder(draw_scene(chance), 12, 12, 12, 12, 0, value=(255, 255, 255))
        for _ in range(30)
    ]
    assert find_similar(thumbnails_of(framed)) == []


def test_find_similar_ignores_plain_dark_and_smooth_pictures():
    chance = np.random.default_rng(6)
    ramp = np.linspace(0, 255, 200)[:, None, None]
    pictures = [np.full((200, 200, 3), grey, np.uint8) for grey in (0, 0, 90, 91)]
    for low, high in ((0, 255), (40, 160)):
        shade = np.interp(ramp, (0, 255), (low, high))
        pictures.append(np.broadcast_to(shade, (200, 200, 3)).astype(np.uint8))
    pictures += [chance.normal(60, 3, (200, 200, 3)).clip(0, 255).astype(np.uint8) for _ in "ab"]
    assert find_similar(thumbnails_of(pictures)) == []


@pytest.mark.parametrize("count", [0, 1])
def test_find_similar_of_nothing_to_compare(count):
    grey = np.zeros((count, 64, 64), np.uint8)
    assert find_similar(Thumbnails(("a",) * count, grey)) == []
    assert find_candidates(grey).shape == (0, 2)


def test_likeness_is_the_same_either_way():
    chance = np.random.default_rng(7)
    scene = draw_scene(chance)
    one, other = shrink_photo(scene), shrink_photo(scene[20:, 20:])
    assert measure_likeness(one, other) > 0.66
    assert measure_likeness(other, one) > 0.66


def test_thumbnail_of_a_small_picture_and_of_a_large_jpeg(tmp_path):
    scene = draw_scene(np.random.default_rng(8), side=1200)
    cv2.imwrite(str(tmp_path / "large.jpg"), scene)
    cv2.imwrite(str(tmp_path / "small.png"), cv2.resize(scene, (50, 50), interpolation=3))
    (tmp_path / "page.jpg").write_text("<html>")
    found = take_thumbnails(tmp_path, ["large.jpg", "page.jpg", "small.png"])
    assert found.paths == ("large.jpg", "small.png")
    assert [(file.path, file.reason) for file in found.skipped] == [
        ("page.jpg", "it holds text (HTML or XML)")
    ]
    assert read_picture(tmp_path / "large.jpg", least_side=256).shape == (300, 300, 3)
    off = np.abs(found.grey[0].astype(int) - shrink_photo(scene))
    assert off.mean() < 2  # read at a quarter of its size, it is still the same picture
    assert len(find_similar(found)) == 1


def test_truncated_jpeg_is_refused_at_any_size(tmp_path):
    cv2.imwrite(str(tmp_path / "a.jpg"), draw_scene(np.random.default_rng(9), side=1200))
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 9 // 10])
    assert "truncated" in take_thumbnails(tmp_path, ["a.jpg"]).skipped[0].reason


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"house(\d+)", {"none/house1_a.jpg": "1", "cat/house1_b.jpg": "1"}),  # first group
        (r"house\d+", {"none/house1_a.jpg": "house1", "cat/house1_b.jpg": "house1"}),  # whole
        (r"^cat/", {"cat/house1_b.jpg": "cat/", "cat/7.jpg": "cat/"}),  # the folders count, too
        (r"house(\d*)_b|cat", {"cat/house1_b.jpg": "cat", "cat/7.jpg": "cat"}),  # no first group
        (None, {}),
    ],
)
def test_name_groups(pattern, expected):
    paths = ["none/house1_a.jpg", "cat/house1_b.jpg", "cat/7.jpg"]
    assert name_groups(paths, pattern) == expected


def test_name_groups_refuses_what_is_no_pattern():
    with pytest.raises(SettingError, match=r"--group-by takes .* Received: house\(, "):
        name_groups(["a"], "house(")


@pytest.mark.parametrize("pattern", ["nothing", "", "x*"])
def test_name_groups_refuses_what_names_no_photo(pattern):
    with pytest.raises(DataError, match=r"in any of 2 paths\. Write it for paths such as cat/1"):
        name_groups(["dog/2.jpg", "cat/1.jpg"], pattern)
    assert name_groups([], pattern) == {}


def test_unite_joins_through_copies_likeness_and_names():
    sha256 = {"a": "1", "b": "1", "c": "2", "d": "3", "e": "4", "f": "5"}
    joined = unite(sha256, alike=[("c", "b")], names={"c": "house", "d": "house"})
    assert joined == dict.fromkeys("abcd", "house")
    assert unite(sha256) == {"a": "a", "b": "a"}


def test_real_photos_and_their_copies(shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "cats-vs-dogs.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        for number, name in enumerate(names[:: len(names) // 300][:300]):
            with archive.open(name) as source, (tmp_path / f"{number}.jpg").open("wb") as target:
                shutil.copyfileobj(source, target)
    frames = [read_picture(tmp_path / f"{number}.jpg") for number in range(300)]
    small = {number: frame for number, frame in enumerate(frames[:100])}
    copies = [
        stored(
            cv2.resize(frame[: -max(1, frame.shape[0] // 12)], None, fx=0.7, fy=0.7),
            "JPEG",
            quality=40,
        )
        for frame in small.values()
    ]
    pairs = find_similar(thumbnails_of([*frames, *copies]))
    found = {(pair.first, pair.second) for pair in pairs}
    planted = {(number, 300 + number) for number in range(100)}
    assert len(found & planted) >= 97
    assert len({pair for pair in found - planted if pair[1] < 300}) <= 1
