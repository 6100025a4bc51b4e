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
    photos = [row for row in rows if row[0] in ("| 4:3", "| 16:9", "| 3:4")]
    assert [row[1] for row in photos] == ["squash", "crop", "letterbox"] * 3
    assert all(row[2].startswith("100.00%") for row in photos)
    clip = [row[1:4] for row in rows if row[0] in ("| squash", "| crop", "| letterbox")]
    assert clip == [["3", "0", "0"]] * 3
