import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.errors import SettingError
from edge.evidence import EvidenceSpec
from edge.secret import Secret
from edge.sensor import SensorSpec
from edge.settings import Location, Problem, find_nearest, read_settings, read_values, setting, show


def _refuse_thirteen(value):
    if value == 13:
        raise SettingError("count must not be 13", received="13", fix='Write --count "12"')


@dataclass(frozen=True, slots=True)
class Settings:
    name: str = setting()
    count: int = setting(1, least=0, most=20, check=_refuse_thirteen)
    share: float = setting(0.5, least=0.0)
    is_on: bool = setting(True)
    kind: str = setting("fast", choices=("fast", "slow"))
    folder: Path = setting(Path("memory"))
    file: Path | None = setting(None)
    labels: tuple[str, ...] = setting(())
    scores: Mapping[str, float] = setting({}, most=1)
    token: Secret | None = setting(None)

    def __post_init__(self):
        if self.count > 10 and self.kind == "slow":
            raise SettingError("kind must be fast above a count of 10", received="slow", fix="Do")


def read(table, *, cls=Settings, **where):
    where = {"key": "part", "prefix": "EDGE_PART"} | where
    problems = []
    return read_settings(table, cls, at=Location(**where), problems=problems), problems


def test_read_settings_makes_an_instance(tmp_path):
    (tmp_path / "token").write_text("swordfish\n")
    (tmp_path / "token").chmod(0o600)
    table = {
        "name": "a",
        "count": 3,
        "share": 1,  # a whole number is a number
        "is_on": False,
        "kind": "slow",
        "file": "x/../y.txt",
        "labels": ["cat", "dog"],
        "scores": {"cat": 1, "dog": 0.5},
        "token": {"file": "token"},
    }
    settings, problems = read(table, folder=tmp_path)
    assert problems == []
    assert settings.share == 1.0
    assert isinstance(settings.share, float)
    assert settings.folder == tmp_path / "memory"  # a default goes from the same folder
    assert settings.file == tmp_path / "y.txt"
    assert settings.labels == ("cat", "dog")
    assert dict(settings.scores) == {"cat": 1.0, "dog": 0.5}
    assert settings.token.reveal() == "swordfish"
    assert "swordfish" not in repr(settings)


