"""Virtual environments of their own for programs that cannot share one with catseye.

They are made once and kept; `requirements` says what is in them, and so names them.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache" / "environments"

_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Environment:
    """A Python with some packages.

    Attributes:
        name: Of the folder, in part.
        requirements: For pip.
        version: Of Python, such as "3.11".
    """

    name: str
    requirements: tuple[str, ...]
    version: str = "3.11"  # the last that tflite-support and tflite-runtime have wheels for


MEDIAPIPE = Environment("mediapipe", ("mediapipe==1.2.2",))
TASK_LIBRARY = Environment("task-library", ("tflite-support==0.4.4", "numpy<2"))
TFLITE_RUNTIME = Environment("tflite-runtime", ("tflite-runtime==2.14.0", "numpy<2"))


class NotMadeError(Exception):
    """An environment cannot be made; the text says why."""


@functools.cache
def find_python(version: str) -> str | None:
    """Find an interpreter of that version which can make environments: on PATH, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))),
        shutil.which("python3"),
    ]
    check = f"import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for candidate in filter(None, candidates):
        asked = subprocess.run([candidate, "-c", check], capture_output=True, check=False)
        if asked.returncode == 0:
            return candidate
    return None


def environment_folder(environment: Environment, cache: Path = CACHE) -> Path:
    """Return where an environment is or will be."""
    facts = repr((environment.requirements, find_python(environment.version)))
    return cache / f"{environment.name}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"


def is_made(environment: Environment, cache: Path = CACHE) -> bool:
    """Whether an environment is there and whole."""
    return (environment_folder(environment, cache) / "complete").exists()


def make_environment(environment: Environment, cache: Path = CACHE) -> Path:
    """Make an environment unless it is there, and return its Python.

    Raises:
        NotMadeError: There is no such Python, or pip has failed.
    """
    folder = environment_folder(environment, cache)
    python = folder / "bin" / "python"
    if is_made(environment, cache):
        return python
    maker = find_python(environment.version)
    if maker is None:
        raise NotMadeError(f"no Python {environment.version} with its venv module")
    shutil.rmtree(folder, ignore_errors=True)
    _run([maker, "-m", "venv", str(folder)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile"]
    _run([*pip, *environment.requirements])
    (folder / "complete").touch()
    return python


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["nothing said"]
        raise NotMadeError(f"{command[1:]} ended with {done.returncode}: {lines[-1]}")
