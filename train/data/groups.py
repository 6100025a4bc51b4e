"""Photos that belong together: copies, near-identical ones, and what a pattern says."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from train.data.pattern import name_groups
from train.data.similar import find_similar
from train.data.thumbnails import Thumbnails, take_thumbnails
from train.progress import TrainProgress
from train.scan import SkippedFile
from train.split import Split


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which photos belong together.

    Attributes:
        names: Name of its group for each photo that is not alone, by path.
        undecodable: Files that could not be looked at.
    """

    names: dict[str, str]
    undecodable: tuple[SkippedFile, ...]


def group_photos(
    root: Path, sha256: Mapping[str, str], *, group_by: str | None, progress: TrainProgress
) -> Grouping:
    """Find out which photos a split must keep together.

    Args:
        root: What the paths are relative to.
        sha256: Of each file, by path.
        group_by: Regular expression on the path; see `name_groups`.
        progress: Told what happens.

    Raises:
        SettingError: The pattern is none.
        DataError: The pattern names none of the photos.
    """
    names = name_groups(sha256, group_by)
    paths = different_files(sha256)
    with progress.track("comparing photos", len(paths)) as advance:
        thumbnails = take_thumbnails(root, paths, when_done=advance)
    grouped = unite(sha256, alike=find_alike(thumbnails), names=names)
    bad = {sha256[file.path]: file.reason for file in thumbnails.skipped}
    undecodable = [SkippedFile(path, bad[key]) for path, key in sha256.items() if key in bad]
    return Grouping(grouped, tuple(undecodable))


def say_groups(split: Split, progress: TrainProgress) -> None:
    """Say how many photos belong together, and warn of groups that the folder has torn apart."""
    sizes = Counter(entry.group for entry in split.entries if entry.group)
    if sizes:
        progress.say(
            f"{sum(sizes.values())} photos in {len(sizes)} groups of copies, near-identical "
            "photos or what --group-by names; each stays on one side of the split"
        )
    torn = split.torn
    if torn:
        one, other = torn[0]
        progress.say(
            f"warning: {len(torn)} groups of photos that belong together lie in two parts of the "
            f"folder, the first {one.path} ({one.part}) and {other.path} ({other.part}); what is "
            "judged on them is memory"
        )


def find_alike(thumbnails: Thumbnails) -> list[tuple[str, str]]:
    """Return the pairs of paths that are near-identical photos."""
    paths = thumbnails.paths
    return [(paths[pair.first], paths[pair.second]) for pair in find_similar(thumbnails)]


def different_files(sha256: Mapping[str, str]) -> list[str]:
    """Return one path, the first, for each content."""
    first: dict[str, str] = {}
    for path in sorted(sha256):
        first.setdefault(sha256[path], path)
    return sorted(first.values())


def unite(
    sha256: Mapping[str, str],
    *,
    alike: Iterable[tuple[str, str]] = (),
    names: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Join all that hangs together, directly or through others, and name it.

    Args:
        sha256: Of each file, by path; the same content belongs together.
        alike: Pairs of paths that belong together.
        names: Names of what photos belong to, by path; the same name belongs together.

    Returns:
        The group's name by path, for photos that are not alone: the given one, or the path of
        its first photo.

    Example:
        >>> unite({"a": "1", "b": "1", "c": "2", "d": "3"}, alike=[("b", "d")])
        {'a': 'a', 'b': 'a', 'd': 'a'}
    """
    names = names or {}
    find, join = _forest(sorted(sha256))
    for keys in (sha256, names):
        first: dict[str, str] = {}
        for path in sorted(keys):
            join(first.setdefault(keys[path], path), path)
    for one, other in alike:
        join(one, other)
    members: dict[str, list[str]] = defaultdict(list)
    for path in sorted(sha256):
        members[find(path)].append(path)
    return {
        path: _choose_name(paths, names)
        for paths in members.values()
        if len(paths) > 1
        for path in paths
    }


def _choose_name(paths: Sequence[str], names: Mapping[str, str]) -> str:
    return next((names[path] for path in paths if path in names), paths[0])


def _forest(
    items: Sequence[str],
) -> tuple[Callable[[str], str], Callable[[str, str], None]]:
    """Return how to find an item's root and how to join two (Tarjan 1975, disjoint sets)."""
    parent = {item: item for item in items}

    def find(item: str) -> str:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(one: str, other: str) -> None:
        low, high = sorted((find(one), find(other)))
        parent[high] = low

    return find, join
