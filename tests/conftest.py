import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
collect_ignore = ["edge/rtspd.py"]  # a program for the system's Python, which alone has `gi`
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# Before any test imports TensorFlow: its notices are not ours, and tfmot knows Keras 2 only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


@pytest.fixture(autouse=True)
def _is_alone(monkeypatch, tmp_path_factory):
    """Keep the caller's settings and remembered verdicts out of the tests."""
    for name in [name for name in os.environ if name.startswith("EDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def repository():
    """The root of the project."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real photos and clips, beside the project; absent on most machines."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real photos: {SHARED_DATA} does not exist")
    return SHARED_DATA