def test_read_settings_expands_the_own_folder_only(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read({"name": "a", "file": "~/x"})[0].file == tmp_path / "x"
    _, (problem,) = read({"name": "a", "file": "~nobody-of-that-name/x"})
    assert "the user after ~ must have a folder" in str(problem)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("name", 1.5, "must be a text. Received: 1.5."),
        ("name", True, "must be a text. Received: true."),
        ("name", ["a"], "must be a text. Received: a list."),
        ("name", "a\0b", "without the character NUL"),
        ("name", {"envy": "A"}, 'must name a variable or a file. Received: a table with'),
        ("name", {"env": "A", "file": "b"}, "must name a variable or a file"),
        ("count", "1", "must be a whole number. Received: '1'. Write a whole number"),
        ("count", 1.0, "must be a whole number. Received: 1."),
        ("count", True, "must be a whole number. Received: true."),
        ("count", -1, "must be from 0 to 20. Received: -1. Write 0."),
        ("count", 10**9, "must be from 0 to 20. Received: 1000000000. Write 20."),
        ("count", 13, "part.count: must not be 13. Received: 13. Write 12."),  # of its own check
        ("share", float("nan"), "must be a number. Received: nan."),
        ("share", float("inf"), "must be a number. Received: inf."),
        ("share", 10**400, "must be a number. Received: 1000"),  # more than a float can hold
        pytest.param("share", 10**5000, "Received: a number without end.", id="without end"),
        ("share", -0.5, "must be at least 0. Received: -0.5. Write 0."),
        ("is_on", 1, "must be true or false. Received: 1."),
        ("is_on", "true", "must be true or false. Received: 'true'."),
        ("kind", "fas", "must be one of fast, slow. Received: 'fas'. Write \"fast\"."),
        ("kind", "other", "must be one of fast, slow. Received: 'other'. Write \"fast\"."),
        ("folder", "", "must be the path of a file or folder"),
        ("folder", 5, "must be the path of a file or folder. Received: 5."),
        ("folder", "a\0", "must be the path of a file or folder"),
        ("labels", "cat", 'must be a list of texts. Received: \'cat\'. Write for example ["one"'),
        ("labels", ["cat", 1.5], "must be a text. Received: 1.5."),
        ("scores", 0.5, "must be a table of numbers. Received: 0.5."),
        ("scores", {"cat": "high"}, "must be a number. Received: 'high'."),
        ("scores", {"cat": 2}, "must be at most 1. Received: 2. Write 1."),
        ("token", "swordfish", "a secret must not stand in this file. Received: a text."),
        # the secret itself, put where its name belongs, is not shown
        ("token", {"env": "sword-fish"}, "environment. Received: something that is no name. Write"),
        ("token", {"env": "NONE"}, "must be one line of text. Received: nothing in the variable"),
        ("token", {"file": "gone"}, "must be readable"),
        ("counts", 3, "there is no such key here; the nearest is 'count'. Received: 'counts'."),
        ("zzz", 3, "there is no such key. Received: 'zzz'. Use one of name, count, share"),
    ],
)  # fmt: skip
def test_read_settings_refuses(key, value, text, tmp_path):
    settings, problems = read({"name": "a", key: value}, folder=tmp_path, lines={"part": 7})
    assert settings is None
    (problem,) = problems
    assert (problem.line, problem.key) == (7, f"part.{key}")
    assert text in str(problem)
    assert "swordfish" not in str(problem)


def test_read_settings_tells_all_problems_at_once():
    _, problems = read({"count": "x", "share": "y", "kinf": "z"})
    assert [problem.key for problem in problems] == [
        *("part.count", "part.share", "part.kinf", "part.name")
    ]
    assert str(problems[-1]) == "part.name: it must be given. Received: nothing. Add name."


def test_read_settings_tells_what_the_class_itself_refuses():
    lines = {"part": 1, "part.kind": 4}
    _, (problem,) = read({"name": "a", "kind": "slow", "count": 11}, lines=lines)
    assert (problem.line, problem.key) == (4, "part.kind")
    assert problem.rule == "must be fast above a count of 10"


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("EDGE_PART_NAME", "b", "name", "b"),
        ("EDGE_PART_COUNT", "7", "count", 7),
        ("EDGE_PART_SHARE", "2", "share", 2.0),
        ("EDGE_PART_IS_ON", "off", "is_on", False),
        ("EDGE_PART_IS_ON", "Yes", "is_on", True),
        ("EDGE_PART_LABELS", "cat, dog,", "labels", ("cat", "dog")),
        ("EDGE_PART_SCORES", "cat=0.5, dog=1", "scores", {"cat": 0.5, "dog": 1.0}),
        ("EDGE_PART_FILE", "/x/y", "file", Path("/x/y")),
        ("EDGE_PART_FILE", "y", "file", Path.cwd() / "y"),  # from the working directory
        ("EDGE_PART_NAME", "", "name", "a"),  # an empty variable overrides nothing
        ("EDGE_PART_NAME", "http://me:pw@hub", "name", "http://me:pw@hub"),
    ],
)
def test_read_settings_lets_the_environment_override(variable, text, key, value):
    table = {"name": "a", "count": 3}
    settings, problems = read(table, folder=Path("/elsewhere"), environment={variable: text})
    assert problems == []
    assert getattr(settings, key) == value


def test_read_settings_takes_a_secret_from_the_environment():
    settings, _ = read({"name": "a"}, environment={"EDGE_PART_TOKEN": "swordfish"})
    assert settings.token.reveal() == "swordfish"
    named = {"name": {"env": "WHO"}, "token": {"env": "WHAT"}}
    settings, _ = read(named, environment={"WHO": "me", "WHAT": "swordfish"})
    assert (settings.name, settings.token.reveal()) == ("me", "swordfish")


