"""The account of an output on the disk, so that a new process does not begin with a clean one."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from edge.boot import read_boot_id
from edge.guard.limits import WINDOW_SECONDS, Span


class Ledger:
    """Times in which an output was energised, of this boot; monotonic times of another say nothing.

    It is written aside and renamed, so that it is whole whenever its writer dies. It is not
    synced: after a power cut it is another boot.

    Args:
        path: The file.
        boot_id: Names the boot; the system's when `None`.
    """

    def __init__(self, path: Path, *, boot_id: str | None = None) -> None:
        self._path = path
        self._boot_id = read_boot_id() if boot_id is None else boot_id

    def read(self, now_seconds: float) -> tuple[Span, ...]:
        """Return the times that still count; none if there is no account of this boot."""
        try:
            content = json.loads(self._path.read_bytes())
            if content["boot_id"] != self._boot_id:
                return ()
            spans = [Span(float(start), float(end)) for start, end in content["spans"]]
        except (OSError, ValueError, KeyError, TypeError):
            return ()
        return tuple(
            span
            for span in spans
            if now_seconds - WINDOW_SECONDS < span.end_seconds < now_seconds + WINDOW_SECONDS
        )

    def write(self, spans: Sequence[Span]) -> None:
        """Write the account anew.

        Raises:
            OSError: It cannot be written.
        """
        rows = [[span.start_seconds, span.end_seconds] for span in spans]
        text = json.dumps({"boot_id": self._boot_id, "spans": rows})
        aside = self._path.with_name(self._path.name + ".new")
        aside.write_text(text, encoding="ascii")
        os.replace(aside, self._path)  # noqa: PTH105 - as short as its counterpart
