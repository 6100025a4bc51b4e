"""A disk of its own for a test that fills it."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class SmallDisk:
    """A file system in memory; `options` as `mount -o` takes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def change(self, options: str) -> None:
        command = ["mount", "-o", f"remount,{options}", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)

    def fill(self, name: str = "foreign") -> Path:
        """Write a file until nothing more fits."""
        path = self.folder / name
        with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        return path


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[SmallDisk]:
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a file system")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)
