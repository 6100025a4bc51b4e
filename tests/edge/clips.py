"""Recordings made by the tests: clips of plain colours, with nothing to download."""

from pathlib import Path

import cv2
import numpy as np

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


def write_clip(path: Path, colours_bgr, *, rate_hz=10.0, size_wh=(64, 48)):
    """Write a Motion JPEG clip with a frame per colour and return the path."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate_hz, size_wh)
    for colour_bgr in colours_bgr:
        writer.write(np.full((size_wh[1], size_wh[0], 3), colour_bgr, np.uint8))
    writer.release()
    return path


def write_scene(path: Path, colours_bgr, *, rate_hz=10.0, size_wh=(160, 120), moves=True):
    """Write a clip as of a camera: a texture in a colour per frame, which moves or is still."""
    generator = np.random.default_rng(4)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate_hz, size_wh)
    cells = generator.uniform(0.3, 1.0, (12, 16))
    for colour_bgr in colours_bgr:
        if moves:
            cells = generator.uniform(0.3, 1.0, (12, 16))
        light = cv2.resize(cells, size_wh, interpolation=cv2.INTER_NEAREST)
        noise = generator.normal(0, 2, (size_wh[1], size_wh[0], 3))
        picture = light[:, :, None] * np.array(colour_bgr) + noise
        writer.write(picture.clip(0, 255).astype(np.uint8))
    writer.release()
    return path


def write_picture(path: Path, colour_bgr=GREEN, *, size_wh=(64, 48)):
    """Write a picture of one colour and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size_wh[1], size_wh[0], 3), colour_bgr, np.uint8))
    return path


def cut_file(source: Path, target: Path, *, share):
    """Write the first part of a file and return its path."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target
