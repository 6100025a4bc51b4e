"""Where `edge status`, `edge door` and `edge events` look for the memory."""

from pathlib import Path

import pytest

from edge.cli.running import ask_running, find_memory
from edge.config import find_store
from edge.control import Answers, ControlServer, Outputs
from edge.errors import ConfigError, NotRunningError
from edge.service import machine, unit
from edge.service.unit import UnitPlan, make_unit
from edge.status import Status


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.delenv("EDGE_STORE_FOLDER", raising=False)
    path = tmp_path / "edge.toml"
    path.write_text("[store]\nfolder = 'memory'\n")
    (tmp_path / "memory").mkdir()
    return path


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a unit for a configuration, whose memory is moved or not."""
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setattr(unit, "STATE_FOLDER", state)
    path = tmp_path / "edge.service"

    class FakeMachine(machine.Machine):
        def __init__(self):
            super().__init__()
            self.unit_path = path

    monkeypatch.setattr(machine, "Machine", FakeMachine)

    def write(config, *, is_moved=True):
        variables = {"EDGE_STORE_FOLDER": str(state)} if is_moved else {}
        path.write_text(make_unit(UnitPlan(Path("/bin/python"), config, variables=variables)))
        return state

    return write


def serve(folder, place):
    return ControlServer(folder, Answers(lambda: Status(place, "live"), lambda: 0.0, Outputs()))


def test_memory_is_where_the_configuration_says(config, tmp_path, install):
    assert find_memory(config) == tmp_path / "memory"  # nothing is installed
    install(config, is_moved=False)
    assert find_memory(config) == tmp_path / "memory"
    install(tmp_path / "other.toml")
    assert find_memory(config) == tmp_path / "memory"


def test_memory_is_where_the_service_has_it(config, tmp_path, install, monkeypatch):
    state = install(config)
    assert find_memory(config) == state
    monkeypatch.chdir(tmp_path)
    assert find_memory(Path("edge.toml")) == state
    monkeypatch.setenv("EDGE_STORE_FOLDER", str(tmp_path / "named"))
    assert find_memory(config) == tmp_path / "named"


def test_service_is_asked_unless_one_was_started_by_hand(config, tmp_path, install):
    state = install(config)
    with pytest.raises(NotRunningError, match=f"none that answers at {state}"):
        ask_running(config, "status")
    service = serve(state, "service")
    assert ask_running(config, "status")["place"] == "service"
    by_hand = serve(tmp_path / "memory", "by hand")
    assert ask_running(config, "status")["place"] == "by hand"
    by_hand.close()
    service.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[store]\nfolder = 5", "edge.toml:2: store.folder: must be the path"),  # no path
        ("[store", "edge.toml:1: the file: it must be TOML"),  # no TOML
    ],
)
def test_store_that_cannot_be_told_is_an_error(tmp_path, text, told):
    path = tmp_path / "edge.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        find_store(path, environment={})
    assert told in str(caught.value)
    assert find_store(path, environment={"EDGE_STORE_FOLDER": "/srv"}) == Path("/srv")


@pytest.mark.parametrize("text", ["place = 'x'\n", "store = 5\n"])
def test_store_is_beside_the_configuration_by_default(tmp_path, text):
    path = tmp_path / "edge.toml"
    path.write_text(text)
    assert find_store(path, environment={}) == tmp_path / "memory"
