"""How the stages of a conversion tell the person waiting how far they are."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Progress(Protocol):
    """Called by a stage now and then; the one method must be overridden."""

    def __call__(self, stage: str, *, done: int, total: int) -> None:
        """Say that `done` of `total` steps of a stage are done; `total` ends it."""


def no_progress(stage: str, *, done: int, total: int) -> None:
    """Tell nobody."""
    del stage, done, total


def track(items: Sequence[Item], *, stage: str, progress: Progress) -> Iterator[Item]:
    """Yield the items of a sequence, telling `progress` about each one that is done."""
    return track_iterable(items, stage=stage, total=len(items), progress=progress)


def track_iterable(
    items: Iterable[Item], *, stage: str, total: int, progress: Progress
) -> Iterator[Item]:
    """Yield items whose number is known beforehand, telling `progress` about each."""
    progress(stage, done=0, total=total)
    for number, item in enumerate(items, start=1):
        yield item
        progress(stage, done=number, total=total)
