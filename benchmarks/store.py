"""What the memory of events survives, and what it writes: six measurements.

    python benchmarks/store.py
    python benchmarks/store.py kill full --kills 20

`kill`: a process that writes events is killed (SIGKILL) at random moments; an event is acknowledged
once `Recorder.flush` has said that it is on the disk. `torn`: the log of the database is cut or
zeroed from a random offset on, as by a power cut. `full`: a disk of 8 MB is filled while events
come, then emptied; an event that is missing between others is lost. `damage`: pages of the
database are overwritten. `retention`: 90 simulated days of 500 events with pictures. `idle`: what a
process writes while nothing happens in front of the camera. `full` needs root, for it mounts a file
system.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from edge.benchmark import describe_machine
from edge.clock import SystemClock
from edge.occurrence import Instant
from edge.records import Event, Frame, Look, Picture
from edge.snapshot import Snapshot
from edge.store.reading import EventReader
from edge.store.recorder import ModelIdentity, Recorder
from edge.store.settings import StoreSettings

NOON = 1_800_000_000.0
DAY_SECONDS = 86_400.0
PARTS = ("kill", "torn", "full", "damage", "retention", "idle")


class Wall:
    """A clock on the wall that can be set."""

    def __init__(self) -> None:
        self.seconds = NOON

    def now(self) -> Instant:
        """Return the moment."""
        return Instant(self.seconds, time.monotonic(), "boot", is_trusted=True)


class Memory:
    """A recorder, and events for it.

    Args:
        folder: Of the memory.
        settings: Fields of `StoreSettings` that differ.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.wall = Wall()
        chosen = {"clips": False, **settings}
        self.recorder = Recorder(
            StoreSettings(**chosen),  # type: ignore[arg-type]
            folder,
            clock=SystemClock(),
            wall=self.wall,
            model=ModelIdentity("benchmark", "0" * 64),
            evidence="3 of 5",
        )

    def tell(self, snapshot: Snapshot | None = None) -> str:
        """Let an event start; return its name."""
        event_id = uuid.uuid4().hex
        event = Event("cat", 1.0, None, 0.9, frame=1, frame_seconds=1.0)
        scores = {"cat": 0.9, "none": 0.1}
        at = self.wall.now()
        self.recorder.start(event_id, event, scores=scores, at=at, snapshot=snapshot)
        return event_id


