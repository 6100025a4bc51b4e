"""One rule for all commands: 2 is what trying again never makes right, 1 is a run that failed."""

import os
import sqlite3
from contextlib import closing

import pytest

from edge.cli import app, commands, main
from edge.errors import MissingExtraError
from edge.extras import require_desktop

WRONG_USAGE = [
    "run --source gopher://door/stream",  # a kind of address that is not known
    "run --camera 0 --source demo:",  # two sources
    "run --camera 0 --as-fast-as-possible",  # a camera has its own pace
    "run --source demo: --evidence votes=6",  # of 5
    "run --source demo: --threshold 2",
    "run --source demo: --threshold bird=0.5",  # none of the model's labels
    "run --source demo: --size big",
    "run --source demo: --duration nan",
    "run --source demo: --runtime onnx",
    "run --dry-run",  # of which configuration
    "run --config file",  # no configuration
    "init cat",
    "check --config absent.toml",
    "check --config file",
    "status --config file",
    "door ajar --config door.toml",
    "events list --folder folder --limit 0",
    "events show --folder folder",  # which event
    "events export",  # to where
    "events prune --folder folder --older-than long",
    "events list --folder newer",  # of a catseye that is not installed
    "events stats --folder folder --since 1d",  # belongs to list
    "service install file",  # none is taken
    "service status file",
    "service uninstall file",
    "classify file --threads 65",
    "classify",  # no picture
    "evaluate folder --map cats",
    "evaluate folder --map cats=bird",  # none of the model's labels
    "evaluate folder --report page.pdf",
    "bench --runtime onnx",
    "bench --frames 0",
    "inspect file file",  # one too many
    "doctor file",  # none is taken
    "train folder -o run --size 100",
    "train folder -o run --network vgg",
    "train folder -o run --network lenet5 --width 0.5",  # it has none
    "train folder -o run --learning-rate nan",
    "train folder -o run --mixup -1",
    "train folder -o run --group-by (",
    "train folder -o run --distribute cloud",
    "train folder -o run --resume --overwrite",
    "train folder -o run --find-lr --learning-curve",
    "convert run -o m.tflite --quantize int4",
    "convert run -o m.tflite --max-drop nan",
    "convert run -o m.tflite --min-agreement 99",
    "convert run -o m.tflite --precision 1",
    "convert run -o m.tflite --cost 1",
    "convert run -o m.tflite --precision 0.9 --cost 2:1",
    "convert run -o m.tflite --learning-rate nan",
    "convert run -o m.tflite --learning-rate inf",
    "convert m.keras -o m.tflite",  # which takes labels and pictures
    "convert m.keras -o m.tflite --labels file",
    "convert m.keras -o m.tflite --labels file --data folder --mean 127",  # belongs to --std
    "convert m.h5 -o m.tflite --labels file --data folder",
    "convert run -o m.tflite --labels file",  # a run folder has its own
    "replay folder --expect file --cost none=1",
    "replay folder --expect file --picture dark=1",
    "collect --label .. --every 1 --source demo:",
    "collect --label cat --every 0 --source demo:",
    "package file --mean 127",  # belongs to --std
    "package file --mean 127 --std 0",
    "package file --scores odds",
    "package file --threshold nan",
    "package file --threshold 2",
    "data check folder --group-by (",
    "data explore folder",  # neither page nor JSON
    "data explore folder -o page.pdf",
    "data fetch birds -o new",
    "data fetch cats-vs-dogs -o new --by breed",
    "data split folder -o new --group-by (",
    "data split folder -o new --seed -1",
]
FAILED = [
    "init webcam -o file",  # which is there
    "check --config door.toml",  # its source is absent
    "run --config door.toml --dry-run",
    "status --config door.toml",  # nobody runs
    "door lock --config door.toml",
    "events list --folder folder",  # without a memory
    "events show 1 --folder folder",
    "events export new --folder folder",
    "events prune --folder folder --keep 1 --yes",
    "events stats --folder folder",
    "replay absent --expect absent.csv",
    "replay folder --expect absent.csv",  # without a clip
    "collect --label cat --every 1 --source absent.mp4",
    "collect --label cat --every 1 --source demo: --into file",  # which is no folder
    "run --source absent.mp4",
    "run --source demo: --model absent.tflite",
    "run --source demo: --model file",  # no model
    "run --camera 63 --duration 1",  # without it, it is waited for
    "classify absent.png",
    "classify folder",  # without a picture
    "evaluate absent",
    "evaluate folder",  # without a label
    "evaluate folder --report absent/page.html",
    "evaluate folder --report folder.html",  # which is a folder
    "bench --model absent.tflite",
    "inspect absent.tflite",
    "doctor --model absent.tflite",
    "train absent -o run",
    "train folder -o run",  # without a photo
    "train folder -o full",  # which holds something else
    "train folder -o run --resume",  # nothing to resume
    "convert absent -o m.tflite",
    "convert folder -o m.tflite",  # no run
    "convert folder -o file",  # which is there
    "convert folder -o folder",
    "convert folder -o absent/m.tflite",
    "convert absent.keras -o m.tflite --labels file --data folder",
    "package absent.tflite",
    "package file",  # no model
    "package file --labels absent.txt",
    "package file -o file",  # which is there
    "package file -o absent/m.tflite",
    "data check absent",
    "data explore absent -o page.html",
    "data explore folder -o page.html --no-map",  # without a label
    "data explore folder -o absent/page.html",
    "data fetch cats-vs-dogs -o full",  # which holds something else
    "data split absent -o new",
]


