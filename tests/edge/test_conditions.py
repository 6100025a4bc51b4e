import cv2
import numpy as np
import pytest

from edge.conditions import AS_IT_IS, CONDITIONS


def texture(height, width):
    return np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (48, 64), (161, 97)])
def test_every_change_keeps_size_and_is_the_same_again(name, size):
    frame = texture(*size)
    before = frame.copy()
    changed = CONDITIONS[name](frame)
    assert (changed.shape, changed.dtype) == (frame.shape, np.uint8)
    np.testing.assert_array_equal(changed, CONDITIONS[name](frame))
    np.testing.assert_array_equal(frame, before)


def test_changes_do_what_they_are_called():
    frame = cv2.GaussianBlur(texture(96, 96), (0, 0), 2)
    frame = cv2.normalize(frame, None, 30, 220, cv2.NORM_MINMAX)
    light = {name: change(frame).mean() for name, change in CONDITIONS.items()}
    detail = {name: cv2.Laplacian(change(frame), -1).std() for name, change in CONDITIONS.items()}
    assert light["night"] < light["dusk"] < 0.3 * light[AS_IT_IS]
    assert detail["out of focus"] < detail[AS_IT_IS] < detail["noise"]
    assert detail["moved"] < detail[AS_IT_IS]
    blocks = CONDITIONS["compressed"](frame).astype(int)
    step = np.abs(np.diff(blocks, axis=1)).mean(axis=(0, 2))
    assert step[7::8].mean() > 1.5 * np.delete(step, np.s_[7::8]).mean()  # JPEG's edges, 8 by 8
    infrared = CONDITIONS["infrared"](np.full((96, 96, 3), (200, 100, 50), np.uint8)).astype(int)
    assert np.ptp(infrared.mean(axis=(0, 1))) < 2  # no colour
    assert infrared[40:56, 40:56].mean() > 1.5 * infrared[:16, :16].mean()
    small = CONDITIONS["half the size"](frame)
    assert (small[:20] == 128).all()
    assert small[30:66, 30:66].std() > 5
