"""The action `exec`: a program of the owner's, called without a shell."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge.actions.payload import utc_text
from edge.actions.program import Ending, run_program
from edge.errors import ActionError, OutputError, SettingError
from edge.occurrence import ActionContext, Occurrence
from edge.settings import setting
from edge.snapshot import Snapshot
from edge.status import Status

# All else may hold a secret: variables are where the configuration has them read from.
_PASSED_ON = frozenset({"HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"})
_LOCALE = "LC_"


def _check_command(command: tuple[str, ...]) -> None:
    if not command or not command[0]:
        raise SettingError(
            "command must name a program, then its arguments, a text each",
            received=str(list(command)),
            fix='Write it as a list, as in command = ["/usr/bin/logger", "the cat is in"]',
        )
    if "/" in command[0] and not command[0].startswith("/"):
        raise SettingError(
            "A program must be an absolute path, or a name to be found on PATH",
            received=command[0],
            fix="Write its whole path, as in /usr/local/bin/light",
        )
    if any("\0" in argument for argument in command):
        raise SettingError(
            "An argument cannot contain a zero byte",
            received=str(list(command)),
            fix="Remove it",
        )


@dataclass(frozen=True)
class ExecSettings:
    """Settings of the action `exec`.

    Attributes:
        command: The program, with its path or to be found on `PATH`, and its arguments.
        timeout_seconds: Time after which it is killed, with all that it has started.
    """

    command: tuple[str, ...] = setting(check=_check_command)
    timeout_seconds: float = setting(10.0, least=0.1, most=600)


class ExecAction:
    """Calls a program; what has occurred is in its environment, never in its arguments.

    Args:
        settings: Which program.
        context: Its folder is where the program starts.
    """

    Settings = ExecSettings

    def __init__(self, settings: ExecSettings, context: ActionContext) -> None:
        self._command = settings.command
        self._timeout_seconds = settings.timeout_seconds
        self._folder = context.folder
        self._clock = context.clock
        self._stop = threading.Event()

    def perform(self, occurrence: Occurrence) -> str:
        """Call the program and wait for its end.

        Raises:
            ActionError: It is missing, took too long, or ended with another code than 0.
        """
        with _picture_file(occurrence.snapshot) as picture:
            ending = run_program(
                self._command,
                environment=_environment(occurrence, picture),
                folder=self._folder,
                timeout_seconds=self._timeout_seconds,
                stop=self._stop,
                clock=self._clock,
            )
        return self._judge(ending)

    def note(self, status: Status) -> None:
        """Do nothing."""

    def check(self) -> Iterator[str]:
        """Look for the program; it is not called.

        Raises:
            ActionError: There is no such program, or it may not be executed.
        """
        program = self._command[0]
        found = shutil.which(program, path=os.environ.get("PATH", os.defpath))
        if found is None:
            raise ActionError(
                "The program of an action must be an absolute path, or be found on PATH",
                received=program,
                fix="Check its path, and that this user may execute it",
            )
        yield f"{found} can be executed"

    def close(self) -> None:
        """Kill the program if it still runs."""
        self._stop.set()

    def _judge(self, ending: Ending) -> str:
        last_line = f": {ending.last_line}" if ending.last_line else ""
        if ending.is_killed:
            when = "at the end of the run" if self._stop.is_set() else "then"
            raise ActionError(
                f"A program must end within {self._timeout_seconds:g} s",
                received=f"{self._command[0]}, which was killed {when}{last_line}",
                fix="Make it quicker, or raise timeout_seconds",
            )
        if ending.code != 0:
            raise ActionError(
                "A program must end with code 0",
                received=f"{ending.code} from {self._command[0]}{last_line}",
                fix="See what it says when it is called by hand",
            )
        return f"ended with code 0{last_line}"


def _environment(occurrence: Occurrence, picture: str) -> Mapping[str, str]:
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_LOCALE)
    }
    told = {
        "EDGE_EVENT_ID": occurrence.event_id,
        "EDGE_EVENT_RULE": occurrence.rule,
        "EDGE_EVENT_LABEL": occurrence.label,
        "EDGE_EVENT_SCORE": f"{occurrence.score:.4f}",
        "EDGE_EVENT_TIME": utc_text(occurrence.at.wall_seconds),
        "EDGE_EVENT_SNAPSHOT": picture,
    }
    return passed_on | {name: value.replace("\0", "") for name, value in told.items()}


@contextmanager
def _picture_file(snapshot: Snapshot | None) -> Iterator[str]:
    """Write the snapshot to a file for a while; an empty name where that cannot be done."""
    folder, picture = "", ""
    with suppress(OSError, OutputError):  # a full disk is no reason not to call
        if snapshot is not None:
            folder = tempfile.mkdtemp(prefix="edge-")
            path = Path(folder) / "snapshot.jpg"
            path.write_bytes(snapshot.jpeg())
            picture = str(path)
    try:
        yield picture
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
