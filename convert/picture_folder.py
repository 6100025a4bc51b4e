"""A folder of labelled pictures, for a network whose training nobody has written down.

Its parts are used as they are, where it has some; otherwise of each label three in ten are put
aside to judge by. What a file holds decides that, not its name, so that copies stay together.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from convert.progress import Progress, no_progress, track_iterable
from convert.run_folder import RunPicture
from edge.errors import DataError, PictureError
from edge.evaluation import LabelledPicture, find_labelled_pictures
from edge.images import is_hidden, read_picture
from edge.labels import name_some

VALIDATION_SHARE = 0.3
"""Of each label's pictures, where the folder does not say which to judge by."""

_PART_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_NAMED_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class PictureFolder:
    """The pictures of a folder, found and not yet opened.

    Attributes:
        root: The folder.
        labels: Of the network.
        found: The pictures by part: "train" and mostly "validation". A test part is not listed.
        has_test: Whether the folder has such a part.
    """

    root: Path
    labels: tuple[str, ...]
    found: Mapping[str, tuple[LabelledPicture, ...]]
    has_test: bool


@dataclass(frozen=True, slots=True)
class PictureParts:
    """Pictures to learn from and to judge by.

    Attributes:
        pictures: Those that can be decoded, each in the part "train" or "validation".
        notes: What was left out, a sentence each.
    """

    pictures: tuple[RunPicture, ...]
    notes: tuple[str, ...]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Pictures per part and label."""
        counted: dict[str, dict[str, int]] = {"train": {}, "validation": {}}
        for picture in self.pictures:
            part = counted[picture.part]
            part[picture.label] = part.get(picture.label, 0) + 1
        return counted

    @property
    def fingerprint(self) -> str:
        """SHA-256 over content, label and part of all pictures, whatever the files are called."""
        lines = sorted(f"{p.sha256} {p.part} {p.label}\n" for p in self.pictures)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def find_pictures(root: Path, *, labels: tuple[str, ...]) -> PictureFolder:
    """List the pictures of a folder per label, or of a folder per part with a folder per label.

    Parts are `train`, and `val` or `test` or both, as `edge data split` makes them.

    Raises:
        DataError: No such folder, a subfolder that is no label, or a label without pictures.
    """
    folders = _find_parts(root, labels)
    for part, folder in folders.items():
        if part != "test":
            _check_names(folder, labels)
    found = {
        part: tuple(find_labelled_pictures(folder, labels=labels))
        for part, folder in folders.items()
        if part != "test"
    }
    for part, pictures in found.items():
        _check_labels(folders[part], {picture.label for picture in pictures}, labels)
    return PictureFolder(root, labels, found, "test" in folders)


def read_parts(
    folder: PictureFolder, *, size_wh: tuple[int, int], progress: Progress = no_progress
) -> PictureParts:
    """Open every picture, and divide them where the folder does not.

    Pictures that cannot be decoded are left out, as are those that lie, byte for byte, under two
    labels. Of those in two parts, the one to judge by stays.

    Args:
        folder: What was found.
        size_wh: Width and height that the network takes, in pixels.
        progress: Told about each picture.

    Raises:
        DataError: A label has not even two different pictures, one for each part.
    """
    listed = [(part, picture) for part, found in folder.found.items() for picture in found]
    least_side = max(size_wh)

    def examine(item: tuple[str, LabelledPicture]) -> RunPicture | str:
        part, picture = item
        try:
            sha256 = hashlib.sha256(picture.path.read_bytes()).hexdigest()
            read_picture(picture.path, least_side=least_side)
        except OSError as error:
            return f"{picture.path}: {error.strerror or error}"
        except PictureError as error:
            return error.received
        return RunPicture(picture.path.absolute(), picture.label, part, sha256)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(examine, listed)
        stage = "looking through pictures"
        examined = list(track_iterable(results, stage=stage, total=len(listed), progress=progress))
    unreadable = [result for result in examined if isinstance(result, str)]
    contents: dict[str, list[RunPicture]] = defaultdict(list)
    for result in examined:
        if isinstance(result, RunPicture):
            contents[result.sha256].append(result)
    torn, leaked = _settle_copies(contents)
    pictures = _divide(folder, [picture for copies in contents.values() for picture in copies])
    notes = (
        _note("pictures that cannot be decoded are left out", unreadable),
        _note("pictures that lie, byte for byte, under two labels are left out", torn),
        _note("pictures that lie in the validation part, too, are not learned from", leaked),
    )
    return PictureParts(tuple(pictures), tuple(note for note in notes if note))


def _find_parts(root: Path, labels: Sequence[str]) -> dict[str, Path]:
    """Return the folder of each part; of a folder that has none, all of it as "train"."""
    known = {label.casefold() for label in labels}
    parts = {
        _PART_NAMES[path.name.casefold()]: path
        for path in _subfolders(root)
        if path.name.casefold() in _PART_NAMES.keys() - known
    }
    return parts if "train" in parts and len(parts) > 1 else {"train": root}


def _subfolders(root: Path) -> Iterator[Path]:
    if root.is_dir():  # whoever lists the labels says what is wrong otherwise
        yield from (path for path in sorted(root.iterdir()) if not is_hidden(path.name))


def _check_names(folder: Path, labels: Sequence[str]) -> None:
    """Refuse a subfolder of pictures that is named after no label."""
    known = {label.casefold() for label in labels}
    for path in _subfolders(folder):
        if path.is_dir() and path.name.casefold() not in known:
            raise DataError(
                "Each subfolder of --data must be named after a label of --labels: "
                + name_some(labels, like=path.name),
                received=f"{path.name} in {folder}",
                fix="Rename it, or take it out of the folder",
            )


def _check_labels(folder: Path, found: set[str], labels: Sequence[str]) -> None:
    missing = [label for label in labels if label not in found]
    if missing:
        raise DataError(
            "Every label of the network needs pictures, to hold the file against the network and "
            "to choose thresholds",
            received=f"none of {name_some(missing)} in {folder}",
            fix=f"Put some, a hundred if you can, into {folder / missing[0]}",
        )


def _settle_copies(contents: dict[str, list[RunPicture]]) -> tuple[list[str], list[str]]:
    """Take out pictures under two labels, and of two parts the side that is learned from."""
    torn, leaked = [], []
    for sha256, copies in list(contents.items()):
        if len({copy.label for copy in copies}) > 1:
            torn += [str(copy.path) for copy in copies]
            del contents[sha256]
        elif len({copy.part for copy in copies}) > 1:
            leaked += [str(copy.path) for copy in copies if copy.part == "train"]
            contents[sha256] = [copy for copy in copies if copy.part != "train"]
    return torn, leaked


def _divide(folder: PictureFolder, pictures: Sequence[RunPicture]) -> Iterator[RunPicture]:
    """Put some pictures of each label aside, unless the folder has done so."""
    judging = {picture.sha256 for picture in pictures if picture.part == "validation"}
    for label in folder.labels:
        contents = sorted({picture.sha256 for picture in pictures if picture.label == label})
        if "validation" not in folder.found:
            judging.update(contents[: max(1, round(len(contents) * VALIDATION_SHARE))])
        if not 0 < len(judging.intersection(contents)) < len(contents):
            raise DataError(
                "Every label needs two different pictures at least, one to learn from and one to "
                "judge by",
                received=f"{len(contents)} of {label} in {folder.root} that can be used",
                fix="Add pictures of it, some hundred if you can",
            )
    for picture in pictures:
        part = "validation" if picture.sha256 in judging else "train"
        yield RunPicture(picture.path, picture.label, part, picture.sha256)


def _note(what: str, paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - _NAMED_AT_MOST} more" if len(paths) > _NAMED_AT_MOST else ""
    return f"{what} ({len(paths)}): {', '.join(paths[:_NAMED_AT_MOST])}{more}"
