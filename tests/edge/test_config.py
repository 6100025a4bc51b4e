import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.config import check_labels, find_config, read_config
from edge.config.templates import TEMPLATES, read_template
from edge.errors import ConfigError, SettingError
from edge.evidence import EvidenceSpec, parse_evidence
from edge.secret import Secret
from edge.settings import setting

RULE = '[[rules]]\nname = "in"\nlabels = ["cat"]\nactions = ["door"]\n'
DOOR = '[actions.door]\nkind = "gpio"\npin = 17\n'


class Gpio:
    @dataclass(frozen=True)
    class Settings:
        pin: str = setting()
        longest_seconds: float = setting(5.0, least=0.05, most=30)


class Hub:
    @dataclass(frozen=True)
    class Settings:
        host: str = setting()
        password: Secret | None = setting(None)


def kinds(kind):
    if kind == "broken":
        raise SettingError("The action broken must load", received="no", fix="Repair it")
    return {"gpio": Gpio, "mqtt": Hub}.get(kind)


@pytest.fixture
def read(tmp_path):
    def read_text(text, **environment):
        (tmp_path / "edge.toml").write_text(text)
        return read_config(tmp_path / "edge.toml", environment=environment, kinds=kinds)

    return read_text


@pytest.fixture
def problems(read):
    """Read a text that is wrong, and return its problems, a line each."""

    def read_text(text, **environment):
        with pytest.raises(ConfigError, match="The configuration must be free of errors") as caught:
            read(text, **environment)
        return list(caught.value.problems)

    return read_text


def test_read_config_reads_everything(read, tmp_path):
    config = read(
        """
place = "back door"
[source]
address = "clips/*.avi"
size = "1280x720"
rate = 10
rotate = 90
flip = "both"
pixel_format = "mjpg"
[model]
file = "pets.tflite"
runtime = "litert"
threads = 2
[model.thresholds]
cat = 0.9
[evidence]
rule = "mean"
window = 8
leave_seconds = 1
[picture]
dark_level = 9
[regions]
watch = "0.1,0.2,0.9,0.9"
[run]
max_fps = 5
motion_gate = false
[clock]
trust = "always"
[store]
folder = "/var/lib/edge"
"""
        + RULE
        + DOOR
    )
    assert config.path == tmp_path / "edge.toml"
    assert config.place == "back door"
    assert config.source.address == str(tmp_path / "clips/*.avi")
    assert (config.source.size, config.source.rate, config.source.rotate) == ("1280x720", 10.0, 90)
    assert config.model.file == tmp_path / "pets.tflite"
    assert (config.model.runtime, config.model.threads) == ("litert", 2)
    assert dict(config.model.thresholds) == {"cat": 0.9}
    base = EvidenceSpec(votes=2)
    evidence = EvidenceSpec(rule="mean", votes=2, window=8, leave_seconds=1.0)
    assert parse_evidence(config.evidence, base) == evidence
    assert config.picture == "dark_level=9.0"
    assert config.region.box == (0.1, 0.2, 0.9, 0.9)
    assert (config.run.max_fps, config.run.motion_gate) == (5.0, False)
    assert config.clock_trust == "always"
    assert config.store.folder == Path("/var/lib/edge")
    assert [(rule.name, rule.labels, rule.actions) for rule in config.rules] == [
        ("in", ("cat",), ("door",))
    ]
    assert config.actions["door"].kind == "gpio"
    assert config.actions["door"].settings == Gpio.Settings(pin="17")
    assert config.warnings == ()


def test_read_config_has_defaults(read, tmp_path):
    config = read('place = "catseye"')
    assert (config.source.address, config.region, config.rules) == ("0", None, ())
    assert (config.evidence, config.picture, dict(config.actions)) == ("", "", {})
    assert config.store.folder == tmp_path / "memory"
    assert not (tmp_path / "memory").exists()


