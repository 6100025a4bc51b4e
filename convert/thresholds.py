"""How sure a model must be: a temperature for its scores and a threshold for each label.

Both are chosen from the validation pictures' scores as the deployed file gives them, so that
what quantization did to the scores is part of the choice.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.evidence import answers_for, most_wrong_share
from edge.errors import SettingError
from edge.metrics import apply_temperature
from edge.quality.calibration import Reliability, fit_temperature, measure_reliability
from edge.records import Scores

PRECISION = 0.95
"""Asked for when nothing else is: one wrong answer in twenty; 59 right ones in a row show it."""

SHOWN, MET, MISSED, CHEAPEST = "shown", "met", "missed", "cheapest"

_GRID = np.array([*np.round(np.arange(0.5, 0.995, 0.01), 2), 0.995, 0.998, 0.999])


@dataclass(frozen=True, slots=True)
class Goal:
    """What thresholds are chosen for: a precision, or the least cost.

    Attributes:
        precision: Share of a label's answers that must be right, above 0 and below 1.
        wrong_cost: Of a picture taken for the label that shows another one; with `missed_cost`,
            instead of the precision.
        missed_cost: Of a picture of the label that is not taken for it.

    Raises:
        SettingError: A number is out of range.
    """

    precision: float = PRECISION
    wrong_cost: float | None = None
    missed_cost: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no threshold can be chosen by."""
        if not 0 < self.precision < 1:
            raise SettingError(
                "--precision must be above 0 and below 1",
                received=str(self.precision),
                fix="Use for example 0.999 for one wrong answer in 1,000",
            )
        costs = (1.0 if self.wrong_cost is None else self.wrong_cost, self.missed_cost)
        if not all(math.isfinite(cost) and cost > 0 for cost in costs):
            raise _unusable_cost(f"{self.wrong_cost}:{self.missed_cost}")

    def __str__(self) -> str:
        """Return it as on the command line."""
        if self.wrong_cost is None:
            return f"precision {self.precision:g}"
        return f"cost {self.wrong_cost:g}:{self.missed_cost:g}"

    @property
    def least_precision(self) -> float:
        """Share of right answers that is asked for, or from which answers cost less than none.

        Example:
            >>> Goal(0.99).least_precision, Goal(wrong_cost=99.0).least_precision
            (0.99, 0.99)
        """
        if self.wrong_cost is None:
            return self.precision
        return self.wrong_cost / (self.wrong_cost + self.missed_cost)


def read_goal(precision: float | None, cost: str | None) -> Goal:
    """Make the goal of what the command line says.

    Raises:
        SettingError: Both are given, or one cannot be used.

    Example:
        >>> str(read_goal(None, None)), str(read_goal(None, "20:1"))
        ('precision 0.95', 'cost 20:1')
    """
    if precision is not None and cost is not None:
        raise SettingError(
            "Thresholds are chosen by --precision or by --cost",
            received="both",
            fix="Use one of them",
        )
    if cost is None:
        return Goal(PRECISION if precision is None else precision)
    try:
        wrong, missed = (float(part) for part in cost.split(":"))
    except ValueError as error:
        raise _unusable_cost(cost) from error
    return Goal(wrong_cost=wrong, missed_cost=missed)


def _unusable_cost(received: str) -> SettingError:
    return SettingError(
        "--cost must be two numbers above 0, WRONG:MISSED",
        received=received,
        fix="Use for example 100:1, when a wrong opening is as bad as a hundred missed ones",
    )


@dataclass(frozen=True, slots=True)
class Threshold:
    """A label's threshold and what it does to the validation pictures.

    Attributes:
        value: Least calibrated probability, in [0, 1].
        precision: Share of its answers that are right, in [0, 1]; `None` without an answer.
        recall: Share of the label's own pictures that still get it, in [0, 1].
        answers: Pictures that get the label.
        wrong: How many of them show another one.
        precision_shown: What the precision is at least, with 95 % confidence.
        verdict: "shown", with that confidence; "met" by these pictures, which are too few to
            show it; "missed"; or "cheapest" when the goal is a cost.
        note: What to know when it, or that the answers are worth their cost, is not shown; else
            empty.
    """

    value: float
    precision: float | None
    recall: float
    answers: int
    wrong: int
    precision_shown: float
    verdict: str
    note: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values for JSON."""
        values = asdict(self)
        return {"threshold": values.pop("value"), **values}


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a model's scores into probabilities to decide by.

    Attributes:
        temperature: For `edge.metrics.apply_temperature`.
        thresholds: One per label.
        goal: What the thresholds were chosen for.
        pictures: Validation pictures that it was chosen from.
        before: How far these pictures' raw scores are from shares of right answers.
        after: The same with the temperature, which these very pictures have chosen.
    """

    temperature: float
    thresholds: Mapping[str, Threshold]
    goal: Goal
    pictures: int
    before: Reliability
    after: Reliability

    @property
    def values(self) -> dict[str, float]:
        """The threshold of each label."""
        return {label: threshold.value for label, threshold in self.thresholds.items()}


