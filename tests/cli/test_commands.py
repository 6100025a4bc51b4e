import sys
from importlib.metadata import EntryPoint

import pytest

from edge.cli import commands
from edge.cli.commands import CommandSource, load_target, read_summary, read_text, sources
from edge.errors import MissingExtraError

FILES = {
    "plugin/__init__.py": "raise AssertionError('imported')\n",
    "plugin/verb.py": '"""Module."""\n\ndef verb():\n    """Do it.\n\n    In detail.\n    """\n',
    "plugin/app.py": '"""Do more than one thing."""\n\napp = object()\n',
    "plugin/silent.py": "def verb(): ...\n",
    "plugin/inner/__init__.py": 'def verb():\n    """Do it inside."""\n',
    "single.py": 'def verb():\n    """Do it alone."""\n',
    "broken.py": "import a_module_that_is_not_installed\n",
}


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("module", "attribute", "expected"),
    [
        ("plugin.verb", "verb", "Do it"),
        ("plugin.app", "app", "Do more than one thing"),  # an object: its module's first line
        ("plugin.silent", "verb", ""),
        ("plugin.inner", "verb", "Do it inside"),
        ("single", "verb", "Do it alone"),
        ("plugin.absent", "verb", ""),
        ("a_package_that_is_not_installed.cli", "verb", ""),
    ],
)
def test_read_summary_reads_the_source_and_imports_nothing(module, attribute, expected):
    before = set(sys.modules)
    assert read_summary(CommandSource("verb", module=module, attribute=attribute)) == expected
    assert "plugin" not in set(sys.modules) - before


@pytest.mark.usefixtures("plugins")
def test_load_target_names_the_command_and_the_missing_module():
    source = CommandSource("break", module="broken", attribute="verb")
    with pytest.raises(MissingExtraError, match=r"'edge break' .* 'a_module_that_is_not_inst"):
        load_target(source)


def test_read_text_ends_before_what_is_for_programmers():
    def verb():
        """Do it.

        To everything.

        Args:
            None at all.
        """

    assert read_text(verb) == "Do it.\n\nTo everything."


def test_read_text_of_an_undocumented_function_is_empty():
    assert read_text(lambda: None) == ""


def test_sources_lists_own_verbs_first_and_lets_nobody_replace_them(monkeypatch):
    entries = [
        EntryPoint("zoom", "lens.cli:zoom", "edge.commands"),
        EntryPoint("run", "lens.cli:run", "edge.commands"),
        EntryPoint("aim", "lens.cli:aim", "edge.commands"),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries)
    listed = list(sources())
    assert [source.name for source in listed[: len(commands._OWN)]] == list(commands._OWN)
    assert listed[len(commands._OWN) :] == [
        CommandSource("aim", module="lens.cli", attribute="aim"),
        CommandSource("zoom", module="lens.cli", attribute="zoom"),
    ]


def test_sources_asks_for_entry_points_only_beyond_own_verbs(monkeypatch):
    def fail(group):
        raise AssertionError(group)

    monkeypatch.setattr("importlib.metadata.entry_points", fail)
    assert next(source for source in sources() if source.name == "doctor")
