import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ConfigError, ServiceError
from edge.service.access import ENTER, READ, WRITE, find_account
from edge.service.installing import install, read_state, uninstall
from edge.service.machine import Machine
from edge.service.planning import Need, plan_service, read_variables
from edge.service.unit import UnitPlan, make_unit

PYTHON = Path(sys.executable)
UNIT = UnitPlan(PYTHON, Path("/etc/edge/edge.toml"), groups=("video", "gpio"))
NOBODY = find_account("nobody")

CONFIG = """\
[[rules]]
name = "let the cat in"
labels = ["cat"]
actions = ["door", "journal"]

[actions.door]
kind = "gpio"
pin = {pin}

[actions.journal]
kind = "file"
path = "{path}"
{more}
"""

SYSTEMCTL = """\
#!/bin/sh
echo "systemctl $*" >> "$SAID"
case "$1" in
  --version) echo "systemd 257 (257.9-1)" ;;
  show) printf 'ActiveState=active\\nSubState=running\\nStatusText=picture live\\n'
        printf 'NRestarts=3\\nResult=success\\n' ;;
esac
exit ${SYSTEMCTL_CODE:-0}
"""


def lines_of(plan, prefix):
    return [line for line in make_unit(plan).splitlines() if line.startswith(prefix)]


@pytest.fixture
def write_config(tmp_path):
    def write(pin="17", path="events.jsonl", more=""):
        file = tmp_path / "edge.toml"
        file.write_text(CONFIG.format(pin=pin, path=path, more=more))
        return file

    return write


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A root folder with systemd in it, and programs of the system that note their calls."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("systemctl", SYSTEMCTL),
        ("useradd", SYSTEMCTL.replace("systemctl ", "useradd ")),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    root = tmp_path / "root"
    (root / "run/systemd/system").mkdir(parents=True)
    (root / "etc/systemd/system").mkdir(parents=True)
    return Machine(root)


@pytest.fixture
def said(tmp_path):
    path = tmp_path / "said"

    def read():
        text = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return text.splitlines()

    return read


@pytest.fixture
def plan(write_config):
    """A plan for a user that every machine has, who gets at a file that everybody may read."""
    plan = plan_service(write_config(), systemd=257, environment={})
    unit = dataclasses.replace(plan.unit, user="nobody", groups=())
    return dataclasses.replace(
        plan, unit=unit, needs=(Need(Path("/etc/hostname"), READ, "a file"),)
    )


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may install")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_unit_is_clean_for_systemd_and_little_exposed(tmp_path):
    path = tmp_path / "edge.service"
    path.write_text(make_unit(dataclasses.replace(UNIT, writable=(Path("/srv/my cats/100%"),))))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(re.search(r"exposure level for edge.service: ([\d.]+)", judged.stdout)[1]) <= 2.5


@pytest.mark.skipif(
    shutil.which("strace") is None or shutil.which("systemd-analyze") is None,
    reason="needs strace and systemd-analyze",
)
@pytest.mark.slow
def test_unit_allows_every_system_call_of_a_run(write_config, tmp_path):
    """A door with its guard, a memory and a control socket; chown is what SQLite does for root."""
    config = write_config(pin='"file:pin.csv"')
    arguments = ["run", "--config", config, "--source", "demo:", "--duration", "5"]
    subprocess.run(
        ["strace", "-f", "-qq", "-o", tmp_path / "calls", PYTHON, "-m", "edge", *arguments],
        timeout=120,
        check=True,
        capture_output=True,
    )
    used = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", (tmp_path / "calls").read_text(), re.M))
    allowed = (calls_of("@system-service") - calls_of("@privileged")) | calls_of("@default")
    (extra,) = [line for line in lines_of(UNIT, "SystemCallFilter=") if "@" not in line]
    allowed |= set(extra.partition("=")[2].split())
    assert len(used) > 50
    assert used - allowed <= {"fchown"}


def calls_of(name):
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    )
    words = [line.strip() for line in done.stdout.splitlines()[1:]]
    words = [word for word in words if word and not word.startswith("#")]
    sets = [calls_of(word) for word in words if word.startswith("@")]
    return set().union({word for word in words if not word.startswith("@")}, *sets)


