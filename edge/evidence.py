"""The rules by which looks become evidence for a label, as data and as pure functions.

A frame that counts is a vote: the scores that the model gave it. A rule says how much support
the latest votes give to each label, and how much it needs. `edge.voting` takes the votes;
`edge.decision` makes beliefs of them over time (dwell, cool-down).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.assignments import parse_assignments, write_assignments
from edge.errors import SettingError
from edge.manifest import DecisionSpec

_OPTION = "--evidence"
_LARGEST_WINDOW = 1000
_ROUNDING = 1e-9

Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EvidenceSpec:
    """How much must be seen of a label before it is believed, and before it is given up.

    A vote is won by the label with the best score, if that reaches the label's threshold.

    Attributes:
        rule: One of `RULES`. "k-of-n": a label must win `votes` of the latest `window` votes.
            "consecutive": it must win the latest `votes` votes. "decayed-sum": the scores of the
            votes that it won, halved with every `half_life_seconds` of their age, must add up
            to `enough`. "mean": the mean of its scores over the latest `window` votes, `votes`
            of them at least, must reach its threshold.
        votes: See `rule`; from 1 to `window`.
        window: Latest votes that are looked back on, by every rule; from 1 to 1000.
        period_seconds: At most one vote is taken in this time, so that a decision does not
            depend on the rate of the frames; 0 takes every frame.
        half_life_seconds: Of a vote's weight, for "decayed-sum".
        enough: Sum that "decayed-sum" needs; a fresh vote adds its score.
        hysteresis: What is added to the scores of the label that is believed, in [0, 1): its
            threshold is lower by that, and another label must be better by that.
        enter_seconds: Time that a label must have the evidence before it is believed.
        leave_seconds: Time that a label must be without the evidence before it is given up.
        cooldown_seconds: Time after it was given up in which a label is not believed again.
        longest_gap_seconds: Age from which a vote no longer counts beside a new one.

    Raises:
        SettingError: A value out of its range, or a rule that could never be met.

    Example:
        >>> EvidenceSpec(rule="consecutive", votes=2).window
        5
    """

    rule: str = "k-of-n"
    votes: int = 3
    window: int = 5
    period_seconds: float = 0.1
    half_life_seconds: float = 0.5
    enough: float = 2.0
    hysteresis: float = 0.1
    enter_seconds: float = 0.0
    leave_seconds: float = 0.5
    cooldown_seconds: float = 0.0
    longest_gap_seconds: float = 2.0

    def __post_init__(self) -> None:
        """Refuse values out of range and rules that could never be met."""
        _check(self.rule in RULES, f"rule must be one of {', '.join(RULES)}", self.rule, "k-of-n")
        _check(
            1 <= self.votes <= self.window <= _LARGEST_WINDOW,
            f"votes must be at least 1 and at most window, and window at most {_LARGEST_WINDOW}",
            f"{self.votes} of {self.window}",
            "votes=3 window=5",
        )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_seconds"):
                rule = f"{field.name} must be a number of seconds from 0"
                _check(0.0 <= value < math.inf, rule, value, f"{field.name}={field.default}")
        _check(0.0 <= self.hysteresis < 1.0, "hysteresis must be from 0 to below 1",
               self.hysteresis, "hysteresis=0.1")  # fmt: skip
        self._check_reachable()

    def _check_reachable(self) -> None:
        lasting = (self.votes - 1) * self.period_seconds
        _check(
            lasting <= self.longest_gap_seconds + _ROUNDING,
            f"{self.votes} votes, one every {self.period_seconds} s, must fit into "
            "longest_gap_seconds",
            self.longest_gap_seconds,
            f"longest_gap_seconds={math.ceil(2 * lasting)}",
        )
        _check(self.half_life_seconds > 0, "half_life_seconds must be above 0",
               self.half_life_seconds, "half_life_seconds=0.5")  # fmt: skip
        ages = self.period_seconds * np.arange(self.window, dtype=np.float64)
        most = float(decay(ages, self)[ages <= self.longest_gap_seconds].sum())
        _check(
            0.0 < self.enough <= most or (self.rule != "decayed-sum" and self.enough > 0.0),
            f"enough must be above 0 and at most {most:.3g}, what {self.window} votes with a "
            "score of 1 add up to",
            self.enough,
            f"enough={most / 2:.2g}",
        )

    def __str__(self) -> str:
        """Write all settings as `parse_evidence` takes them."""
        return write_assignments(self)


def parse_evidence(text: str, base: EvidenceSpec) -> EvidenceSpec:
    """Read rules from a line such as "rule=mean window=8 leave_seconds=1".

    Args:
        text: Settings of `EvidenceSpec`, with spaces between them.
        base: What holds for those that are not named.

    Raises:
        SettingError: An unknown setting, or a value that does not fit.

    Example:
        >>> spec = parse_evidence("rule=mean window=8 leave_seconds=1", EvidenceSpec())
        >>> spec.rule, spec.window, spec.leave_seconds
        ('mean', 8, 1.0)
        >>> parse_evidence(str(spec), EvidenceSpec()) == spec
        True
    """
    return parse_assignments(text, base, option=_OPTION)


def model_evidence(decision: DecisionSpec) -> EvidenceSpec:
    """Return the rules that a model's manifest asks for; what it leaves open is by default.

    Example:
        >>> model_evidence(DecisionSpec({"cat": 0.8}, votes=2, window=4)).votes
        2
    """
    least = EvidenceSpec()
    lasting = decision.window * least.period_seconds
    return EvidenceSpec(
        votes=decision.votes,
        window=decision.window,
        longest_gap_seconds=max(least.longest_gap_seconds, lasting),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Ballot:
    """The latest votes, oldest first.

    Attributes:
        scores: `(votes, labels)`, with the hysteresis added to the label that is believed.
        is_won: `(votes, labels)`, whether the label won the vote.
        ages: `(votes,)`, seconds before the newest vote.
        thresholds: `(labels,)`.
    """

    scores: Values
    is_won: NDArray[np.bool_]
    ages: Values
    thresholds: Values


Rule: TypeAlias = Callable[[Ballot, EvidenceSpec], tuple[Values, Values | float]]
"""From votes to the support of each label, `(labels,)`, and to what each one needs."""


def k_of_n(ballot: Ballot, spec: EvidenceSpec) -> tuple[Values, Values | float]:
    """Count the votes that each label won."""
    return ballot.is_won.sum(axis=0), spec.votes


def consecutive(ballot: Ballot, spec: EvidenceSpec) -> tuple[Values, Values | float]:
    """Count the latest votes in a row that each label won."""
    return np.cumprod(ballot.is_won[::-1], axis=0).sum(axis=0), spec.votes


def decayed_sum(ballot: Ballot, spec: EvidenceSpec) -> tuple[Values, Values | float]:
    """Add up the scores of the votes that each label won, older ones with less weight."""
    return decay(ballot.ages, spec) @ (ballot.scores * ballot.is_won), spec.enough


def mean(ballot: Ballot, spec: EvidenceSpec) -> tuple[Values, Values | float]:
    """Average the scores of each label, once there are votes enough."""
    is_enough = len(ballot.scores) >= spec.votes
    return ballot.scores.mean(axis=0), ballot.thresholds if is_enough else math.inf


RULES: Mapping[str, Rule] = {
    "k-of-n": k_of_n,
    "consecutive": consecutive,
    "decayed-sum": decayed_sum,
    "mean": mean,
}
"""The rules by their names in `EvidenceSpec.rule`."""


def decay(ages: Values, spec: EvidenceSpec) -> Values:
    """Return the weight of votes by their age in seconds: 1 when fresh, 0.5 after a half-life."""
    weights: Values = 0.5 ** (ages / spec.half_life_seconds)
    return weights


def _check(holds: bool, rule: str, received: object, example: str) -> None:
    if not holds:
        raise SettingError(
            f"In the rules of evidence, {rule}",
            received=str(received),
            fix=f'Write for example {_OPTION} "{example}"',
        )
