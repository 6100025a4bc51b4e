"""`edge train --distribute`: real processes on loopback, and what is refused before them."""

import functools
import json
import re
import shlex
import shutil
import signal

import numpy as np
import pytest
from textures import write_textures
from workers import finish, free_ports, workers

from edge.cli import main
from train.checkpoint import load_state
from train.run_folder import RunFolder

TOGETHER = ("--distribute", "multiworker")
# without and with batch normalisation, in batches of two halves
NETWORKS = {
    "lenet5": ("--network", "lenet5", "--size", "32", "--batch-size", "8", "--epochs", "3"),
    "cnn": ("--network", "cnn", "--size", "32", "--batch-size", "8", "--epochs", "12"),
}
HALVES = ("--augment", "light", "--at-once", "4")
TRAINING_TOLERANCE, VALIDATION_TOLERANCE = 1e-5, 0.05


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_textures(tmp_path_factory.mktemp("data") / "photos", count=60)


def call(capfd, *arguments):
    """Run the command line in this process; return exit code, standard output and error."""
    code = main(["train", *map(str, arguments)])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def read_epochs(out):
    records = [json.loads(line) for line in out.splitlines()]
    return [record for record in records if record["type"] == "epoch"]


def read_network(run):
    import tf_keras

    return tf_keras.models.load_model(run.model, compile=False).get_weights()


def train_together(photos, folder, *options):
    """Train with two processes to the end, each with a run folder; return what they said."""
    commands = [
        ("train", photos, "-o", folder / f"run{index}", *options, *TOGETHER, "--json")
        for index in range(2)
    ]
    with workers(commands) as processes:
        return [finish(process) for process in processes]


@pytest.fixture(scope="module")
def pair(photos, tmp_path_factory):
    """Two processes that train each network to the end, by its name."""

    @functools.cache
    def train(name):
        folder = tmp_path_factory.mktemp(name)
        return folder, train_together(photos, folder, *NETWORKS[name], *HALVES)

    return train


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_two_workers_learn_what_one_learns(photos, tmp_path, capfd, pair, name):
    _, ((code, out, err), _) = pair(name)
    assert code == 0, err
    code, alone, err = call(
        capfd, photos, "-o", tmp_path / "run", *NETWORKS[name], *HALVES, "--json"
    )
    assert code == 0, err
    pairs = list(zip(read_epochs(out), read_epochs(alone), strict=True))
    for ours, theirs in pairs:
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=TRAINING_TOLERANCE)
        assert ours["accuracy"] == theirs["accuracy"]
        if name == "lenet5":
            assert ours["val_loss"] == pytest.approx(theirs["val_loss"], rel=TRAINING_TOLERANCE)
    # batch statistics differ while they move; they have settled when the rate has fallen
    ours, theirs = pairs[-1]
    assert ours["val_loss"] == pytest.approx(theirs["val_loss"], rel=VALIDATION_TOLERANCE)


@pytest.mark.slow
def test_one_of_two_workers_writes(pair):
    folder, ((code, out, err), (other_code, other_out, other_err)) = pair("cnn")
    assert (code, other_code) == (0, 0), err + other_err
    assert [path.name for path in folder.iterdir()] == ["run0"]
    run = RunFolder(folder / "run0")
    assert all(path.is_file() for path in run.files)
    assert not run.checkpoint.exists()
    assert json.loads(out.splitlines()[-1])["status"] == "complete"
    assert other_out == ""
    assert "worker 0 judges the network and writes the run folder" in other_err
    assert "2 replicas learn together" in err


def wait_for_epoch(process, number):
    """Read what a training says until it has said how an epoch went."""
    assert any(line.startswith(f"epoch {number}/") for line in process.stderr)


def lose(photos, folder, lost, *, number=signal.SIGKILL):
    """Send a signal to one of two processes in their third epoch; return what they said."""
    commands = [
        ("train", photos, "-o", folder / "run0", *NETWORKS["cnn"], *HALVES, *TOGETHER)
        for _ in range(2)
    ]
    with workers(commands) as processes:
        wait_for_epoch(processes[0], 2)
        processes[lost].send_signal(number)
        results = [finish(process) for process in processes]
    return [(code, err) for code, _, err in results]


