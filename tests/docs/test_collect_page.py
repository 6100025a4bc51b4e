"""The commands of docs/collect.md run, and its facts are those of the program."""

import json
import re
import shlex

import pytest
from clips import GREEN, RED, write_scene

from edge import collect
from edge.burst import find_burst
from edge.cli import main


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "collect.md").read_text()


@pytest.fixture
def lines(page, tmp_path, monkeypatch):
    """Return the commands; a recording stands in for the camera."""
    write_scene(tmp_path / "clip.avi", [RED] * 25 + [GREEN] * 25)
    monkeypatch.chdir(tmp_path)
    [block] = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
    stand_in = "--source clip.avi --as-fast-as-possible"
    return [line.replace("--camera 0", stand_in) for line in block.splitlines()]


def test_the_commands_of_the_page_run(lines, tmp_path):
    assert len(lines) == 2
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == ["cat", "none"]
    assert len(list((tmp_path / "photos" / "cat").iterdir())) == 3


def test_the_table_of_json_is_complete(page, lines, capfd):
    assert main([*shlex.split(lines[0])[1:], "--json"]) == 0
    documented = {
        kind: set(re.findall(r"`(\w+)`", cells.replace("(`offline` or `live`)", "")))
        for kind, cells in re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.M)
    }
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {record["type"] for record in records} == {"stored", "summary"}
    for record in records:
        assert set(record) - {"type"} == documented[record["type"]]


def test_the_facts_of_the_page_are_those_of_the_program(page):
    example = re.search(r"`(cat-\S+\.jpg)`", page)[1]
    assert find_burst(example) == "cat-20260501T073000-b002"
    assert collect.DEFAULT_BURST_GAP_SECONDS == 10.0
    assert f"at most {collect._LEAST_BITS} of 256 bits" in page
