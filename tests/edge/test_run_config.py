"""`edge run --config`: rules, actions, memory and control socket, with real clips and guards."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from clips import RED, write_scene
from colour_model import write_colour_model
from small_disk import mounted

from edge.classifier import open_classifier
from edge.cli import main
from edge.cli.run_config import merge
from edge.cli.run_settings import RunSettings
from edge.config import read_config
from edge.control import FolderLock, ask
from edge.sources.options import SourceOptions

LONGEST_SECONDS = 60.0  # that a process of these tests may take

TEXT = """
place = "porch"

[source]
address = "{source}"

[model]
file = "{model}"

[evidence]
period_seconds = 0
hysteresis = 0

[[rules]]
name = "{rule}"
labels = ["{label}"]
actions = ["door", "tell"]
vetoed_by = ["blue"]
at_most_every_seconds = 0

[actions.door]
kind = "gpio"
pin = "file:{pin}"
pulse_seconds = 0.2

[actions.tell]
kind = "file"
path = "told.jsonl"

[store]
folder = "{store}"
clips = false
"""

NEWS = """
[actions.news]
kind = "mqtt"
host = "127.0.0.1"

[actions.post]
kind = "webhook"
url = "http://127.0.0.1:9/"
allow = ["127.0.0.1"]
"""


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    path = write_colour_model(tmp_path_factory.mktemp("model") / "colours.tflite")
    open_classifier(path).close()  # verified now, so that no first frame gets old meanwhile
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("clip") / "clip.avi", [RED] * 20)


@pytest.fixture
def config(tmp_path, colours, clip):
    """Write a configuration; return the function that writes it again with changes."""

    def write(**changes):
        values = {
            **{"source": clip, "model": colours, "rule": "let in", "label": "red"},
            **{"pin": "pin.csv", "store": "memory"},
            **changes,
        }
        path = tmp_path / "edge.toml"
        path.write_text(TEXT.format(**values))
        return path

    write()
    return write


@pytest.fixture
def edge(capsys):
    """Run `edge` in this process; return exit code, JSON lines and standard error."""

    def call(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        lines = captured.out.splitlines() if "--json" in arguments else []
        return code, [json.loads(line) for line in lines], captured.err

    return call


@pytest.fixture
def start(tmp_path):
    """Start `edge run` as a process with its output in pipes."""
    processes = []

    def start_it(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--json", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ),
            text=True,
        )
        timer = threading.Timer(LONGEST_SECONDS, process.kill)
        timer.start()
        processes.append((process, timer))
        return process

    yield start_it
    for process, timer in processes:
        timer.cancel()
        process.kill()
        process.communicate()


def of_type(lines, kind):
    return [line for line in lines if line["type"] == kind]


def wait_for(stream, is_wanted):
    """Read lines until one is wanted, and return it."""
    for line in stream:
        if is_wanted(line):
            return line
    raise AssertionError("it has not come")


def is_of(kind, **values):
    def is_wanted(line):
        record = json.loads(line)
        return record["type"] == kind and values.items() <= record.items()

    return is_wanted


def pin_levels(path):
    return [int(line.rpartition(",")[2]) for line in path.read_text().splitlines()]


def test_a_rule_opens_the_door_writes_a_line_and_is_remembered(edge, config, tmp_path):
    code, lines, error = edge("run", "--config", config(), "--json")
    assert (code, error) == (0, "")
    (rule,) = of_type(lines, "rule")
    assert (rule["rule"], rule["result"], rule["actions"]) == ("let in", "fired", ["door", "tell"])
    outcomes = {line["action"]: line for line in of_type(lines, "outcome")}
    assert outcomes["door"]["result"] == "done"
    assert outcomes["door"]["detail"] == "energised, open for 0.2 s"
    assert outcomes["tell"]["result"] == "done"
    assert pin_levels(tmp_path / "pin.csv")[-3:] == [0, 1, 0]
    told = json.loads((tmp_path / "told.jsonl").read_text())
    assert (told["rule"], told["place"], told["event_id"]) == ("let in", "porch", rule["event_id"])
    code, events, _ = edge("events", "list", "--config", config(), "--json")
    assert code == 0
    assert [event["label"] for event in events] == ["red"]
    assert rule["event_id"] in json.dumps(events)
    assert not (tmp_path / "memory/control.sock").exists()


def test_a_run_for_people_says_what_rules_do(edge, config):
    code, _, error = edge("run", "--config", config())
    assert code == 0
    assert "let in: does door, tell (red 0." in error
    assert "let in: door done (energised, open for 0.2 s)" in error


def test_a_dry_run_says_what_would_be_and_opens_nothing(edge, config, tmp_path):
    code, lines, _ = edge("run", "--config", config(), "--dry-run", "--json")
    assert code == 0
    (would,) = of_type(lines, "would")
    assert (would["rule"], would["result"], would["actions"]) == (
        *("let in", "fired"),
        ["door", "tell"],
    )
    assert not of_type(lines, "rule")
    assert [path.name for path in tmp_path.iterdir()] == ["edge.toml"]
    code, _, error = edge("run", "--config", config(), "--dry-run")
    assert code == 0
    assert "let in: would do door, tell (red 0." in error


def test_a_dry_run_says_why_not(edge, config, tmp_path):
    path = config()
    path.write_text(path.read_text() + "[clock]\ntrust = 'always'\n")
    path.write_text(
        path.read_text()
        .replace('when = "start"', "")
        .replace('labels = ["red"]', 'labels = ["red"]\nhours = "00:00-00:01"\ndays = ["mon"]')
    )
    code, lines, _ = edge("run", "--config", path, "--dry-run", "--json")
    (would,) = of_type(lines, "would")
    assert code == 0
    assert (would["result"], would["actions"]) == ("outside hours", [])


def test_run_says_that_a_configuration_beside_it_is_not_used(edge, config, monkeypatch):
    monkeypatch.chdir(config().parent)
    _, _, error = edge("run", "--source", "none.avi")
    assert "edge.toml is here but not used: nothing follows without --config edge.toml" in error


def test_dry_run_needs_a_configuration(edge):
    code, _, error = edge("run", "--dry-run")
    assert code == 2
    assert "Received: no configuration. Name one with --config edge.toml." in error


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        # a label that the model does not have
        ({"label": "raed"}, 2, "edge.toml:16: rules[0].labels: the model must have the label"),
        # a folder that is none
        ({"store": "edge.toml"}, 1, "The store folder must be writable"),
        # a pin that cannot be claimed
        ({"pin": "/proc/none/pin.csv"}, 1, "must be able to claim its pin"),
    ],
)
def test_what_cannot_run_ends_with_its_exit_code(edge, config, changes, code, text):
    found, _, error = edge("run", "--config", config(**changes))
    assert text in error
    assert found == code


@pytest.mark.parametrize("name", ["events.sqlite", "spool-news.db", "webhook-post.spool"])
def test_what_a_newer_catseye_wrote_ends_a_run_as_a_wrong_configuration_does(
    edge, config, tmp_path, name
):
    path = config()
    path.write_text(path.read_text() + NEWS)
    written = tmp_path / "memory" / name
    written.parent.mkdir()
    with closing(sqlite3.connect(written)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE later (content)")
        connection.execute("PRAGMA user_version = 99")
    before = written.read_bytes()
    code, _, error = edge("run", "--config", path)
    assert f"version 99 in {written}. Install the newer catseye that wrote it" in error
    assert code == 2  # which the unit of the service does not start again
    assert written.read_bytes() == before
    assert not list(written.parent.glob("*.corrupt-*"))


def test_a_second_instance_is_refused(edge, config, tmp_path):
    lock = FolderLock(tmp_path / "memory")
    code, _, error = edge("run", "--config", config())
    lock.close()
    assert code == 1
    assert "Only one edge run may work with a store folder" in error


@pytest.mark.parametrize("trouble", ["read-only", "full"])
def test_a_memory_that_can_no_longer_be_written_keeps_no_door_shut(
    edge, config, tmp_path, trouble, caplog
):
    with mounted(tmp_path / "disk", "size=8m") as disk:
        path = config(store=disk.folder / "memory")
        assert edge("run", "--config", path)[0] == 0
        (tmp_path / "pin.csv").unlink()
        if trouble == "read-only":
            disk.change("ro")
        else:
            disk.fill()
        code, lines, _ = edge("run", "--config", path, "--json")
        assert code == 0
        (done, *_) = [one for one in of_type(lines, "outcome") if one["action"] == "door"]
        assert (done["result"], 1 in pin_levels(tmp_path / "pin.csv")) == ("done", True)
    if trouble == "read-only":
        assert "control: edge status and edge door do not reach this run" in caplog.text


def test_flags_go_over_the_environment_over_the_file(edge, config, tmp_path, monkeypatch, colours):
    path = config(source="nowhere.avi", model="nowhere.tflite")
    clip = write_scene(tmp_path / "other.avi", [RED] * 5)
    monkeypatch.setenv("EDGE_MODEL", str(colours))
    monkeypatch.setenv("EDGE_ACTIONS_TELL_PATH", str(tmp_path / "elsewhere.jsonl"))
    code, lines, _ = edge("run", "--config", path, "--source", clip, "--json")
    assert code == 0
    assert of_type(lines, "rule")
    assert (tmp_path / "elsewhere.jsonl").exists()


WHOLE = """
[source]
address = "rtsp://camera/1"
size = "320x240"
rate = 5
pixel_format = "yuyv"
rotate = 90
flip = "both"
[model]
file = "/m.tflite"
runtime = "litert"
threads = 2
thresholds.red = 0.8
[evidence]
votes = 2
[picture]
dark_level = 9
[regions]
watch = "0.1,0.2,0.9,0.9"
[run]
max_fps = 3
motion_gate = false
"""
FLAGS = RunSettings(
    "demo:",
    options=SourceOptions(
        size_wh=(640, 480), rate_hz=2.0, pixel_format="MJPG", flip="none", snapshot_seconds=0.5
    ),
    model=Path("/other.tflite"),
    runtime="auto",
    threads=1,
    thresholds=("red=0.5",),
    evidence="votes=1",
    picture="dark_level=1",
    max_fps=9.0,
)


def test_merge_takes_the_file_where_nothing_is_given(tmp_path):
    (tmp_path / "edge.toml").write_text(WHOLE)
    config = read_config(tmp_path / "edge.toml", environment={})
    merged = merge(RunSettings("0", options=SourceOptions()), (), config)
    options = merged.options
    assert merged.source == "rtsp://camera/1"
    assert (options.size_wh, options.rate_hz, options.snapshot_seconds) == ((320, 240), 5.0, 0.2)
    assert (options.pixel_format, options.rotate_degrees, options.flip) == ("YUYV", 90, "both")
    assert (merged.model, merged.runtime, merged.threads) == (Path("/m.tflite"), "litert", 2)
    assert (merged.thresholds, merged.evidence) == (("red=0.8",), "votes=2")
    assert merged.picture.startswith("dark_level=9")
    assert merged.region == config.region
    assert (merged.max_fps, merged.has_gate) == (3.0, False)


def test_merge_takes_what_was_given(tmp_path):
    (tmp_path / "edge.toml").write_text(WHOLE)
    config = read_config(tmp_path / "edge.toml", environment={})
    given = {
        *("camera", "size", "rate", "pixel_format", "rotate", "flip", "region", "model"),
        *("runtime", "threads", "max_fps", "no_motion_gate"),
    }
    merged = merge(FLAGS, given, config)
    assert merged.options == FLAGS.options
    for name in ("source", "region", "model", "runtime", "threads", "max_fps", "has_gate"):
        assert getattr(merged, name) == getattr(FLAGS, name)
    assert merged.thresholds == ("red=0.8", "red=0.5")  # the later one wins
    assert merged.evidence == "votes=2 votes=1"


def test_sighup_takes_a_valid_change_up_and_refuses_another(start, config, tmp_path):
    clip = write_scene(tmp_path / "long.avi", [RED] * 900)
    process = start("--config", config(source=clip))
    wait_for(process.stdout, is_of("rule", rule="let in"))
    config(source=clip, label="raed")
    process.send_signal(signal.SIGHUP)
    refusal = wait_for(process.stderr, lambda line: "configuration:" in line)
    assert "not taken up, the old one stays" in refusal
    assert ask(tmp_path / "memory", "status")["picture"] == "live"
    config(source=clip, rule="changed")
    process.send_signal(signal.SIGHUP)
    wait_for(process.stdout, is_of("outcome", rule="changed", action="tell"))
    before = ask(tmp_path / "memory", "status")
    assert before["uptime_seconds"] < 20.0
    process.terminate()
    output, _ = process.communicate()
    summary = json.loads(output.splitlines()[-1])
    assert (summary["type"], process.returncode) == ("summary", 0)
    assert summary["events"] == 2
    looked_at = summary["frames_classified"] + summary["frames_resting"]
    looked_at += summary["frames_unusable"] + summary["frames_dropped"]
    assert summary["frames_captured"] == looked_at
    assert pin_levels(tmp_path / "pin.csv")[-1] == 0


def test_sighup_goes_back_to_the_old_configuration_if_the_new_one_cannot_be_opened(
    start, config, tmp_path
):
    clip = write_scene(tmp_path / "long.avi", [RED] * 900)
    process = start("--config", config(source=clip))
    wait_for(process.stdout, is_of("rule", rule="let in"))
    lock = FolderLock(tmp_path / "occupied")
    config(source=clip, store="occupied")
    process.send_signal(signal.SIGHUP)
    wait_for(process.stderr, lambda line: "cannot be opened, the old one is used again" in line)
    wait_for(process.stdout, is_of("rule", rule="let in"))
    lock.close()
    process.terminate()
    process.communicate()
    assert process.returncode == 0


def test_sighup_waits_for_the_end_of_a_save_and_tells_systemd_when_it_counts(
    start, config, tmp_path, monkeypatch
):
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(tmp_path / "notify"))
    systemd.settimeout(LONGEST_SECONDS)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    clip = write_scene(tmp_path / "long.avi", [RED] * 900)
    path = config(source=clip)
    process = start("--config", path)
    wait_for(process.stdout, is_of("rule", rule="let in"))
    text = path.read_text().replace("let in", "changed")
    path.write_text(text[: text.index("[[rules]]")])  # valid, and without a rule
    process.send_signal(signal.SIGHUP)
    told = []
    while not told or not told[-1].startswith("RELOADING=1"):
        told.append(systemd.recv(4096).decode())
    path.write_text(text)
    assert systemd.recv(4096).decode().startswith("READY=1")
    status = ask(tmp_path / "memory", "status")
    assert status["uptime_seconds"] < 2.0  # of the new configuration
    wait_for(process.stdout, is_of("rule", rule="changed"))
    config(source=clip, label="raed")
    process.send_signal(signal.SIGHUP)
    wait_for(process.stderr, lambda line: "the old one stays" in line)
    told = [systemd.recv(4096).decode().split("\n")[0] for _ in range(2)]
    assert told == ["RELOADING=1", "READY=1"]
    process.terminate()
    process.communicate()
    systemd.close()


def test_sighup_without_a_configuration_ends_the_process(start, tmp_path, colours):
    clip = write_scene(tmp_path / "long.avi", [RED] * 300)
    process = start("--source", clip, "--model", colours)
    wait_for(process.stdout, is_of("decision"))
    process.send_signal(signal.SIGHUP)
    process.communicate()
    assert process.returncode == -signal.SIGHUP
