import json

import pytest

from edge import cli
from edge.service.installing import ServiceState


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "pet-door"]) == 0
    return tmp_path / "edge.toml"


@pytest.fixture
def state(monkeypatch):
    """Let systemd answer what a test wants."""

    def answer(state):
        monkeypatch.setattr("edge.service.installing.read_state", lambda machine, unit: state)

    return answer


def test_print_writes_a_unit_and_nothing_else(config, capfd):
    assert cli.main(["service", "install", "--print", "--config", str(config)]) == 0
    text = capfd.readouterr().out
    assert text.startswith("# Written by edge service install")
    assert f"-m edge run --config {config}" in text
    assert "Environment=EDGE_STORE_FOLDER=/var/lib/edge\n" in text


def test_print_finds_the_configuration_here(config, capfd):
    assert cli.main(["service", "install", "--print"]) == 0
    assert str(config) in capfd.readouterr().out


def test_print_of_a_wrong_configuration_is_wrong_usage(config, capfd):
    config.write_text("[stoer]\n")
    assert cli.main(["service", "install", "--print"]) == 2
    assert "stoer" in capfd.readouterr().err


@pytest.mark.parametrize("verb", ["install", "uninstall", "status"])
def test_service_needs_systemd(verb, config, capfd, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("edge.service.machine.Machine.has_systemd", lambda machine: False)
    assert cli.main(["service", verb]) == 1
    assert "a machine that systemd runs" in capfd.readouterr().err


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_service_changes_nothing_for_others_than_root(verb, config, capfd, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cli.main(["service", verb]) == 1
    assert f'sudo "$(command -v edge)" service {verb}' in capfd.readouterr().err


def test_install_and_uninstall_say_each_step(config, capfd, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("edge.service.machine.Machine.has_systemd", lambda machine: True)
    steps = "edge.service.installing."
    monkeypatch.setattr(steps + "install", lambda machine, plan: iter([plan.unit.user]))
    monkeypatch.setattr(steps + "uninstall", lambda machine: iter(["removed"]))
    assert cli.main(["service", "install"]) == 0
    assert cli.main(["service", "uninstall"]) == 0
    assert capfd.readouterr().out == "edge\nremoved\n"


@pytest.mark.parametrize(
    ("found", "code", "lines"),
    [
        (  # as it should be
            ServiceState(True, True, "active", "running", "picture live", 2, "success"),
            0,
            [
                "service    active (running), started again 2 times",
                "says       picture live",
            ],
        ),
        (  # fails, and is of an older catseye
            ServiceState(True, False, "activating", "auto-restart", "", 40, "watchdog"),
            1,
            [
                "service    activating (auto-restart), started again 40 times",
                "ended by   watchdog; journalctl -u edge says more",
                "unit       differs from what edge service install would write now",
            ],
        ),
    ],
)
def test_status_in_lines(found, code, lines, config, state, capfd):
    state(found)
    assert cli.main(["service", "status"]) == code
    assert capfd.readouterr().out.splitlines() == lines


def test_status_of_no_service(config, state, capfd):
    state(ServiceState(is_installed=False))
    assert cli.main(["service", "status"]) == 1
    assert capfd.readouterr().out.splitlines() == [
        "not installed: there is no /etc/systemd/system/edge.service",
        "install it with edge service install",
    ]


def test_status_as_json_without_a_configuration(state, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state(ServiceState(True, True, "active", "running", "picture live", 0, "success"))
    assert cli.main(["service", "status", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {
        "installed": True,
        "current": True,
        "active": "active",
        "detail": "running",
        "text": "picture live",
        "restarts": 0,
        "result": "success",
    }
