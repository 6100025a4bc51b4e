"""The table, the commands and the shown output of docs/replay.md hold."""

import json
import re
import shlex

import numpy as np
import pytest
from clips import RED, write_scene

from edge.cli import main
from edge.replay.cost import Cost
from edge.replay.expectations import parse_expectations
from edge.replay.scoring import Verdict


@pytest.fixture(scope="module")
def page(repository):
    return (repository / "docs" / "replay.md").read_text()


def blocks(page, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", page, re.M | re.S)


def test_the_table_of_the_page_is_one(page):
    [table] = blocks(page, "csv")
    rows = parse_expectations(table, labels=["cat", "dog", "none"], clips=["porch.avi"])
    assert [(row.start_seconds, row.end_seconds) for row in rows] == [(1.5, 4.0), (9.0, np.inf)]


def test_the_commands_of_the_page_run(page, tmp_path, monkeypatch, capfd):
    """With the embedded model, on a clip as long as the page's."""
    (tmp_path / "clips").mkdir()
    write_scene(tmp_path / "clips" / "porch.avi", [RED] * 20, rate_hz=2.0)
    (tmp_path / "labels.csv").write_text(blocks(page, "csv")[0])
    monkeypatch.chdir(tmp_path)
    lines = "".join(blocks(page, "sh")).splitlines()
    assert len(lines) == 3
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line
        assert "1 clip: " in capfd.readouterr().out


def test_every_verdict_is_explained(page):
    explained = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert explained == {verdict.value for verdict in Verdict}
    assert f"({Cost()})" in page


def shape(text):
    """Leave the words, without numbers and without the spaces of columns."""
    return [
        re.sub(r"[\d.]+", "#", " ".join(line.split())) for line in text.splitlines() if line.strip()
    ]


def test_the_shown_output_is_that_of_the_real_clips(page, shared_data, repository, capfd):
    clips, expect = shared_data / "videos", repository / "benchmarks" / "clips.csv"
    assert main(["replay", str(clips), "--expect", str(expect)]) == 0
    [shown] = blocks(page, "text")
    assert shape(capfd.readouterr().out) == shape(shown)


def test_the_lines_of_json_are_named(page, tmp_path, capfd):
    write_scene(tmp_path / "porch.avi", [RED] * 20, rate_hz=2.0)
    (tmp_path / "labels.csv").write_text(blocks(page, "csv")[0])
    words = ("--expect", str(tmp_path / "labels.csv"), "--tune", "--tries", "5", "--json")
    assert main(["replay", str(tmp_path / "porch.avi"), *words]) == 0
    kinds = {json.loads(line)["type"] for line in capfd.readouterr().out.splitlines()}
    assert kinds == set(re.findall(r"`(\w+)`", page[page.index("With `--json` there") :])) - {
        "json"
    }
