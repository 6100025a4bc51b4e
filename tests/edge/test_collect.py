"""Which frames become photos, how they are named, and what is left when storing fails."""

import os
import subprocess
import sys
from datetime import datetime, timedelta

import cv2
import numpy as np
import pytest

from edge.burst import find_burst
from edge.collect import Collector, CollectSpec, Interval, collect
from edge.errors import OutputError, SettingError
from edge.records import Frame, Offline
from edge.testing import FakeSource, blank_frame

START = datetime(2026, 5, 1, 7, 30)


def scene(seed, *, noise=0.0):
    """Make a picture of large patches of light, another for each seed."""
    patches = np.random.default_rng(seed).uniform(20, 230, (9, 12))
    grey = cv2.resize(patches, (160, 120), interpolation=cv2.INTER_CUBIC)
    grey = grey + np.random.default_rng(99).normal(0, noise, grey.shape)
    return cv2.cvtColor(grey.clip(0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def frame(seed, *, time_seconds=0.0, noise=0.0):
    return Frame(scene(seed, noise=noise), 0, time_seconds, 0.0)


def open_collector(folder, **settings):
    clock = iter(START + timedelta(minutes=minute) for minute in range(1000))
    return Collector(CollectSpec("cat", folder, **settings), now=lambda: next(clock))


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_picture_is_stored_as_it_was_seen(tmp_path):
    stored = open_collector(tmp_path).offer(frame(1, time_seconds=2.5))
    assert (stored.burst, stored.time_seconds) == (1, 2.5)
    assert stored.path.parent == tmp_path / "cat"
    difference = cv2.imread(str(stored.path)).astype(int) - scene(1)
    assert np.abs(difference).mean() < 2
    assert names(tmp_path) == [stored.path.name]


def test_nearly_the_same_is_left_out_whenever_it_was_stored_in_the_run(tmp_path):
    collector = open_collector(tmp_path)
    kept = [collector.offer(frame(seed, noise=2.0 * place)) for place, seed in enumerate((1, 2, 1))]
    assert [one is None for one in kept] == [False, False, True]
    assert (collector.summary().stored, collector.summary().alike) == (2, 1)


def test_a_plain_wall_with_noise_is_one_picture(tmp_path):
    collector = open_collector(tmp_path)
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(0, 3, (120, 160, 3))
        collector.offer(Frame((128 + noise).astype(np.uint8), seed, seed, 0.0))
    assert (collector.summary().stored, collector.summary().alike) == (1, 4)


def test_a_burst_goes_on_until_ten_seconds_without_a_new_picture(tmp_path):
    collector = open_collector(tmp_path)
    times = (0.0, 9.0, 18.0, 29.0, 30.0)
    stored = [collector.offer(frame(i, time_seconds=time)) for i, time in enumerate(times)]
    assert [one.burst for one in stored] == [1, 1, 1, 2, 2]
    bursts = [find_burst(str(one.path)) for one in stored]
    assert len(set(bursts)) == 2
    assert bursts[0] == bursts[2] != bursts[3] == bursts[4]


def test_a_source_that_begins_anew_begins_a_burst(tmp_path):
    collector = open_collector(tmp_path)
    stored = [collector.offer(frame(i, time_seconds=time)) for i, time in enumerate((9.0, 0.0))]
    assert [one.burst for one in stored] == [1, 2]


def test_a_photo_never_replaces_another(tmp_path):
    (tmp_path / "cat").mkdir()
    taken = tmp_path / "cat" / "cat-20260501T073100-b001-i001.jpg"
    taken.write_text("mine")
    stored = open_collector(tmp_path).offer(frame(1))
    assert stored.path.name == "cat-20260501T073100-b001-i002.jpg"
    assert taken.read_text() == "mine"


def test_a_file_system_without_second_names_is_written_to_all_the_same(tmp_path, monkeypatch):
    def refuse(self, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    collector = open_collector(tmp_path)
    first, second = (collector.offer(frame(seed)) for seed in (1, 2))
    assert names(tmp_path) == [first.path.name, second.path.name]


@pytest.mark.parametrize(
    "label",
    ["", ".", "..", "../cat", "a/b", "a\\b", "/cat", ".cat", " cat", "a\0b", "a:b",
     "a\nb", "c" * 121],
)  # fmt: skip
def test_a_label_that_is_no_name_of_a_folder_is_refused(label, tmp_path):
    with pytest.raises(SettingError, match="--label is the name of a class and of its folder"):
        CollectSpec(label, tmp_path)


@pytest.mark.parametrize("label", ["cat", "no cat", "Katze_2", "chat-noir", "猫", "c" * 120])
def test_a_label_may_be_written_in_any_language(label, tmp_path):
    stored = Collector(CollectSpec(label, tmp_path)).offer(frame(1))
    assert stored.path.is_file()
    assert find_burst(str(stored.path)).startswith(label)


def test_a_folder_that_cannot_be_made_is_refused_before_any_frame(tmp_path):
    (tmp_path / "photos").write_text("a file")
    with pytest.raises(OutputError, match=r"Pictures go into a folder .*photos/cat: .*--into"):
        open_collector(tmp_path / "photos")


def test_a_folder_without_permission_is_refused_before_any_frame(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        open_collector(tmp_path)


def test_an_empty_folder_that_was_made_is_taken_away_again(tmp_path):
    open_collector(tmp_path / "photos").close()
    assert not (tmp_path / "photos").exists()
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    open_collector(tmp_path / "photos").close()
    assert (tmp_path / "photos" / "cat").is_dir()
    collector = open_collector(tmp_path / "new")
    collector.offer(frame(1))
    collector.close()
    assert len(names(tmp_path / "new")) == 1


LIMITED = """
import resource, sys
sys.path.insert(0, "tests/edge")
from test_collect import frame, open_collector
from pathlib import Path
collector = open_collector(Path(sys.argv[1]))
collector.offer(frame(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    collector.offer(frame(2))
except OSError as error:
    print(error)
"""


def test_a_file_that_cannot_grow_leaves_what_was_stored_and_no_half_picture(tmp_path, repository):
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "A picture is stored in full or not at all. Received: " in ran.stdout
    assert "File too large. Make room on the disk; the 1 stored before are whole" in (ran.stdout)
    [name] = names(tmp_path)
    assert cv2.imread(str(tmp_path / "cat" / name)).shape == (120, 160, 3)


def test_a_picture_that_was_not_stored_counts_nowhere(tmp_path):
    collector = open_collector(tmp_path)
    (tmp_path / "cat").rename(tmp_path / "gone")
    with pytest.raises(
        OutputError, match=r"No such file or directory\. Check the folder .*disk\.$"
    ):
        collector.offer(frame(1))
    summary = collector.summary()
    assert (summary.stored, summary.bursts) == (0, 0)


def test_collect_offers_what_is_due_until_enough_is_there(tmp_path):
    collector = open_collector(tmp_path, max_pictures=2)
    source = FakeSource([frame(i, time_seconds=i / 2) for i in range(20)])
    told = []
    collect(source, collector, is_due=Interval(1.0), when_stored=told.append)
    assert [one.time_seconds for one in told] == [0.0, 1.0]
    assert collector.summary().frames == 3


def test_collect_waits_outages_out_and_counts_them(tmp_path):
    away = Offline("unplugged", since_seconds=0.0)
    collector = open_collector(tmp_path)
    source = FakeSource([frame(1), away, away, frame(2), away, frame(3)])
    told = []
    collect(source, collector, is_due=lambda frame: True, when_away=told.append)
    summary = collector.summary()
    assert (summary.frames, summary.stored, summary.outages, len(told)) == (3, 3, 2, 3)


def test_collect_ends_when_it_is_told_to(tmp_path):
    answers = iter([False, False, True])
    collector = open_collector(tmp_path)
    source = FakeSource([frame(i) for i in range(9)])
    collect(source, collector, is_due=lambda frame: False, until=lambda: next(answers))
    assert (collector.summary().frames, collector.summary().stored) == (2, 0)


def test_interval_begins_anew_with_its_source_and_asks_what_else_must_hold():
    asked = []
    every = Interval(1.0, also=lambda frame: asked.append(frame.index) or frame.index != 1)
    times = (5.0, 7.0, 7.1, 0.0)
    due = [every(blank_frame(i, time_seconds=time)) for i, time in enumerate(times)]
    assert due == [True, False, True, True]
    assert asked == [0, 1, 2, 3]
