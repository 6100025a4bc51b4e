"""Interpreters of this machine, and commands that must end well."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TIMEOUT_SECONDS = 600
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def run(*command, expected_code=0, **options):
    """Run a command; its words belong to the test's report when it ends otherwise."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
        **options,
    )
    words = f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    assert done.returncode == expected_code, words
    return done


@functools.cache
def find_python(version):
    """Find an interpreter of that version which can make environments: on PATH, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}")),
        shutil.which("python3"),
    ]
    check = f"import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for candidate in filter(None, candidates):
        if (
            subprocess.run([candidate, "-c", check], capture_output=True, check=False).returncode
            == 0
        ):
            return candidate
    pytest.skip(f"no Python {version} with its venv module on this machine")
