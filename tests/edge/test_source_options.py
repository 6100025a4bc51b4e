"""What a run is asked for reaches the camera, and what that delivers instead is said once."""

import os
import subprocess
import sys

import pytest

from edge.capture.process import CaptureProcess
from edge.capture.request import LensRequest
from edge.records import Frame
from edge.sources import SourceOptions

# A camera whose picture is red at the left and blue at the right; it always is 160x120 YUYV at
# 30 Hz, as a cheap one is.
DOOR = """
import logging, time
import cv2, numpy as np
from edge.sources.camera import Camera
from edge.testing import FakeCapture

def pictures():
    while True:
        time.sleep(0.03)
        picture = np.random.default_rng().integers(0, 60, (120, 160, 3)).astype(np.uint8)
        picture[:, :80, 2] = picture[:, 80:, 0] = 250
        yield picture

def Door(*, clock, options):
    logging.warning("asked for %s", options)
    yuyv = float(cv2.VideoWriter.fourcc(*"YUYV"))
    device = FakeCapture(pictures(), settings={cv2.CAP_PROP_FPS: 30, cv2.CAP_PROP_FOURCC: yuyv})
    return Camera("7", clock=clock, options=options, open_capture=lambda *_: device)
"""
ADDRESS = "own_cameras.door:Door"


@pytest.fixture
def door(tmp_path, monkeypatch):
    (tmp_path / "own_cameras").mkdir()
    (tmp_path / "own_cameras" / "door.py").write_text(DOOR)
    monkeypatch.syspath_prepend(tmp_path)  # for a capture process that is forked from this one
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    return ADDRESS


def run_door(door, *options):
    command = [sys.executable, "-m", "edge", "run", "--source", door, "--max-frames", "4", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_all_options_reach_the_camera_which_delivers_something_else(door):
    lines = run_door(
        door,
        *("--size", "320x240", "--rate", "5", "--pixel-format", "mjpg"),
        *("--rotate", "90", "--flip", "both"),
    )
    (asked,) = [line for line in lines if "asked for" in line]
    expected = SourceOptions((320, 240), 5.0, "MJPG", 90, "both", snapshot_seconds=0.2)
    assert asked.endswith(f"asked for {expected}")
    (delivered,) = [line for line in lines if "delivers" in line]
    assert delivered.endswith(
        "camera 7: delivers 160x120 instead of 320x240, 30 instead of 5 frames per second, "
        "YUYV instead of MJPG"
    )


def test_a_camera_that_does_as_it_is_told_is_not_reported(door):
    lines = run_door(door, "--size", "160x120", "--rate", "30", "--pixel-format", "YUYV")
    assert not [line for line in lines if "delivers" in line]


# (rotation, flip, where red is in the picture)
TURNS = [
    (0, "none", "left"),
    (90, "none", "top"),
    (180, "none", "right"),
    (270, "none", "bottom"),
    (0, "horizontal", "right"),
    (0, "vertical", "left"),
    (0, "both", "right"),
    (90, "vertical", "bottom"),  # turned first
]


@pytest.mark.parametrize(("rotate_degrees", "flip", "side"), TURNS)
def test_a_turned_camera_is_turned_back(door, rotate_degrees, flip, side):
    options = SourceOptions((160, 120), rotate_degrees=rotate_degrees, flip=flip)
    with CaptureProcess(LensRequest(door, is_live=True, options=options)) as source:
        frame = source.read()
        while not isinstance(frame, Frame):
            frame = source.read()
        pixels_bgr = frame.pixels_bgr.copy()
    is_upright = rotate_degrees in (0, 180)
    assert pixels_bgr.shape == ((120, 160, 3) if is_upright else (160, 120, 3))
    reds = {
        "left": pixels_bgr[60, 2],
        "right": pixels_bgr[60, -2],
        "top": pixels_bgr[2, 60],
        "bottom": pixels_bgr[-2, 60],
    }
    assert reds[side][2] == 250
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}[side]
    assert reds[opposite][0] == 250
