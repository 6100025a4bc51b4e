"""Look at every file before the first step: its hash, its pixels, or why it has none."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edge.errors import PictureError
from edge.images import read_picture
from edge.manifest import InputSpec
from edge.preprocess import fit_frame
from train.cache import PixelCache

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
WORKERS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that takes no part in the training, and why.

    Attributes:
        path: Relative to the data's root.
        reason: In a few words.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class HashedFiles:
    """What the files hold.

    Attributes:
        sha256: Hexadecimal, by path relative to the root.
        skipped: Files that could not be read.
    """

    sha256: dict[str, str]
    skipped: tuple[SkippedFile, ...]


def hash_files(
    root: Path, paths: Sequence[str], *, when_done: Callable[[], None] = lambda: None
) -> HashedFiles:
    """Hash files in threads.

    Args:
        root: What the paths are relative to.
        paths: Of the files.
        when_done: Called in the caller's thread after each file, for a progress bar.
    """

    def hash_file(path: str) -> str | SkippedFile:
        try:
            with (root / path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return SkippedFile(path, error.strerror or str(error))

    results = map_in_threads(hash_file, paths, when_done=when_done)
    return HashedFiles(
        {p: result for p, result in zip(paths, results, strict=True) if isinstance(result, str)},
        tuple(result for result in results if isinstance(result, SkippedFile)),
    )


def decode_files(
    root: Path,
    paths: Sequence[str],
    *,
    spec: InputSpec,
    cache: PixelCache,
    when_done: Callable[[], None] = lambda: None,
) -> list[SkippedFile]:
    """Decode pictures in threads, each in full, and put their pixels into a cache.

    Args:
        root: What the paths are relative to.
        paths: Of the pictures; that of number `i` fills row `i` of the cache.
        spec: What becomes of each, of the cache's size.
        cache: Holds as many rows; those of pictures that cannot be decoded stay unused.
        when_done: Called in the caller's thread after each file.

    Returns:
        The pictures that cannot be decoded, in order.
    """

    def decode(row: int) -> SkippedFile | None:
        path = root / paths[row]
        try:
            frame_bgr = read_picture(path)
        except PictureError as error:
            return explain(paths[row], path, error)
        fit_frame(frame_bgr, spec=spec, out=cache.pixels_rgb[row])
        return None

    results = map_in_threads(decode, range(len(paths)), when_done=when_done)
    return [result for result in results if result is not None]


def explain(relative: str, path: Path, error: PictureError) -> SkippedFile:
    """Say why a file cannot be decoded, without repeating where it lies."""
    prefix = f"{path}: "
    if error.received.startswith(prefix):
        return SkippedFile(relative, error.received.removeprefix(prefix))
    return SkippedFile(
        relative, f"{error.rule}; it has {error.received.removesuffix(f' in {path}')}"
    )


def map_in_threads(
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    *,
    when_done: Callable[[], None],
) -> list[_Result]:
    """Call a function for each item; what it returns keeps their order.

    Args:
        function: Called in threads.
        items: What it is called with.
        when_done: Called in the caller's thread after each item.
    """
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="scan")
    results = []
    try:
        for result in pool.map(function, items):
            results.append(result)
            when_done()
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for what has not begun
    return results
