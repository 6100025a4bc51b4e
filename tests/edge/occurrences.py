"""What the tests of actions are given: occurrences, contexts, a clock on the wall, patience."""

import time
from dataclasses import replace
from pathlib import Path

from edge.clock import SystemClock
from edge.occurrence import ActionContext, Instant, Occurrence
from edge.snapshot import Snapshot
from edge.testing import blank_frame

AT = Instant(1_800_000_000.25, 12.5, "boot", is_trusted=True)
PATIENCE_SECONDS = 20.0


def make_occurrence(number=0, *, label="cat", rule="let in", has_snapshot=True, at=AT):
    """Make the occurrence of an event, named by a number."""
    snapshot = Snapshot(blank_frame().pixels_bgr) if has_snapshot else None
    return Occurrence(
        event_id=f"{number:032x}",
        rule=rule,
        label=label,
        score=0.98765,
        scores={"cat": 0.98765, "none": 0.01235},
        evidence="3 of 5",
        at=at,
        model_sha256="ab" * 32,
        snapshot=snapshot,
    )


def occur_now(number=0):
    """Make an occurrence of this moment; what is old opens no door."""
    return make_occurrence(number, at=replace(AT, monotonic_seconds=time.monotonic()))


def make_context(folder: Path, *, name="tell"):
    """Make the context of an action that keeps its files in a folder."""
    return ActionContext(
        name=name,
        place="porch",
        folder=folder,
        clock=SystemClock(),
        idle_seconds=lambda: 0.0,
        set_mode=lambda output, mode: None,
    )


class FixedWall:
    """A clock on the wall that always shows the same."""

    def now(self):
        """Return `AT`."""
        return AT


def wait_until(holds, *, patience_seconds=PATIENCE_SECONDS):
    """Wait until something holds, and fail if it does not in time."""
    end_seconds = time.monotonic() + patience_seconds
    while not holds():
        assert time.monotonic() < end_seconds, "waited in vain"
        time.sleep(0.005)
