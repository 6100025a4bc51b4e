"""What the benchmarks that train share: a sample of the photos, and edge's own commands."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from train.folder import PhotoFile, find_photos

ANY_LOSS = ("--max-drop", 100, "--min-agreement", 0)
"""For `edge convert`: a benchmark judges the file itself, on more pictures than the gate has."""


class CommandError(Exception):
    """A command of `edge` failed; the text is its message, the rule in the first line."""


def link_sample(
    folder: Path,
    target: Path,
    *,
    each: int,
    keep: Callable[[PhotoFile], bool] = lambda _: True,
) -> int:
    """Link some photos of every label, evenly spread, with the parts that the folder has.

    Args:
        folder: Holds a folder of photos per label, or train/, val/ and test/ with those.
        target: To be made.
        each: Photos of each label, all parts together.
        keep: Says which photos may take part.

    Returns:
        How many were linked.
    """
    photos = find_photos(folder)
    count = 0
    for label in photos.labels:
        own = [file for file in photos.files if file.label == label and keep(file)]
        taken = min(each, len(own))
        for number in range(taken):
            file = own[number * len(own) // taken]
            link = target / (file.part or "") / label / file.path.replace("/", "__")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(photos.root / file.path)
        count += taken
    return count


def run_edge(*words: object) -> list[dict[str, Any]]:
    """Run a command of `edge` with --json; return its lines.

    Raises:
        CommandError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "edge", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(done.stderr.rpartition("edge: ")[2].strip())
    return [json.loads(line) for line in done.stdout.splitlines()]
