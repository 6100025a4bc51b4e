"""An empty text, such as an unset variable of a script, never stands for the current folder."""

import pytest
from typer.models import TyperPath

from edge.cli import app, commands, main


def path_parameters():
    """Yield every parameter of every command that takes a path, as command-line words."""

    def walk(command, words):
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, [*words, name])
        for parameter in command.params:
            if isinstance(parameter.type, TyperPath):
                is_option = parameter.param_type_name == "option"
                yield [*words, *(parameter.opts[:1] if is_option else [])]

    for source in commands.sources():
        yield from walk(app.load_command(source), [source.name])


PARAMETERS = list(path_parameters())


def test_every_command_that_takes_paths_is_looked_at():
    assert len(PARAMETERS) >= 22
    assert {words[0] for words in PARAMETERS} >= {"run", "classify", "train", "convert", "data"}


@pytest.mark.parametrize("words", PARAMETERS, ids=" ".join)
def test_empty_path_is_wrong_usage(capsys, words):
    assert main([*words, ""]) == 2
    assert "a path must not be empty" in capsys.readouterr().err


def test_empty_environment_variable_names_no_path(capsys, monkeypatch):
    monkeypatch.setenv("EDGE_MODEL", "")
    assert main(["inspect"]) == 0
    assert "pets.tflite: intact" in capsys.readouterr().out