@pytest.mark.parametrize(
    ("prefix", "lines"),
    [
        ("Type=", ["Type=notify"]),
        ("WatchdogSec=", ["WatchdogSec=30"]),
        ("RestartPrevent", ["RestartPreventExitStatus=2"]),  # a wrong configuration stays wrong
        ("User=", ["User=edge"]),
        ("Supplementary", ["SupplementaryGroups=video gpio"]),
        ("ExecReload=", ["ExecReload=/bin/kill -HUP $MAINPID"]),
        ("OOM", ["OOMScoreAdjust=-500", "OOMPolicy=continue"]),
        ("ProtectSystem=", ["ProtectSystem=strict"]),
        ("ExecStopPost=", [f"ExecStopPost={PYTHON} -P -m edge.guard --release /var/lib/edge"]),
        ("EnvironmentFile=", ["EnvironmentFile=-/etc/edge/service.env"]),
        ("Environment=", ["Environment=XDG_CACHE_HOME=/var/cache/edge"]),
    ],
)
def test_unit_says(prefix, lines):
    assert lines_of(UNIT, prefix) == lines


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        (252, ["RestartSec=10"]),  # Debian 12 knows no growing delay
        (254, ["RestartSec=2", "RestartSteps=5", "RestartMaxDelaySec=60"]),
    ],
)
def test_unit_delays_restarts_as_its_systemd_can(version, lines):
    unit = dataclasses.replace(UNIT, systemd=version)
    found = [line for line in lines_of(unit, "Restart") if "Sec" in line or "Steps" in line]
    assert found == lines


def test_unit_names_no_groups_where_there_are_none():
    assert lines_of(dataclasses.replace(UNIT, groups=()), "Supplementary") == []


def test_unit_quotes_what_systemd_would_take_apart():
    odd = dataclasses.replace(
        UNIT,
        config=Path('/srv/my "cat"/$HOME 100%.toml'),
        variables={"EDGE_ACTIONS_JOURNAL_PATH": "/srv/a b"},
        writable=(Path("/srv/a b"),),
    )
    (start,) = lines_of(odd, "ExecStart=")
    assert start.endswith(r'--config "/srv/my \"cat\"/$$HOME 100%%.toml"')
    assert 'Environment="EDGE_ACTIONS_JOURNAL_PATH=/srv/a b"' in lines_of(odd, "Environment=")
    assert lines_of(odd, "ReadWritePaths=") == ['ReadWritePaths=-"/srv/a b"']


def test_plan_moves_what_is_relative_to_where_the_service_may_write(write_config):
    plan = plan_service(write_config(pin='"file:pin.csv"'), systemd=252, environment={})
    assert plan.unit.store == Path("/var/lib/edge")
    assert plan.unit.writable == ()
    assert plan.unit.variables == {
        "EDGE_STORE_FOLDER": "/var/lib/edge",
        "EDGE_ACTIONS_DOOR_PIN": "file:/var/lib/edge/pin.csv",
        "EDGE_ACTIONS_JOURNAL_PATH": "/var/lib/edge/events.jsonl",
    }
    assert plan.remarks == (
        "store folder: the service uses /var/lib/edge, as nothing absolute is configured",
        "actions door pin: the service uses file:/var/lib/edge/pin.csv, "
        "as nothing absolute is configured",
        "actions journal path: the service uses /var/lib/edge/events.jsonl, "
        "as nothing absolute is configured",
        "edge status, door and events look there, too",
    )


def test_plan_keeps_what_is_absolute(write_config):
    config = write_config(path="/srv/log/events.jsonl", more='[store]\nfolder = "/srv/cats"')
    plan = plan_service(config, systemd=252, environment={})
    assert plan.unit.store == Path("/srv/cats")
    assert plan.unit.writable == (Path("/srv/cats"), Path("/srv/log"))
    assert plan.unit.variables == {}
    assert plan.remarks == ()
    assert [need.path for need in plan.needs if need.need == WRITE | ENTER] == [
        *plan.unit.writable,
    ]


def test_plan_needs_every_file_that_is_read(write_config, tmp_path):
    model = tmp_path / "mine.tflite"
    model.touch()
    plan = plan_service(
        write_config(more=f'[model]\nfile = "{model.name}"'), systemd=252, environment={}
    )
    needed = {need.path for need in plan.needs}
    assert {PYTHON, tmp_path / "edge.toml", model} <= needed


def test_plan_takes_secrets_from_the_file_of_variables(write_config, tmp_path):
    config = write_config(more='[source]\naddress = {env = "CAMERA_URL"}')
    with pytest.raises(ConfigError, match="CAMERA_URL"):
        plan_service(config, systemd=252, environment={})
    (tmp_path / "service.env").write_text('# of the porch\nCAMERA_URL="http://10.0.0.8/video"\n')
    assert plan_service(config, systemd=252, environment={}).unit.config == config


def test_plan_heeds_what_the_service_gets_and_nothing_else(write_config, tmp_path):
    config = write_config()
    (tmp_path / "service.env").write_text(
        "EDGE_STORE_FOLDER=/srv/cats\nEDGE_ACTIONS_JOURNAL_PATH=/srv/log/events.jsonl\n"
    )
    mine = {"EDGE_STORE_FOLDER": "/home/me", "EDGE_SOURCE": "gopher", "EDGE_RUN_MAX_FPS": "x"}
    plan = plan_service(config, systemd=252, environment=mine)
    assert plan.unit.store == Path("/srv/cats")
    assert plan.unit.writable == (Path("/srv/cats"), Path("/srv/log"))
    assert plan.unit.variables == {}


