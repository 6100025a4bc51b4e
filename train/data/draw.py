"""Draw the parts of a split: in proportion, from a seed, and never through a group."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.errors import DataError

_JUDGING = ("test", "validation")


@dataclass(frozen=True, slots=True)
class Unit:
    """Pictures that go to one part together.

    Attributes:
        contents: SHA-256 of each different file, sorted.
        labels: Of each of them.
    """

    contents: tuple[str, ...]
    labels: tuple[str, ...]


def draw_units(
    units: Sequence[Unit], labels: Sequence[str], *, shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Give every unit a part; a judging part gets its rounded share of each label, at least one.

    A unit that would overfill the judging parts goes to the training part. Those with several
    labels are drawn first; then each label fills up what is still missing. The share is met to
    within half of the largest unit, unless so many units hold several labels that nothing is left
    to fill up with; then it may be less.

    Args:
        units: What is drawn.
        labels: In their order, which the draw depends on.
        shares: Of the parts that are drawn; "train" takes what the others leave.
        seed: Of the draw.

    Returns:
        The part of each content.

    Raises:
        DataError: A label has fewer units than parts.
    """
    ordered = sorted(units, key=lambda unit: unit.contents)
    counts = Counter(label for unit in ordered for label in unit.labels)
    needs = {
        part: {label: max(1, round(counts[label] * shares[part])) for label in labels}
        for part in _JUDGING
        if part in shares
    }
    parts: dict[Unit, str] = {}
    mixed = [unit for unit in ordered if len(set(unit.labels)) > 1]
    random = np.random.default_rng([seed, len(labels)])
    for index in random.permutation(len(mixed)):
        wanted = str(random.choice(list(shares), p=_normalised(shares)))
        parts[mixed[index]] = _place(mixed[index], needs, [wanted])
    for number, label in enumerate(labels):
        random = np.random.default_rng([seed, number])
        own = [unit for unit in ordered if set(unit.labels) == {label}]
        for index in random.permutation(len(own)):
            parts[own[index]] = _place(own[index], needs, _JUDGING)
    for label in labels:
        _fill_empty(label, parts, tuple(needs))
    return {content: part for unit, part in parts.items() for content in unit.contents}


def _normalised(shares: Mapping[str, float]) -> list[float]:
    total = sum(shares.values())
    return [share / total for share in shares.values()]


def _place(unit: Unit, needs: dict[str, dict[str, int]], wanted: Sequence[str]) -> str:
    """Return the first wanted part that has room for at least half of the unit, else "train"."""
    sizes = Counter(unit.labels)
    for part in wanted:
        need = needs.get(part)
        if need is not None and all(2 * need[label] >= size for label, size in sizes.items()):
            for label, size in sizes.items():
                need[label] -= size
            return part
    return "train"


def _fill_empty(label: str, parts: dict[Unit, str], judging: Sequence[str]) -> None:
    """Move the smallest units out of "train" until every part has one of the label."""
    for part in judging:
        own = [unit for unit in parts if label in unit.labels]
        if any(parts[unit] == part for unit in own):
            continue
        spare = [unit for unit in own if parts[unit] == "train"]
        if len(spare) < 2:
            raise DataError(
                "Photos that belong together stay on one side of the split, and every part needs "
                "some of every label",
                received=f"{len(own)} separate groups of {label}, too few for {part}",
                fix="Add photos of other occasions, or let --group-by match less",
            )
        parts[min(spare, key=lambda unit: (len(unit.contents), unit.contents))] = part
