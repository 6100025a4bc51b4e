"""The same run, seed and versions give the same file in any process, but for measured times."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
from texture_runs import LABELS

from convert.package import DIFFERING
from edge.inspection import inspect_file
from edge.ziptail import split_tail

pytestmark = pytest.mark.slow


def convert_apart(run, folder, mode, hash_seed, *options):
    """Convert in a process of its own, in a folder of its own; return the file and the report."""
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
    return folder / "m.tflite", json.loads(done.stdout)


def name_differences(one, other, place=""):
    """Yield the fields in which two manifests differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from name_differences(one.get(key), other.get(key), f"{place}.{key}")
    elif one != other:
        yield f"{place}: {str(one)[:60]} and {str(other)[:60]}"


def without(manifest, fields):
    """Return a manifest without the fields of these paths, and the fields that were there."""
    kept, removed = json.loads(json.dumps(manifest)), []
    for path in fields:
        *above, last = path.split(".")
        place = kept
        for name in above:
            place = place[name]
        removed.append(place.pop(last))
    return kept, removed


@pytest.mark.parametrize("mode", ["int8", "qat"])
def test_converted_twice_differs_in_measured_times_only(run_folder, tmp_path, mode):
    hold_against_another(run_folder, tmp_path, mode)


def test_keras_file_converted_twice_differs_in_measured_times_only(run_folder, textures, tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    options = ("--labels", tmp_path / "labels.txt", "--data", textures[0])
    scaling = ("--mean", "127", "--std", "128")
    hold_against_another(run_folder / "model.keras", tmp_path, "qat", *options, *scaling)


def hold_against_another(run, folder, mode, *options):
    """Convert twice, and expect the same but for measured times."""
    made = [
        convert_apart(run, folder / name, mode, seed, *options)
        for name, seed in (("first", "1"), ("again", "2"))
    ]
    files, reports = [path for path, _ in made], [report for _, report in made]
    fronts, labels, manifests = [], [], []
    for path in files:
        front, members = split_tail(path.read_bytes())
        fronts.append(front)
        labels.append(members["labels.txt"])
        manifests.append(json.loads(members["manifest.json"]))
    assert fronts[0] == fronts[1]
    assert labels[0] == labels[1]
    kept = [without(manifest, DIFFERING)[0] for manifest in manifests]
    assert list(name_differences(*kept)) == []
    assert json.dumps(kept[0]) == json.dumps(kept[1])  # in the same order, too

    network_sha256 = hashlib.sha256(fronts[0]).hexdigest()
    for path, report, manifest in zip(files, reports, manifests, strict=True):
        assert report["differs_between_conversions"] == list(DIFFERING)
        assert report["network_sha256"] == network_sha256
        assert inspect_file(path).network_sha256 == network_sha256
        measured = without(manifest, DIFFERING)[1][0]
        assert (measured["machine"], measured["latency"]) == (report["machine"], report["latency"])
