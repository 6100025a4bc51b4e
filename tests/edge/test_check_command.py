"""`edge check`: every piece is tried for real, and all of them."""

import json
import os
import sqlite3
from contextlib import closing

import pytest
from clips import RED, write_scene
from colour_model import write_colour_model

from edge.cli import check_parts, main
from edge.config import read_config
from edge.control import ControlServer

TEXT = """
[source]
address = "clip.avi"
[model]
file = "colours.tflite"
[clock]
trust = "always"
[[rules]]
name = "let in"
labels = ["red"]
hours = "06:00-22:00"
actions = ["door", "tell"]
[actions.door]
kind = "gpio"
pin = "file:pin.csv"
[actions.tell]
kind = "file"
path = "told.jsonl"
[store]
keep_mb = 5
"""


@pytest.fixture
def config(tmp_path):
    write_colour_model(tmp_path / "colours.tflite")
    write_scene(tmp_path / "clip.avi", [RED] * 5)

    def write(before="", after=""):
        path = tmp_path / "edge.toml"
        path.write_text(TEXT.replace(before, after) if before else TEXT)
        return path

    return write


@pytest.fixture
def check(capsys):
    def call(path):
        code = main(["check", "--config", str(path), "--json"])
        return code, {
            found["check"]: found for found in map(json.loads, capsys.readouterr().out.splitlines())
        }

    return call


def test_check_tries_everything_and_switches_nothing(check, config, tmp_path):
    code, found = check(config())
    assert list(found) == ["config", "model", "source", "door", "tell", "store", "clock"]
    assert [one for one in found.values() if one["status"] != "ok"] == []
    assert code == 0
    assert found["config"]["found"].endswith("edge.toml: rules 1, actions 2")
    assert found["model"]["found"] == "colours: red, green, blue"
    assert found["source"]["found"] == "delivers frames of 160x120 pixels"
    assert found["store"]["found"].startswith(f"{tmp_path / 'memory'}: writable")
    assert not (tmp_path / "memory").exists()  # it may have to be another user's
    levels = {line.rpartition(",")[2] for line in (tmp_path / "pin.csv").read_text().split()}
    assert levels == {"0"}


def test_check_writes_lines_for_people(capsys, config):
    path = config("clip.avi", "gone.avi")
    assert main(["check", "--config", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("ok    model          colours") for line in lines)
    assert any(line.startswith("fail  source ") for line in lines)
    assert any(line.startswith("                     -> ") for line in lines)


@pytest.mark.parametrize(
    ("change", "name", "text"),
    [
        # no such recording
        (("clip.avi", "gone.avi"), "source", "gone.avi"),
        # a folder in which there is no picture
        (("clip.avi", "empty"), "source", ""),
        # a model that is none
        (("colours.tflite", "edge.toml"), "model", "edge.toml"),
        # a label that the model does not have
        (('["red"]', '["raed"]'), "model", "'raed'"),
        # a pin that cannot be claimed
        (("file:pin.csv", "file:/proc/none/pin.csv"), "door", "must be able to claim its pin"),
        # a memory that cannot be made
        (("[store]", '[store]\nfolder = "/proc/none"'), "store", "/proc/none: "),
        # a memory whose disk has less room than is set aside
        (("keep_mb = 5", "keep_mb = 8\nreserve_mb = 2"), "store", "MB free"),
    ],
)  # fmt: skip
def test_check_names_what_fails_and_tries_the_rest(
    check, config, tmp_path, monkeypatch, change, name, text
):
    (tmp_path / "empty").mkdir()
    if "reserve" in change[1]:
        monkeypatch.setattr(check_parts, "_LEAST_FREE_MB", 1e12)
    code, found = check(config(*change))
    assert code == 1
    failed = [one["check"] for one in found.values() if one["status"] == "fail"]
    assert failed == [name]
    assert text in found[name]["found"]
    assert found[name]["fix"]
    assert "clock" in found


def test_check_has_a_line_for_each_label_that_the_model_lacks(capsys, config):
    path = config('labels = ["red"]', 'labels = ["raed", "mauve"]')
    assert main(["check", "--config", str(path), "--json"]) == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [one["found"] for one in found if one["check"] == "model"]
    assert [text.count("the model must have the label") for text in told] == [1, 1]
    assert "Received: 'raed'. Write red." in told[0]


def test_check_names_a_memory_of_a_newer_version(check, config, tmp_path):
    path = config()
    (tmp_path / "memory").mkdir()
    with closing(sqlite3.connect(tmp_path / "memory/events.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    code, found = check(path)
    assert (code, found["store"]["status"]) == (1, "fail")
    assert "events.sqlite must be of version 1 or older: version 99" in found["store"]["found"]
    assert "Install the newer catseye" in found["store"]["fix"]


def test_check_of_a_wrong_configuration_is_wrong_usage(capsys, config):
    assert main(["check", "--config", str(config("labels", "lables"))]) == 2
    assert "labels" in capsys.readouterr().err


def test_check_warns_of_a_clock_and_a_small_disk(config, monkeypatch):
    path = config("[store]\nkeep_mb = 5", "[store]\nkeep_mb = 9_000_000")
    path.write_text(path.read_text().replace("always", "synchronized"))
    config = read_config(path, environment={})
    assert check_parts.try_store(config).status == "warn"
    monkeypatch.setattr("edge.wallclock._is_synchronized", lambda: False, raising=False)
    found = check_parts.try_clock(config)
    if found.status == "ok":
        pytest.skip("the clock of this machine is right")
    assert found.found == "not known to be right: rules with hours do not act"
    assert 'trust = "always"' in found.fix


def test_check_waits_no_longer_than_it_is_told_for_a_frame(config, tmp_path):
    os.mkfifo(tmp_path / "pipe.avi")
    config = read_config(config("clip.avi", "pipe.avi"), environment={})
    settings = check_parts.merge(check_parts._defaults(), (), config)
    found = check_parts.try_source(settings, longest_seconds=0.0)
    assert (found.status, found.found) == ("fail", "delivers no frame: nothing")


def test_check_leaves_camera_and_outputs_to_a_running_instance(check, config, tmp_path):
    path = config()
    (tmp_path / "memory").mkdir()
    server = ControlServer(tmp_path / "memory", lambda question: {})
    code, found = check(path)
    server.close()
    assert code == 0
    assert found["running"]["status"] == "warn"
    assert list(found) == ["config", "running", "model", "tell", "store", "clock"]
    assert not (tmp_path / "pin.csv").exists()
