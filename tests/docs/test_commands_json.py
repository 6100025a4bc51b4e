"""Holds docs/commands.md against the program: options, and the fields of real output."""

import json
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import RED, write_scene
from colour_model import LABELS, build_colour_model, picture_bgr, write_colour_model
from operator_model import Step, build_operators
from PIL import Image

from edge import cli
from edge.cli.app import load_command
from edge.cli.collect import Session
from edge.cli.commands import sources
from edge.clock import SystemClock
from edge.control import Answers, ControlServer, Outputs
from edge.records import Offline
from edge.status import ActionStatus, EventStatus, OutputStatus, Status, StoreStatus

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
SECTIONS = dict(
    re.findall(r"^## edge (\w+(?: \w+)?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S)
)

BLACK = (0, 0, 0)

# Objects that are described elsewhere or as a whole.
WHOLE = {
    *("manifest", "metadata", "input", "data", "split", "training", "metrics", "versions"),
    *("fine_tuning", "edge_tpu"),
}


def table(verb, heading):
    """Return the first cells of the table of a section whose header starts so."""
    for block in re.findall(r"((?:^\|.*\n)+)", SECTIONS[verb], re.M):
        head, _, *rows = block.splitlines()
        if head.startswith(f"| {heading}"):
            return [row.split("|")[1].strip() for row in rows]
    raise AssertionError(f"edge {verb}: no table {heading!r}")


def documented_fields(verb, heading):
    return {re.match(r"`([^`]+)`", cell)[1] for cell in table(verb, f"JSON of {heading}")}


def fields(value, labels, path=""):
    """Name the fields of a record the way the page does."""
    if isinstance(value, dict) and path not in WHOLE:
        for key, item in value.items():
            name = "LABEL" if key in (*labels, "unknown") else key
            name = "MODEL" if path == "models" else name
            yield from fields(item, labels, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from fields(item, labels, f"{path}[]")
    else:
        yield path


def run_json(capfd, *arguments):
    assert cli.main([str(argument) for argument in arguments]) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, pictures of two of its labels, and one file that is no picture."""
    folder = tmp_path_factory.mktemp("commands")
    write_colour_model(folder / "colours.tflite")
    for label in ("red", "blue"):
        (folder / "pictures" / label).mkdir(parents=True)
        pixels_rgb = np.ascontiguousarray(picture_bgr(label)[:, :, ::-1])
        Image.fromarray(pixels_rgb).save(folder / "pictures" / label / "1.png")
    (folder / "pictures/red/page.jpg").write_text("<html>")
    return folder


def every_command():
    """Yield the name of every command and its parameters; a group's commands instead of it."""
    for source in sources():
        command = load_command(source)
        inner = getattr(command, "commands", None)
        for name, below in (inner or {"": command}).items():
            yield f"{source.name} {name}".strip(), below.params


@pytest.mark.parametrize(
    ("verb", "parameters"), [pytest.param(*c, id=c[0]) for c in every_command()]
)
def test_every_option_is_documented(verb, parameters):
    offered = {
        name
        for option in parameters
        for name in option.opts
        if name.startswith("--") and name != "--help"
    }
    documented = re.findall(r"`(--[a-z-]+)", " ".join(table(verb, "option")))
    assert sorted(documented) == sorted(offered)


def test_classify(capfd, folder):
    (record,) = run_json(
        capfd, "classify", folder / "pictures/red/1.png", "-m", folder / "colours.tflite", "--json"
    )
    assert set(fields(record, LABELS)) == documented_fields("classify", "a picture")
    assert record["label"] == "red"
    assert list(record["scores"]) == list(LABELS)


def test_evaluate(capfd, folder):
    (record,) = run_json(
        capfd, "evaluate", folder / "pictures", "-m", folder / "colours.tflite", "--json"
    )
    assert set(fields(record, LABELS)) == documented_fields("evaluate", "an evaluation")
    assert (record["images"], record["accuracy"], len(record["skipped"])) == (2, 1.0, 1)


def test_report_of_an_evaluation(capfd, folder, tmp_path):
    picture = folder / "pictures/blue/1.png"
    misplaced = tmp_path / "pictures/red/1.png"
    misplaced.parent.mkdir(parents=True)
    misplaced.write_bytes(picture.read_bytes())
    (record,) = run_json(
        capfd,
        *("evaluate", tmp_path / "pictures", "-m", folder / "colours.tflite"),
        *("--report", tmp_path / "report.html", "--json"),
    )
    repeated = set(fields(record, LABELS)) - {"images"}  # described in the table above
    found = set(fields(record["report"], LABELS)) - repeated
    assert found == documented_fields("evaluate", "a report")


def test_run(capfd, folder):
    clip = write_scene(folder / "clip.avi", [RED] * 5 + [BLACK] * 30)
    records = run_json(
        capfd,
        *("run", "--source", clip, "--as-fast-as-possible"),
        *("-m", folder / "colours.tflite", "--json"),
    )
    summary = records[-1]
    kinds = {"decision": "a decision", "event": "an event", "picture": "a picture"}
    for record in records[:-1]:
        assert set(fields(record, LABELS)) == documented_fields("run", kinds[record["type"]])
    assert {record["type"] for record in records[:-1]} == set(kinds)
    assert set(fields(summary, LABELS)) == documented_fields("run", "the summary")
    assert summary["decisions"] == sum(record["type"] == "decision" for record in records)


CONFIG = """
[source]
address = "clip.avi"
[model]
file = "colours.tflite"
[evidence]
period_seconds = 0
[[rules]]
name = "let in"
labels = ["red"]
actions = ["door"]
[actions.door]
kind = "gpio"
pin = "file:pin.csv"
"""


def test_run_with_a_configuration(capfd, folder, tmp_path):
    shutil.copy(folder / "colours.tflite", tmp_path)
    write_scene(tmp_path / "clip.avi", [RED] * 10)
    (tmp_path / "edge.toml").write_text(CONFIG)
    command = ("run", "--config", tmp_path / "edge.toml", "--json")
    records = run_json(capfd, *command) + run_json(capfd, *command, "--dry-run")
    kinds = {"rule": "a rule", "would": "a rule", "outcome": "an outcome"}
    found = {record["type"]: record for record in records if record["type"] in kinds}
    assert set(found) == set(kinds)
    for kind, record in found.items():
        assert set(fields(record, LABELS)) == documented_fields("run", kinds[kind])


def test_check(capfd, folder, tmp_path):
    shutil.copy(folder / "colours.tflite", tmp_path)
    write_scene(tmp_path / "clip.avi", [RED] * 10)
    (tmp_path / "edge.toml").write_text(CONFIG)
    for record in run_json(capfd, "check", "--config", tmp_path / "edge.toml", "--json"):
        assert set(fields(record, LABELS)) == documented_fields("check", "a trial")


class StandingOutput:
    """An output that stands for one of a guard."""

    def __init__(self):
        self.mode = "auto"

    def check(self):
        yield "claimed"

    def set_mode(self, mode):
        self.mode = mode

    def output_status(self):
        return OutputStatus("door", self.mode, is_energised=False, is_open=False)


def test_status_and_door(capfd, tmp_path):
    (tmp_path / "edge.toml").write_text('place = "porch"')
    (tmp_path / "memory").mkdir()
    outputs = Outputs()
    outputs.own({"door": StandingOutput()})
    status = Status(
        "porch",
        "live",
        event=EventStatus("cat", 0.9, 0.0, is_over=True),
        outputs=outputs.statuses(),
        actions=(ActionStatus("door", "gpio"),),
        store=StoreStatus(1, 2, 3),
    )
    server = ControlServer(tmp_path / "memory", Answers(lambda: status, lambda: 0.0, outputs))
    option = ("--config", tmp_path / "edge.toml", "--json")
    (told,) = run_json(capfd, "status", *option)
    (changed,) = run_json(capfd, "door", "lock", *option)
    server.close()
    assert set(fields(told, ())) == documented_fields("status", "a status")
    assert set(fields(changed, ())) == documented_fields("door", "an output")


def test_show_regions(capfd, folder, tmp_path):
    (record,) = run_json(
        capfd,
        *("run", "--source", folder / "pictures/blue"),
        *("--show-regions", tmp_path / "region.png", "--json"),
    )
    assert set(fields(record, LABELS)) == documented_fields("run", "a region")


def test_collect(capfd, folder, tmp_path):
    clip = write_scene(folder / "clip.avi", [RED] * 5 + [BLACK] * 30)
    *stored, summary = run_json(
        capfd,
        *("collect", "--label", "cat", "--source", clip, "--as-fast-as-possible"),
        *("--every", 0.2, "--into", tmp_path, "--json"),
    )
    assert stored
    for record in stored:
        assert set(fields(record, ())) == documented_fields("collect", "a stored picture")
    assert set(fields(summary, ())) == documented_fields("collect", "a collection")
    Session(None, lambda frame: False, is_json=True).when_away(Offline("gone", since_seconds=0.0))
    outage = json.loads(capfd.readouterr().out)
    assert set(fields(outage, ())) == documented_fields("collect", "an outage")


def test_replay(capfd, folder, tmp_path):
    (tmp_path / "clips").mkdir()
    for name in ("one.avi", "two.avi"):
        write_scene(tmp_path / "clips" / name, [RED] * 20)
    (tmp_path / "labels.csv").write_text(
        "clip,label,start_seconds,end_seconds\none.avi,red,0,\ntwo.avi,blue,0,\n"
    )
    records = run_json(
        capfd,
        *("replay", tmp_path / "clips", "--expect", tmp_path / "labels.csv"),
        *("-m", folder / "colours.tflite", "--tune", "--tries", 3, "--json"),
    )
    kinds = {
        "finding": "a finding",
        "summary": "a replay",
        "choice": "a choice",
        "tuning": "a tuning",
    }
    assert {record["type"] for record in records} == set(kinds)
    for record in records:
        documented = documented_fields("replay", kinds[record["type"]])
        if record["type"] == "choice":  # one row for all counts, which the table above describes
            documented |= documented_fields("replay", "a replay") & set(record)
        assert set(fields(record, ())) == documented


def test_bench(capfd, folder):
    records = run_json(
        capfd,
        *("bench", "-m", folder / "colours.tflite", "--frames", 3),
        *("--runtime", "litert", "--threads", 1, "--json"),
    )
    assert len(records) == 1
    assert set(fields(records[0], LABELS)) == documented_fields("bench", "a measurement")
    ratio = records[0]["frame_to_label_ms"]["p50"] / records[0]["invoke_ms"]["p50"]
    assert records[0]["overhead_ratio"] == pytest.approx(ratio, rel=1e-3)


def test_inspect(capfd, folder):
    (record,) = run_json(capfd, "inspect", folder / "colours.tflite", "--json")
    assert set(fields(record, LABELS)) == documented_fields("inspect", "an inspection")
    assert record["manifest"]["labels"] == list(LABELS)


def test_edge_tpu_readiness(capfd, tmp_path):
    path = tmp_path / "odd.tflite"
    path.write_bytes(build_operators(Step("RESIZE_BILINEAR", (1, 8, 8, 8)), Step("ELU")))
    (record,) = run_json(capfd, "inspect", path, "--json")
    found = set(fields(record["edge_tpu"], ()))
    assert found == documented_fields("inspect", "Edge TPU readiness")


def test_doctor(capfd, folder):
    records = run_json(capfd, "doctor", "-m", folder / "colours.tflite", "--json")
    for record in records:
        assert set(fields(record, LABELS)) == documented_fields("doctor", "a finding")
        assert record["status"] in ("ok", "warn", "fail")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder of a tiny network, and what making it wrote."""
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    folder = tmp_path_factory.mktemp("desktop")
    generator = np.random.default_rng(3)
    for label, axis in (("wide", 0), ("tall", 1)):
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(12):
            wave = np.sin(np.arange(48) / generator.uniform(1.5, 3.0)) * 100 + 128
            stripes = np.repeat(np.expand_dims(wave, axis), 48, axis=axis).astype(np.uint8)
            Image.fromarray(stripes).save(folder / "photos" / label / f"{number}.png")
    return folder


def test_data_check_and_split(capfd, trained):
    shutil.copy(trained / "photos/wide/0.png", trained / "photos/wide/copy.png")
    (trained / "photos/wide/page.jpg").write_text("<html>")
    (report,) = run_json(capfd, "data", "check", trained / "photos", "--json")
    assert set(fields(report, ())) == documented_fields("data check", "a check")
    (result,) = run_json(
        capfd, "data", "split", trained / "photos", "-o", trained / "parts", "--json"
    )
    assert set(fields(result, ("wide", "tall"))) == documented_fields("data split", "a split")
    for name in ("copy.png", "page.jpg"):
        (trained / "photos/wide" / name).unlink()


@pytest.mark.slow
def test_train_and_convert(capfd, trained):
    records = run_json(
        capfd,
        *("train", trained / "photos", "-o", trained / "run", "--network", "cnn"),
        *("--size", 32, "--epochs", 1, "--json"),
    )
    *epochs, result = records
    assert len(epochs) == 1
    assert set(fields(epochs[0], ())) == documented_fields("train", "an epoch")
    assert set(fields(result, ())) == documented_fields("train", "the result")
    (report,) = run_json(
        capfd,
        *("convert", trained / "run", "-o", trained / "tiny.tflite"),
        *("--quantize", "int8", "--json"),
    )
    labels = ("wide", "tall")
    assert set(fields(report, labels)) == documented_fields("convert", "the report")


@pytest.mark.slow
def test_refusal_of_a_conversion(capfd, trained):
    """Of a network that prefers the second label by so little that 1/256 steps cannot tell."""
    import tf_keras

    network = tf_keras.models.load_model(trained / "run/model.keras", compile=False)
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([kernel * 0, bias * 0 + [0, 1e-4]])
    network.save(trained / "run/model.keras")
    code = cli.main(
        [
            *("convert", str(trained / "run"), "-o", str(trained / "refused.tflite")),
            *("--quantize", "int8", "--min-agreement", "1", "--max-drop", "0", "--json"),
        ]
    )
    report = json.loads(capfd.readouterr().out)
    assert code == 1
    assert set(fields(report["refusal"], ())) == documented_fields("convert", "a refusal")
    assert {name.partition(".")[0] for name in fields(report, ("wide", "tall"))} == {
        name.partition(".")[0] for name in documented_fields("convert", "the report")
    } | {"attempts[]"}


def test_package(capfd, tmp_path):
    pytest.importorskip("tensorflow", reason="needs the extra 'desktop'")
    (tmp_path / "foreign.tflite").write_bytes(build_colour_model())
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    (record,) = run_json(
        capfd,
        *("package", tmp_path / "foreign.tflite", "--labels", tmp_path / "labels.txt"),
        *("-o", tmp_path / "packaged.tflite", "--json"),
    )
    assert set(fields(record, LABELS)) == documented_fields("package", "a packaged file")


def test_learning_curve(capfd, trained):
    (record,) = run_json(
        capfd,
        *("train", trained / "photos", "-o", trained / "curve", "--learning-curve"),
        *("--size", 32, "--json"),
    )
    found = {re.sub(r"^forecast\..*", "forecast", name) for name in fields(record, ())}
    assert found == documented_fields("train", "a learning curve")


def test_data_fetch(capfd, tmp_path):
    """Of a folder that holds the data set already: nothing is fetched."""
    from train.data.catalogue import CATALOGUE, Placement
    from train.data.fetch import fetch

    archive = tmp_path / "photos.download" / "tiny.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("cat/1.jpg", b"1")
        made.writestr("dog/1.jpg", b"1")
    tiny = replace(
        CATALOGUE["cats-vs-dogs"],
        url="https://example.org/tiny.zip",
        sha256=None,
        size_bytes=None,
        place=lambda path, _: Placement(path.parts[0], path.name),
    )

    class Silent:
        def show(self, stage, *, done, total):
            pass

    fetch(tiny, tmp_path / "photos", grouping="species", clock=SystemClock(), progress=Silent())
    (record,) = run_json(
        capfd, "data", "fetch", "cats-vs-dogs", "-o", tmp_path / "photos", "--json"
    )
    labels = ("cat", "dog")
    assert set(fields(record, labels)) == documented_fields("data fetch", "a fetched data set")


def test_service_status(capfd, monkeypatch):
    from edge.service.installing import ServiceState

    found = ServiceState(is_installed=True, active="active")
    monkeypatch.setattr("edge.service.installing.read_state", lambda machine, unit: found)
    (record,) = run_json(capfd, "service", "status", "--json")
    assert set(fields(record, LABELS)) == documented_fields("service status", "a service")
