"""The table of float, int8 and qat: its counts, its verdict, and runs that cannot be tried."""

import subprocess
import sys

import numpy as np
import pytest

BOLD = ("--learning-rate", "1e-3")


@pytest.fixture
def benchmark(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import quantization

    return quantization


def answers_of(benchmark, **hits):
    """Answers of files for ten pictures, as many of which are right as are named."""
    truth = np.arange(10) % 2
    scores = {}
    for mode, right in hits.items():
        said = truth.copy()
        said[[number for number in range(10) if number not in right]] ^= 1
        scores[mode] = np.eye(2, dtype=np.float32)[said]
    return benchmark.Answers(truth.astype(np.intp), scores)


def test_only_what_one_of_two_gets_right_counts(benchmark):
    answers = answers_of(benchmark, qat=range(8), int8=range(5, 10))
    found = benchmark.compare(answers, "qat", "int8")
    assert (found.first_only, found.second_only, found.pictures) == (5, 2, 10)
    assert found.points == pytest.approx(30.0)
    assert "+30.00 points; of 10 pictures 5 are right by qat only, 2 by int8 only" in str(found)


@pytest.mark.parametrize(
    ("first_only", "second_only", "chance"),
    [
        (0, 0, 1.0),
        (4, 4, 1.0),
        (5, 0, 2 / 32),
        (0, 5, 2 / 32),
        (9, 1, 2 * 11 / 1024),
    ],
)
def test_chance_is_that_of_a_fair_coin(benchmark, first_only, second_only, chance):
    found = benchmark.Comparison("qat", "int8", first_only, second_only, pictures=100)
    assert found.chance == pytest.approx(chance)


@pytest.mark.parametrize(
    ("right", "verdicts"),
    [
        (range(9), ["yes", "yes"]),
        (range(8), ["yes", "NO"]),  # 10 points less than in floats
        (range(7), ["NO", "NO"]),
    ],
)
def test_verdict_allows_a_tenth_of_a_point_against_floats_only(benchmark, capsys, right, verdicts):
    answers = answers_of(benchmark, qat=right, int8=range(8), float32=range(9))
    benchmark.print_verdict("run", {"test": answers})
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert "qat at least as accurate as int8?" in lines[0]
    assert "qat at least as accurate as float32 - 0.1 points?" in lines[1]
    assert [line.split("? ")[1].split(":")[0] for line in lines] == verdicts


@pytest.fixture(scope="module")
def texture_run(tmp_path_factory):
    """A finished run of generated pictures, with a test part; its last channels are of any size."""
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    from texture_runs import LABELS, SIDE, build_network, fit, write_pictures, write_run

    from convert.pictures import load_pictures
    from convert.run_folder import RunPicture
    from edge.manifest import InputSpec

    root = tmp_path_factory.mktemp("pictures")
    rows = write_pictures(root, {"train": 60, "validation": 20, "test": 25})
    train = [
        RunPicture(root / row["path"], row["label"], row["part"], row["sha256"])
        for row in rows
        if row["part"] == "train"
    ]
    pictures = load_pictures(train, labels=LABELS, spec=InputSpec(SIDE, SIDE))
    network = build_network(spread=3.0)
    fit(network, pictures.pixels_rgb, pictures.truth)
    run = tmp_path_factory.mktemp("runs") / "run-textures"
    write_run(run, root, rows, network)
    return run


@pytest.mark.slow
def test_every_run_has_its_rows_and_its_verdict(repository, texture_run, tmp_path):
    """The second run is none; the table goes on, and says so."""
    script = repository / "benchmarks" / "quantization.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path, texture_run, "--epochs", "1", *BOLD],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    machine, versions = done.stdout.splitlines()[:2]
    assert "cores" in machine
    assert "tensorflow 2" in versions
    failed, *rows = read_rows(done.stdout)
    assert failed[1].startswith("not tried: A run folder must hold manifest.json")
    assert [row[1] for row in rows] == ["validation, 60"] * 3 + ["test, 75"] * 3
    assert [row[2].split()[0] for row in rows] == ["float32", "int8", "qat"] * 2
    assert all(row[0] == "cnn, 32 px" for row in rows)
    for row in (rows[0], rows[3]):
        assert row[5:7] == ["100.00%", "0.00000"]  # it agrees with itself
    assert {row[2] for row in rows[2::3]} <= {
        f"qat ({state})" for state in ("distilled", "settled", "post-training")
    }
    assert done.stdout.count("is qat at least as accurate as") == 4


@pytest.mark.slow
def test_qat_wins_back_what_int8_loses_on_a_spread_network(repository, texture_run):
    """A point at least on either part, and more than half of the loss.

    How closely it comes to floats, tests/convert/test_qat.py says, with more to learn from.
    """
    script = repository / "benchmarks" / "hard_network.py"
    done = subprocess.run(
        [sys.executable, script, texture_run, *("--powers", "3", "--epochs", "6"), *BOLD],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    assert "channels of last_scale spread over 3 powers of ten" in done.stdout
    rows = read_rows(done.stdout)
    right = [float(row[3].split("%")[0]) for row in rows]
    assert [row[0] for row in rows] == ["cnn, 32 px, as trained"] * 6 + ["cnn, 32 px, spread"] * 6
    for before, after in ((right[0:3], right[6:9]), (right[3:6], right[9:12])):
        assert after[0] == before[0]  # in floats the same function
        assert after[1] <= after[0] - 1.0
        assert after[2] >= after[1] + 1.0
        assert after[0] - after[2] <= (after[0] - after[1]) / 2


def read_rows(said):
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in said.splitlines()
        if line.startswith("| ") and not line.startswith("| network")
    ]


@pytest.mark.parametrize("spread", [0.0, 3.0])
def test_channels_are_spread_only_where_no_relu6_clips_them(benchmark, spread):
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    from hard_network import spread_channels
    from texture_runs import SIDE, build_network

    network = build_network(spread=spread)
    pictures = np.random.default_rng(2).uniform(-1, 1, (8, SIDE, SIDE, 3)).astype(np.float32)
    before, weights = network.predict_on_batch(pictures), network.get_weights()
    found = spread_channels(network, powers=3.0, seed=0)
    assert found == ("last_scale" if spread else None)
    assert network.predict_on_batch(pictures) == pytest.approx(before, abs=1e-5)
    is_same = all(map(np.array_equal, weights, network.get_weights()))
    assert is_same == (found is None)
