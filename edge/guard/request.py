"""What a guard is asked to own, and the note it leaves on the disk of what it owns."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edge.boot import read_boot_id
from edge.durable import write_durably
from edge.errors import GuardError
from edge.guard.limits import Limits
from edge.guard.pins import FILE_PREFIX

NOTES = "guard"
"""Folder of the notes, in the folder of the memory."""

_START_FIELD = 22  # of /proc/PID/stat, see proc(5): starttime


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """An output, and where its guard keeps its notes.

    Attributes:
        name: Of the action.
        pin: See `edge.guard.pins`.
        folder: Of the memory.
        active_low: Whether the low level energises.
        limits: What the output bears.
        owner: Number of the main process that asks.
    """

    name: str
    pin: str
    folder: Path
    active_low: bool = False
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    owner: int = field(default_factory=os.getpid)

    @property
    def ledger_path(self) -> Path:
        """Where its account lies."""
        return self.folder / NOTES / f"{self.name}.ledger"

    @property
    def note_path(self) -> Path:
        """Where the note of its guard lies."""
        return self.folder / NOTES / f"{self.name}.json"

    def to_line(self) -> str:
        """Write it as a line of JSON."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @staticmethod
    def from_line(line: str) -> "OutputRequest":
        """Read what `to_line` wrote."""
        values = json.loads(line)
        limits = Limits(**values.pop("limits"))
        return OutputRequest(**values | {"folder": Path(values["folder"]), "limits": limits})


@dataclass(frozen=True, slots=True)
class GuardNote:
    """Which pin a guard owns, so that the level can be made safe after its death.

    Attributes:
        pin: See `edge.guard.pins`; a file's path is absolute.
        active_low: Whether the low level energises.
        processes: Numbers of the guard and its understudy, each with its start time, by which
            a number that was given to another process meanwhile is told; none of another boot.
        owner: The main process, likewise.
    """

    pin: str
    active_low: bool
    processes: tuple[tuple[int, int], ...] = ()
    owner: tuple[int, int] = (0, 0)


def write_note(request: OutputRequest, *pids: int) -> None:
    """Write down what is owned, by processes of these numbers.

    Raises:
        OSError: It cannot be written.
    """
    request.note_path.parent.mkdir(parents=True, exist_ok=True)
    pin = request.pin
    if pin.startswith(FILE_PREFIX):
        pin = FILE_PREFIX + str(Path(pin.removeprefix(FILE_PREFIX)).absolute())
    processes = [(pid, start_time(pid)) for pid in pids]
    note = {
        "pin": pin,
        "active_low": request.active_low,
        "processes": processes,
        "owner": (request.owner, start_time(request.owner)),
        "boot_id": read_boot_id(),
    }
    write_durably(request.note_path, json.dumps(note))


def read_notes(folder: Path) -> dict[str, GuardNote]:
    """Read the notes of all outputs of a memory folder, by their names.

    Raises:
        GuardError: A note cannot be read.
    """
    return {path.stem: read_note(path) for path in list_notes(folder)}


def list_notes(folder: Path) -> list[Path]:
    """List the files of the notes in a memory folder; none if there is no such folder."""
    return sorted((folder / NOTES).glob("*.json"))


def read_note(path: Path) -> GuardNote:
    """Read a note.

    Raises:
        GuardError: It cannot be read.
    """
    try:
        values = json.loads(path.read_bytes())
        processes = tuple((int(pid), int(start)) for pid, start in values["processes"])
        pid, start = map(int, values.get("owner", (0, 0)))
        wiring = str(values["pin"]), bool(values["active_low"])
        if values.get("boot_id", "") != read_boot_id():
            return GuardNote(*wiring)
        return GuardNote(*wiring, processes, owner=(pid, start))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GuardError(
            f"{path} must say which pin an output has",
            received=str(error),
            fix="Switch the output off by hand and remove the file",
        ) from error


def start_time(pid: int) -> int:
    """Return when a process began, in ticks since the boot; 0 if there is none any more."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[_START_FIELD - 3])
