"""A public data set as a folder per label: fetched, verified, unpacked, laid out."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edge.errors import DataError
from edge.records import Clock
from train.data.catalogue import DataSet
from train.data.download import download, forget
from train.data.unpack import remove, unpack
from train.durable import replace_file

SOURCE_NAME = "source.json"
"""The file of a fetched folder that says where it comes from; written last but for the renaming."""

KNOWN, REMEMBERED, FIRST_USE = "known", "remembered", "first use"

_CHUNK_BYTES = 1 << 20


class FetchProgress(Protocol):
    """Who watches; the method must be overridden."""

    def show(self, stage: str, *, done: int, total: int | None) -> None:
        """So many bytes of a stage are done."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A data set in its folder.

    Attributes:
        path: The folder, absolute.
        record: What its `source.json` says.
        is_new: Whether it was made now; `False` when it was there already.
    """

    path: Path
    record: Mapping[str, Any]
    is_new: bool


def fetch(
    data_set: DataSet, output: Path, *, grouping: str, clock: Clock, progress: FetchProgress
) -> Fetched:
    """Fetch a data set; what an earlier call has brought is used.

    Everything happens in a folder `OUTPUT.download` beside the output, which is renamed to it at
    the end: there is the whole data set or no folder.

    Args:
        data_set: Of the catalogue.
        output: Folder to make; an empty one is replaced.
        grouping: One of the data set's.
        clock: Waits between tries.
        progress: Told how it goes.

    Raises:
        DataError: The output folder is taken or cannot be written, or the archive does not come
            or is not right.
    """
    target = output.expanduser().resolve()
    present = _find_present(target, data_set, grouping)
    if present is not None:
        return Fetched(target, present, is_new=False)
    work = target.with_name(target.name + ".download")
    try:
        work.mkdir(parents=True, exist_ok=True)
        archive = work / data_set.file_name
        facts = _bring(data_set, archive, clock, progress)
        record = _lay_out(data_set, archive, work / "folder", grouping, facts, progress)
        _put_in_place(work / "folder", target)
        shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise DataError(
            "A data set needs a folder that can be written, with room for it twice",
            received=f"{error.filename or target}: {error.strerror or error}",
            fix="Make room, check the permissions or name another folder with -o, then run it "
            "again: what has arrived is kept",
        ) from error
    return Fetched(target, record, is_new=True)


def _find_present(target: Path, data_set: DataSet, grouping: str) -> Mapping[str, Any] | None:
    """Return the record of a folder that holds just this; refuse one that holds something else."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return None
    try:
        record = json.loads((target / SOURCE_NAME).read_text(encoding="utf-8"))
        if (record["data_set"], record["grouping"]) == (data_set.name, grouping):
            return dict(record)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DataError(
        "A data set is laid out in a new or empty folder",
        received=f"{target}, which holds something else",
        fix="Name another folder with -o",
    )


def _bring(
    data_set: DataSet, archive: Path, clock: Clock, progress: FetchProgress
) -> dict[str, Any]:
    """Download what is missing and verify the whole; returns size, checksum, what it rests on."""
    part = archive.with_name(archive.name + ".part")
    if not archive.is_file():
        download(
            data_set.url,
            part,
            size_bytes=data_set.size_bytes,
            clock=clock,
            when_received=lambda done, total: progress.show("fetching", done=done, total=total),
        )
        part.replace(archive)
    sha256 = _hash(archive, progress)
    remembered = _remembered().get(data_set.url)
    expected = data_set.sha256 or remembered
    if expected not in (None, sha256):
        archive.unlink()
        forget(part)
        raise DataError(
            "The archive must be the one that is known under its address",
            received=f"{data_set.url} with SHA-256 {sha256}, not {expected}",
            fix="Fetch it again; if it stays so, the source has changed it: "
            + ("report it" if data_set.sha256 else f"then remove {_memory_path()}"),
        )
    rests_on = KNOWN if data_set.sha256 else REMEMBERED if remembered else FIRST_USE
    return {"size_bytes": archive.stat().st_size, "sha256": sha256, "checksum": rests_on}


def _lay_out(
    data_set: DataSet,
    archive: Path,
    folder: Path,
    grouping: str,
    facts: Mapping[str, Any],
    progress: FetchProgress,
) -> dict[str, Any]:
    """Unpack into folders per label and say beside them where they come from."""
    remove(folder)
    total = archive.stat().st_size
    try:
        unpacked = unpack(
            archive,
            folder,
            place=lambda path: data_set.place(path, grouping),
            when_read=lambda done: progress.show("unpacking", done=done, total=total),
        )
    except DataError:
        archive.unlink()  # to be fetched anew, not refused for ever
        raise
    if facts["checksum"] == FIRST_USE:
        _remember(data_set.url, facts["sha256"])
    record = {
        "data_set": data_set.name,
        "grouping": grouping,
        "url": data_set.url,
        **facts,
        "counts": unpacked.counts,
        "left_out": unpacked.left_out,
        "homepage": data_set.homepage,
        "licence": data_set.licence,
        "citation": data_set.citation,
    }
    (folder / SOURCE_NAME).write_text(json.dumps(record, indent=2), encoding="utf-8")
    return record


def _put_in_place(folder: Path, target: Path) -> None:
    os.sync()  # thousands of files, all on the disk before the name says that they are there
    folder.replace(target)


def _hash(archive: Path, progress: FetchProgress) -> str:
    digest, done, total = hashlib.sha256(), 0, archive.stat().st_size
    with archive.open("rb") as file:
        while data := file.read(_CHUNK_BYTES):
            digest.update(data)
            done += len(data)
            progress.show("verifying", done=done, total=total)
    return digest.hexdigest()


def _memory_path() -> Path:
    """Return the file of the checksums that were seen first."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "catseye" / "archives.json"


def _remembered() -> dict[str, str]:
    try:
        return dict(json.loads(_memory_path().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _remember(url: str, sha256: str) -> None:
    memory = _memory_path()
    memory.parent.mkdir(parents=True, exist_ok=True)
    replace_file(memory, json.dumps({**_remembered(), url: sha256}, indent=2).encode())
