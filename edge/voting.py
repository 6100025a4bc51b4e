"""The latest votes, and which label they give the evidence to."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge.evidence import RULES, Ballot, EvidenceSpec, Values

NOBODY = -1
"""What stands for "no label" among the columns of the scores."""

_EARLY_SECONDS = 1e-6  # sums of periods are not exact


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in a source's time.

    Attributes:
        time_seconds: `Frame.time_seconds`.
        active_seconds: The same less all the time in which nothing moved.
    """

    time_seconds: float
    active_seconds: float


class Votes:
    """Takes frames for votes and judges them by the rule of an `EvidenceSpec`.

    Votes are due every `period_seconds` from the first frame on, and taken from the first frame
    that is not before. After a pause of a period they are due from the next frame on.

    Args:
        spec: The rules.
        thresholds: `(labels,)`, least score per label.

    Example:
        >>> votes = Votes(EvidenceSpec(votes=2), np.array([0.8, 0.5]))
        >>> for time_seconds in (0.0, 0.04, 0.08, 0.12):
        ...     is_vote = votes.add(np.array([0.9, 0.1]), Moment(time_seconds, time_seconds))
        ...     print(is_vote, votes.winner())
        True -1
        False -1
        False -1
        True 0
    """

    def __init__(self, spec: EvidenceSpec, thresholds: Values) -> None:
        self._spec = spec
        self._thresholds = thresholds
        self._latest: deque[tuple[Moment, Values]] = deque(maxlen=spec.window)
        self._due_seconds = -math.inf

    def is_due(self, now: Moment) -> bool:
        """Whether the scores of a frame of this moment would be taken."""
        return now.time_seconds >= self._due_seconds - _EARLY_SECONDS

    def add(self, scores: Values, now: Moment) -> bool:
        """Take the scores of a frame, `(labels,)`, if a vote is due; say whether it was."""
        if not self.is_due(now):
            return False
        is_late = now.time_seconds >= self._due_seconds + self._spec.period_seconds
        due_seconds = now.time_seconds if is_late else self._due_seconds
        self._due_seconds = due_seconds + self._spec.period_seconds
        self._latest.append((now, scores))
        oldest = now.active_seconds - self._spec.longest_gap_seconds
        while self._latest[0][0].active_seconds < oldest:
            self._latest.popleft()
        return True

    def winner(self, believed: int = NOBODY) -> int:
        """Return the column of the label with the evidence, or `NOBODY`.

        For what is believed already a rest of the scene does not age a vote: nothing has moved
        since. Any other label needs votes that are fresh by the source's time.
        """
        winner = self._judge(self._latest, believed)
        if winner in (NOBODY, believed):
            return winner
        oldest = self._latest[-1][0].time_seconds - self._spec.longest_gap_seconds
        fresh = [vote for vote in self._latest if vote[0].time_seconds >= oldest]
        return self._judge(fresh, believed)

    def latest(self, believed: int = NOBODY) -> int:
        """Return the column of the label that won the newest vote, or `NOBODY`."""
        is_won = self._ballot(list(self._latest)[-1:], believed).is_won[0]
        return int(is_won.argmax()) if is_won.any() else NOBODY

    def mean_score(self, believed: int) -> float:
        """Return the mean score of a label over the votes that it won; of all if it won none."""
        ballot = self._ballot(self._latest, believed)
        is_won = ballot.is_won[:, believed]
        scores = np.array([scores[believed] for _, scores in self._latest], np.float64)
        return float((scores[is_won] if is_won.any() else scores).mean())

    def _judge(self, votes: Iterable[tuple[Moment, Values]], believed: int) -> int:
        ballot = self._ballot(votes, believed)
        support, need = RULES[self._spec.rule](ballot, self._spec)
        has_enough = support >= need
        if not has_enough.any():
            return NOBODY
        is_first = has_enough & (support == support[has_enough].max())
        votes_since_won = ballot.is_won[::-1].argmax(axis=0)
        return int(np.where(is_first, -votes_since_won, -math.inf).argmax())

    def _ballot(self, votes: Iterable[tuple[Moment, Values]], believed: int) -> Ballot:
        moments, rows = zip(*votes, strict=True)
        scores = np.array(rows, np.float64)
        if believed != NOBODY:
            scores[:, believed] += self._spec.hysteresis
        best = scores.argmax(axis=1)
        is_won = np.zeros(scores.shape, np.bool_)
        is_won[np.arange(len(best)), best] = scores.max(axis=1) >= self._thresholds[best]
        seconds = np.array([moment.active_seconds for moment in moments])
        return Ballot(scores, is_won, seconds[-1] - seconds, self._thresholds)
