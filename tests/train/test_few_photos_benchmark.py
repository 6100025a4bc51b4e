"""The benchmark of few photos deals fairly: disjoint photos, the same for both, seed by seed."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
from textures import write_textures


@pytest.fixture(scope="module")
def benchmark(repository):
    path = repository / "benchmarks" / "few_photos.py"
    spec = importlib.util.spec_from_file_location("few_photos", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["few_photos"] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["few_photos"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_textures(tmp_path_factory.mktemp("few") / "photos", count=24)


def test_judging_photos_are_never_learned_from(benchmark, photos):
    judging, rest = benchmark.set_aside(benchmark.find_all(photos), 10)
    assert benchmark.set_aside(benchmark.find_all(photos), 10) == (judging, rest)
    for label in judging:
        assert len(judging[label]) == 10
        few, more, other = (
            benchmark.choose(rest, count, seed)[label] for count, seed in ((4, 1), (8, 1), (8, 2))
        )
        assert set(few) < set(more)
        assert set(more) != set(other)
        assert not set(more + other) & set(judging[label])
    with pytest.raises(SystemExit, match="14 photos of dots are left to learn from, not 15"):
        benchmark.choose(rest, 15, 1)


def test_seeds_go_with_counts(benchmark):
    rows = list(benchmark.plan_rows("20,100,400", "2,1"))
    assert rows == [(20, 1), (20, 2), (100, 1), (400, 1)]


def test_usual_recipe_sees_what_the_last_layer_sees(benchmark, photos, shared_data):
    model = shared_data / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    features = benchmark.FrozenFeatures(model, "MobilenetV2/Logits/AvgPool")
    paths, truth = benchmark.flatten({k: v[:4] for k, v in benchmark.find_all(photos).items()})
    seen = features.see(paths)
    assert seen.shape == (12, 1280)
    assert seen.min() >= 0  # after a ReLU6 and an average
    assert 1 < seen.max() <= 6
    assert truth.tolist() == list(np.repeat([0, 1, 2], 4))
    with pytest.raises(SystemExit, match="name one with --tensor"):
        benchmark.FrozenFeatures(model, "no such tensor")


@pytest.mark.slow
def test_results_are_kept_and_gone_on_with(benchmark, photos, shared_data, tmp_path, repository):
    output = tmp_path / "results.jsonl"
    known = benchmark.Result("catseye", 10, 1, accuracy=0.5, seconds=1.0, test=10)
    output.write_text(json.dumps(benchmark.asdict(known)) + "\n")
    command = [
        *(sys.executable, "benchmarks/few_photos.py", photos, "-o", output),
        *("--usual", shared_data / "models" / "mobilenet_v2_1.0_224_quant.tflite"),
        *("--counts", "10", "--seeds", "1", "--test", "10"),
    ]
    done = subprocess.run(
        [*map(str, command)], cwd=repository, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(line["recipe"], line["seed"]) for line in lines] == [("catseye", 1), ("usual", 1)]
    assert lines[1]["accuracy"] > 0.8
    assert "| 10 | 1 | catseye | 50.00% | - | 1 |" in done.stdout


def test_table_does_not_call_one_seed_certain(benchmark, capsys):
    accuracies = {20: (0.90, 0.92, 0.94), 2000: (0.98,)}
    benchmark.print_table(
        [
            benchmark.Result("usual", count, seed, accuracy, 1.0, 1000)
            for count, found in accuracies.items()
            for seed, accuracy in enumerate(found, start=1)
        ]
    )
    *_, few, many = capsys.readouterr().out.splitlines()
    assert few == "| 20 | 3 | usual | 92.00% | 2.00% | 1 |"
    assert many == "| 2000 | 1 | usual | 98.00% | - | 1 |"
