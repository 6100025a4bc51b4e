"""`edge door`: with a real gpio action on a pin that is a file."""

import json

import pytest

from edge.actions.gpio import GpioAction
from edge.cli import main
from edge.clock import SystemClock
from edge.control import Answers, ControlServer, Outputs
from edge.occurrence import ActionContext
from edge.status import Status


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text('place = "porch"\n')
    (tmp_path / "memory").mkdir()
    return path


@pytest.fixture
def door(tmp_path):
    context = ActionContext(
        "door",
        place="porch",
        folder=tmp_path / "memory",
        clock=SystemClock(),
        idle_seconds=lambda: 0.0,
        set_mode=lambda name, mode: None,
    )
    door = GpioAction(GpioAction.Settings(f"file:{tmp_path / 'pin.csv'}"), context)
    list(door.check())
    yield door
    door.close()


@pytest.fixture
def told(tmp_path, config, door):
    """Serve the door; return what is told of changes by hand."""
    told = []
    outputs = Outputs(when_set=lambda name, mode: told.append((name, mode)))
    outputs.own({"door": door})
    answers = Answers(lambda: Status("porch", "live"), lambda: 0.0, outputs)
    server = ControlServer(tmp_path / "memory", answers)
    yield told
    server.close()


def call(capsys, *arguments):
    code = main(["door", *map(str, arguments)])
    return code, capsys.readouterr()


def test_door_puts_the_output_into_a_mode_that_is_remembered(capsys, told, config, tmp_path):
    code, captured = call(capsys, "lock", "--config", config)
    assert (code, captured.out) == (0, "door: mode lock, closed\n")
    assert told == [("door", "lock")]
    assert json.loads((tmp_path / "memory/output-door.json").read_text()) == {"mode": "lock"}


def test_door_tells_machines(capsys, told, config):
    code, captured = call(capsys, "auto", "--output", "door", "--config", config, "--json")
    assert code == 0
    expected = {"name": "door", "mode": "auto", "is_energised": False, "is_open": False}
    assert json.loads(captured.out) == expected | {"trouble": ""}


@pytest.mark.parametrize(
    "text",
    [
        '[actions.hub]\nkind = "mqtt"\npassword = {env = "OF_ANOTHER_USER"}\n',  # no secrets here
        'lables = 1\n[actions.door]\nkind = "gpoi"\n',  # is being changed at the moment
    ],
)
def test_door_is_locked_whatever_else_the_configuration_says(capsys, told, config, text):
    config.write_text(text)
    code, captured = call(capsys, "lock", "--config", config)
    assert (code, captured.out) == (0, "door: mode lock, closed\n")


def test_door_refuses_an_output_that_there_is_not(capsys, told, config):
    code, captured = call(capsys, "open", "--output", "gate", "--config", config)
    assert (code, captured.out, told) == (2, "", [])
    assert "An output must be one of the configuration: door. Received: 'gate'" in captured.err


def test_door_refuses_a_mode_that_there_is_not(capsys, config):
    code, captured = call(capsys, "ajar", "--config", config)
    assert code == 2
    assert "'ajar' is not one of 'open', 'lock', 'auto'" in captured.err


def test_door_needs_an_instance(capsys, config):
    code, captured = call(capsys, "lock", "--config", config)
    assert code == 1
    assert "An edge run with this configuration must be running" in captured.err
