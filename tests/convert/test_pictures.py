"""Samples of a run's pictures, and their pixels."""

import numpy as np
import pytest
from PIL import Image

from convert import pictures as module
from convert.pictures import load_pictures, sample_pictures
from convert.run_folder import RunPicture, read_run
from edge.errors import RunFolderError
from edge.images import read_picture
from edge.preprocess import fit_frame


@pytest.fixture
def few(run_folder):
    """Six pictures of a run, two of each label."""
    return sample_pictures(read_run(run_folder).part("train"), count=6)


def test_sample_pictures_begins_with_every_label(run_folder):
    chosen = sample_pictures(read_run(run_folder).part("train"), count=30)
    for start in range(0, 30, 3):
        assert len({picture.label for picture in chosen[start : start + 3]}) == 3


def test_sample_pictures_passes_over_labels_that_run_out(tmp_path):
    pictures = [RunPicture(tmp_path / str(i), "a", "train", "") for i in range(10)]
    pictures += [RunPicture(tmp_path / "only", "b", "train", "")]
    chosen = sample_pictures(pictures)
    assert sorted(chosen, key=str) == sorted(pictures, key=str)
    assert "b" in {picture.label for picture in chosen[:2]}


def test_sample_pictures_repeats_with_the_seed(run_folder):
    pictures = read_run(run_folder).part("train")
    assert sample_pictures(pictures, count=9, seed=1) == sample_pictures(
        pictures[::-1][::-1], count=9, seed=1
    )
    assert sample_pictures(pictures, count=9, seed=1) != sample_pictures(pictures, count=9, seed=2)


def test_load_pictures_gives_the_pixels_of_the_device(few, run_folder):
    labels = read_run(run_folder).labels
    loaded = load_pictures(few, labels=labels, size_wh=(32, 24))
    assert loaded.pixels_rgb.shape == (6, 24, 32, 3)
    for picture, pixels_rgb, place in zip(few, loaded.pixels_rgb, loaded.truth, strict=True):
        expected = fit_frame(read_picture(picture.path), size_wh=(32, 24))
        assert np.array_equal(pixels_rgb, expected)
        assert labels[place] == picture.label


def test_load_pictures_puts_a_large_set_on_disk(few, run_folder, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST_IN_MEMORY_BYTES", 1000)
    loaded = load_pictures(few, labels=read_run(run_folder).labels, size_wh=(32, 32))
    assert isinstance(loaded.pixels_rgb, np.memmap)
    assert np.array_equal(
        loaded.pixels_rgb[5], fit_frame(read_picture(few[5].path), size_wh=(32, 32))
    )


def test_load_pictures_tells_how_far_it_is(few, run_folder):
    said = []
    load_pictures(
        few,
        labels=read_run(run_folder).labels,
        size_wh=(8, 8),
        progress=lambda stage, *, done, total: said.append((stage, done, total)),
    )
    assert said == [("reading pictures", done, 6) for done in range(7)]


def test_load_pictures_names_what_is_gone_changed_or_broken(tmp_path):
    changed, broken = tmp_path / "changed.png", tmp_path / "broken.png"
    Image.new("RGB", (4, 4)).save(changed)
    broken.write_bytes(b"no picture")
    sha256 = "1f0d35ba4b45d8faaaa6ec3ce6dd0dbd1ac44e01e12be0eb4b6a2a5c5c9b6ab2"
    own = "0" * 64
    pictures = [
        RunPicture(tmp_path / "gone.png", "a", "train", sha256),
        RunPicture(changed, "a", "train", own),
        RunPicture(broken, "a", "train", module.hashlib.sha256(b"no picture").hexdigest()),
        RunPicture(tmp_path / "gone too.png", "a", "train", sha256),
    ]
    with pytest.raises(RunFolderError) as caught:
        load_pictures(pictures, labels=["a"], size_wh=(8, 8))
    text = str(caught.value)
    assert "4 of 4 are not" in text
    assert "gone.png (No such file or directory)" in text
    assert "changed.png (changed since training)" in text
    assert "broken.png: it holds text, in no picture format" in text
    assert "and 1 more" in text
