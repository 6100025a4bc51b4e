"""What a running instance answers to a question."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from edge.control.outputs import Outputs
from edge.control.status_record import write_status
from edge.errors import SettingError
from edge.status import Status

_COMMANDS = ("status", "door")


class Answers:
    """Answers "status" and "door" for `ControlServer`.

    Args:
        status: Returns the newest status.
        idle_seconds: Says how long ago the loop last looked at something.
        outputs: Those that can be put into a mode.

    Example:
        >>> answers = Answers(lambda: Status("porch", "live"), lambda: 0.25, Outputs())
        >>> answer = answers({"command": "status"})
        >>> answer["place"], answer["idle_seconds"]
        ('porch', 0.25)
    """

    def __init__(
        self, status: Callable[[], Status], idle_seconds: Callable[[], float], outputs: Outputs
    ) -> None:
        self._status = status
        self._idle_seconds = idle_seconds
        self._outputs = outputs

    def __call__(self, question: Mapping[str, Any]) -> Mapping[str, object]:
        """Answer a question.

        Raises:
            SettingError: It is not known, or what it asks for cannot be done.
        """
        command = question.get("command")
        if command == "status":
            return write_status(self._status()) | {"idle_seconds": round(self._idle_seconds(), 3)}
        if command == "door":
            name = question.get("output")
            mode = str(question.get("mode", ""))
            chosen = self._outputs.set_mode(mode, None if name is None else str(name))
            return {"outputs": [asdict(one) for one in chosen]}
        raise SettingError(
            f"A question must be one of {', '.join(_COMMANDS)}",
            received=repr(command)[:80],
            fix="Ask with edge status or edge door",
        )
