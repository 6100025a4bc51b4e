"""What mistakes cost, so that choices of rules can be compared."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

from edge.errors import SettingError
from edge.labels import find_alike
from edge.replay.scoring import Counts


@dataclass(frozen=True, slots=True)
class Cost:
    """What each mistake costs; only the proportions matter.

    Attributes:
        missed: Per appearance that was not reported.
        wrong: Per event of another label than what was there.
        false: Per event while nothing was there.
        repeated: Per further event of an appearance.
        late: Per second from the start of an appearance to its first right event.

    Example:
        >>> Cost().of(Counts(missed=1, late_seconds=0.5))
        10.5
        >>> print(Cost())
        missed=10 wrong=5 false=3 repeated=1 late=1
    """

    missed: float = 10.0
    wrong: float = 5.0
    false: float = 3.0
    repeated: float = 1.0
    late: float = 1.0

    def of(self, counts: Counts) -> float:
        """Return what these mistakes cost together."""
        weights = (self.missed, self.wrong, self.false, self.repeated, self.late)
        amounts = mistakes(counts)
        return math.fsum(weight * amount for weight, amount in zip(weights, amounts, strict=True))

    def __str__(self) -> str:
        """Write the cost as `parse_cost` reads it."""
        return " ".join(f"{name}={weight:g}" for name, weight in asdict(self).items())


def mistakes(counts: Counts) -> tuple[float, ...]:
    """Return how much there is of each thing that costs, in the order of `Cost`."""
    return (counts.missed, counts.wrong, counts.false, counts.repeated, counts.late_seconds)


def parse_cost(text: str) -> Cost:
    """Read "missed=10 late=2"; what is not named costs what it costs by default.

    Raises:
        SettingError: Something else is named, or a cost is no number from 0 on.

    Example:
        >>> parse_cost("missed=20 late=0.5").missed
        20.0
    """
    cost = Cost()
    names = [field.name for field in fields(Cost)]
    for word in text.replace(",", " ").split():
        name, _, number = word.partition("=")
        weight = _read_weight(number)
        if name not in names or weight is None:
            alike = find_alike(name, names)
            raise SettingError(
                "--cost takes a number from 0 on for some of " + ", ".join(names),
                received=word,
                fix=f"Did you mean {alike[0]}"
                if alike and name not in names
                else f"Write for example --cost '{Cost()}'",
            )
        cost = replace(cost, **{name: weight})
    return cost


def is_dominated(amounts: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
    """Whether another choice has no more of any mistake, and less of one.

    Example:
        >>> is_dominated((1, 2), [(1, 1)]), is_dominated((1, 2), [(2, 1), (1, 2)])
        (True, False)
    """
    own = tuple(amounts)
    return any(
        tuple(other) != own and all(o <= m for o, m in zip(other, own, strict=True))
        for other in others
    )


def _read_weight(text: str) -> float | None:
    try:
        weight = float(text)
    except ValueError:
        return None
    return weight if math.isfinite(weight) and weight >= 0 else None
