"""A folder of photos: which labels it holds, and which part each file belongs to, if it says."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DataError
from edge.images import is_hidden, list_pictures
from edge.labels import check_labels

PARTS = ("train", "validation", "test")
FEWEST_PICTURES = 10
"""Per label, copies counted once: below it no part has enough to say anything."""

_PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A picture file and what its folders say about it.

    Attributes:
        path: Relative to the root, with forward slashes.
        label: Its label.
        part: One of `PARTS`, or `None` where the folder does not say.
    """

    path: str
    label: str
    part: str | None


@dataclass(frozen=True, slots=True)
class LabelFolder:
    """A subfolder whose name is a label.

    Attributes:
        path: Absolute.
        label: Its label.
        part: One of `PARTS`, or `None` where the folder does not say.
    """

    path: Path
    label: str
    part: str | None


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """The picture files of a data set, sorted by path.

    Attributes:
        root: The folder that was named, absolute.
        labels: Sorted by name.
        files: All of them, decodable or not.
    """

    root: Path
    labels: tuple[str, ...]
    files: tuple[PhotoFile, ...]

    @property
    def parts(self) -> frozenset[str]:
        """The parts that the folder itself divides its files into; empty when it does not."""
        return frozenset(file.part for file in self.files if file.part)


def find_photos(folder: Path) -> PhotoFolder:
    """List the photos of a folder per label.

    Three layouts are known: `cat/ dog/`; the same one level down, as in `PetImages/Cat`; and
    `train/ val/ test/` with a folder per label in each, of which `val` or `test` may be missing.

    Raises:
        DataError: No such folder, fewer than two labels, a label without a picture, one whose
            name no model file can carry (see `edge.labels.check_labels`), or one that only some
            parts know.
    """
    root = absolute_folder(folder)
    files = [file for place in find_label_folders(root) for file in _list(root, place)]
    labels = _unite_labels(root, files)
    return PhotoFolder(root, labels, tuple(sorted(files, key=lambda file: file.path)))


def find_label_folders(root: Path) -> tuple[LabelFolder, ...]:
    """Find the subfolders that hold photos of a label each, whatever they contain.

    Raises:
        DataError: A folder cannot be read.
    """
    top = _descend(root)
    parts = {_PART_NAMES[name]: path for name, path in _part_folders(top)}
    tops: dict[str | None, Path] = {None: top}
    if "train" in parts and len(parts) > 1:
        tops = dict(parts.items())
    return tuple(
        LabelFolder(path, unicodedata.normalize("NFC", path.name), part)
        for part, above in tops.items()
        for path in _subfolders(above)
    )


def sort_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return labels in the order that a network's output takes."""
    return tuple(sorted(labels, key=lambda label: (label.casefold(), label)))


def absolute_folder(folder: Path) -> Path:
    """Return the folder of the photos, absolute.

    Raises:
        DataError: It is not there or not a folder.
    """
    root = folder.expanduser().resolve()
    if not root.is_dir():
        raise DataError(
            "The photos must lie in a folder, with a subfolder per label",
            received=f"{folder}, which is " + ("a file" if root.exists() else "not there"),
            fix="Name the folder that holds, for example, cat/ and dog/",
        )
    return root


def _descend(root: Path) -> Path:
    """Step into a folder that is alone and holds the labels' folders itself."""
    inner = _subfolders(root)
    if len(inner) == 1 and len(_subfolders(inner[0])) > 1:
        return inner[0]
    return root


def _part_folders(top: Path) -> Iterator[tuple[str, Path]]:
    for path in _subfolders(top):
        if path.name.casefold() in _PART_NAMES:
            yield path.name.casefold(), path


def _list(root: Path, place: LabelFolder) -> Iterator[PhotoFile]:
    pictures = list_pictures(place.path)
    if not pictures:
        raise DataError(
            "Every subfolder holds the pictures of one label",
            received=f"no picture in {place.path}",
            fix="Put pictures there, or move the folder elsewhere",
        )
    for path in pictures:
        yield PhotoFile(path.relative_to(root).as_posix(), place.label, place.part)


def _unite_labels(root: Path, files: Sequence[PhotoFile]) -> tuple[str, ...]:
    labels = sort_labels({file.label for file in files})
    if labels:
        check_labels(labels)
    if len(labels) < 2:
        raise DataError(
            "There must be a subfolder of pictures for each of at least two labels",
            received=f"{len(labels)} in {root}" + "".join(f": {label}" for label in labels),
            fix="Sort the photos into folders, for example cat/ and none/ (what the camera "
            "sees most of the time)",
        )
    known = Counter((file.part, file.label) for file in files)
    for part in {file.part for file in files}:
        for label in labels:
            if not known[part, label]:
                raise DataError(
                    "Every part holds pictures of every label",
                    received=f"no folder {label} in the part {part}",
                    fix="Add it, or leave the split to edge train: one folder per label",
                )
    return labels


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.is_dir() and not is_hidden(path.name) and not path.name.startswith("__")
        )
    except OSError as error:
        raise DataError(
            "A folder of photos must be readable",
            received=f"{folder}: {error.strerror or error}",
            fix="Check its permissions",
        ) from error