def test_read_config_tells_all_errors_at_once_with_lines(problems):
    assert problems(
        """plase = "x"
[source]
rotate = 45
[evidence]
votes = 0
rule = "k-off-n"
[picture]
dark_level = -1
[[rules]]
name = "a"
lables = ["cat"]
actions = [
  "dor",
  "tell",
]
[[rules]]
name = "a"
labels = ["cat"]
[actions.door]
kind = "gpio"
pin = 17
longest_seconds = 1e9
[actions.hub]
kind = "mqt"
[actions.other]
kind = "mqtt"
password = "swordfish"
""",
        EDGE_STORE_KEEP_DAYS="-1",
        EDGE_THREADS="x",
    ) == [
        "edge.toml: EDGE_THREADS: must be a whole number. Received: 'x'. Write a whole number, "
        "without quotes.",
        "edge.toml: EDGE_STORE_KEEP_DAYS: must be from 0.01 to 36500. Received: -1. Write 0.01.",
        "edge.toml:1: plase: there is no such key here; the nearest is 'place'. Received: "
        "'plase'. Write place.",
        "edge.toml:3: source.rotate: must be 0, 90, 180 or 270 degrees. Received: 45. Write one of "
        "these.",
        "edge.toml:5: evidence.votes: In the rules of evidence, votes must be at least 1 and at "
        "most window, and window at most 1000. Received: 0 of 1000. Write for example votes=3 "
        "window=5.",
        "edge.toml:6: evidence.rule: In the rules of evidence, rule must be one of k-of-n, "
        "consecutive, decayed-sum, mean. Received: k-off-n. Write for example rule=k-of-n.",
        "edge.toml:8: picture.dark_level: A limit of the picture's state must be a number above "
        "zero. Received: dark_level=-1.0. Choose for example dark_level=8.0.",
        "edge.toml:9: rules[0].labels: it must be given. Received: nothing. Add labels.",
        "edge.toml:11: rules[0].lables: there is no such key here; the nearest is 'labels'. "
        "Received: 'lables'. Write labels.",
        "edge.toml:13: rules[0].actions: there is no action of this name; there are door, hub, "
        "other. Received: 'dor'. Write door.",
        "edge.toml:14: rules[0].actions: there is no action of this name; there are door, hub, "
        "other. Received: 'tell'. Add a table [actions.tell].",
        "edge.toml:17: rules[1].name: a name belongs to one rule, and rules[0] in line 9 has it. "
        "Received: 'a'. Choose another.",
        "edge.toml:22: actions.door.longest_seconds: must be from 0.05 to 30. Received: "
        "1000000000. Write 30.",
        "edge.toml:24: actions.hub.kind: must be one of gpio, mqtt, webhook, exec, file. Received: "
        "'mqt'. Write mqtt.",
        "edge.toml:25: actions.other.host: it must be given. Received: nothing. Add host.",
        "edge.toml:27: actions.other.password: a secret must not stand in this file. Received: a "
        'text. Write {env = "NAME"} or {file = "PATH"}.',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("source = 5", "edge.toml:1: source: it must be a table. Received: a number."),
        ("[rules]\nname = 'a'", "edge.toml:1: rules: it must be a list of tables."),
        ("rules = [5]", "edge.toml:1: rules: it must be a list of tables. Received: a list."),
        ("actions = 5", "edge.toml:1: actions: it must be a table. Received: a number."),
        ("[actions]\ndoor = 5", "edge.toml:2: actions.door: it must be a table."),
        ("[actions.door]\npin = 5", "edge.toml:1: actions.door: kind must be given, one of gp"),
        ("[actions.door]\nknd = 'gpio'", "Received: nothing. Write kind in place of knd."),
        ("[actions.door]\nkind = 5", "edge.toml:2: actions.door.kind: must be one of gpio"),
        ("[actions.door]\nkind = 'siren'", "or install the package that has it"),
        ("[actions.door]\nkind = 'broken'", "edge.toml:2: actions.door.kind: The action broken"),
        ("[actions.'a b']\nkind = 'gpio'", "edge.toml:1: actions.a b: a name must be of 1 to 32"),
        ("[source]\naddress = ''", "edge.toml:2: source.address: A source is a camera"),
        ("[source]\nsize = '640'", "edge.toml:2: source.size: must be width and height in pixels"),
        ("[source]\npixel_format = 'a'", "source.pixel_format: must be the four letters"),
        ("place = ' '", "edge.toml:1: place: must be a name of 1 to 64 characters"),
        ("[regions]\nwatch = '1,2'", "The region of interest must be four numbers"),
        ("[model.thresholds]\ncat = 2", "model.thresholds: must be from 0 to 1. Received: 2"),
        ("[clock]\ntrust = 'sync'", "must be one of synchronized, always"),
        ("[store]\nkeep_mb = nan", "edge.toml:2: store.keep_mb: must be a number. Received: nan."),
        ("[store]\nkeep_events = 1979-05-27", "must be a whole number. Received: a date or time."),
        ("[evidence]\nvotes = 5\nwindow = 2", "edge.toml:2: evidence.votes: In the rules of evi"),
        ("[picture]\ndark_level = 250", "picture.dark_level: must be below bright_level"),
        ("[source]\naddress = {env = 'NO'}", "Received: nothing in the variable NO."),
    ],
)  # fmt: skip
def test_read_config_refuses(problems, text, line):
    (found,) = problems(text)
    assert line in found


