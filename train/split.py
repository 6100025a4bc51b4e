"""Three parts: one to learn from, one to choose by, one to judge with, once.

Identical bytes are never on two sides, nor photos that belong together, or the judgement would be
of memory.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DataError, RunFolderError
from train.data.draw import Unit, draw_units
from train.folder import FEWEST_PICTURES, PARTS, PhotoFile, PhotoFolder
from train.scan import SkippedFile
from train.tables import read_table, write_table

_COLUMNS = ("path", "label", "part", "sha256", "group")
_JUDGES_FIRST = ("test", "validation", "train")  # who keeps a picture that two parts hold


@dataclass(frozen=True, slots=True)
class SplitEntry:
    """A picture and its part.

    Attributes:
        path: Relative to the data's root, with forward slashes.
        label: Its label.
        part: "train", "validation" or "test".
        sha256: Of the file, hexadecimal.
        group: Name of what it belongs to; empty for a picture that is alone.
    """

    path: str
    label: str
    part: str
    sha256: str
    group: str = ""


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
    def torn(self) -> list[tuple[SplitEntry, SplitEntry]]:
        """For each group that lies in two parts, as the folder says, a picture of either."""
        groups: dict[str, list[SplitEntry]] = defaultdict(list)
        for entry in self.entries:
            if entry.group:
                groups[entry.group].append(entry)
        return [
            (entries[0], next(e for e in entries if e.part != entries[0].part))
            for entries in groups.values()
            if len({entry.part for entry in entries}) > 1
        ]

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
    groups: Mapping[str, str] | None = None,
) -> Split:
    """Divide the pictures, each label in the same proportions.

    Parts that the folder gives are kept; the missing ones are drawn from its `train`. Files of
    identical bytes go to one side together. Of those that the folder puts on two sides, the side
    that judges keeps its file; of those with two labels, none is used. A group is never divided,
    unless the folder itself does: see `Split.torn`.

    Args:
        folder: The pictures.
        sha256: By path; files without one are left out.
        fractions: Shares of training, validation and test part, summing to 1.
        seed: Of the draw.
        groups: Name of the group by path, for pictures that belong together.

    Raises:
        DataError: A label has fewer than `FEWEST_PICTURES` different pictures, or all of them
            belong together.
    """
    groups = groups or {}
    contents: dict[str, list[PhotoFile]] = defaultdict(list)
    for file in folder.files:
        if file.path in sha256:
            contents[sha256[file.path]].append(file)
    skipped = [*_take_contradictions(contents), *_take_leaks(contents)]
    counts = Counter(files[0].label for files in contents.values())
    for label in folder.labels:
        _check_count(label, counts[label])
    shares = {
        part: share
        for part, share in zip(PARTS, fractions, strict=True)
        if part == "train" or part not in folder.parts
    }
    drawn = draw_units(_make_units(contents, groups), folder.labels, shares=shares, seed=seed)
    entries = [
        SplitEntry(
            file.path, file.label, drawn.get(key) or str(file.part), key, groups.get(file.path, "")
        )
        for key, files in contents.items()
        for file in files
    ]
    return Split(tuple(sorted(entries, key=lambda entry: entry.path)), tuple(skipped))


def _make_units(
    contents: Mapping[str, Sequence[PhotoFile]], groups: Mapping[str, str]
) -> list[Unit]:
    """Return what can be drawn: contents of one group together, none that a given part holds."""
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, files in contents.items():
        group = groups.get(files[0].path)
        members[("content", key) if group is None else ("group", group)].append(key)
    return [
        Unit(tuple(sorted(keys)), tuple(contents[key][0].label for key in sorted(keys)))
        for keys in members.values()
        if all(file.part in (None, "train") for key in keys for file in contents[key])
    ]


def write_split(path: Path, split: Split) -> None:
    """Write the split as a table: path, label, part, sha256, group.

    Raises:
        RunFolderError: It cannot be written.
    """
    rows = [(e.path, e.label, e.part, e.sha256, e.group) for e in split.entries]
    write_table(path, _COLUMNS, rows)


def read_split(path: Path) -> Split:
    """Read the table that `write_split` wrote; one without groups, of an older run, will do.

    Raises:
        RunFolderError: It is missing or not such a table.
    """
    rows = read_table(path, _COLUMNS, optional=("group",))
    entries = tuple(SplitEntry(*row) for row in rows)
    for entry in entries:
        if entry.part not in PARTS:
            raise RunFolderError(
                "The split of a run folder names the parts " + ", ".join(PARTS),
                received=f"part {entry.part} for {entry.path} in {path}",
                fix="Begin anew with --overwrite",
            )
    return Split(entries)


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
