import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.cli import output


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (0.5, 0.5),
        (True, True),
        (None, None),
        ("Kätzchen\udcff", "Kätzchen\udcff"),  # a file name that is not UTF-8
        (float("nan"), None),
        (float("-inf"), None),
        (Path("photos/cat.jpg"), "photos/cat.jpg"),
        ((1, [2, {"deep": float("inf")}]), [1, [2, {"deep": None}]]),
        (np.float32(0.25), 0.25),
        (np.float64("nan"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        ({3: "key"}, {"3": "key"}),
    ],
)
def test_emit_json_turns_values_into_one_ascii_line(capsys, value, expected):
    output.emit_json({"value": value})
    written, people = capsys.readouterr()
    assert written.isascii()
    assert written.count("\n") == 1
    assert json.loads(written) == {"value": expected}
    assert people == ""


def test_emit_json_refuses_what_it_does_not_know():
    with pytest.raises(TypeError, match="object is not JSON serializable"):
        output.emit_json({"value": object()})


def test_say_leaves_standard_output_to_results(capsys):
    output.say("two files skipped")
    assert capsys.readouterr() == ("", "two files skipped\n")


def test_emit_table_writes_long_cells_whole_where_there_is_no_terminal(capsys):
    path = "/".join(["a long folder name"] * 30)
    output.emit_table(["path", "score"], [[path, 0.5], ["cat [red]x.jpg", None]])
    lines = capsys.readouterr().out.splitlines()
    assert any(path in line and "0.5" in line for line in lines)
    assert any("cat [red]x.jpg" in line for line in lines), "square brackets are no markup"


STEERING = "\x1b[31mred\x07\x9b1A\r\nintact\u202e\u2066 \t"
ESCAPED = r"\x1b[31mred\x07\x9b1A\r\nintact\u202e\u2066 \t"


def test_results_never_steer_the_terminal(capsys):
    output.emit_text(STEERING)
    assert capsys.readouterr().out == ESCAPED + "\n"
    output.emit_table([STEERING, "b"], [["a", STEERING]])
    table = capsys.readouterr().out
    assert table.count(ESCAPED) == 2
    assert not set(STEERING) - set("\n") - set(ESCAPED) & set(table)


def test_lines_for_people_never_steer_the_terminal(capsys):
    output.say(f"first\nsecond {STEERING}")
    expected = "first\nsecond " + ESCAPED.replace(r"\n", "\n") + "\n"
    assert capsys.readouterr().err == expected


def test_texts_of_every_script_stay(capsys):
    output.emit_text("Kätzchen 猫 \N{ZERO WIDTH JOINER} خروف")
    assert capsys.readouterr().out == "Kätzchen 猫 \N{ZERO WIDTH JOINER} خروف\n"


def test_console_writes_to_standard_error(capsys):
    output.console().print("busy")
    assert capsys.readouterr() == ("", "busy\n")


def test_make_streams_safe_escapes_what_the_encoding_lacks(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    output.make_streams_safe()
    output.emit_text("Kätzchen")
    assert raw.getvalue() == rb"K\xe4tzchen" + b"\n"


@pytest.mark.parametrize(("code", "expected"), [(None, 0), (0, 0), (2, 2), ("a message", 1)])
def test_finish_turns_what_was_raised_into_an_exit_code(code, expected):
    assert output.finish(code) == expected
