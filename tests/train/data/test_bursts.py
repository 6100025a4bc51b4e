"""Photos that `edge collect` took in a burst stay on one side of a split."""

import json
from datetime import datetime, timedelta

import cv2
import numpy as np
import pytest

from edge.burst import find_burst
from edge.cli import main
from edge.collect import Collector, CollectSpec
from edge.records import Frame

BURSTS, PICTURES = 8, 4


def draw_scene(chance):
    """A picture of large patches of light."""
    patches = chance.uniform(0, 255, (12, 12, 3)).astype(np.uint8)
    return cv2.resize(patches, (120, 120), interpolation=cv2.INTER_LINEAR)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes, each of eight bursts of four pictures that do not look alike."""
    folder = tmp_path_factory.mktemp("collected") / "photos"
    chance = np.random.default_rng(7)
    for label in ("cat", "none"):
        clock = iter(datetime(2026, 5, 1) + timedelta(minutes=i) for i in range(99))
        collector = Collector(CollectSpec(label, folder), now=lambda clock=clock: next(clock))
        for burst in range(BURSTS):
            for picture in range(PICTURES):
                time_seconds = burst * 60.0 + picture
                frame = Frame(draw_scene(chance), 0, time_seconds, 0.0)
                assert collector.offer(frame) is not None
    return folder


def test_a_split_keeps_bursts_together(photos, tmp_path, capfd):
    assert main(["data", "split", str(photos), "-o", str(tmp_path / "parts"), "--json"]) == 0
    json.loads(capfd.readouterr().out)
    parts = {}
    for path in sorted((tmp_path / "parts").rglob("*.jpg")):
        part = path.relative_to(tmp_path / "parts").parts[0]
        parts.setdefault(find_burst(path.as_posix()), set()).add(part)
    assert len(parts) == 2 * BURSTS
    assert all(len(sides) == 1 for sides in parts.values())
    assert set.union(*parts.values()) == {"train", "val", "test"}


def test_the_same_photos_under_other_names_are_torn_apart(photos, tmp_path, capfd):
    """So that it is the names that keep them together."""
    bursts = {}
    for number, path in enumerate(sorted(photos.rglob("*.jpg"))):
        target = tmp_path / "photos" / path.parent.name / f"{number}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        bursts[target.name] = find_burst(path.as_posix())
    words = ["data", "split", str(tmp_path / "photos"), "-o", str(tmp_path / "parts"), "--json"]
    assert main(words) == 0
    capfd.readouterr()
    parts = {}
    for path in (tmp_path / "parts").rglob("*.jpg"):
        part = path.relative_to(tmp_path / "parts").parts[0]
        parts.setdefault(bursts[path.name], set()).add(part)
    assert any(len(sides) > 1 for sides in parts.values())