@pytest.mark.slow
def test_a_lost_worker_ends_the_training_which_two_or_one_take_up_again(
    photos, tmp_path, capfd, pair
):
    (code, err), (killed, _) = lose(photos, tmp_path, 1)
    assert (code, killed) == (1, -signal.SIGKILL)
    *_, message = err.splitlines()
    assert re.match(
        r"edge: Machines that train together need each other until the end\. Received: on worker "
        r"0: worker 1 \(127\.0\.0\.1:\d+\) is lost: .*--resume without --distribute\.$",
        message,
    )
    run = RunFolder(tmp_path / "run0")
    assert len(load_state(run.state).history) >= 2
    shutil.copytree(run.path, tmp_path / "alone")

    code, out, err = call(capfd, photos, "-o", tmp_path / "alone", "--resume")
    assert code == 0, err
    assert "going on after epoch" in err
    assert "test pictures right" in out

    (code, _, err), (other_code, _, other_err) = train_together(photos, tmp_path, "--resume")
    assert (code, other_code) == (0, 0), err + other_err
    assert "going on after epoch" in other_err  # from the first one's checkpoint
    assert not (tmp_path / "run1").exists()
    folder, _ = pair("cnn")
    for one, two in zip(read_network(run), read_network(RunFolder(folder / "run0")), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_the_first_worker_lost_is_named_by_the_other(photos, tmp_path):
    (killed, _), (code, err) = lose(photos, tmp_path, 0)
    assert (killed, code) == (-signal.SIGKILL, 1)
    assert "on worker 1: worker 0 (127.0.0.1:" in err.splitlines()[-1]
    assert len(load_state(RunFolder(tmp_path / "run0").state).history) >= 2


@pytest.mark.slow
def test_a_worker_that_falls_silent_is_named_within_a_minute(photos, tmp_path):
    command = ("train", photos, "-o", tmp_path / "run0", *NETWORKS["cnn"], *HALVES, *TOGETHER)
    with workers([command] * 2) as processes:
        wait_for_epoch(processes[0], 2)
        processes[1].send_signal(signal.SIGSTOP)
        code, _, err = finish(processes[0], within_seconds=60)
    assert code == 1
    assert "on worker 0: worker 1 (127.0.0.1:" in err.splitlines()[-1]
    assert len(load_state(RunFolder(tmp_path / "run0").state).history) >= 2


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "number"), [(0, signal.SIGTERM), (1, signal.SIGINT)])
def test_a_stop_on_one_worker_ends_all_in_order(photos, tmp_path, asked, number):
    for code, err in lose(photos, tmp_path, asked, number=number):
        assert code == 1
        assert err.splitlines()[-1].endswith("--resume --distribute multiworker")
    run = RunFolder(tmp_path / "run0")
    assert json.loads(run.manifest.read_text())["status"] == "interrupted"
    assert run.settings.is_file()


@pytest.mark.slow
def test_workers_with_other_photos_or_options_are_refused(photos, tmp_path):
    others = write_textures(tmp_path / "others", count=60, seed=7)
    commands = [
        ("train", folder, "-o", tmp_path / "run", *NETWORKS["lenet5"], *TOGETHER)
        for folder in (photos, others)
    ]
    with workers(commands) as processes:
        (code, _, err), (other_code, _, other_err) = map(finish, processes)
    assert (code, other_code) == (1, 1)
    assert "A training goes on with the photos that it began with" in other_err
    assert "180 changed or missing" in other_err
    assert "See what the other machines say" in err

    commands = [
        ("train", photos, "-o", tmp_path / "run", "--overwrite", *options, *TOGETHER)
        for options in (NETWORKS["lenet5"], (*NETWORKS["lenet5"], "--seed", 5))
    ]
    with workers(commands) as processes:
        (code, _, err), (other_code, _, other_err) = map(finish, processes)
    assert (code, other_code) == (1, 2)
    assert "--seed 5, begun with 1" in other_err


@pytest.mark.slow
def test_two_machines_of_the_guide_train(photos, tmp_path, repository):
    """The commands as they stand there, at addresses of this machine, with a small network."""
    page = (repository / "docs" / "training.md").read_text()
    (block,) = re.findall(r"^```text\n(# on 192.*?)^```", page, re.M | re.S)
    configs = [json.loads(text) for text in re.findall(r"^export TF_CONFIG='(.*)'$", block, re.M)]
    assert [config["task"]["index"] for config in configs] == [0, 1]
    assert configs[0]["cluster"] == configs[1]["cluster"]
    (tmp_path / "photos").symlink_to(photos)
    commands = [shlex.split(line)[1:] for line in re.findall(r"^edge .*$", block, re.M)]
    with workers([[*c, *NETWORKS["lenet5"]] for c in commands], folder=tmp_path) as processes:
        results = [finish(process) for process in processes]
    assert [code for code, *_ in results] == [0, 0], results
    assert (tmp_path / "run" / "model.keras").is_file()


@pytest.mark.parametrize(
    ("options", "config", "message"),
    [
        (("--distribute", "cluster"), None, "--distribute must be one of mirrored, multiworker"),
        (TOGETHER, None, "TF_CONFIG in the environment. Received: it is not set"),
        (TOGETHER, "{", "Received: no JSON"),
        (
            TOGETHER,
            '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
            "the task index 2 where there are 2 of type worker",
        ),
        ((*TOGETHER, "--find-lr"), None, "--find-lr and --learning-curve work in one process"),
    ],
)
def test_what_cannot_be_distributed_is_refused(
    photos, tmp_path, capfd, monkeypatch, options, config, message
):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    code, out, err = call(capfd, photos, "-o", tmp_path / "run", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "run").exists()


def test_a_worker_that_never_comes_is_named(photos, tmp_path, capfd, monkeypatch):
    from train import distribution

    monkeypatch.setattr(
        distribution, "meet", functools.partial(distribution.meet, wait_seconds=0.5)
    )
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    code, out, err = call(capfd, photos, "-o", tmp_path / "run", *TOGETHER)
    assert (code, out) == (1, "")
    assert f"nothing from worker 1 ({addresses[1]}) within 0 s" in err
    assert "Start the same command there" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mirrored", "multiworker"])
def test_one_machine_without_a_second_gpu_trains_as_always(
    photos, tmp_path, capfd, monkeypatch, kind
):
    task = {"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    for name, options in (("plain", ()), ("distributed", ("--distribute", kind))):
        code, _, err = call(capfd, photos, "-o", tmp_path / name, *NETWORKS["lenet5"], *options)
        assert code == 0, err
    assert "training with one replica" in err
    ones, others = (read_network(RunFolder(tmp_path / n)) for n in ("plain", "distributed"))
    for one, two in zip(ones, others, strict=True):
        np.testing.assert_array_equal(one, two)
