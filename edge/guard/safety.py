"""Make outputs safe whose guards are gone, or shall be: what the service runs after its end."""

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

from edge.errors import CatseyeError, GuardError
from edge.guard.pins import open_pin
from edge.guard.request import NOTES, GuardNote, list_notes, read_note, start_time

_LONGEST_SECONDS = 5.0
_RETRY_SECONDS = 0.05


def release_all(folder: Path) -> list[str]:
    """Set every output of a memory folder to its safe level; guards that still run are killed.

    Args:
        folder: Of the memory, in which guards note what they own.

    Returns:
        The names of the outputs.

    Raises:
        GuardError: An output could not be made safe within five seconds; the others are.
    """
    failures: list[GuardError] = []
    notes: dict[str, GuardNote] = {}
    for path in list_notes(folder):
        try:
            notes[path.stem] = read_note(path)
            kill_guard(notes[path.stem])
        except GuardError as error:
            failures.append(error)
    for name, note in notes.items():
        try:
            _release(name, note)
            _forget(folder / NOTES / f"{name}.json", note)
        except GuardError as error:
            failures.append(error)
    if failures:  # all that could be made safe is
        raise failures[0]
    return list(notes)


def kill_guard(note: GuardNote) -> None:
    """Kill the guard and the understudy of a note, if they still run; their claim lapses."""
    for pid, start in note.processes:
        with suppress(OSError):
            if start and start_time(pid) == start and _is_guard(pid):
                os.kill(pid, signal.SIGKILL)


def _is_guard(pid: int) -> bool:
    """Whether a process is a guard: after another boot its number and start may be another's."""
    return b"edge.guard" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _forget(path: Path, note: GuardNote) -> None:
    """Remove a note: what is safe needs none, and its pin may get another use one day."""
    with suppress(OSError, GuardError):
        if read_note(path) == note:  # else a new guard has begun meanwhile
            path.unlink()


def _release(name: str, note: GuardNote) -> None:
    until_seconds = time.monotonic() + _LONGEST_SECONDS
    while True:
        try:
            open_pin(note.pin, active_low=note.active_low).close()
            return
        except (OSError, CatseyeError) as error:
            if time.monotonic() > until_seconds:
                raise GuardError(
                    f"The output {name} must be set to its safe level",
                    received=f"{note.pin}: {error}",
                    fix="Cut its supply, and look at the wiring and the permissions",
                ) from error
        select.select([], [], [], _RETRY_SECONDS)
