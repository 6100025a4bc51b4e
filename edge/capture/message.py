"""What the capture process says beside frames: one JSON object per line, without secrets."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from edge import errors
from edge.address import redact
from edge.errors import CatseyeError, SourceError

OPENED = "opened"
"""The first frame after an opening is there; `text` is its size."""
FAULT = "fault"
"""The source is lost; it will be opened again."""
FAILED = "failed"
"""The process gives up, for what it says."""
ENDED = "ended"
"""The recording is over."""
LOG = "log"
"""A line for the log."""

MOST_BYTES = 4096
"""Of a line: what a pipe takes in one piece or not at all."""

_MOST_LETTERS = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """One line.

    Attributes:
        kind: One of the kinds above.
        error: Name of the class in `edge.errors`; empty if this is none.
        text: The error's rule, or what is said.
        received: The error's.
        fix: The error's.
        level: Of a line for the log, as `logging` counts.
    """

    kind: str
    error: str = ""
    text: str = ""
    received: str = ""
    fix: str = ""
    level: int = 0

    @classmethod
    def from_error(cls, kind: str, error: CatseyeError) -> "Message":
        """Pack an error up.

        Example:
            >>> lost = SourceError("A camera must stay", received="nothing", fix="Plug it in")
            >>> str(Message.from_error(FAULT, lost).to_error()) == str(lost)
            True
        """
        return cls(kind, type(error).__name__, error.rule, error.received, error.fix)

    def to_error(self) -> CatseyeError:
        """Unpack the error; a `SourceError` where its class is not one of ours."""
        found = getattr(errors, self.error, SourceError)
        is_ours = isinstance(found, type) and issubclass(found, CatseyeError)
        kind: type[CatseyeError] = found if is_ours else SourceError
        return kind(self.text, received=self.received, fix=self.fix)

    def encode(self) -> bytes:
        """Write it as a line; long texts are cut, secrets hidden."""
        letters = _MOST_LETTERS
        while True:
            values = {name: _tidy(value, letters) for name, value in asdict(self).items()}
            line = json.dumps(values).encode() + b"\n"
            if len(line) <= MOST_BYTES:
                return line
            letters //= 2

    @classmethod
    def decode(cls, line: bytes) -> "Message | None":
        """Read a line; `None` for what is no message."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError):
            return None


def _tidy(value: Any, letters: int) -> Any:
    return redact(value)[:letters] if isinstance(value, str) else value
