"""Snapshots of events as photos to train with: a folder per label."""

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.burst import name_picture
from edge.durable import sync_folder
from edge.errors import OutputError
from edge.store.media import MediaFolder
from edge.store.tables import EventRecord

_BURST_GAP_SECONDS = 600.0  # of events that show the same animal in the same light
_MOST_NAME_BYTES = 120


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported.

    Attributes:
        labels: Pictures per label.
        without: Events that have no snapshot, or one that cannot be read.
    """

    labels: Mapping[str, int]
    without: int


def export_snapshots(records: Sequence[EventRecord], folder: Path, *, target: Path) -> Exported:
    """Copy the snapshots of events into a new folder, in one step: all of it or nothing.

    Events of a label within ten minutes of each other are one burst: the names say so, and a
    split of the photos keeps them together.

    Args:
        records: The events.
        folder: Of the memory.
        target: To be made, with a folder per label; nothing may be there.

    Raises:
        OutputError: There is something, or it cannot be written.
    """
    if target.exists():
        raise OutputError(
            "An export makes a new folder",
            received=f"{target}, which exists",
            fix="Name one that does not, and merge the folders afterwards",
        )
    aside = target.with_name(f".{target.name}.part-{os.getpid()}")
    try:
        exported = _copy(records, folder, aside)
        if exported.labels:
            aside.rename(target)
            sync_folder(target.absolute().parent)
    except OSError as error:
        raise OutputError(
            "An export needs room and a folder that can be written to",
            received=f"{error.filename or target}: {error.strerror or error}",
            fix="Make room, choose another place, or export as the user of the service; "
            "nothing was exported",
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return exported


def _copy(records: Sequence[EventRecord], folder: Path, aside: Path) -> Exported:
    labels: Counter[str] = Counter()
    without = 0
    media = MediaFolder(folder)
    for record, name in _name_all(records):
        source = media.find(record.snapshot)
        is_kept = record.snapshot_state == "kept" and source is not None
        if source is None or not is_kept or source.is_symlink():
            without += 1
            continue
        path = aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, path)
        except FileNotFoundError:  # the running instance has just made room
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # a folder without pictures would be a label without any
            without += 1
        else:
            labels[path.parent.name] += 1
    return Exported(dict(labels.most_common()), without)


def _name_all(records: Sequence[EventRecord]) -> Iterator[tuple[EventRecord, Path]]:
    """Name the pictures of all events, oldest first."""
    bursts: dict[str, tuple[int, int, EventRecord, EventRecord]] = {}
    for record in sorted(records, key=lambda record: record.sequence):
        if record.kind != "event":
            continue
        label = make_folder_name(record.label)
        burst, index, first, latest = bursts.get(label, (0, 0, record, record))
        is_new = burst == 0 or not _belongs(record, latest)
        burst, index, first = (burst + 1, 1, record) if is_new else (burst, index + 1, first)
        bursts[label] = (burst, index, first, record)
        started = _date(first.time_seconds)
        yield record, Path(label, name_picture(label, started=started, burst=burst, index=index))


def _date(seconds: float) -> datetime:
    """Return a time of this place; 1970 for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0)


def _belongs(record: EventRecord, latest: EventRecord) -> bool:
    if record.boot_id == latest.boot_id:
        gap_seconds = record.monotonic_seconds - latest.monotonic_seconds
    else:
        gap_seconds = record.time_seconds - latest.time_seconds
    return 0 <= gap_seconds <= _BURST_GAP_SECONDS


def make_folder_name(label: str) -> str:
    """Make a label the name of a folder, whatever a model calls it.

    Example:
        >>> make_folder_name("../cat"), make_folder_name("wild boar")
        ('_.._cat', 'wild boar')
    """
    name = "".join(
        "_" if letter in '/\\:*?"<>|' or not letter.isprintable() else letter for letter in label
    )
    name = name.encode()[:_MOST_NAME_BYTES].decode(errors="ignore").strip()
    return name if name and not name.startswith(".") else f"_{name}"