def test_evidence_may_rely_on_the_model(read):
    assert read("[evidence]\nvotes = 6").evidence == "votes=6"  # of a window that the model has


def test_a_file_for_a_pin_belongs_to_one_action_however_it_is_written(problems):
    pins = ("file:pin.csv", "file:gone/../pin.csv")
    (found,) = problems(
        "".join(f'[actions.a{n}]\nkind = "gpio"\npin = "{pin}"\n' for n, pin in enumerate(pins))
    )
    assert "a pin belongs to one action, and actions.a0 has it" in found


@pytest.mark.parametrize("pin", ["17", '"17"', '"GPIO17"', '"gpio017"'])
def test_a_pin_belongs_to_one_action(problems, pin):
    (found,) = problems(RULE + DOOR + f'[actions.lamp]\nkind = "gpio"\npin = {pin}\n')
    assert found.startswith(
        "edge.toml:10: actions.lamp.pin: a pin belongs to one action, and actions.door has it."
    )


def test_names_that_make_one_variable_are_refused(problems):
    (found,) = problems(DOOR + '[actions.Door]\nkind = "gpio"\npin = 18\n')
    assert "its name must differ from door in more than case" in found


def test_an_action_that_no_rule_triggers_is_a_warning(read):
    assert read(DOOR).warnings == ("edge.toml:1: actions.door: no rule triggers this action",)


