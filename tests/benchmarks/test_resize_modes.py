"""Frames as cameras deliver them, made of photos, and what is said about them in each mode."""

import sys

import cv2
import numpy as np
import pytest
from colour_model import LABELS, picture_bgr, write_colour_model


@pytest.fixture
def benchmark(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import resize_modes

    return resize_modes


@pytest.mark.parametrize(
    ("photo_wh", "frame_wh", "place", "box"),
    [
        ((60, 60), (160, 120), 0.0, (0, 0, 120, 120)),  # at the left
        ((60, 60), (160, 120), 1.0, (40, 0, 160, 120)),
        ((80, 60), (120, 160), 0.5, (0, 35, 120, 125)),  # upright: room above and below
        ((80, 60), (160, 120), 0.3, (0, 0, 160, 120)),
    ],
)
def test_photo_lies_whole_in_the_frame(benchmark, photo_wh, frame_wh, place, box):
    photo_bgr = np.zeros((photo_wh[1], photo_wh[0], 3), np.uint8)
    photo_bgr[:, :: photo_wh[0] - 1] = 255  # its edges
    frame_bgr = benchmark.lay_into_frame(photo_bgr, frame_wh, place)
    assert frame_bgr.shape[1::-1] == frame_wh
    left, top, right, bottom = box
    assert frame_bgr[top, left, 0] > 200
    assert frame_bgr[bottom - 1, right - 1, 0] > 200
    assert frame_bgr[(top + bottom) // 2, (left + right) // 2, 0] < 60


def test_only_square_photos_are_restored(benchmark):
    square, wide = np.zeros((180, 180, 3), np.uint8), np.zeros((100, 150, 3), np.uint8)
    assert benchmark.restore(square, benchmark.parse_shape("4:3")).shape == (180, 240, 3)
    assert benchmark.restore(square, benchmark.parse_shape("3:4")).shape == (240, 180, 3)
    assert benchmark.restore(square, benchmark.parse_shape(None)) is square
    assert benchmark.restore(wide, 4 / 3) is wide


def test_every_mode_is_judged_in_every_shape(benchmark, tmp_path, monkeypatch, capsys):
    model = write_colour_model(tmp_path / "colours.tflite", resize="crop", golden=())
    for label in LABELS:
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(3):
            path = tmp_path / "photos" / label / f"{number}.png"
            cv2.imwrite(str(path), picture_bgr(label, size_wh=(40, 40)))
    arguments = [tmp_path / "photos", "--model", model, "--restore", "4:3", "--most", "2"]
    clips = ["--clips", f"red={tmp_path / 'photos' / 'red'}"]
    monkeypatch.setattr(sys, "argv", ["resize_modes.py", *map(str, arguments), *clips])
    benchmark.main()
    said = capsys.readouterr().out
    assert "colours.tflite, made for crop" in said
    assert "right: 2 red, 2 green, 2 blue" in said
    rows = [line.split(" | ") for line in said.splitlines() if line.startswith("| ")]
    photos = [row for row in rows if row[0] in ("| 4:3", "| 16:9", "| 3:4") and len(row) > 5]
    assert [row[1] for row in photos] == ["squash", "crop", "letterbox"] * 3
    assert all(row[2].startswith("100.00%") for row in photos)
    clip = [row[1:4] for row in rows if row[0] in ("| squash", "| crop", "| letterbox")]
    assert clip == [["3", "0", "0"]] * 3
    pairs = [row for row in rows if len(row) == 5 and row[0] != "| frames"][-4:]
    assert [row[0] for row in pairs] == ["| 4:3 and 16:9"] * 2 + ["| 3:4"] * 2
    assert [row[1:] for row in pairs] == [
        [mode, "0", "0", "100.0% |"] for mode in ("crop", "letterbox", "crop", "letterbox")
    ]
    assert "Right of 21 frames of all shapes and clips: squash 21, crop 21, letterbox 21" in said
    assert said.splitlines()[-1] == "The mode that this supports: squash"


@pytest.mark.parametrize(
    ("better", "worse", "chance"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 5, 1.0),
        (6, 0, 2 / 2**6),
        (0, 6, 2 / 2**6),
        (8, 2, 2 * (1 + 10 + 45) / 2**10),
    ],
)
def test_chance_is_that_of_a_coin(benchmark, better, worse, chance):
    assert benchmark.Pairing(better, worse).chance == pytest.approx(chance)


def tallies(benchmark, **verdicts):
    """Return what was said of photos in frames of 4:3; those of other shapes are all right."""
    length = len(verdicts["squash"])
    said = {}
    for shape in benchmark.FRAMES_WH:
        for mode, row in verdicts.items():
            is_told = shape == "4:3"
            said[shape, mode] = benchmark.Tally(verdicts=row if is_told else [True] * length)
    return said


def test_a_photo_counts_once_for_the_mode_that_gets_more_of_its_frames_right(benchmark):
    squash = [True, True, False, False]
    photos = tallies(benchmark, squash=squash, crop=[False] * 4, letterbox=[True] * 4)
    photos["16:9", "crop"].verdicts = [True, False, True, True]  # the second is twice worse
    wide = benchmark.POOLS["4:3 and 16:9"]
    assert benchmark.pair(photos, wide, "crop") == benchmark.Pairing(0, 2)
    assert benchmark.pair(photos, wide, "letterbox") == benchmark.Pairing(2, 0)
    assert benchmark.pair(photos, ("3:4",), "crop") == benchmark.Pairing(0, 0)


@pytest.mark.parametrize(
    ("squash", "letterbox", "clip_right", "choice"),
    [
        ([False] * 6 + [True] * 9, [True] * 15, 0, "letterbox"),  # 6 to 0: no chance
        ([False] * 5 + [True] * 9, [True] * 14, 0, "squash"),  # 5 to 0: a chance of 6 %
        ([True] * 14, [True] * 14, 20, "squash"),  # better on a clip alone: all of one animal
        ([True] * 14, [False] * 8 + [True] * 6, 20, "squash"),  # there only, and worse elsewhere
        ([False] * 6 + [True] * 9, [True] * 15, -20, "squash"),  # fewer right answers in all
    ],
)
def test_choice_needs_the_most_right_answers_and_more_than_chance(
    benchmark, squash, letterbox, clip_right, choice
):
    photos = tallies(benchmark, squash=squash, crop=[False] * len(squash), letterbox=letterbox)
    rights = {"squash": max(0, -clip_right), "crop": 0, "letterbox": max(0, clip_right)}
    clip = {mode: benchmark.Tally(verdicts=[True] * count) for mode, count in rights.items()}
    assert benchmark.choose_mode(photos, [clip]) == choice
