"""The base install in a bare Debian userland: no libGL, no libxcb, nothing but Python."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.packaging.environments import find_python, run

pytestmark = pytest.mark.slow

SUITES = {"3.11": "bookworm", "3.13": "trixie"}  # Debian's own Python
MIRROR = "http://deb.debian.org/debian"


@pytest.fixture(scope="module")
def version():
    """The Python that both Debian and this machine have."""
    for version in SUITES:
        try:
            find_python(version)
        except pytest.skip.Exception:
            continue
        return version
    return pytest.skip(f"no Python {' or '.join(SUITES)} on this machine")


@pytest.fixture(scope="module")
def bare_root(version, network):
    """A minimal Debian with Python; made once per machine, kept among the temporary files."""
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is not installed")
    if os.geteuid() != 0:
        pytest.skip("debootstrap must run as root")
    suite = SUITES[version]
    root = Path(tempfile.gettempdir()) / f"catseye-{suite}-minbase"
    if root.exists() and root.stat().st_uid != 0:
        pytest.skip(f"{root} belongs to somebody else, and root must not run what is in it")
    if not (root / "complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        options = ("--variant=minbase", "--include=python3")
        made = subprocess.run(
            ["debootstrap", *options, suite, str(root), MIRROR],
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if made.returncode != 0:
            pytest.skip(f"debootstrap could not make {suite}: {made.stdout[-300:]}")
        (root / "complete").touch()
    return root


@pytest.fixture
def run_bare(bare_root, base_install, version, pictures):
    """Run Python in the bare system, where /opt/catseye holds packages and pictures."""
    place = bare_root / "opt/catseye"
    shutil.rmtree(place, ignore_errors=True)
    packages = base_install(version).parent / f"lib/python{version}/site-packages"
    shutil.copytree(packages, place, ignore=shutil.ignore_patterns("pip", "setuptools"))
    shutil.copytree(pictures, place / "pictures")

    def run_inside(*arguments, expected_code=0):
        # /proc is mounted for this command only
        script = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        variables = ("PATH=/usr/bin:/bin", "HOME=/root", "PYTHONPATH=/opt/catseye")
        return run(
            *(
                "unshare",
                "--mount",
                "sh",
                "-c",
                script,
                bare_root,
                "env",
                "-i",
                *variables,
                "python3",
            ),
            *arguments,
            expected_code=expected_code,
        )

    yield run_inside
    shutil.rmtree(place)


@pytest.mark.skipif(sys.platform != "linux", reason="a Debian userland needs Linux")
def test_base_install_runs_in_a_bare_userland(bare_root, run_bare, default_model):
    for library in ("libGL.so*", "libxcb.so*", "libX11.so*", "libglib-2.0.so*"):
        system = [path for path in bare_root.rglob(library) if "opt/catseye" not in str(path)]
        assert system == [], f"the system is not bare: {library}"
    done = run_bare("-m", "edge", "classify", "/opt/catseye/pictures/first.png", "--json")
    assert json.loads(done.stdout)["label"] in {"cat", "dog", "none", "unknown"}
    done = run_bare(
        "-m", "edge", "run", "--source", "/opt/catseye/pictures", "--max-frames", 2, "--json"
    )
    assert json.loads(done.stdout.splitlines()[-1])["frames_classified"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="a Debian userland needs Linux")
def test_gui_opencv_would_not_import_in_a_bare_userland(
    bare_root, run_bare, make_environment, version
):
    """The reason for the headless build; when this fails, the reason is gone."""
    gui = make_environment(version, ("--no-deps", "opencv-python"))
    packages = gui.parent / f"lib/python{version}/site-packages"
    for folder in ("cv2", "opencv_python.libs"):
        place = bare_root / "opt/catseye" / folder
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(packages / folder, place)
    done = run_bare("-c", "import cv2", expected_code=1)
    assert "cannot open shared object file" in done.stderr