def all_commands():
    """Yield the words of every command that runs something."""

    def walk(command, words):
        inner = getattr(command, "commands", {})
        if not inner:
            yield words
        for name in inner:
            yield from walk(inner[name], [*words, name])

    for source in commands.sources():
        yield from walk(app.load_command(source), [source.name])


COMMANDS = [" ".join(words) for words in all_commands()]
CHANGE_THE_MACHINE = {"service install", "service status", "service uninstall"}  # of whoever tests


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    """Run a command line among an empty folder, a full one and a file; return code and error."""
    for name in ("folder", "folder.html", "full", "newer"):
        (tmp_path / name).mkdir()
    (tmp_path / "full/notes.txt").write_text("kept")
    with closing(sqlite3.connect(tmp_path / "newer/events.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    (tmp_path / "file").write_text("no model, no picture")
    (tmp_path / "door.toml").write_text('[source]\naddress = "absent.mp4"\n')
    monkeypatch.chdir(tmp_path)
    before = sorted(os.walk(tmp_path))

    def run(line):
        if line.split()[0] in ("train", "convert", "package", "data"):
            try:
                require_desktop()
            except MissingExtraError as missing:
                pytest.skip(str(missing))
        code = main(line.split())
        assert sorted(os.walk(tmp_path)) == before, "something was written"
        return code, capfd.readouterr().err

    return run


@pytest.mark.parametrize("lines", [WRONG_USAGE, FAILED], ids=["wrong usage", "failed"])
def test_every_command_is_held_to_the_rule(lines):
    found = {name for name in COMMANDS if any(line.startswith(name) for line in lines)}
    assert found | (CHANGE_THE_MACHINE if lines is FAILED else set()) == set(COMMANDS)


@pytest.mark.parametrize("line", WRONG_USAGE)
def test_wrong_usage_exits_with_2(call, line):
    code, err = call(line)
    assert code == 2, err


@pytest.mark.parametrize("line", FAILED)
def test_a_run_that_failed_exits_with_1(call, line):
    code, err = call(line)
    assert code == 1, err


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_wrong_usage(call, name):
    code, err = call(f"{name} --nonsense")
    assert code == 2
    assert "--nonsense" in err
