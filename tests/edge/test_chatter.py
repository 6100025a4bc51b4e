"""What native code says is held back, and shown when nothing else explains a failure."""

import os
import subprocess
import sys

import pytest

from edge.chatter import chatter_kept_back
from edge.errors import SettingError


def fail_in_native_code(error):
    with chatter_kept_back():
        os.write(2, b"out of memory")
        raise error


def test_chatter_is_held_back_and_can_be_read(capfd):
    with chatter_kept_back() as read:
        os.write(2, b"native greetings")
        assert read() == "native greetings"
    assert capfd.readouterr().err == ""


def test_chatter_is_shown_when_the_failure_is_unexplained(capfd):
    with pytest.raises(RuntimeError):
        fail_in_native_code(RuntimeError())
    assert capfd.readouterr().err == "out of memory"


def test_chatter_stays_away_beside_a_message_of_ours(capfd):
    with pytest.raises(SettingError):
        fail_in_native_code(SettingError("rule", received="that", fix="this"))
    assert capfd.readouterr().err == ""


def test_block_runs_where_standard_error_is_closed():
    code = "from edge.chatter import chatter_kept_back\n"
    code += "with chatter_kept_back() as read: print('went on', repr(read()))"
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" 2>&-', sys.executable, code],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == "went on ''\n"
