"""Everything that lies in a folder of photos, and what its name and place alone say about it."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.images import PICTURE_SUFFIXES, is_hidden, list_pictures
from train.folder import LabelFolder, PhotoFile, find_label_folders


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing about a file or folder.

    Attributes:
        path: Relative to the data's root.
        kind: In a word or two, the same for all of the kind.
        reason: What it is, or what is done about it.
        is_bad: A photo that cannot be used.
    """

    path: str
    kind: str
    reason: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies in a folder.

    Attributes:
        root: The folder, absolute.
        places: The folders of the labels.
        files: The pictures that a training would take, by their names, sorted by path.
        findings: About everything else, and about links.
    """

    root: Path
    places: tuple[LabelFolder, ...]
    files: tuple[PhotoFile, ...]
    findings: tuple[Finding, ...]


def survey_folder(root: Path) -> Survey:
    """Walk through a folder; nothing is opened.

    Raises:
        DataError: A label's folder cannot be read.
    """
    places = find_label_folders(root)
    files = tuple(
        PhotoFile(path.relative_to(root).as_posix(), place.label, place.part)
        for place in places
        for path in list_pictures(place.path)
    )
    used = {file.path for file in files}
    findings = [*_judge_twins(root, places), *_judge_entries(root, used)]
    ordered = sorted(findings, key=lambda finding: (finding.kind, finding.path))
    return Survey(root, places, tuple(sorted(files, key=lambda f: f.path)), tuple(ordered))


def _judge_twins(root: Path, places: tuple[LabelFolder, ...]) -> Iterator[Finding]:
    twins: dict[tuple[str | None, str], list[LabelFolder]] = defaultdict(list)
    for place in places:
        twins[place.part, place.label.casefold()].append(place)
    for same in twins.values():
        for place in same[1:]:
            yield Finding(
                place.path.relative_to(root).as_posix(),
                "case twin",
                f"differs from the folder {same[0].path.name} in upper and lower case only; "
                "rename or join one of them",
            )


def _judge_entries(root: Path, used: set[str]) -> Iterator[Finding]:
    """Look at all names; folders that links lead to are looked at where they are labels only."""
    closed: list[OSError] = []
    for above, folders, names in os.walk(root, onerror=closed.append):
        for name in [*folders, *names]:
            path = Path(above, name)
            finding = _judge(path.relative_to(root).as_posix(), path, root, used)
            if finding is not None:
                yield finding
        folders[:] = [name for name in folders if not is_hidden(name)]
    for error in closed:
        relative = Path(error.filename).relative_to(root).as_posix()
        reason = f"a folder that cannot be looked into ({error.strerror}); its photos are not used"
        yield Finding(relative, "unreadable", reason, is_bad=True)


def _judge(relative: str, path: Path, root: Path, used: set[str]) -> Finding | None:
    if is_hidden(path.name):
        return Finding(relative, "hidden", "a hidden or system file; not used")
    if path.is_symlink():
        return _judge_link(relative, path, root)
    if relative in used or path.is_dir():
        return None
    if path.suffix.lower() in PICTURE_SUFFIXES:
        if not path.is_file():
            return Finding(relative, "unreadable", "no regular file", is_bad=True)
        return Finding(relative, "outside labels", "a picture in no label's folder; not used")
    return _judge_other(relative, path)


def _judge_link(relative: str, path: Path, root: Path) -> Finding | None:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = f"a link to nothing ({getattr(error, 'strerror', None) or 'it loops'})"
        return Finding(relative, "dead link", reason, is_bad=True)
    if not target.is_relative_to(root):
        followed = "not followed below a label" if target.is_dir() else "followed"
        reason = f"a link that leaves the folder, to {target}; {followed}"
        return Finding(relative, "link outside", reason)
    if target.is_dir():
        return Finding(relative, "folder link", "a link to a folder; not followed below a label")
    return None


def _judge_other(relative: str, path: Path) -> Finding:
    held = _sniff(path)
    if held == "HEIC":
        reason = "a HEIC or AVIF picture, which is not read here; convert it to JPEG"
        return Finding(relative, "unknown format", reason, is_bad=True)
    if held:
        named = path.suffix or "without a suffix"
        reason = f"holds {held} but is named {named}; not used until it is renamed"
        return Finding(relative, "wrong extension", reason, is_bad=True)
    return Finding(relative, "no picture", "not a picture by its name; not used")


def _sniff(path: Path) -> str | None:
    """Name the picture format that a file of another name holds, by its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif", b"ftyphevc"):
        return "HEIC"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    starts = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF"}
    return next((name for start, name in starts.items() if head.startswith(start)), None)
