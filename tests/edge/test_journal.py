import io
import logging
import os
import subprocess
import sys

import pytest

from edge.cli.journal import JournalFormatter, is_journal, mark_lines
from edge.cli.live import PlainLines
from edge.records import Look, Picture
from edge.runtime import Tally
from edge.testing import ManualClock, blank_frame


def start(arguments, *, is_joined, **variables):
    """Run `edge` with standard error in a pipe, and `JOURNAL_STREAM` naming that pipe or not."""
    reader, writer = os.pipe()
    status = os.fstat(writer)
    stream = f"{status.st_dev}:{status.st_ino}" if is_joined else "8:1"
    subprocess.run(
        [sys.executable, "-m", "edge", *arguments],
        env={**os.environ, "JOURNAL_STREAM": stream, **variables},
        stderr=writer,
        check=False,
        timeout=60,
    )
    os.close(writer)
    with os.fdopen(reader) as lines:
        return lines.read()


@pytest.mark.parametrize(
    ("level", "mark"),
    [
        (logging.CRITICAL, "<3>"),
        (logging.ERROR, "<3>"),
        (logging.WARNING, "<4>"),
        (logging.INFO, "<6>"),
        (logging.DEBUG, "<7>"),
    ],
)
def test_journal_has_a_priority_for_every_level(level, mark):
    assert mark_lines("door: open", level) == f"{mark}door: open"


def test_journal_formatter_marks_each_line_and_hides_passwords():
    text = "rtsp://me:secret@door/1: away\nfor a while"
    record = logging.LogRecord("edge", logging.WARNING, "", 0, text, (), None)
    assert JournalFormatter().format(record) == "<4>rtsp://***@door/1: away\n<4>for a while"


def test_error_in_the_journal_carries_its_priority():
    said = start(["classify", "absent.jpg", "-m", "absent.tflite"], is_joined=True)
    assert said.startswith("<3>edge: ")


def test_error_elsewhere_carries_none():
    said = start(["classify", "absent.jpg", "-m", "absent.tflite"], is_joined=False)
    assert said.startswith("edge: ")


def test_is_journal_of_a_stream_that_is_no_file(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not is_journal({"JOURNAL_STREAM": "8:1"})
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_journal({"JOURNAL_STREAM": "8:1"})


@pytest.mark.parametrize(("is_joined", "lines"), [(True, 1), (False, 2)])
def test_plain_lines_repeat_nothing_in_the_journal(is_joined, lines, tmp_path, monkeypatch):
    clock = ManualClock()
    with (tmp_path / "log").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        status = os.fstat(stream.fileno())
        if is_joined:
            monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        display = PlainLines(Tally(clock), clock=clock)
        for index in range(150):
            display.handle(Look(Picture.DARK, blank_frame(index), reason="too dark"))
            clock.wait(0.1)
    assert len((tmp_path / "log").read_text().splitlines()) == lines
