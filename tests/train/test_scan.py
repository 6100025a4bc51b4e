"""Every file is looked at: hashed, decoded, or named with the reason."""

import hashlib

import numpy as np
import pytest
from textures import write_textures

from edge.errors import RunFolderError
from edge.images import read_picture
from edge.manifest import InputSpec
from edge.preprocess import fit_frame
from train.cache import PixelCache
from train.scan import SkippedFile, decode_files, hash_files


@pytest.fixture
def folder(tmp_path):
    return write_textures(tmp_path / "photos", count=4, labels=("dots", "plain"))


def paths_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_hash_files_gives_the_hash_of_each_and_calls_back(folder):
    paths, calls = paths_of(folder), []
    hashed = hash_files(folder, paths, when_done=lambda: calls.append(1))
    assert hashed.sha256 == {
        path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in paths
    }
    assert len(calls) == 8
    assert hashed.skipped == ()


def test_hash_files_names_what_cannot_be_read(folder):
    hashed = hash_files(folder, ["dots/000.png", "dots/gone.png"])
    assert hashed.skipped == (SkippedFile("dots/gone.png", "No such file or directory"),)
    assert list(hashed.sha256) == ["dots/000.png"]


def test_decode_files_fills_the_cache_as_the_device_would(folder):
    paths = paths_of(folder)
    cache = PixelCache(folder, [0] * len(paths), side=32)
    assert decode_files(folder, paths, spec=InputSpec(32, 32), cache=cache) == []
    for row, path in enumerate(paths):
        expected = fit_frame(read_picture(folder / path), spec=InputSpec(32, 32))
        np.testing.assert_array_equal(cache.pixels_rgb[row], expected)


def test_decode_files_names_bad_files_and_changes_none(folder):
    whole = (folder / "dots/000.png").read_bytes()
    bad = {
        "dots/empty.png": (b"", "the file is empty"),
        "dots/page.png": (b"<html>", "HTML"),
        "dots/cut.png": (whole[: len(whole) // 2], "truncated"),
        "plain/noise.png": (bytes(range(200)), "no picture format"),
    }
    for path, (content, _) in bad.items():
        (folder / path).write_bytes(content)
    paths = paths_of(folder)
    cache = PixelCache(folder, range(len(paths)), side=32)
    skipped = {
        file.path: file.reason
        for file in decode_files(folder, paths, spec=InputSpec(32, 32), cache=cache)
    }
    assert skipped.keys() == bad.keys()
    for path, (content, reason) in bad.items():
        assert reason in skipped[path]
        assert str(folder) not in skipped[path]
        assert (folder / path).read_bytes() == content


def test_cache_keeps_rows_in_order_and_leaves_no_file(tmp_path):
    with PixelCache(tmp_path, [5, 6, 7, 8], side=2) as cache:
        cache.pixels_rgb[:] = np.arange(4, dtype=np.uint8)[:, None, None, None]
        cache.keep(np.array([1, 3]))
        assert len(cache) == 2
        assert cache.truth.tolist() == [6, 8]
        assert cache.pixels_rgb[:, 0, 0, 0].tolist() == [1, 3]
        assert list(tmp_path.iterdir()) == []  # a kill leaves nothing behind
    assert len(cache) == 0
    cache.close()


def test_cache_says_where_room_is_missing(tmp_path):
    with pytest.raises(RunFolderError, match=r"need 0\.0 GB .* Make room there"):
        PixelCache(tmp_path / "absent", [0], side=32)
    with pytest.raises(RunFolderError, match="put the run folder on another disk"):
        PixelCache(tmp_path, np.zeros(10**7, np.int64), side=4096)


def test_cache_of_no_picture_is_empty(tmp_path):
    assert len(PixelCache(tmp_path, [], side=32)) == 0
