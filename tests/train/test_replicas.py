"""Replicas learn like pieces of a batch, on two devices that TensorFlow makes of one processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "two_replicas.py"


@pytest.fixture(scope="module")
def differences():
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


CASES = ["plain", "uneven", "normalised", "averaged", "in pieces", "half precision"]


@pytest.mark.parametrize("case", CASES)
def test_two_replicas_learn_what_one_learns_in_pieces(differences, case):
    """Dropout, label weights, mixed pictures and an optimizer with a memory included."""
    assert differences[case]["results"] < 1e-6
    assert differences[case]["weights"] < 1e-6


def test_batch_statistics_are_the_mean_of_the_replicas(differences):
    assert differences["statistics"]["between halves"] > 1e-3
    assert differences["statistics"]["from the mean"] < 1e-6


@pytest.mark.parametrize("case", CASES)
def test_replicas_go_on_bit_by_bit(differences, case):
    assert differences[case]["resumed"] == 0
