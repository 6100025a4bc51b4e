"""The shipped file, damaged in over a thousand ways: nothing of it runs, and this process lives."""

import re
from collections import Counter
from itertools import islice

import pytest

from edge.modelfile import default_model_path, read_model_file

# Every reason says what is wrong with the file; no other may come up.
REASONS = re.compile(
    r"does not match the hash|its zip tail (is|cannot|lists)|zip tail (is|are) |TFL3|"
    r"stands twice|made by others, or cut off|manifest\.json is no JSON|over 4 MiB|manifest.s? |"
    r"model files of format version 1"
)


@pytest.fixture
def damage(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import damage

    return damage


@pytest.fixture
def bench(damage, tmp_path, monkeypatch):
    if not default_model_path().is_file():
        pytest.skip("the embedded model edge/models/pets.tflite is not there")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return damage.Bench(read_model_file(default_model_path()), tmp_path)


@pytest.mark.slow
def test_no_mutant_of_the_shipped_file_runs(damage, bench):
    counts = Counter()
    for mutant in damage.make_mutants(default_model_path()):
        outcome = bench.open(mutant.data)
        assert outcome.stage == "reading", (mutant.kind, outcome)  # not even tried
        assert REASONS.search(outcome.reason), (mutant.kind, outcome)
        counts[mutant.kind] += 1
    assert counts.total() >= 1000
    assert len(counts) == 10


@pytest.mark.slow
def test_no_gross_forgery_of_the_shipped_file_runs(damage, bench):
    """The hash was made right for the wrong content: only a try in a child can tell."""
    for data in islice(damage.forge_gross(default_model_path()), 0, None, 3):
        outcome = bench.open(data)
        assert outcome.stage != damage.RUNS, outcome
        assert re.search("intact|TFL3|load in its runtime", outcome.reason), outcome


def test_intact_file_runs_as_before(damage, bench):
    outcome = bench.open(default_model_path().read_bytes())
    assert (outcome.stage, outcome.shift) == (damage.RUNS, 0.0)


def test_mutants_are_the_same_each_time(damage):
    first = islice(damage.make_mutants(default_model_path()), 5)
    again = islice(damage.make_mutants(default_model_path()), 5)
    assert list(first) == list(again)
