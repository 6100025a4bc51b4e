import math

import numpy as np
import pytest

from edge.errors import SettingError
from edge.sources import SourceOptions, orient

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)

# (rotation, flip, the same by NumPy: counter-clockwise quarters, then axes to turn round)
TURNS = [
    (90, "none", -1, ()),
    (180, "none", 2, ()),
    (270, "none", 1, ()),
    (0, "horizontal", 0, (1,)),
    (0, "vertical", 0, (0,)),
    (0, "both", 0, (0, 1)),
    (90, "horizontal", -1, (1,)),
    (270, "vertical", 1, (0,)),
]


@pytest.mark.parametrize(("rotate_degrees", "flip", "quarters", "axes"), TURNS)
def test_a_picture_is_rotated_then_flipped(rotate_degrees, flip, quarters, axes):
    turned = orient(PICTURE, SourceOptions(rotate_degrees=rotate_degrees, flip=flip))
    np.testing.assert_array_equal(turned, np.flip(np.rot90(PICTURE, quarters), axes))
    assert turned.flags.c_contiguous


def test_a_picture_that_stays_is_not_copied():
    assert orient(PICTURE, SourceOptions()) is PICTURE


# (what is asked for, what the message says)
WRONG = [
    ({"size_wh": (0, 480)}, "1 to 16384 pixels. Received: 0x480"),
    ({"size_wh": (640, 20_000)}, "1 to 16384 pixels. Received: 640x20000"),
    ({"rate_hz": 0.0}, "above 0 and at most 1000 frames"),
    ({"rate_hz": math.nan}, "Received: nan"),
    ({"rate_hz": math.inf}, "Received: inf"),
    ({"pixel_format": ""}, "four letters, such as MJPG"),
    ({"pixel_format": "mjpg"}, "four letters, such as MJPG"),
    ({"pixel_format": "MJPEG"}, "four letters, such as MJPG"),
    ({"rotate_degrees": 45}, "0, 90, 180 or 270 degrees. Received: 45"),
    ({"rotate_degrees": -90}, "Received: -90"),
    ({"flip": "up"}, "none, horizontal, vertical, both. Received: up"),
    ({"snapshot_seconds": 0.0}, "between snapshots"),
    ({"snapshot_seconds": math.nan}, "between snapshots"),
]


@pytest.mark.parametrize(("asked", "said"), WRONG)
def test_values_out_of_range_are_refused(asked, said):
    with pytest.raises(SettingError) as refused:
        SourceOptions(**asked)
    assert said in str(refused.value)