def test_a_variable_that_overrides_nothing_is_a_warning(read):
    config = read(RULE + DOOR, EDGE_STORE_FODLER="x", EDGE_ACTIONS_DOOR_PIM="4", EDGE_DEBUG="1")
    assert config.warnings == (
        "EDGE_ACTIONS_DOOR_PIM: this variable overrides nothing; the nearest is "
        "EDGE_ACTIONS_DOOR_PIN",
        "EDGE_STORE_FODLER: this variable overrides nothing; the nearest is EDGE_STORE_FOLDER",
    )


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"EDGE_PLACE": "x"}, lambda config: config.place == "x"),
        ({"EDGE_SOURCE": "demo:"}, lambda config: config.source.address == "demo:"),
        # the longer name counts more
        (
            {"EDGE_SOURCE": "1", "EDGE_SOURCE_ADDRESS": "2"},
            lambda config: config.source.address == "2",
        ),
        ({"EDGE_SOURCE": "a.avi"}, lambda config: config.source.address == "a.avi"),
        ({"EDGE_MODEL": "/m"}, lambda config: config.model.file == Path("/m")),
        ({"EDGE_RUNTIME": "litert"}, lambda config: config.model.runtime == "litert"),
        ({"EDGE_THREADS": "3"}, lambda config: config.model.threads == 3),
        ({"EDGE_STORE_FOLDER": "/s"}, lambda config: config.store.folder == Path("/s")),
        ({"EDGE_ACTIONS_DOOR_PIN": "4"}, lambda config: config.actions["door"].settings.pin == "4"),
        ({"EDGE_EVIDENCE_VOTES": "2"}, lambda config: config.evidence == "votes=2"),
        ({"EDGE_REGIONS_WATCH": "0,0,1,0.5"}, lambda config: config.region.box[3] == 0.5),
        (
            {"EDGE_MODEL_THRESHOLDS": "cat=0.7"},
            lambda config: dict(config.model.thresholds) == {"cat": 0.7},
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_the_environment_overrides_the_file(read, environment, found):
    config = read(RULE + DOOR, **environment)
    assert found(config)
    assert config.warnings == ()


def test_a_password_in_the_address_needs_a_closed_file(read, problems, tmp_path):
    text = '[source]\naddress = "rtsp://me:swordfish@door/1"\n'
    (found,) = problems(text)
    assert "an address with a password may stand only in a file that others cannot read" in found
    assert "swordfish" not in found
    (tmp_path / "edge.toml").chmod(0o600)
    config = read(text)
    assert config.source.address == "rtsp://me:swordfish@door/1"
    assert "swordfish" not in repr(config)


def test_the_file_of_a_pin_lies_beside_the_configuration(read, tmp_path):
    pin = read(RULE + DOOR.replace("17", '"file:pin.csv"')).actions["door"].settings.pin
    assert pin == f"file:{tmp_path}/pin.csv"
    config = read(RULE + DOOR, EDGE_ACTIONS_DOOR_PIN="file:pin.csv")
    assert config.actions["door"].settings.pin == "file:pin.csv"


def test_check_labels_names_the_nearest(read):
    text = RULE.replace('"cat"', '"cat", "gat"') + 'vetoed_by = ["dgo"]\n' + DOOR
    config = read(text + "[model.thresholds]\nkat = 0.5\n")
    check_labels(config, ["cat", "gat", "dgo", "kat"])
    with pytest.raises(ConfigError, match="with 3 errors") as caught:
        check_labels(config, ["cat", "dog", "none"])
    assert caught.value.exit_code == 2
    assert caught.value.problems == (
        "edge.toml:3: rules[0].labels: the model must have the label; it has cat, dog, none. "
        "Received: 'gat'. Write cat.",
        "edge.toml:5: rules[0].vetoed_by: the model must have the label; it has cat, dog, none. "
        "Received: 'dgo'. Write dog.",
        "edge.toml:9: model.thresholds: the model must have the label; it has cat, dog, none. "
        "Received: 'kat'. Write cat.",
    )


def test_find_config_looks_in_order(tmp_path):
    system = tmp_path / "etc.toml"
    here = tmp_path / "edge.toml"

    def find(option=None, **environment):
        return find_config(option, environment=environment, folder=tmp_path, system_path=system)

    with pytest.raises(ConfigError, match="make one with edge init webcam"):
        find()
    system.touch()
    assert find() == system
    here.touch()
    assert find() == here
    assert find(EDGE_CONFIG="/b") == Path("/b")
    assert find(Path("/a"), EDGE_CONFIG="/b") == Path("/a")


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_is_right_as_it_stands(name, tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text(read_template(name))
    config = read_config(path, environment={})
    assert config.warnings == ()
    check_labels(config, ["cat", "dog", "none"])
    assert list(tmp_path.iterdir()) == [path]  # nothing is made before it is used


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_is_right_with_all_that_is_commented_out(name, tmp_path):
    text = re.sub(r"^# address.*\n", "", read_template(name), flags=re.M)
    text = re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.M)
    (tmp_path / "edge.toml").write_text(text)
    (tmp_path / "hook.token").write_text("swordfish")
    (tmp_path / "hook.token").chmod(0o600)
    config = read_config(tmp_path / "edge.toml", environment={"MQTT_PASSWORD": "swordfish"})
    assert "swordfish" not in repr(config)
    expected = {"webcam": 0, "pet-door": 3}[name]  # actions that are still to be named by a rule
    assert len(config.warnings) == expected


def test_a_rule_tells_all_of_its_errors_at_once(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text(
        '[[rules]]\nname = " "\nlabels = []\nvetoed_by = ["unknown"]\n'
        '[[rules]]\nname = "in"\nlabels = ["cat", "dog"]\nvetoed_by = ["dog"]\n'
    )
    with pytest.raises(ConfigError) as caught:
        read_config(path, environment={})
    assert [problem.partition(" Write")[0] for problem in caught.value.problems] == [
        "edge.toml:2: rules[0].name: must be a line of text. Received: ' '.",
        "edge.toml:3: rules[0].labels: must name at least one label. Received: none.",
        "edge.toml:4: rules[0].vetoed_by: must name labels of the model, which 'unknown' is not. "
        "Received: unknown. Take unknown out.",
        "edge.toml:8: rules[1].vetoed_by: must name other labels than labels. Received: dog in "
        "both. Take dog out of one of them.",
    ]


def test_a_hundred_errors_are_told_and_the_rest_counted(tmp_path):
    path = tmp_path / "edge.toml"
    rule = '[[rules]]\nname = "{0}"\nlabels = ["cat"]\nactions = ["gone{0}"]\n'
    path.write_text("\n".join(f"k{index} = 1" for index in range(150)) + "\n" + rule.format(1))
    with pytest.raises(ConfigError, match="with 151 errors") as caught:
        read_config(path, environment={})
    assert len(caught.value.problems) == 101
    assert caught.value.problems[-1] == "edge.toml: and 51 more"