def test_read_settings_names_the_variable_that_is_wrong():
    _, (problem,) = read({"name": "a", "count": 2}, environment={"EDGE_PART_COUNT": "many"})
    assert str(problem).startswith("EDGE_PART_COUNT: must be a whole number. Received: 'many'.")


@pytest.mark.parametrize(
    ("content", "mode", "text"),
    [
        (b"swordfish", 0o604, "must be closed to others. Received: {path} with mode 604."),
        (b"swordfish", 0o601, "must be closed to others"),
        (b"", 0o600, "must be one line of text. Received: nothing in {path}."),
        (b"\n", 0o600, "Received: nothing in {path}."),
        (b"a\nb", 0o600, "Received: several lines or too much in {path}."),  # would split a header
        (b"a\0b", 0o600, "Received: several lines or too much in {path}."),
        (b"\xff\xfe", 0o600, "Received: nothing in {path}."),  # no text
        (b"x" * 70_000, 0o600, "Received: several lines or too much in {path}."),
    ],
)
def test_a_file_with_a_secret_is_refused(content, mode, text, tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    _, (problem,) = read({"name": "a", "token": {"file": str(path)}})
    assert text.format(path=path) in str(problem)
    assert "swordfish" not in str(problem)


def test_a_file_with_a_secret_may_be_read_by_its_group(tmp_path):
    (tmp_path / "secret").write_text("swordfish")
    (tmp_path / "secret").chmod(0o640)
    settings, _ = read({"name": "a", "token": {"file": "secret"}}, folder=tmp_path)
    assert settings.token.reveal() == "swordfish"


def test_a_secret_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    _, problems = read({"name": "a", "token": {"file": "pipe"}}, folder=tmp_path)
    assert "nothing in" in problems[0].received


def test_a_password_in_an_address_needs_a_closed_file():
    _, (problem,) = read({"name": "rtsp://me:swordfish@door/1"})
    assert "may stand only in a file that others cannot read" in problem.rule
    assert "chmod 600" in problem.fix
    assert "swordfish" not in str(problem)
    settings, problems = read({"name": "rtsp://me:swordfish@door/1"}, is_closed=True)
    assert (settings.name, problems) == ("rtsp://me:swordfish@door/1", [])


def test_a_whole_number_is_taken_as_a_text():
    assert read({"name": 17})[0].name == "17"


def test_plain_dataclasses_are_read_too():
    assert read({"votes": 2, "window": 4}, cls=EvidenceSpec)[0] == EvidenceSpec(votes=2, window=4)
    assert read({"dark_level": 9}, cls=SensorSpec)[0] == SensorSpec(dark_level=9.0)
    _, (problem,) = read({"votes": 9}, cls=EvidenceSpec)
    assert problem.key == "part.votes"
    assert problem.fix == "Write for example votes=3 window=5"  # not of the command's option


def test_read_values_reads_what_is_said():
    problems = []
    values = read_values({"votes": 9}, EvidenceSpec, at=Location(), problems=problems)
    assert (values, problems) == ({"votes": 9}, [])


def test_a_problem_is_one_line():
    text = str(Problem(3, "a", "rule\nwith lines", "x\ny", "fix"))
    assert text == "3: a: rule with lines. Received: x y. fix."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        (0.5, "0.5"),
        ("x" * 100, "'" + "x" * 56 + "..."),
        ([1], "a list"),
        (None, "a date or time"),  # what else TOML has
    ],
)
def test_show(value, shown):
    assert show(value) == shown


def test_find_nearest_looks_past_case():
    assert find_nearest("CAT", ["cat", "dog"]) == "cat"
    assert find_nearest("zebra", ["cat", "dog"]) == ""
