"""The form of log lines that systemd's journal reads: a priority in front, and no time."""

import logging
import os
import sys
from collections.abc import Mapping

from edge.cli import output

# From the levels of logging to the priorities of syslog(3), see sd-daemon(3).
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


def is_journal(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether standard error leads into the journal.

    `JOURNAL_STREAM` alone does not say so: it is passed on to programs whose output was sent
    elsewhere.

    Example:
        >>> is_journal({}), is_journal({"JOURNAL_STREAM": "0:0"})
        (False, False)
    """
    text = environment.get("JOURNAL_STREAM", "")
    if not text or sys.stderr is None:
        return False
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # it is closed, or no file at all
        return False
    return text == f"{found.st_dev}:{found.st_ino}"


def mark_lines(text: str, level: int) -> str:
    r"""Put the priority of a level of logging in front of each line.

    Example:
        >>> mark_lines("camera 0: away\nsince noon", logging.WARNING)
        '<4>camera 0: away\n<4>since noon'
    """
    priority = next((number for least, number in _PRIORITIES if level >= least), _DEBUG)
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines() or [""])


class DiscreetFormatter(logging.Formatter):
    """Hides passwords of URLs, whoever logs them."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as lines."""
        return output.hide_passwords(super().format(record))


class JournalFormatter(DiscreetFormatter):
    """Writes a priority in front instead of the level; the journal knows time and program."""

    def __init__(self) -> None:
        super().__init__("%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as lines, each with its priority."""
        return mark_lines(super().format(record), record.levelno)
