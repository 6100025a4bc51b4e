"""`edge data split`: the split of `edge train`, laid out for use elsewhere."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from edge.errors import DataError, RunFolderError
from train.data.groups import group_photos, say_groups
from train.data.pattern import compile_pattern
from train.folder import PhotoFolder, find_photos
from train.progress import TrainProgress
from train.scan import SkippedFile, hash_files
from train.settings import FRACTIONS
from train.split import Split, SplitEntry, draw_split, write_split

_FOLDERS = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """What to split, and how.

    Attributes:
        folder: The photos.
        output: Folder to be made.
        seed: Of the draw.
        group_by: Regular expression that names what photos belong to.
        is_copying: Copy the files instead of linking to them.

    Raises:
        SettingError: The pattern is no regular expression.
    """

    folder: Path
    output: Path
    seed: int
    group_by: str | None = None
    is_copying: bool = False

    def __post_init__(self) -> None:
        """Refuse a pattern that is none."""
        if self.group_by is not None:
            compile_pattern(self.group_by)


@dataclass(frozen=True, slots=True)
class SplitResult:
    """What was laid out.

    Attributes:
        output: The folder that was made, absolute.
        split: Of the photos.
        seed: Of the draw.
        skipped: Files that take no part.
    """

    output: Path
    split: Split
    seed: int
    skipped: tuple[SkippedFile, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        groups = {entry.group for entry in self.split.entries if entry.group}
        return {
            "output": self.output,
            "seed": self.seed,
            "fingerprint": self.split.fingerprint,
            "counts": self.split.counts,
            "groups": len(groups),
            "torn": [[one.path, other.path] for one, other in self.split.torn],
            "skipped": [{"path": file.path, "reason": file.reason} for file in self.skipped],
        }


def split_folder(request: SplitRequest, progress: TrainProgress) -> SplitResult:
    """Split photos as `edge train` does with the same seed, and lay them out in a new folder.

    Raises:
        DataError: The photos cannot be used.
        RunFolderError: The output holds something, lies among the photos, or cannot be written.
    """
    cv2.setNumThreads(1)  # the threads here are our own
    output = request.output.expanduser().resolve()
    _check_is_free(output)
    photos = find_photos(request.folder)
    _check_is_outside(output, photos)
    with progress.track("hashing photos", len(photos.files)) as advance:
        hashed = hash_files(photos.root, [file.path for file in photos.files], when_done=advance)
    grouped = group_photos(photos.root, hashed.sha256, group_by=request.group_by, progress=progress)
    split = draw_split(
        photos, hashed.sha256, fractions=FRACTIONS, seed=request.seed, groups=grouped.names
    )
    split = split.without(file.path for file in grouped.undecodable)
    say_groups(split, progress)
    _check_is_complete(split, photos)
    _lay_out(photos.root, split, output, is_copying=request.is_copying)
    skipped = (*hashed.skipped, *split.skipped, *grouped.undecodable)
    return SplitResult(output, split, request.seed, skipped)


def _check_is_complete(split: Split, photos: PhotoFolder) -> None:
    for part, counts in split.counts.items():
        for label in photos.labels:
            if not counts.get(label):
                raise DataError(
                    "Every label needs pictures that can be decoded, in every part",
                    received=f"none of {label} in the part {part}",
                    fix=f"See what is wrong with: edge data check {photos.root}",
                )


def _lay_out(root: Path, split: Split, output: Path, *, is_copying: bool) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        for entry in split.entries:
            source, target = root / entry.path, output / _place(entry)
            target.parent.mkdir(parents=True, exist_ok=True)
            if is_copying:
                shutil.copyfile(source, target)
            else:
                target.symlink_to(os.path.relpath(source, target.parent))
    except OSError as error:
        raise RunFolderError(
            "The folder of a split must be writable",
            received=f"{output}: {error.strerror or error}",
            fix="Name another folder with -o; where links are not known, use --copy",
        ) from error
    write_split(output / "split.csv", split)


def _place(entry: SplitEntry) -> Path:
    """Return where a photo goes; its folders join its name, so that no two are the same.

    What lies above the label's folder is left away, and a `cat/a/1.jpg` becomes `cat/a__1.jpg`.
    """
    folders = Path(entry.path).parts
    below = [part.casefold() for part in folders].index(entry.label.casefold()) + 1
    return Path(_FOLDERS[entry.part], entry.label, "__".join(folders[below:]))


def _check_is_free(output: Path) -> None:
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise RunFolderError(
            "A split is written into a new or empty folder",
            received=f"{output}, which holds something",
            fix="Name another folder with -o",
        )


def _check_is_outside(output: Path, photos: PhotoFolder) -> None:
    if output.is_relative_to(photos.root):
        raise RunFolderError(
            "The split must not lie among the photos, which it would join the next time",
            received=str(output),
            fix=f"Name a folder outside {photos.root} with -o",
        )
