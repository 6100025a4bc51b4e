import json

import pytest

from edge import cli
from edge.config.templates import TEMPLATES, read_template


@pytest.mark.parametrize("template", TEMPLATES)
def test_init_writes_a_configuration(template, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", template]) == 0
    assert (tmp_path / "edge.toml").read_text() == read_template(template)
    assert capfd.readouterr().out == (
        f"edge.toml for a {template}: change it, then edge check --config edge.toml\n"
    )


def test_init_writes_where_it_is_told_to(capfd, tmp_path):
    path = tmp_path / "door.toml"
    assert cli.main(["init", "pet-door", "-o", str(path), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"template": "pet-door", "path": str(path)}
    assert path.read_text() == read_template("pet-door")


def test_init_never_overwrites(capfd, tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text("mine")
    assert cli.main(["init", "webcam", "-o", str(path)]) == 1
    assert "A configuration that exists must stay as it is" in capfd.readouterr().err
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")  # which leads nowhere yet
    assert cli.main(["init", "webcam", "-o", str(path)]) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_init_says_why_it_cannot_write(capfd, tmp_path):
    assert cli.main(["init", "webcam", "-o", str(tmp_path / "gone/edge.toml")]) == 1
    assert "No such file or directory" in capfd.readouterr().err


def test_init_names_the_nearest(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "petdoor"]) == 2
    assert capfd.readouterr().err == (
        "edge: There are configurations for webcam and pet-door. Received: 'petdoor'. "
        "Write edge init pet-door.\n"
    )
    assert list(tmp_path.iterdir()) == []
