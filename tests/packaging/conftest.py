"""Environments made from nothing, as a user makes them: one per Python that the machine has."""

import functools
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from tests.packaging.environments import find_python, run


@pytest.fixture(scope="session")
def network():
    """The package index answers."""
    try:
        urllib.request.urlopen("https://pypi.org/simple/typer/", timeout=10).close()
    except (urllib.error.URLError, TimeoutError) as error:
        pytest.skip(f"no network: {error}")


@pytest.fixture(scope="session")
def wheel(repository, tmp_path_factory):
    """The project as it is installed by its users."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", folder, repository)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def make_environment(network, tmp_path_factory):
    """Make a virtual environment and install into it; returns its folder of programs."""

    def make(version, *requirements):
        folder = tmp_path_factory.mktemp(f"python{version}-")
        run(find_python(version), "-m", "venv", folder)
        for arguments in requirements:
            run(
                folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-compile", *arguments
            )
        return folder / "bin"

    return make


@pytest.fixture(scope="session")
def base_install(make_environment, wheel, repository):
    """The base install of a Python version, with pinned packages; made once for all tests."""

    @functools.cache
    def install(version):
        pinned = ("-r", repository / "requirements/runtime.txt")
        return make_environment(version, pinned, ("--no-deps", wheel))

    return install


@pytest.fixture
def pictures(tmp_path):
    """A folder of two small pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in ("first.png", "second.jpg"):
        Image.fromarray(generator.integers(0, 255, (60, 80, 3), np.uint8)).save(folder / name)
    return folder


@pytest.fixture(scope="session")
def default_model(repository):
    """The embedded model."""
    path = repository / "edge/models/pets.tflite"
    if not path.is_file():
        pytest.skip("the embedded model edge/models/pets.tflite is not there")
    return path
