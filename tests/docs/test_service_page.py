"""Runs what a machine without systemd can run of docs/service.md, and holds the rest against it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge import cli
from edge.cli import service as commands
from edge.service.unit import UnitPlan, make_unit

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "service.md").read_text()
UNIT = make_unit(UnitPlan(Path(sys.executable), Path("/etc/edge/edge.toml"), groups=("video",)))

# First words of commands that need what a test does not have.
NOT_RUN = {"sudo": "changes the machine", "journalctl": "needs systemd"}
RUN = {"edge service install --print"}
ELSEWHERE = {  # run by tests of their own
    "edge service status": "test_service_command",
    "edge status": "test_status_command",
}


def test_every_command_of_the_page_is_run_or_listed():
    lines = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)).splitlines()
    assert len(lines) > 10
    for line in lines:
        assert line.split()[0] in NOT_RUN or line in RUN or line in ELSEWHERE, line


def test_page_prints_a_unit(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "pet-door"]) == 0
    assert cli.main(["service", "install", "--print"]) == 0
    assert "[Unit]" in capfd.readouterr().out


def test_page_names_every_verb():
    for command in commands.service.registered_commands:
        assert f"edge service {command.name}" in PAGE


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_page_tells_the_score_of_the_unit(tmp_path):
    (tmp_path / "edge.service").write_text(UNIT)
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", tmp_path / "edge.service"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] in PAGE


def test_page_tells_what_the_unit_sets_and_leaves_out():
    left_out = re.findall(r"^\| (`.*?) \|", PAGE, re.M)
    for cell in left_out:
        for setting in re.findall(r"`([A-Z]\w+=)", cell):
            assert f"\n{setting}yes" not in UNIT or setting in ("ProtectHome=",)
    for setting in ("WatchdogSec=30", "MemoryDenyWriteExecute=yes", "ExecStopPost="):
        assert f"\n{setting}" in UNIT
        assert f"`{setting}" in PAGE
