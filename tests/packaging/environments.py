"""Interpreters of this machine, and commands that must end well."""

import subprocess
import sys

import pytest

from benchmarks import environments

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


def find_python(version):
    """Find an interpreter of that version which can make environments, or skip the test."""
    return environments.find_python(version) or pytest.skip(
        f"no Python {version} with its venv module on this machine"
    )