def picture(side: int = 64, *, seed: int = 0) -> Snapshot:
    """Make a snapshot that compresses badly."""
    return Snapshot(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


def write_for_ever(folder: Path) -> None:
    """Be the process that is killed: say each event that is on the disk."""
    memory = Memory(folder)
    while True:
        event_id = memory.tell(picture())
        if memory.recorder.flush(timeout_seconds=30):
            sys.stdout.write(event_id + "\n")
            sys.stdout.flush()


def names(folder: Path) -> set[str]:
    """Return the events of a memory."""
    with EventReader(folder) as reader:
        return {record.event_id for record in reader.find()}


def is_whole(folder: Path) -> bool:
    """Whether the database is sound and every picture that it names is there."""
    with contextlib.closing(sqlite3.connect(folder / "events.sqlite")) as connection:
        result = connection.execute("PRAGMA integrity_check").fetchone()[0]
        rows = connection.execute("SELECT snapshot FROM events WHERE snapshot_state = 'kept'")
        return result == "ok" and all((folder / row[0]).stat().st_size for row in rows)


def reopen(folder: Path) -> None:
    """Start once more, as after a restart."""
    memory = Memory(folder)
    memory.tell()
    memory.recorder.flush(timeout_seconds=30)
    memory.recorder.close()


def measure_kills(folder: Path, *, kills: int) -> str:
    """Kill a writing process again and again."""
    acknowledged: set[str] = set()
    whole = 0
    for number in range(kills):
        command = [sys.executable, __file__, "--write", str(folder)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(random.Random(number).uniform(0, 0.1))
        os.kill(child.pid, signal.SIGKILL)
        acknowledged |= {first.strip(), *child.stdout.read().split()}
        child.stdout.close()
        child.wait()
        reopen(folder)
        whole += is_whole(folder)
    lost = len(acknowledged - names(folder))
    return f"{kills} kills: {lost} of {len(acknowledged)} acknowledged events lost, sound {whole}"


def measure_torn_logs(folder: Path, *, cuts: int) -> str:
    """Cut or zero the log of a database that nobody has closed."""
    memory = Memory(folder / "memory")
    made = [memory.tell() for _ in range(60)]
    memory.recorder.flush(timeout_seconds=30)
    shutil.copytree(folder / "memory", folder / "copy")
    memory.recorder.close()
    size = (folder / "copy/events.sqlite-wal").stat().st_size
    draw = random.Random(1)
    sound = 0
    for number in range(cuts):
        torn = folder / f"torn-{number}"
        shutil.copytree(folder / "copy", torn)
        (torn / "events.sqlite-shm").unlink()
        offset = draw.randrange(size)
        with (torn / "events.sqlite-wal").open("r+b") as file:
            file.truncate(offset)
            if number % 2:
                file.truncate(size)
        reopen(torn)
        kept = [name for name in made if name in names(torn)]
        sound += is_whole(torn) and kept == made[: len(kept)]
        shutil.rmtree(torn)
    return f"{cuts} torn logs: sound, and only the tail missing, {sound}"


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of 8 MB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def measure_full_disk(folder: Path) -> str:
    """Fill a disk while events come, then make room."""
    with small_disk(folder) as disk:
        memory = Memory(disk / "memory")
        kept = []
        for seed in range(150):
            if seed % 10 == 0:
                with contextlib.suppress(OSError), (disk / f"f{seed}").open("wb", 0) as file:
                    while True:
                        file.write(bytes(4096))
            kept.append(memory.tell(picture(200, seed=seed)))
            memory.recorder.flush(timeout_seconds=0.5)
        full = memory.recorder.status()
        for foreign in disk.glob("f*"):
            foreign.unlink()
        started = time.monotonic()
        memory.recorder.flush(timeout_seconds=60)
        while memory.recorder.status().trouble and time.monotonic() < started + 60:
            time.sleep(0.05)
        seconds = time.monotonic() - started
        memory.recorder.close()
        found = names(disk / "memory")
        removed = next((i for i, name in enumerate(kept) if name in found), len(kept))
        lost = len(set(kept[removed:]) - found)
        empty = sum(not path.stat().st_size for path in disk.rglob("*.jpg"))
    return (
        f"full disk: {full.waiting} events waited, {full.lost_snapshots} snapshots lost, "
        f"of all {len(kept)} events {lost} lost and the oldest {removed} given up, "
        f"{empty} empty pictures; "
        f"normal {seconds:.2f} s after there was room"
    )


def measure_damage(folder: Path) -> str:
    """Overwrite pages at the start and while running."""
    worst_seconds, salvaged = 0.0, []
    for number, pages in enumerate(((0,), (2,), (49,), range(9), range(1, 60))):
        place = folder / str(number)
        memory = Memory(place)
        made = {memory.tell() for _ in range(1000)}
        memory.recorder.flush(timeout_seconds=60)
        memory.recorder.close()
        with (place / "events.sqlite").open("r+b") as file:
            for page in pages:
                file.seek(page * 4096)
                file.write(os.urandom(4096))
        started = time.monotonic()
        reopen(place)
        worst_seconds = max(worst_seconds, time.monotonic() - started)
        salvaged.append(str(len(made & names(place))))
    return (
        "damaged pages (1; 3, the root of the events; 50; 1 to 9, all roots; 2 to 60): "
        f"in service again after {worst_seconds:.2f} s at most, "
        f"of 1000 events salvaged {', '.join(salvaged)}"
    )


def measure_retention(folder: Path, *, days: int) -> str:
    """Let simulated days pass over a memory of 20 MB."""
    memory = Memory(folder, keep_mb=20, keep_days=30)
    worst = over = 0
    pictures = [picture(side, seed=side) for side in (32, 64, 128)]
    for day in range(days):
        for number in range(500):
            memory.wall.seconds = NOON + day * DAY_SECONDS + number
            memory.tell(pictures[number % 3])
            if number % 10 == 9:
                memory.recorder.flush(timeout_seconds=60)
                size = _count_bytes(folder)
                worst, over = max(worst, size), over + (size > 20_000_000)
    memory.recorder.close()
    with EventReader(folder) as reader:
        found = reader.stats()
    return (
        f"{days} days of 500 events, 20 MB: over the limit {over} times of {days * 50}, at most "
        f"{worst / 1e6:.2f} MB; {found.events} events left, pictures {dict(found.snapshots)}"
    )


def _count_bytes(folder: Path) -> int:
    size_bytes = 0
    for place in (folder, folder / "snapshots"):
        with contextlib.suppress(FileNotFoundError), os.scandir(place) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    size_bytes += entry.stat().st_size if entry.is_file() else 0
    return size_bytes


def measure_idle(folder: Path, *, seconds: float) -> str:
    """Show a camera in front of which nothing happens; count what is written."""
    memory = Memory(folder, clips=True)
    memory.tell(picture())
    _watch(memory, 12.0)  # until the clip of that event is written
    before = _written_bytes()
    costs = _watch(memory, seconds)
    written = _written_bytes() - before
    memory.recorder.close()
    due = sorted(costs)[-round(seconds * 5) :]
    return (
        f"idle for {seconds:.0f} s: {written} bytes written, "
        f"{written * DAY_SECONDS / seconds / 1e6:.2f} MB a day; a picture for the clip costs the "
        f"loop {due[len(due) // 2] * 1000:.3f} ms (median, processor time)"
    )


def _watch(memory: Memory, seconds: float) -> list[float]:
    """Be a camera of about 30 frames per second; return what each frame cost, in seconds."""
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    costs = []
    until_seconds = time.monotonic() + seconds
    while time.monotonic() < until_seconds:
        look = Look(Picture.LIVE, Frame(pixels, 0, 0.0, time.monotonic()))
        started = time.thread_time()
        memory.recorder.see(look)
        costs.append(time.thread_time() - started)
        time.sleep(0.033)
    return costs


def _written_bytes() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all without")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--idle-seconds", type=float, default=60.0)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write_for_ever(arguments.write)
    measurements: dict[str, Callable[[Path], str]] = {
        "kill": lambda folder: measure_kills(folder, kills=arguments.kills),
        "torn": lambda folder: measure_torn_logs(folder, cuts=arguments.cuts),
        "full": measure_full_disk,
        "damage": measure_damage,
        "retention": lambda folder: measure_retention(folder, days=arguments.days),
        "idle": lambda folder: measure_idle(folder, seconds=arguments.idle_seconds),
    }
    print(describe_machine(), f"SQLite {sqlite3.sqlite_version}", flush=True)
    for part in arguments.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            print(measurements[part](Path(folder)), flush=True)


if __name__ == "__main__":
    main()
