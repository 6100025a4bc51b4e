"""The gate: what a converted file may lose against its float network, and what it has lost.

Everything is counted in whole pictures, so that a limit is met exactly or not at all.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingError
from edge.records import Scores

ACCURACY, RECALL, AGREEMENT = "accuracy", "recall", "agreement"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may lose.

    Attributes:
        max_drop: Points (hundredths) of accuracy, and of any label's recall, 0 to 100.
        min_agreement: Share of pictures on which it must say what the float network says, 0 to 1.

    Raises:
        SettingError: A limit is out of range.
    """

    max_drop: float = 0.5
    min_agreement: float = 0.99

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        if not 0 <= self.max_drop <= 100:
            raise SettingError(
                "--max-drop must be from 0 to 100 points",
                received=f"{self.max_drop:g}",
                fix="Use for example 1 for at most 1 point, such as 97 % instead of 98 %",
            )
        if not 0 <= self.min_agreement <= 1:
            raise SettingError(
                "--min-agreement must be a share from 0 to 1",
                received=f"{self.min_agreement:g}",
                fix="Use for example 0.98 for 98 of 100 pictures",
            )


@dataclass(frozen=True, slots=True)
class Loss:
    """A figure in which a file is worse than the limits allow.

    Attributes:
        figure: "accuracy", "recall" or "agreement".
        label: Whose recall; `None` for the other figures.
        before: Pictures that the float network gets right; for the agreement, all.
        after: Pictures that the file gets right; for the agreement, decides in the same way.
        pictures: Validation pictures that the figure rests on.
        limit: Most points lost, or the least agreement in [0, 1].
    """

    figure: str
    label: str | None
    before: int
    after: int
    pictures: int
    limit: float

    @property
    def points(self) -> float:
        """Points lost, 0 to 100."""
        return (self.before - self.after) * 100 / self.pictures

    @property
    def step(self) -> float:
        """Points that a single picture weighs."""
        return 100 / self.pictures

    @property
    def is_decided_by_one(self) -> bool:
        """Whether the pictures are so few that one alone is more than the limit allows."""
        if self.figure == AGREEMENT:
            return (self.pictures - 1) / self.pictures < self.limit
        return self.step > self.limit

    def __str__(self) -> str:
        """Say it in pictures as well as in points."""
        if self.figure == AGREEMENT:
            return (
                f"it agrees with the float network on {100 - self.points:.4g} % of the pictures, "
                f"below {self.limit * 100:g} % "
                f"({self.before - self.after} of {self.pictures} are decided otherwise)"
            )
        name = self.figure if self.label is None else f"{self.figure} of {self.label!r}"
        return (
            f"{name} falls by {self.points:.4g} points, over {self.limit:g} "
            f"({self.after} instead of {self.before} of {self.pictures} pictures are right)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {**asdict(self), "points": self.points}


def find_losses(
    original: Scores,
    scores: Scores,
    truth: NDArray[np.integer[Any]],
    *,
    labels: Sequence[str],
    limits: Limits,
) -> tuple[Loss, ...]:
    """Return what a file loses beyond the limits; nothing when it passes.

    Args:
        original: `(pictures, labels)`, scores of the float network.
        scores: `(pictures, labels)`, scores of the file.
        truth: `(pictures,)`, index of the right label.
        labels: In the order of the scores.
        limits: What it may lose.

    Example:
        >>> float_scores = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32)
        >>> file_scores = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)
        >>> found = find_losses(
        ...     float_scores, file_scores, np.array([0, 1]), labels=("cat", "dog"), limits=Limits()
        ... )
        >>> [(loss.figure, loss.label, loss.points) for loss in found]
        [('accuracy', None, 50.0), ('recall', 'dog', 100.0), ('agreement', None, 50.0)]
    """
    before, after = original.argmax(axis=1), scores.argmax(axis=1)
    everything = np.ones(len(truth), bool)
    groups: list[tuple[str, str | None, NDArray[np.bool_]]] = [(ACCURACY, None, everything)]
    groups += [(RECALL, label, truth == index) for index, label in enumerate(labels)]
    losses = [
        Loss(
            figure,
            label,
            before=int((before == truth)[own].sum()),
            after=int((after == truth)[own].sum()),
            pictures=int(own.sum()),
            limit=limits.max_drop,
        )
        for figure, label, own in groups
        if own.any()
    ]
    found = [loss for loss in losses if loss.points > loss.limit]
    same = int((before == after).sum())
    if same / len(truth) < limits.min_agreement:
        found.append(
            Loss(AGREEMENT, None, len(truth), same, len(truth), limit=limits.min_agreement)
        )
    return tuple(found)


def limits_that_pass(losses: Sequence[Loss], limits: Limits) -> Limits:
    """Return the strictest limits, in round numbers, that accept these losses.

    Args:
        losses: What `find_losses` has found.
        limits: With these limits.
    """
    drops = [loss.points for loss in losses if loss.figure != AGREEMENT]
    shares = [loss.after / loss.pictures for loss in losses if loss.figure == AGREEMENT]
    return Limits(
        max_drop=max([limits.max_drop, *(math.ceil(drop * 100) / 100 for drop in drops)]),
        min_agreement=min(
            [limits.min_agreement, *(math.floor(share * 1000) / 1000 for share in shares)]
        ),
    )
