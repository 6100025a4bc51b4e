"""The same run, seed and versions give the same file, byte for byte, in any process."""

import json
import os
import subprocess
import sys

import pytest
from texture_runs import LABELS

from edge.ziptail import split_tail

pytestmark = pytest.mark.slow


def convert_apart(run, folder, mode, hash_seed, *options):
    """Convert in a process of its own, in a folder of its own, and return the file's bytes."""
    folder.mkdir()
    words = ("convert", run, "-o", "m.tflite", "--quantize", mode, "--json", *options)
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-m", "edge", *map(str, words)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": paths,
            "PYTHONHASHSEED": hash_seed,  # the order of sets and of some dicts
            "TMPDIR": str(folder),
        },
        capture_output=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return (folder / "m.tflite").read_bytes()


def name_differences(one, other, place=""):
    """Yield the fields in which two manifests differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from name_differences(one.get(key), other.get(key), f"{place}.{key}")
    elif one != other:
        yield f"{place}: {str(one)[:60]} and {str(other)[:60]}"


@pytest.mark.parametrize("mode", ["int8", "qat"])
def test_converted_twice_is_the_same_file(run_folder, tmp_path, mode):
    hold_against_another(run_folder, tmp_path, mode)


def test_keras_file_converted_twice_is_the_same_file(run_folder, textures, tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    options = ("--labels", tmp_path / "labels.txt", "--data", textures[0])
    scaling = ("--mean", "127", "--std", "128")
    hold_against_another(run_folder / "model.keras", tmp_path, "qat", *options, *scaling)


def hold_against_another(run, folder, mode, *options):
    """Convert twice, and name what differs."""
    first = convert_apart(run, folder / "first", mode, "1", *options)
    again = convert_apart(run, folder / "again", mode, "2", *options)
    if first == again:
        return
    fronts, manifests = [], []
    for data in (first, again):
        front, members = split_tail(data)
        fronts.append(front)
        manifests.append(json.loads(members["manifest.json"]))
    differences = list(name_differences(*manifests))
    pytest.fail(f"the network differs: {fronts[0] != fronts[1]}; the manifest in {differences}")
