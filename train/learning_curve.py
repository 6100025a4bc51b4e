"""How mistakes fall with the number of photos, from the photos at hand.

Last layers are learned, on what a pretrained network sees: that takes milliseconds where a
training takes minutes, so that every photo can judge, several times, and not only a few. With few
photos it is also just what `edge train` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.quality.interval import wilson_interval
from train.forecast import Forecast, look_ahead
from train.linear_head import solve_head
from train.losses import weigh_labels

FOLDS = 5
_MOST_REPEATS = 4
_JUDGED_OFTEN = 2_000  # photos; of more, each is judged once
_MOST_SHARES = 6
_FEWEST_PER_LABEL = 2


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Mistakes after learning from so many photos.

    Attributes:
        photos: Learned from, of all labels together.
        error: Share of wrong answers on photos that were not learned from, in [0, 1].
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    photos: int
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Mistakes over the number of photos.

    Attributes:
        points: By the number of photos, ascending.
        judged: Different photos that each point rests on.
        forecast: `None` where too few mistakes were made to tell.
    """

    points: tuple[CurvePoint, ...]
    judged: int
    forecast: Forecast | None


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Photos as a network sees them.

    Attributes:
        features: `(photos, features)`.
        truth: `(photos,)`, index of each photo's label.
        groups: `(photos,)`, number of what each belongs to; a group is never divided.
        labels: How many labels there are.
    """

    features: NDArray[np.float32]
    truth: NDArray[np.int64]
    groups: NDArray[np.int64]
    labels: int


def count_rounds(photos: int) -> int:
    """Return how often `trace_curve` learns from growing shares."""
    return FOLDS * max(1, min(_MOST_REPEATS, _JUDGED_OFTEN // max(1, photos)))


def trace_curve(
    examples: Examples,
    *,
    seed: int,
    when_done: Callable[[], None] = lambda: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> LearningCurve:
    """Learn last layers from growing shares of the photos and judge them with the others.

    In each round a fifth of the photos judges. Of the others, growing shares are learned from,
    each label in the same proportion, each share part of the next. After five rounds every photo
    has judged once; with few photos the whole is repeated with other fifths.

    Args:
        examples: The photos.
        seed: Of the fifths and the shares.
        when_done: Called after each of `count_rounds(photos)` rounds.
        is_stopped: Asked before each round; the curve is then drawn from those that are done.
    """
    count = len(examples.truth)
    shares = choose_shares(examples.truth)
    wrong = np.zeros((len(shares), count))
    asked, learned = np.zeros(count), np.zeros(len(shares))
    rounds = count_rounds(count)
    for number in range(rounds):
        if is_stopped() and number:
            break
        repeat, fold = divmod(number, FOLDS)
        order, folds = deal(examples, np.random.default_rng([seed, repeat]))
        judging = np.flatnonzero(folds == fold)
        for place, share in enumerate(shares):
            rows = take_share(order[folds[order] != fold], examples.truth, share)
            learned[place] += len(rows)
            wrong[place, judging] += _judge(examples, rows, judging)
        asked[judging] += 1
        when_done()
    is_asked = asked > 0
    photos = [max(1, round(total / (number + 1))) for total in learned]
    return read_curve(photos, wrong[:, is_asked] / asked[is_asked], examples.groups[is_asked], seed)


def choose_shares(truth: NDArray[np.int64]) -> tuple[float, ...]:
    """Halve again and again while the rarest label keeps some photos; ascending.

    Example:
        >>> choose_shares(np.repeat([0, 1], [40, 10]))
        (0.25, 0.5, 1.0)
    """
    rarest = np.bincount(truth).min() * (FOLDS - 1) / FOLDS
    halvings = [2.0**-power for power in range(_MOST_SHARES)]
    return tuple(sorted(s for s in halvings if s >= 0.5 or s * rarest >= _FEWEST_PER_LABEL))


def deal(
    examples: Examples, random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Shuffle the photos and deal them into fifths, groups whole, each label evenly.

    Returns:
        The rows in their new order, and the fifth of each row.
    """
    names, first = np.unique(examples.groups, return_index=True)
    order = random.permutation(len(names))
    folds = np.empty(len(names), np.intp)
    for label in range(examples.labels):
        own = order[examples.truth[first[order]] == label]
        folds[own] = (np.arange(len(own)) + label) % FOLDS
    places = np.searchsorted(names, examples.groups)
    rank = np.empty(len(names), np.intp)
    rank[order] = np.arange(len(names))
    return np.argsort(rank[places], kind="stable"), folds[places]


def take_share(rows: NDArray[np.intp], truth: NDArray[np.int64], share: float) -> NDArray[np.intp]:
    """Return the first rows of each label, so many that they are a share of them, at least one.

    Example:
        >>> take_share(np.array([0, 1, 2, 3, 4, 5]), np.array([0, 0, 0, 0, 1, 1]), 0.5).tolist()
        [0, 1, 4]
    """
    kept = []
    for label in np.unique(truth[rows]):
        own = rows[truth[rows] == label]
        kept.append(own[: max(1, round(share * len(own)))])
    return np.concatenate(kept)


def _judge(
    examples: Examples, rows: NDArray[np.intp], judging: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Learn from some rows; return which of the judging ones get a wrong answer."""
    truth = examples.truth[rows]
    weights = weigh_labels(truth, labels=examples.labels)
    head = solve_head(examples.features[rows], truth, label_weights=weights)
    wrong: NDArray[np.bool_] = head.choose(examples.features[judging]) != examples.truth[judging]
    return wrong


def read_curve(
    photos: Sequence[int], wrong: NDArray[np.float64], groups: NDArray[np.int64], seed: int
) -> LearningCurve:
    """Turn wrong answers into points with intervals, and look ahead.

    Args:
        photos: Learned from, of each point, ascending.
        wrong: `(points, photos)`, how often, in [0, 1], each judging photo got a wrong answer.
        groups: `(photos,)`, what each judging photo belongs to.
        seed: Of the drawing.
    """
    judged = len(np.unique(groups))
    points = []
    for count, error in zip(photos, wrong.mean(axis=1), strict=True):
        interval = wilson_interval(round(error * judged), judged)
        points.append(CurvePoint(count, float(error), interval.low, interval.high))
    return LearningCurve(tuple(points), judged, look_ahead(photos, wrong, groups, seed))


def say_curve(curve: LearningCurve) -> str:
    """Say what the curve means, in sentences.

    Example:
        >>> curve = LearningCurve((CurvePoint(100, 0.04, 0.02, 0.09),), 125, None)
        >>> say_curve(curve).partition(" (")[0]
        'Learning from 100 photos, 4.0% of 125 others get a wrong answer'
    """
    last, ahead = curve.points[-1], curve.forecast
    now = (
        f"Learning from {last.photos:,} photos, {last.error:.1%} of {curve.judged:,} others get "
        f"a wrong answer (95 % interval: {last.low:.1%} to {last.high:.1%})"
    )
    if ahead is None:
        return f"{now}: too few mistakes to say what more photos of this kind would bring."
    return (
        f"{now}. Twice as many of the same kind would probably bring {ahead.error:.1%} "
        f"({ahead.low:.1%} to {ahead.high:.1%})."
    )
