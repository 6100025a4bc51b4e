"""The command line: the only place that prints, picks exit codes and configures logging.

Exit codes: 0 done; 1 a run that failed; 2 wrong usage; `edge.errors` says which is which.
`EDGE_DEBUG=1` shows tracebacks, without it there is never one. `EDGE_LOG=info` (or `debug`,
`error`) says how much is logged. Where standard error leads into systemd's journal, log lines and
errors carry a priority that it reads.
"""

import logging
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from types import TracebackType

from edge.cli import output
from edge.cli.journal import DiscreetFormatter, JournalFormatter, is_journal, mark_lines
from edge.cli.process_list import hide_secrets
from edge.cli.signals import kept_waiting
from edge.errors import CatseyeError, SettingError

_LOG_LEVELS = ("debug", "info", "warning", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one `edge` command and return its exit code.

    Args:
        arguments: What follows `edge` on the command line; the process's own by default.

    Raises:
        Exception: Whatever is not a `CatseyeError`; `sys.excepthook` then reports it in one line.

    Example:
        >>> main(["--version"])
        edge 0.1.0 (catseye)
        0
    """
    _install_hooks()
    output.make_streams_safe()
    try:
        with kept_waiting():
            return _run(arguments)
    except KeyboardInterrupt:  # which came before a verb ran
        output.say("edge: interrupted")
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    if arguments is None:
        hide_secrets(sys.argv[1:])
    from edge.cli.app import build_command  # takes a while, in which a signal may come

    try:
        _configure_logging(os.environ.get("EDGE_LOG", "warning"))
        build_command()(args=None if arguments is None else list(arguments), prog_name="edge")
    except CatseyeError as error:
        return _report(error)
    except BrokenPipeError:
        output.discard_output()
        return 1
    except SystemExit as stop:
        return output.finish(stop.code)
    return 0


def is_debugging() -> bool:
    """Whether `EDGE_DEBUG` asks for tracebacks."""
    return os.environ.get("EDGE_DEBUG", "") not in ("", "0")


def _report(error: CatseyeError) -> int:
    """Print the three parts of the message and return its exit code."""
    if is_debugging():
        output.say("".join(traceback.format_exception(error)).rstrip())
    text = f"edge: {error}"
    output.say(mark_lines(text, logging.ERROR) if is_journal() else text)
    return error.exit_code


def _configure_logging(level: str) -> None:
    if level.lower() not in _LOG_LEVELS:
        raise SettingError(
            "EDGE_LOG says how much is logged",
            received=repr(level),
            fix=f"Use one of {', '.join(_LOG_LEVELS)}",
        )
    if not logging.getLogger().handlers:
        handler = logging.StreamHandler()
        plain = "edge: %(levelname)s: %(message)s"
        handler.setFormatter(JournalFormatter() if is_journal() else DiscreetFormatter(plain))
        logging.basicConfig(level=level.upper(), handlers=[handler])
        logging.captureWarnings(capture=True)


def _install_hooks() -> None:
    """Keep tracebacks of unexpected errors from the user, unless a host program has its own way."""
    if is_debugging():
        return
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _report_unexpected
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _report_unexpected_in_thread


def _report_unexpected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    del trace
    output.say(
        f"edge: something unexpected happened. Received: {kind.__name__}: {error}. "
        "Run it again with EDGE_DEBUG=1 and report the traceback."
    )


def _report_unexpected_in_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        _report_unexpected(failure.exc_type, failure.exc_value, failure.exc_traceback)