def test_variables_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "service.env").write_bytes(b"NAME=\xff")
    with pytest.raises(ServiceError, match=r"service\.env: it is no UTF-8"):
        read_variables(tmp_path / "service.env")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ServiceError, match="Is a directory"):
        read_variables(tmp_path / "folder")


@needs_root
def test_install_writes_the_unit_and_starts_it(machine, plan, said):
    told = list(install(machine, plan))
    assert machine.unit_path.read_text() == make_unit(plan.unit)
    assert machine.unit_path.stat().st_mode & 0o777 == 0o644
    assert said() == [
        "systemctl daemon-reload",
        "systemctl enable edge.service",
        "systemctl --no-block restart edge.service",
    ]
    assert told[0] == f"{machine.unit_path}: written"
    assert told[-1] == plan.remarks[-1]


@needs_root
def test_install_again_changes_nothing(machine, plan, said):
    list(install(machine, plan))
    said()
    told = list(install(machine, plan))
    assert told[0] == f"{machine.unit_path}: as it should be"
    assert said() == ["systemctl enable edge.service", "systemctl --no-block start edge.service"]


@needs_root
def test_install_makes_the_folder_of_the_memory(machine, plan, tmp_path):
    store = tmp_path / "cats"
    plan = dataclasses.replace(plan, unit=dataclasses.replace(plan.unit, store=store))
    assert f"{store}: made" in list(install(machine, plan))
    assert store.stat().st_uid == NOBODY.uid


@needs_root
def test_install_names_all_that_the_user_does_not_get_at(machine, plan, tmp_path):
    (tmp_path / "edge.toml").chmod(0o600)
    needs = (
        Need(Path("/root/.venv/bin/python"), READ, "Python"),
        Need(Path("/nowhere"), READ, "the model"),
        Need(Path("/etc/hostname"), READ, "a file"),
    )
    with pytest.raises(ServiceError) as failure:
        list(install(machine, dataclasses.replace(plan, needs=needs)))
    assert "Python (/root/.venv/bin/python): " in str(failure.value)
    assert "the model (/nowhere): /nowhere does not exist" in str(failure.value)
    assert "hostname" not in str(failure.value)
    assert "/opt/catseye" in failure.value.fix
    assert not machine.unit_path.exists()


@needs_root
def test_install_makes_the_user(machine, plan, said):
    unit = dataclasses.replace(plan.unit, user="no-such-user-here")
    with pytest.raises(ServiceError, match="none named no-such-user-here after useradd"):
        list(install(machine, dataclasses.replace(plan, unit=unit)))
    (call,) = said()
    assert call.startswith("useradd --system --user-group --no-create-home")


@needs_root
def test_install_passes_on_what_systemctl_refuses(machine, plan, monkeypatch):
    monkeypatch.setenv("SYSTEMCTL_CODE", "4")
    with pytest.raises(ServiceError, match=r"daemon-reload' must work\. Received: exit code 4"):
        list(install(machine, plan))


@needs_root
def test_install_says_that_the_unit_cannot_be_written(machine, plan, said):
    machine.unit_path.parent.rmdir()
    with pytest.raises(ServiceError, match=r"edge\.service: No such file or directory"):
        list(install(machine, plan))
    assert said() == []


@needs_root
def test_uninstall_removes_the_unit_only(machine, plan, said):
    list(install(machine, plan))
    said()
    told = list(uninstall(machine))
    assert not machine.unit_path.exists()
    assert said() == ["systemctl disable --now edge.service", "systemctl daemon-reload"]
    assert told[1] == "events, snapshots and clips stay in /var/lib/edge, or where [store] says"
    assert list(uninstall(machine)) == [f"{machine.unit_path}: there is none, nothing to do"]


@needs_root
def test_state_of_the_service(machine, plan):
    assert not read_state(machine, plan.unit).is_installed
    list(install(machine, plan))
    state = read_state(machine, plan.unit)
    assert (state.active, state.detail, state.text) == ("active", "running", "picture live")
    assert (state.restarts, state.result, state.is_current) == (3, "success", True)
    other = dataclasses.replace(plan.unit, systemd=252)
    assert not read_state(machine, other).is_current


def test_machine_says_what_is_missing(tmp_path, monkeypatch):
    machine = Machine(tmp_path)
    with pytest.raises(ServiceError, match=r"a machine that systemd runs.*install --print"):
        machine.require_systemd("install")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ServiceError, match=r"only root may do\. Received: user number 1000"):
        machine.require_root("install")


def test_machine_names_a_program_that_is_missing(machine, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServiceError, match=r"'useradd edge' must work\. Received: there is no"):
        machine.call("useradd", "edge")
    assert machine.systemd_version() == 252


def test_machine_waits_for_no_program_that_hangs(machine, monkeypatch):
    monkeypatch.setattr("edge.service.machine._CALL_SECONDS", 0.1)
    with pytest.raises(ServiceError, match="it does not end"):
        machine.call("sleep", "60")


def test_machine_reads_the_version_of_systemd(machine):
    assert machine.systemd_version() == 257
