"""The commands that open a model, for tests of what every one of them says about one."""

import cv2
import pytest
from colour_model import COLOURS_BGR, picture_bgr

from edge import cli

each_command = pytest.mark.parametrize(
    "command",
    [
        ("run", "--source", "{folder}", "-m", "{model}"),
        ("classify", "{folder}", "-m", "{model}"),
        ("evaluate", "{folder}", "-m", "{model}"),
        ("bench", "-m", "{model}"),
        ("inspect", "{model}"),
        ("doctor", "-m", "{model}"),
    ],
    ids=lambda command: command[0],
)


def call_on(model, command, capfd):
    """Run a command on a model and pictures beside it; return its exit code and all it says."""
    photos = model.parent / "photos"
    for label in COLOURS_BGR:
        (photos / label).mkdir(parents=True)
        cv2.imwrite(str(photos / label / "1.png"), picture_bgr(label))
    code = cli.main([word.format(folder=photos, model=model) for word in command])
    captured = capfd.readouterr()
    return code, " ".join((captured.out + captured.err).split())