def calibrate(
    scores: Scores,
    truth: NDArray[np.integer[Any]],
    *,
    labels: Sequence[str],
    goal: Goal | None = None,
) -> Calibration:
    """Choose temperature and thresholds from validation scores.

    Args:
        scores: `(pictures, labels)`, raw scores of the deployed file, in [0, 1].
        truth: `(pictures,)`, index of the right label.
        labels: The model's labels; any words.
        goal: What to choose the thresholds for; a precision of 0.95 by default.
    """
    goal = goal or Goal()
    temperature = fit_temperature(scores, truth)
    calibrated = apply_temperature(scores, temperature) if temperature != 1.0 else scores
    thresholds = {
        label: choose_threshold(calibrated, truth == index, index, goal)
        for index, label in enumerate(labels)
    }
    return Calibration(
        temperature,
        thresholds,
        goal,
        len(truth),
        before=measure_reliability(scores, truth),
        after=measure_reliability(calibrated, truth),
    )


def choose_threshold(
    scores: Scores, is_own: NDArray[np.bool_], label_index: int, goal: Goal
) -> Threshold:
    """Return the threshold from 0.5 up that meets the goal.

    For a precision: the smallest that shows it with 95 % confidence. Where the pictures are too
    few for that, the one that shows most, of those that meet it here if there are any. For a cost:
    the cheapest, the smallest of equals.

    Args:
        scores: `(pictures, labels)`, calibrated.
        is_own: `(pictures,)`, whether a picture carries the label.
        label_index: Column of the label.
        goal: What to choose it for.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]], np.float32)
        >>> found = choose_threshold(scores, np.array([True, False, True]), 0, Goal(0.99))
        >>> found.value, found.verdict
        (0.61, 'met')
    """
    is_winner = scores.argmax(axis=1) == label_index
    own = scores[is_own & is_winner, label_index]
    others = scores[~is_own & is_winner, label_index]
    right = (own >= _GRID[:, np.newaxis]).sum(axis=1)
    wrong = (others >= _GRID[:, np.newaxis]).sum(axis=1)
    owned = int(is_own.sum())
    if goal.wrong_cost is not None:
        costs = goal.wrong_cost * wrong + goal.missed_cost * (owned - right)
        index, verdict = int(costs.argmin()), CHEAPEST
    else:
        index, verdict = _meet_precision(right, wrong, goal.precision)
    note = _explain(verdict, int(right[index]), int(wrong[index]), goal.least_precision)
    return _describe(index, right, wrong, owned, verdict, note)


def _meet_precision(
    right: NDArray[np.integer[Any]], wrong: NDArray[np.integer[Any]], precision: float
) -> tuple[int, str]:
    """Return the row of the grid to take, and how well it does."""
    answers = right + wrong
    shown = np.array(
        [1 - most_wrong_share(int(w), int(n)) for w, n in zip(wrong, answers, strict=True)]
    )
    if (shown >= precision).any():
        return int((shown >= precision).argmax()), SHOWN
    is_met = (answers > 0) & (wrong <= (1 - precision) * answers)
    if is_met.any():
        return int(np.where(is_met, shown, -1.0).argmax()), MET
    return int(shown.argmax()), MISSED


def _explain(verdict: str, right: int, wrong: int, precision: float) -> str:
    """Say what keeps a precision, or that the answers are worth their cost, from being shown."""
    answers = right + wrong
    if not answers:
        return "no validation picture gets this label"
    bound = most_wrong_share(wrong, answers)
    if 1 - bound >= precision:
        return ""
    found = f"{wrong} wrong of {answers}, which shows at most 1 wrong in {1 / bound:.1f}"
    if verdict == MISSED:
        return f"not met: {found}"
    lacking = "not shown to be worth it" if verdict == CHEAPEST else "not shown"
    return f"{lacking}: {found}; it takes {answers_for(precision):,} answers without a mistake"


def _describe(
    index: int,
    right: NDArray[np.integer[Any]],
    wrong: NDArray[np.integer[Any]],
    owned: int,
    verdict: str,
    note: str,
) -> Threshold:
    answers, mistakes = int(right[index] + wrong[index]), int(wrong[index])
    return Threshold(
        value=float(_GRID[index]),
        precision=int(right[index]) / answers if answers else None,
        recall=int(right[index]) / owned if owned else 0.0,
        answers=answers,
        wrong=mistakes,
        precision_shown=1 - most_wrong_share(mistakes, answers),
        verdict=verdict,
        note=note,
    )
