"""The search for the rules that cost least on recorded clips, and what its result is worth."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edge.replay.candidates import list_grid, list_neighbours
from edge.replay.cost import Cost, is_dominated, mistakes
from edge.replay.rules import Rules
from edge.replay.scoring import Counts, add_counts

DEFAULT_TRIES = 1000
_STARTS = 3  # of the best rules so far, whose neighbours are tried in a round
_TIMES_PER_SECOND = 1000  # late by less than that is the same

Judge = Callable[[Rules], tuple[Counts, ...]]
"""Says what rules get wrong, for each clip; `edge.replay.rules.judge_rules` is one."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Rules that were tried.

    Attributes:
        rules: These.
        counts: What they got right and wrong, for each clip.
        cost: What that costs on all clips.
        changes: In how many settings they differ from the rules before.
    """

    rules: Rules
    counts: tuple[Counts, ...]
    cost: float
    changes: int

    @property
    def total(self) -> Counts:
        """The counts of all clips together."""
        return add_counts(self.counts)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a search has found.

    Attributes:
        tried: How many rules were tried.
        before: The rules that hold without a change.
        best: Those that cost least; of equals, those with the fewest changes.
        front: One for each combination of mistakes that no other is at least as good as in all
            and better in one, the cheapest first.
        left_out_cost: What it costs when for each clip the rules are chosen by the others alone;
            `None` with fewer than two clips.
    """

    tried: int
    before: Trial
    best: Trial
    front: tuple[Trial, ...]
    left_out_cost: float | None


def tune(
    judge: Judge,
    base: Rules,
    *,
    tuned: Sequence[str],
    cost: Cost,
    confirm: Judge | None = None,
    tries: int = DEFAULT_TRIES,
    when_tried: Callable[[], None] = lambda: None,
) -> Tuning:
    """Search thresholds and rules of evidence: a grid, then steps downhill from the best.

    Args:
        judge: Says what rules get wrong, for each clip; pure.
        base: The rules that hold without a change.
        confirm: Says it once more, exactly, of the rules that are returned; `judge` if `None`.
        tuned: Labels whose thresholds are varied.
        cost: What the mistakes cost.
        tries: At most so many rules are tried.
        when_tried: Called after each.
    """
    trials: dict[Rules, Trial] = {}

    def hold_trial(rules: Rules, judge: Judge) -> Trial:
        counts = judge(rules)
        price = round(cost.of(add_counts(counts)), 9)
        return Trial(rules, counts, price, rules.count_changes(base))

    def try_all(candidates: Iterable[Rules]) -> None:
        for rules in candidates:
            if rules not in trials and len(trials) < tries:
                trials[rules] = hold_trial(rules, judge)
                when_tried()

    try_all(list_grid(base, tuned))
    explored: set[Rules] = set()
    while len(trials) < tries:
        ranked = sorted(trials.values(), key=_rank)[:_STARTS]
        starts = [trial.rules for trial in ranked if trial.rules not in explored]
        if not starts:
            break
        for rules in starts:
            explored.add(rules)
            try_all(list_neighbours(rules, tuned))
    found = tuple(trials.values())
    before = hold_trial(base, confirm or judge)
    sure = [hold_trial(trial.rules, confirm or judge) for trial in _front(found)]
    return Tuning(
        tried=len(found),
        before=before,
        best=min((before, *sure), key=_rank),
        front=_front((before, *sure)),
        left_out_cost=leave_one_out(found, cost),
    )


def leave_one_out(trials: Sequence[Trial], cost: Cost) -> float | None:
    """Return what it costs when for each clip the rules are chosen by the others alone.

    What rules cost on the clips that chose them is less than what they will cost on new ones; a
    clip that had no say is nearer to these (Stone 1974, "Cross-Validatory Choice and Assessment
    of Statistical Predictions"). It is a lower bound still: which rules were tried at all, the
    clip has influenced.

    Args:
        trials: All that were tried, at least one.
        cost: What the mistakes cost.

    Returns:
        The sum over all clips; `None` with fewer than two.
    """
    clips = len(trials[0].counts)
    if clips < 2:
        return None
    prices = [[cost.of(counts) for counts in trial.counts] for trial in trials]
    left_out = 0.0
    for clip in range(clips):
        chosen = min(
            range(len(trials)),
            key=lambda one: (round(sum(prices[one]) - prices[one][clip], 9), trials[one].changes),
        )
        left_out += prices[chosen][clip]
    return left_out


def _rank(trial: Trial) -> tuple[float, int]:
    return trial.cost, trial.changes


def _front(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Return one trial, with the fewest changes, for each undominated combination of mistakes."""
    simplest: dict[tuple[float, ...], Trial] = {}
    for trial in sorted(trials, key=lambda trial: trial.changes):
        amounts = tuple(
            round(amount * _TIMES_PER_SECOND) / _TIMES_PER_SECOND
            for amount in mistakes(trial.total)
        )
        simplest.setdefault(amounts, trial)
    kept = [
        trial for amounts, trial in simplest.items() if not is_dominated(amounts, list(simplest))
    ]
    return tuple(sorted(kept, key=_rank))
