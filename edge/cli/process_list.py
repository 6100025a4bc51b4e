"""Keeps passwords in addresses off the process list, where everybody on the machine reads them.

A program's arguments lie in its own memory, and the system shows what lies there, so it is enough
to write over them, as curl does with passwords. Until Python has started, some hundredths of a
second, they can be seen all the same: whoever minds that puts the address into `EDGE_SOURCE`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from edge.cli import output

_START_FIELD = 48  # of /proc/PID/stat, see proc(5): arg_start
_PROCESS = Path("/proc/self")


def hide_secrets(arguments: Sequence[str], *, process: Path = _PROCESS) -> None:
    """Write over those arguments of this process that hold a password; say so if it fails.

    Args:
        arguments: Of the command line.
        process: What Linux shows of this process.
    """
    if not any("://" in argument for argument in arguments):
        return
    from edge.address import redact

    secrets = [argument for argument in arguments if redact(argument) != argument]
    if not secrets:
        return
    shown = {os.fsencode(secret): os.fsencode(redact(secret)) for secret in secrets}
    try:
        is_hidden = _overwrite(process, shown)
    except (OSError, ValueError, IndexError):
        is_hidden = False
    if not is_hidden:
        output.say(
            "edge: the address with its password can be read in the process list. Put it into "
            "the environment instead: EDGE_SOURCE=... edge run"
        )


def _overwrite(process: Path, shown: dict[bytes, bytes]) -> bool:
    before = (process / "cmdline").read_bytes()
    after = b"\0".join(_replace(argument, shown) for argument in before.split(b"\0"))
    fields = (process / "stat").read_bytes().rpartition(b")")[2].split()
    start = int(fields[_START_FIELD - 3])  # the first field after the name is the third
    with (process / "mem").open("r+b", buffering=0) as memory:
        memory.seek(start)
        if memory.read(len(before)) != before:
            return False  # the arguments lie elsewhere
        memory.seek(start)
        memory.write(after)
    written = (process / "cmdline").read_bytes()
    return not any(secret in written for secret in shown)


def _replace(argument: bytes, shown: dict[bytes, bytes]) -> bytes:
    """Return what is shown of an argument, in just as many bytes."""
    replacement = shown.get(argument, argument)
    return replacement[: len(argument)].ljust(len(argument), b" ")
