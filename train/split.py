"""Three parts: one to learn from, one to choose by, one to judge with, once.

Identical bytes are never on two sides, or the judgement would be of memory.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import DataError, RunFolderError
from train.folder import FEWEST_PICTURES, PARTS, PhotoFile, PhotoFolder
from train.scan import SkippedFile
from train.tables import read_table, write_table

_COLUMNS = ("path", "label", "part", "sha256")
_JUDGES_FIRST = ("test", "validation", "train")  # who keeps a picture that two parts hold


@dataclass(frozen=True, slots=True)
class SplitEntry:
    """A picture and its part.

    Attributes:
        path: Relative to the data's root, with forward slashes.
        label: Its label.
        part: "train", "validation" or "test".
        sha256: Of the file, hexadecimal.
    """

    path: str
    label: str
    part: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Split:
    """The pictures of a data set in three parts.

    Attributes:
        entries: Sorted by path.
        skipped: Files left out, because their bytes are elsewhere with another label or part.
    """

    entries: tuple[SplitEntry, ...]
    skipped: tuple[SkippedFile, ...] = ()

    def part(self, name: str) -> list[SplitEntry]:
        """Return the pictures of one part."""
        return [entry for entry in self.entries if entry.part == name]

    def without(self, paths: Iterable[str]) -> "Split":
        """Return the split without some files."""
        gone = frozenset(paths)
        kept = tuple(entry for entry in self.entries if entry.path not in gone)
        return Split(kept, self.skipped)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Pictures per part and label."""
        counted = Counter((entry.part, entry.label) for entry in self.entries)
        labels = sorted({entry.label for entry in self.entries})
        return {part: {label: counted[part, label] for label in labels} for part in PARTS}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over content, label and part of all pictures, whatever the files are called."""
        lines = sorted(f"{e.sha256} {e.part} {e.label}\n" for e in self.entries)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def draw_split(
    folder: PhotoFolder,
    sha256: Mapping[str, str],
    *,
    fractions: tuple[float, float, float],
    seed: int,
) -> Split:
    """Divide the pictures, each label in the same proportions.

    Parts that the folder gives are kept; the missing ones are drawn from its `train`. Files of
    identical bytes go to one side together. Of those that the folder puts on two sides, the side
    that judges keeps its file; of those with two labels, none is used.

    Args:
        folder: The pictures.
        sha256: By path; files without one are left out.
        fractions: Shares of training, validation and test part, summing to 1.
        seed: Of the draw.

    Raises:
        DataError: A label has fewer than `FEWEST_PICTURES` different pictures.
    """
    groups: dict[str, list[PhotoFile]] = defaultdict(list)
    for file in folder.files:
        if file.path in sha256:
            groups[sha256[file.path]].append(file)
    skipped = [*_take_contradictions(groups), *_take_leaks(groups)]
    drawn: dict[str, str] = {}
    shares = {
        part: share
        for part, share in zip(PARTS, fractions, strict=True)
        if part == "train" or part not in folder.parts
    }
    for number, label in enumerate(folder.labels):
        hashes = sorted(key for key, files in groups.items() if files[0].label == label)
        _check_count(label, len(hashes))
        free = [key for key in hashes if groups[key][0].part in (None, "train")]
        drawn |= _draw(free, shares, np.random.default_rng([seed, number]))
    entries = [
        SplitEntry(file.path, file.label, drawn.get(key) or str(file.part), key)
        for key, files in groups.items()
        for file in files
    ]
    return Split(tuple(sorted(entries, key=lambda entry: entry.path)), tuple(skipped))


def write_split(path: Path, split: Split) -> None:
    """Write the split as a table: path, label, part, sha256.

    Raises:
        RunFolderError: It cannot be written.
    """
    rows = [(entry.path, entry.label, entry.part, entry.sha256) for entry in split.entries]
    write_table(path, _COLUMNS, rows)


def read_split(path: Path) -> Split:
    """Read the table that `write_split` wrote.

    Raises:
        RunFolderError: It is missing or not such a table.
    """
    entries = tuple(SplitEntry(*row) for row in read_table(path, _COLUMNS))
    for entry in entries:
        if entry.part not in PARTS:
            raise RunFolderError(
                "The split of a run folder names the parts " + ", ".join(PARTS),
                received=f"part {entry.part} for {entry.path} in {path}",
                fix="Begin anew with --overwrite",
            )
    return Split(entries)


def _draw(
    hashes: Sequence[str], shares: Mapping[str, float], random: np.random.Generator
) -> dict[str, str]:
    """Give every hash a part; the judging parts get their rounded share, at least one."""
    order = [hashes[index] for index in random.permutation(len(hashes))]
    drawn: dict[str, str] = {}
    for part in ("test", "validation"):
        if part in shares:
            count = max(1, round(len(hashes) * shares[part]))
            drawn |= dict.fromkeys(order[:count], part)
            order = order[count:]
    return drawn | dict.fromkeys(order, "train")


def _take_contradictions(groups: dict[str, list[PhotoFile]]) -> list[SkippedFile]:
    """Remove pictures that lie, byte for byte, under two labels: either may be wrong."""
    skipped = []
    for key, files in list(groups.items()):
        first = files[0]
        other = next((file for file in files if file.label != first.label), None)
        if other is not None:
            skipped += [
                SkippedFile(
                    file.path,
                    "same bytes under another label: "
                    + (first if file.label != first.label else other).path,
                )
                for file in files
            ]
            del groups[key]
    return skipped


def _take_leaks(groups: dict[str, list[PhotoFile]]) -> list[SkippedFile]:
    """Of a picture that the folder puts into two parts, leave that of the part that judges."""
    skipped = []
    for key, files in groups.items():
        parts = {file.part for file in files}
        if len(parts) > 1:
            keeper = next(part for part in _JUDGES_FIRST if part in parts)
            kept = [file for file in files if file.part == keeper]
            skipped += [
                SkippedFile(file.path, f"same bytes in the part {keeper}: {kept[0].path}")
                for file in files
                if file.part != keeper
            ]
            groups[key] = kept
    return skipped


def _check_count(label: str, count: int) -> None:
    if count < FEWEST_PICTURES:
        raise DataError(
            f"Every label needs at least {FEWEST_PICTURES} different pictures",
            received=f"{count} of {label}",
            fix="Add photos of it, some hundred if you can, or leave the label out",
        )
