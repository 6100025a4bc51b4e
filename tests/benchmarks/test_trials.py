"""What benchmarks train on: the sample, what is left out; and the row of what cannot be tried."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

COLLECTIONS = ("houses", "kangaroo", "imagenet_samples")


@pytest.fixture
def layout(tmp_path):
    """Photos as recipes/prepare_pets_data.py lays them out."""
    chance = np.random.default_rng(1)

    def draw(path, low, high):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(low, high, (40, 40, 3), np.uint8)).save(path)

    for part, count in (("train", 12), ("val", 4), ("test", 4)):
        for number in range(count):
            draw(tmp_path / "data" / part / "cat" / f"{number}.png", 0, 80)
            draw(tmp_path / "data" / part / "dog" / f"{number}.png", 170, 255)
            for name in COLLECTIONS:
                draw(tmp_path / "data" / part / "none" / f"{name}_{number}.png", 80, 170)
    for number in range(8):
        draw(tmp_path / "data/train/none" / f"people_{number:04}.png", 80, 170)
    return tmp_path / "data"


@pytest.fixture
def benchmarks(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    return repository / "benchmarks"


def test_sample_keeps_parts_and_is_evenly_spread(benchmarks, layout, tmp_path):
    from trials import link_sample

    assert link_sample(layout, tmp_path / "sample", each=10) == 30
    counts = {
        (part, label): len(list((tmp_path / "sample" / part / label).iterdir()))
        for part in ("train", "validation", "test")
        for label in ("cat", "dog")
    }
    assert counts == {
        **{("train", label): 6 for label in ("cat", "dog")},
        **{(part, label): 2 for part in ("validation", "test") for label in ("cat", "dog")},
    }
    assert all(path.read_bytes() for path in (tmp_path / "sample").rglob("*.png"))


def test_sample_of_fewer_photos_takes_all(benchmarks, layout, tmp_path):
    from trials import link_sample

    assert link_sample(layout, tmp_path / "sample", each=1000) == 20 + 20 + 68


@pytest.mark.parametrize(
    ("collection", "negatives"),
    [
        ("kangaroo", 68 - 20),
        ("houses", 68 - 20 - 8),  # people stand in houses
        ("imagenet_samples", 68 - 20 - 8),  # and come from the samples
    ],
)
def test_a_collection_is_left_out_with_what_was_made_of_it(
    benchmarks, layout, collection, negatives
):
    from leave_one_out import is_of_another, left_out

    from train.folder import find_photos

    keep = is_of_another(collection)
    kept = [file for file in find_photos(layout).files if keep(file)]
    assert sum(file.label == "none" for file in kept) == negatives
    assert sum(file.label != "none" for file in kept) == 40
    assert len(left_out(layout, collection)) == 20
    assert {path.name.rpartition("_")[0] for path in left_out(layout, collection)} == {collection}


@pytest.mark.slow
def test_leave_one_out_prints_a_row_for_each(benchmarks, layout):
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    options = ("--network", "cnn", "--size", "32", "--epochs", "2", "--collections", "kangaroo")
    done = run(benchmarks / "leave_one_out.py", layout, *options)
    assert done.returncode == 0, done.stderr
    *_, row, total = done.stdout.splitlines()
    assert row.startswith("kangaroo ")
    assert " of    20 " in row
    assert total.startswith("all ")
    assert " of    20 " in total


def test_leave_one_out_refuses_a_collection_without_pictures(benchmarks, layout):
    done = run(benchmarks / "leave_one_out.py", layout, "--collections", "cows")
    assert done.returncode == 2
    assert "whose name begins with cows_" in done.stderr


@pytest.mark.slow
def test_leave_one_out_goes_on_after_a_training_that_failed(benchmarks, layout):
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    options = ("--size", "50", "--collections", "kangaroo", "houses")
    done = run(benchmarks / "leave_one_out.py", layout, *options)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()[-2:]
    assert [row.split()[0] for row in rows] == ["kangaroo", "houses"]
    assert all("not tried: --size must be a multiple of 32" in row for row in rows)


@pytest.mark.slow
def test_network_that_cannot_be_trained_has_a_row_that_says_why(benchmarks, layout):
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    photos = layout / "train"
    done = run(benchmarks / "networks.py", photos, "--networks", "lenet5", "--sizes", "50")
    assert done.returncode == 0, done.stderr
    assert "not tried: --size must be a multiple of 32 from 32 to 640" in done.stdout


def run(script, *words):
    return subprocess.run(
        [sys.executable, str(script), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.mark.slow
def test_training_speed_counts_all_that_comes_before_the_first_step(benchmarks, layout):
    small = ("--pictures", "32", "--batch-size", "8", "--size", "32", "--epochs", "2")
    done = subprocess.run(
        [sys.executable, benchmarks / "training_speed.py", layout / "train", *small],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, later = done.stdout.splitlines()[-2:]
    for name in ("hashing", "comparing", "decoding"):
        assert name in first
        assert name not in later
    for line in (first, later):
        *spent, whole = (float(word) for word in line.split()[1:] if word[0].isdigit())
        assert "waiting for batches" in line
        assert "steps" in line
        assert 0 < sum(spent) <= whole + 0.01 * len(spent)  # rounding
