"""From predictions to steady decisions: a label must win several of the last frames.

Pure: no clock, no input or output; the time comes in as an argument, so that the same
predictions always lead to the same decisions.
"""

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.errors import SettingError
from edge.records import UNKNOWN, Decision, Frame, Prediction, Scores

_ROUNDING = 1e-3  # scores of a quantized model may pass 1 by its smallest step


@dataclass(frozen=True, slots=True)
class _Vote:
    label: str
    score: float


_NO_VOTE = _Vote(UNKNOWN, 0.0)


class Decider:
    """Decides by k of n: a label is believed once it won `votes` of the last `window` frames.

    A frame is won by the label with the highest score if that score reaches the label's
    threshold. A frame whose scores are no probabilities (NaN, infinite, out of [0, 1], wrong
    number) is won by nobody. Among several labels with enough votes the one with the most is
    believed, and of those the most recent.

    Args:
        labels: The model's labels, in the order of its scores.
        thresholds: Least score per label, in [0, 1].
        votes: Frames that a label must win, from 1.
        window: Frames that are looked back on, from `votes`.

    Raises:
        SettingError: `votes` and `window` do not fit, or a threshold is missing, belongs to no
            label or is not in [0, 1].

    Example:
        >>> from edge.testing import blank_frame, prediction
        >>> decider = Decider(["cat", "none"], thresholds={"cat": 0.8, "none": 0.5},
        ...                   votes=2, window=3)
        >>> for index, score in enumerate((0.9, 0.7, 0.97)):
        ...     seen = prediction({"cat": score, "none": 1 - score})
        ...     decision = decider.decide(blank_frame(index), seen, now_seconds=index / 30)
        ...     print(decision.label, round(decision.score, 3))
        unknown 0.9
        unknown 0.7
        cat 0.935
    """

    def __init__(
        self, labels: Sequence[str], *, thresholds: Mapping[str, float], votes: int, window: int
    ) -> None:
        _check_votes(votes, window)
        _check_thresholds(labels, thresholds)
        self._labels = tuple(labels)
        self._thresholds = dict(thresholds)
        self._votes = votes
        self._recent: deque[_Vote] = deque(maxlen=window)
        self._invalid = 0

    @property
    def invalid_predictions(self) -> int:
        """Frames so far whose scores were no probabilities."""
        return self._invalid

    def decide(self, frame: Frame, prediction: Prediction, *, now_seconds: float) -> Decision:
        """Count a frame's prediction and say what is believed now.

        Args:
            frame: The frame that was classified.
            prediction: What the model says about it; only `scores` count.
            now_seconds: Monotonic time, of the clock that stamped `frame.captured_seconds`.

        Returns:
            The decision. Its score is the mean of the frames that the label won; for "unknown"
            it is the best score of this frame, 0 if the scores are no probabilities.
        """
        best = self._best(prediction)
        is_won = best.score >= self._thresholds.get(best.label, math.inf)
        self._recent.append(best if is_won else _NO_VOTE)
        label = self._winner()
        score = best.score if label == UNKNOWN else self._mean_score(label)
        age_ms = max(0.0, (now_seconds - frame.captured_seconds) * 1000)
        return Decision(label, score, frame.index, frame.time_seconds, age_ms)

    def _best(self, prediction: Prediction) -> _Vote:
        scores = np.asarray(prediction.scores)
        if scores.shape != (len(self._labels),) or not _are_probabilities(scores):
            self._invalid += 1
            return _NO_VOTE
        index = int(scores.argmax())
        return _Vote(self._labels[index], min(1.0, max(0.0, float(scores[index]))))

    def _winner(self) -> str:
        # Newest first: of equally many votes, Counter names the label it met first.
        votes = Counter(vote.label for vote in reversed(self._recent) if vote is not _NO_VOTE)
        for label, count in votes.most_common(1):
            if count >= self._votes:
                return label
        return UNKNOWN

    def _mean_score(self, label: str) -> float:
        scores = [vote.score for vote in self._recent if vote.label == label]
        return math.fsum(scores) / len(scores)


def _are_probabilities(scores: Scores) -> bool:
    # A comparison with NaN is false, so NaN is caught here as well.
    return bool(scores.min() >= -_ROUNDING and scores.max() <= 1.0 + _ROUNDING)


def _check_votes(votes: int, window: int) -> None:
    if not 1 <= votes <= window:
        raise SettingError(
            "A label must win at least 1 and at most all of the frames that are looked back on",
            received=f"{votes} of {window}",
            fix="Choose for example 3 of 5: --votes 3 --of 5",
        )


def _check_thresholds(labels: Sequence[str], thresholds: Mapping[str, float]) -> None:
    if set(thresholds) != set(labels):
        raise SettingError(
            f"Each of the model's {len(labels)} labels needs a threshold, and nothing else does",
            received=f"{len(thresholds)} of them, "
            f"such as {next(iter(set(thresholds) ^ set(labels)))!r}",
            fix="Name each label once",
        )
    for label, threshold in thresholds.items():
        if not 0.0 <= threshold <= 1.0:
            raise SettingError(
                "A threshold must be from 0 to 1",
                received=f"{threshold} for {label}",
                fix="Choose for example 0.8",
            )
