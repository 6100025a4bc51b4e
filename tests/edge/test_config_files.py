"""Files that are no configuration, and the lines of those that are."""

import os
import random
import tomllib

import pytest

from edge.cli import main
from edge.config import read_config
from edge.config.lines import find_lines
from edge.config.templates import TEMPLATES, read_template
from edge.errors import ConfigError


def read(path):
    return read_config(path, environment={}, kinds=lambda kind: None)


def read_or_refuse(path):
    try:
        return read(path)
    except ConfigError as error:
        return error.problems


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "edge.toml: the file: a configuration must say something. Received: an empty file."),
        (b" \n\n", "a configuration must say something"),
        (b"\xef\xbb\xbf", "a configuration must say something"),  # a BOM alone
        (b"place = 'a'\n\xff\n", ":2: the file: it must be text in UTF-8. Received: the byte 0xff"),
        ("place = 'a'".encode("utf-16"), "edge.toml:1: the file: it must be text in UTF-8"),
        (b"place = 'a'\nplace = 'b'", "edge.toml:2: the file: it must be TOML. Received: Cannot o"),
        (b"[run]\n[run]\n", "the file: it must be TOML. Received: Cannot declare run twice."),
        (b"[run]\nmax_fps 5\n", "edge.toml:2: the file: it must be TOML. Received: Expected '='"),
        (b"place = 'a", "edge.toml:1: the file: it must be TOML"),  # half a file
        (b"[[rules]]\nlabels = [\n'cat',\n", "edge.toml:4: the file: it must be TOML"),  # half, too
        (b"place = " + b"[" * 100_000, "tables and lists must not be nested so deeply"),
        (b"place = " + b"{a=" * 100_000, "tables and lists must not be nested so deeply"),
        (b"place = " + b"1" * 5000, "the file: it must be TOML. Received: Exceeds the limit"),
        (b"\n" + b"a." * 400_000 + b"b = 1", "edge.toml:2: the file: a key must have fewer"),
        (b"['a'" + b" . 'b'" * 99 + b"]", "edge.toml:1: the file: a key must have fewer than 40"),
        (b"#" * 1_000_001, "it must have at most 1,000,000 bytes"),
        (b"place = 'a'\n\x00", "edge.toml:2: the file: it must be TOML"),
    ],
    ids=range(17),
)  # fmt: skip
def test_hostile_content_is_refused(content, text, tmp_path):
    path = tmp_path / "edge.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="with 1 error") as caught:
        read(path)
    assert text in caught.value.problems[0]
    assert "\n" not in caught.value.problems[0]


def test_a_bom_and_windows_lines_are_read(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_bytes(b"\xef\xbb\xbfplace = 'a'\r\n\r\n[store]\r\nkeep_mb = 'x'\r\n")
    with pytest.raises(ConfigError, match=r"edge\.toml:4: store\.keep_mb: must be a number"):
        read(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"a file that can be read.*No such file"):
        read(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="it must be a file"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe")  # which nobody writes to
    with pytest.raises(ConfigError, match="it must be a file"):
        read(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"a file that can be read.*null"):
        read(tmp_path / "a\0b")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_of_others_is_refused(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text("place = 'a'")
    path.chmod(0)
    child = os.fork()
    if child == 0:
        os.seteuid(65_534)
        try:
            read(path)
        except ConfigError as error:
            os._exit(0 if "Permission denied" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("command", [("check",), ("run",), ("events", "list")])
def test_that_a_file_can_be_read_is_left_to_its_reader(command, tmp_path, capfd, monkeypatch):
    """Typer would say so in words of its own, without a fix."""
    path = tmp_path / "edge.toml"
    path.write_text("place = 3 4")
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda name, *rest, **more: name != str(path) and access(name, *rest, **more)
    )
    assert main([*command, "--config", str(path)]) == 2
    assert "edge.toml:1: the file: it must be TOML" in capfd.readouterr().err


def test_no_half_of_a_template_does_harm(tmp_path):
    """A file that is cut anywhere is read, or refused with a line; nothing else happens."""
    path = tmp_path / "edge.toml"
    for name in TEMPLATES:
        text = read_template(name)
        for end in range(0, len(text), 97):
            path.write_text(text[:end])
            assert read_or_refuse(path)


def test_damaged_files_are_refused_or_read(tmp_path):
    path = tmp_path / "edge.toml"
    content = read_template("pet-door").encode()
    dice = random.Random(6)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        assert read_or_refuse(path)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a = 1\n\n# b = 2\nb = 2", {"a": 1, "b": 4}),
        ("[t]\na = 1\n[t.u] # x\nb = 2", {"t": 1, "t.a": 2, "t.u": 3, "t.u.b": 4}),
        ("[[r]]\na = 1\n[[r]]\na = 2", {"r": 1, "r[0].a": 2, "r[1]": 3, "r[1].a": 4}),
        ("[[r]]\n[r.t]\na = 1\n[[r.u]]\nb = 1", {"r[0].t.a": 3, "r[0].u[0].b": 5}),
        ("a.b . 'c' = 1", {"a": 1, "a.b": 1, "a.b.c": 1}),  # dots and quotes
        ('"a.b" = 1\n"\\u0063" = 2', {"a.b": 1, "c": 2}),
        ('a = """\nb = 1\n"quoted"\n\\"""\n"""\nc = 1', {"a": 1, "c": 6}),  # over several lines
        ("a = '''\nb = 1\n'''\nc = 1", {"a": 1, "c": 4}),
        ('a = """x"""""\nc = 1', {"a": 1, "c": 2}),  # a text that ends in quotes
        ('a = ""\nb = \'\'\nc = ""', {"a": 1, "b": 2, "c": 3}),
        ("a = [\n 1, # ]\n '[', \n [2,\n 3],\n]\nb = 1", {"a[0]": 2, "a[1]": 3, "a[2][1]": 5}),
        ("a = {b = 1, c = {d = [1, {e = 2}]}}\nf = 1", {"a.b": 1, "a.c.d[1].e": 1, "f": 2}),
        ("r = [\n {a = 1},\n {a = 2},\n]", {"r[0].a": 2, "r[1].a": 3}),
        ("a = 1979-05-27 07:32:00\nb = 0x1F\nc = -inf", {"a": 1, "b": 2, "c": 3}),
        ("a = 'x' # ' [\nb = \"#\"\nc = 1", {"a": 1, "b": 2, "c": 3}),
    ],
)  # fmt: skip
def test_find_lines(text, lines):
    tomllib.loads(text)
    assert find_lines(text).items() >= lines.items()


def test_find_lines_gives_up_where_it_does_not_understand():
    assert find_lines("a = 1\n= 2\nb = 3") == {"a": 1}
    assert find_lines("a = 1\nb =\n") == {"a": 1, "b": 2}
    assert find_lines("a = 1\nb\n") == {"a": 1}
    deep = "a = 1\nb = " + "[" * 60 + "]" * 60 + "\nc = 1"
    assert find_lines(deep)["a"] == 1


def test_find_lines_knows_every_key_of_the_templates():
    def names(value, path=""):
        if isinstance(value, dict):
            for key, item in value.items():
                yield from names(item, f"{path}.{key}" if path else key)
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from names(item, f"{path}[{index}]")
        if path:
            yield path

    for name in TEMPLATES:
        text = read_template(name)
        assert set(find_lines(text)) == set(names(tomllib.loads(text)))
