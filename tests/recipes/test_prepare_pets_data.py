"""The recipe behind the embedded model's data: its parts share nothing and never change."""

import subprocess
import sys

import cv2
import numpy as np
import pytest


@pytest.fixture
def sources(tmp_path):
    """Return a folder of cats and dogs and one of negatives, as the real collections lie."""
    generator = np.random.default_rng(1)

    def draw(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), generator.integers(0, 256, (24, 24, 3), np.uint8))

    for number in range(40):
        draw(tmp_path / "pets" / "Cat" / f"{number}.png")
        draw(tmp_path / "pets" / "Dog" / f"{number}.png")
        draw(tmp_path / "negatives" / "houses" / f"{number // 4}_room{number % 4}.png")
    for name in ("groom", "banjo", "goose"):
        draw(tmp_path / "negatives" / "imagenet_samples" / f"n0001_{name}.png")
    return tmp_path


def lay_out(sources, repository, name):
    script = repository / "recipes" / "prepare_pets_data.py"
    folders = [sources / "pets", sources / "negatives", "-o", sources / name]
    subprocess.run([sys.executable, script, *map(str, folders)], check=True, capture_output=True)
    return {
        path.relative_to(sources / name): path.read_bytes()
        for path in sorted((sources / name).rglob("*.png"))
    }


def test_recipe_gives_the_same_parts_again(sources, repository):
    first = lay_out(sources, repository, "one")
    assert first == lay_out(sources, repository, "two")
    assert {path.parts[:2] for path in first} >= {
        (part, label) for part in ("train", "val", "test") for label in ("cat", "dog", "none")
    }


def test_recipe_keeps_a_house_on_one_side(sources, repository):
    parts = {}
    for path in lay_out(sources, repository, "one"):
        if path.name.startswith("houses_"):
            parts.setdefault(path.name.split("_")[1], set()).add(path.parts[0])
    assert len(parts) == 10
    assert all(len(found) == 1 for found in parts.values())


def test_recipe_lays_people_into_rooms_of_the_training_part_only(sources, repository):
    files = lay_out(sources, repository, "one")
    people = [path for path in files if path.name.startswith("people_")]
    learned = [
        p for p in files if p.parts[0] == "train" and p.name.endswith(("groom.png", "banjo.png"))
    ]
    assert len(people) == 25 * len(learned) > 0
    assert {path.parts[:2] for path in people} == {("train", "none")}
    assert len({files[path] for path in people}) == len(people)
