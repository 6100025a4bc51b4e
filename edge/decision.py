"""From predictions to steady decisions: a label is believed on evidence, and given up without.

Pure: no clock, no input or output. All rules run on the source's own time, so that the same
frames and predictions always lead to the same decisions, live or replayed.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from edge.errors import SettingError
from edge.evidence import EvidenceSpec
from edge.records import UNKNOWN, Decision, Frame, Picture, Prediction, Scores
from edge.voting import NOBODY, Moment, Votes

_ROUNDING = 1e-3  # scores of a quantized model may pass 1 by its smallest step
_ROUNDING_SECONDS = 1e-6  # sums of times are not exact
_BEFORE_ALL = Moment(-math.inf, 0.0)


class Decider:
    """Decides what to believe, by the rules of an `EvidenceSpec`; see docs/decisions.md.

    A label is believed once it has had the evidence for `enter_seconds`, and given up once it
    has been without it for `leave_seconds`. While nobody is believed the label is "unknown".

    A frame whose scores are no probabilities (NaN, infinite, out of [0, 1], wrong number) is
    counted and dropped: it is no vote, and the decision on it is "unknown". After a gap between
    frames of more than `longest_gap_seconds`, and when the source begins anew, nothing that was
    seen before counts.

    Args:
        labels: The model's labels, in the order of its scores.
        thresholds: Least score per label, in [0, 1].
        evidence: The rules.

    Raises:
        SettingError: A threshold is missing, belongs to no label or is not in [0, 1].

    Example:
        >>> from edge.testing import blank_frame, prediction
        >>> decider = Decider(["cat", "none"], thresholds={"cat": 0.8, "none": 0.5},
        ...                   evidence=EvidenceSpec(votes=2, window=3))
        >>> for index, score in enumerate((0.9, 0.7, 0.97)):
        ...     seen = prediction({"cat": score, "none": 1 - score})
        ...     frame = blank_frame(index, time_seconds=index / 10)
        ...     decision = decider.decide(frame, seen, now_seconds=0.0)
        ...     print(decision.label, round(decision.score, 3))
        unknown 0.9
        unknown 0.7
        cat 0.935
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        thresholds: Mapping[str, float],
        evidence: EvidenceSpec = EvidenceSpec(),  # noqa: B008 - frozen
    ) -> None:
        _check_thresholds(labels, thresholds)
        self._labels = tuple(labels)
        self._thresholds = np.array([thresholds[label] for label in labels])
        self._spec = evidence
        self._invalid = 0
        self._now = _BEFORE_ALL
        self._believed = NOBODY
        self._cool_seconds: dict[int, float] = {}  # from when a label may be believed again
        self._forget()

    @property
    def invalid_predictions(self) -> int:
        """Frames so far whose scores were no probabilities."""
        return self._invalid

    @property
    def is_undecided(self) -> bool:
        """Whether the latest vote is not for what is believed: more of them will tell."""
        return self._latest != self._believed

    def decide(self, frame: Frame, prediction: Prediction, *, now_seconds: float) -> Decision:
        """Count a frame's prediction and say what is believed now.

        Args:
            frame: The frame that was classified.
            prediction: What the model says about it; only `scores` count.
            now_seconds: Monotonic time, of the clock that stamped `frame.captured_seconds`.

        Returns:
            The decision. Its score is the mean of the votes that the label won, as long as it
            has the evidence; for "unknown" it is the best score of this frame, 0 if the scores
            are no probabilities.
        """
        self._go_on(frame.time_seconds)
        scores = self._probabilities(prediction.scores)
        if scores is None:
            self._invalid += 1
            return _decision(UNKNOWN, 0.0, frame, now_seconds=now_seconds)
        before = self._believed
        is_vote = self._votes.is_due(self._now)
        if is_vote:
            self._votes.add(np.array(scores, np.float64).clip(0.0, 1.0), self._now)
            self._latest = self._votes.latest(self._believed)
            self._note_winner(self._votes.winner(self._believed))
        self._change_belief()
        if self._believed == NOBODY:
            best_score = min(max(0.0, *scores), 1.0)
            return _decision(UNKNOWN, best_score, frame, now_seconds=now_seconds)
        if self._believed == self._winner and (is_vote or self._believed != before):
            self._score = self._votes.mean_score(self._believed)
        label = self._labels[self._believed]
        return _decision(label, self._score, frame, now_seconds=now_seconds)

    def withhold(self, frame: Frame, picture: Picture, *, now_seconds: float) -> Decision:
        """Decide for "unknown" because the picture is not to be trusted, and forget all evidence.

        Args:
            frame: The frame that is not judged by.
            picture: What is wrong with it.
            now_seconds: As for `decide`.
        """
        self._go_on(frame.time_seconds)
        self._forget()
        return _decision(UNKNOWN, 0.0, frame, now_seconds=now_seconds, picture=picture)

    def rest(self, frame: Frame) -> None:
        """Note a frame that nobody classified because nothing moves: the belief is held.

        The time since the frame before counts neither for dwell nor for the age of the votes for
        what is believed; cool-down goes on.
        """
        active_seconds = self._now.active_seconds
        self._go_on(frame.time_seconds)
        self._now = Moment(frame.time_seconds, active_seconds)

    def _go_on(self, time_seconds: float) -> None:
        passed = time_seconds - self._now.time_seconds
        if not 0.0 <= passed <= self._spec.longest_gap_seconds:
            self._forget()
        if passed < 0.0:  # the source has begun anew
            self._cool_seconds.clear()
        passed = min(max(passed, 0.0), self._spec.longest_gap_seconds)
        self._now = Moment(time_seconds, self._now.active_seconds + passed)

    def _forget(self) -> None:
        if self._believed != NOBODY:
            self._give_up()
        self._votes = Votes(self._spec, self._thresholds)
        self._latest = NOBODY  # who won the latest vote
        self._winner = NOBODY  # who has the evidence by the latest vote
        self._won_seconds = self._lost_seconds = 0.0  # since when, and since when not the believed
        self._score = 0.0

    def _probabilities(self, scores: Scores) -> list[float] | None:
        """Return the scores if they are such; plain numbers, as most frames need no more."""
        row = np.asarray(scores)
        if row.shape != self._thresholds.shape:
            return None
        numbers: list[float] = row.tolist()
        # A comparison with NaN is false, and the sum is NaN if any of them is.
        is_number = sum(numbers) >= -math.inf
        is_within = min(numbers) >= -_ROUNDING and max(numbers) <= 1.0 + _ROUNDING
        return numbers if is_number and is_within else None

    def _note_winner(self, winner: int) -> None:
        if winner != self._winner:
            if self._winner == self._believed:
                self._lost_seconds = self._now.active_seconds
            self._winner, self._won_seconds = winner, self._now.active_seconds

    def _change_belief(self) -> None:
        """Give up who is without the evidence, believe who has it, each after its dwell."""
        if self._winner == self._believed:
            return
        if self._believed != NOBODY:
            if self._active_since(self._lost_seconds) < self._spec.leave_seconds:
                return
            self._give_up()
        is_cool = self._now.time_seconds >= self._cool_seconds.get(self._winner, -math.inf)
        if is_cool and self._active_since(self._won_seconds) >= self._spec.enter_seconds:
            self._believed = self._winner

    def _active_since(self, active_seconds: float) -> float:
        return self._now.active_seconds - active_seconds + _ROUNDING_SECONDS

    def _give_up(self) -> None:
        cool_seconds = self._now.time_seconds + self._spec.cooldown_seconds
        self._cool_seconds[self._believed] = cool_seconds
        self._believed = NOBODY


def _decision(
    label: str,
    score: float,
    frame: Frame,
    *,
    now_seconds: float,
    picture: Picture = Picture.LIVE,
) -> Decision:
    age_ms = max(0.0, (now_seconds - frame.captured_seconds) * 1000)
    return Decision(label, score, frame.index, frame.time_seconds, age_ms, picture)


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
