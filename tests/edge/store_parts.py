"""What the tests of the memory share: a wall clock to be set, events, and a recorder of them."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path

from edge.clock import SystemClock
from edge.occurrence import Instant
from edge.records import Clock, Event
from edge.snapshot import Snapshot
from edge.store.recorder import ModelIdentity, Recorder
from edge.store.settings import StoreSettings
from edge.testing import blank_frame

BOOT = "boot-1"
NOON = 1_800_000_000.0
MODEL = ModelIdentity("pets", "ab" * 32)


class Wall:
    """A clock on the wall that shows what it is told, over the monotonic one."""

    def __init__(self, seconds: float = NOON, *, is_trusted: bool = True) -> None:
        self.offset_seconds = seconds - time.monotonic()
        self.is_trusted = is_trusted
        self.boot_id = BOOT

    def set(self, seconds: float) -> None:
        self.offset_seconds = seconds - time.monotonic()

    def now(self) -> Instant:
        now_seconds = time.monotonic()
        return Instant(
            now_seconds + self.offset_seconds, now_seconds, self.boot_id, self.is_trusted
        )


def at(wall_seconds: float = NOON, *, is_trusted: bool = True, boot: str = BOOT) -> Instant:
    return Instant(wall_seconds, wall_seconds - NOON + 1000, boot, is_trusted)


def appearance(label: str = "cat", *, end_seconds: float | None = None) -> Event:
    return Event(label, 1.0, end_seconds, 0.93, frame=30, frame_seconds=1.0)


def picture(size_wh: tuple[int, int] = (64, 48)) -> Snapshot:
    return Snapshot(blank_frame(size_wh=size_wh).pixels_bgr)


def open_recorder(
    folder: Path, *, wall: Wall | None = None, clock: Clock | None = None, **settings: object
) -> Recorder:
    chosen = {"clips": False, "reserve_mb": 0.1, **settings}
    return Recorder(
        StoreSettings(**chosen),
        folder,
        clock=clock or SystemClock(),
        wall=wall or Wall(),
        model=MODEL,
        evidence="3 of 5",
    )


def tell(
    recorder: Recorder,
    label: str = "cat",
    *,
    moment: Instant | None = None,
    snapshot: Snapshot | None = None,
) -> str:
    """Let an event start; return its name."""
    event_id = uuid.uuid4().hex
    recorder.start(
        event_id,
        appearance(label),
        scores={"cat": 0.93, "none": 0.07},
        at=moment or at(),
        snapshot=snapshot,
    )
    return event_id


def wait_for(condition: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    """Look until a condition holds; say whether it does."""
    deadline_seconds = time.monotonic() + seconds
    while time.monotonic() < deadline_seconds:
        if condition():
            return True
        time.sleep(0.01)
    return condition()
