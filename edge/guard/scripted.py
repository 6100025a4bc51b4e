"""A pin with faults, for tests of what follows from them."""

import errno
import json
import os
from pathlib import Path

from edge.guard.pins import FilePin

VARIABLE = "EDGE_SCRIPTED_PIN"
"""Names the file of the pin."""


class ScriptedPin:
    """A `FilePin` that fails as often as the file `FILE.faults` says, in whatever process.

    That file holds JSON such as `{"claim": 2, "on": 0, "off": 3, "error": "EBUSY"}`: how often
    from now on claiming, energising and de-energising fail, and with which error.

    Args:
        active_low: Whether level 0 energises.

    Raises:
        OSError: Claiming it fails, as the script says.
    """

    def __init__(self, *, active_low: bool = False) -> None:
        self._path = Path(os.environ[VARIABLE])
        self._fail_if_due("claim")
        self._pin = FilePin(self._path, active_low=active_low)

    def write(self, is_energised: bool) -> None:
        """Set the level, or fail."""
        self._fail_if_due("on" if is_energised else "off")
        self._pin.write(is_energised)

    def close(self) -> None:
        """Give the pin back."""
        self._pin.close()

    def _fail_if_due(self, step: str) -> None:
        script = self._path.with_name(self._path.name + ".faults")
        try:
            faults = json.loads(script.read_text(encoding="ascii"))
        except FileNotFoundError:
            return
        if faults.get(step, 0) > 0:
            faults[step] -= 1
            aside = script.with_name(f"{script.name}.{os.getpid()}")
            aside.write_text(json.dumps(faults), encoding="ascii")
            aside.replace(script)
            number = getattr(errno, faults.get("error", "EIO"))
            raise OSError(number, os.strerror(number))
