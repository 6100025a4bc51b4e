"""What a photo belongs to, by its path: `--group-by`, or the burst that its name tells of."""

import re
from collections.abc import Iterable, Sequence

from edge.burst import find_burst
from edge.errors import DataError, SettingError


def name_groups(paths: Iterable[str], pattern: str | None) -> dict[str, str]:
    r"""Name what photos belong to after their paths.

    Args:
        paths: Relative to the data's root, with forward slashes.
        pattern: Regular expression, searched for in each path; what its first group matches, or
            the whole of it where it has none, is the name. Photos without a match, or with an
            empty one, are alone or belong to their burst.

    Raises:
        SettingError: It is no regular expression.
        DataError: It names none of the photos, so that nothing would be kept together.

    Example:
        >>> name_groups(["none/house12_a.jpg", "cat/house12_b.jpg", "cat/7.jpg"], r"house(\d+)")
        {'none/house12_a.jpg': '12', 'cat/house12_b.jpg': '12'}
        >>> name_groups(["cat/cat-20260501T073000-b002-i011.jpg"], None)
        {'cat/cat-20260501T073000-b002-i011.jpg': 'cat-20260501T073000-b002'}
    """
    known = list(paths)
    bursts = {path: burst for path in known if (burst := find_burst(path))}
    return bursts if pattern is None else {**bursts, **_match(known, pattern)}


def _match(known: Sequence[str], pattern: str) -> dict[str, str]:
    compiled = compile_pattern(pattern)
    found = ((path, compiled.search(path)) for path in known)
    matched = (
        (path, match[1 if compiled.groups else 0] or match[0]) for path, match in found if match
    )
    names = {path: name for path, name in matched if name}
    if known and not names:
        raise DataError(
            "--group-by names at least one of the photos by its path",
            received=f"'{pattern}', which finds nothing in any of {len(known)} paths",
            fix=f"Write it for paths such as {min(known)}",
        )
    return names


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile what `--group-by` was given.

    Raises:
        SettingError: It is no regular expression.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SettingError(
            "--group-by takes a regular expression",
            received=f"{pattern}, {error}",
            fix=r"Use for example --group-by 'house(\d+)'",
        ) from error
