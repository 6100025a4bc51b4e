"""What clips are too few for: how much the counts may be off by chance alone."""

import math
from collections.abc import Iterator, Mapping, Sequence

from edge.quality.interval import wilson_interval
from edge.replay.expectations import Expectation
from edge.replay.scoring import Counts, Finding, Verdict

_CHANCE = 0.05
_ENOUGH_APPEARANCES = 20
_ENOUGH_FALSE_PER_HOUR = 1.0  # a rate that is worth knowing


def list_shortages(
    findings: Sequence[Finding],
    total: Counts,
    *,
    expectations: Mapping[str, Sequence[Expectation]],
    clips: Sequence[str],
    labels: Sequence[str],
) -> Iterator[str]:
    """Say, a sentence each, what cannot be known from these clips.

    Args:
        findings: Of all clips.
        total: Their counts.
        expectations: What was to be seen, by clip.
        clips: Names of all clips.
        labels: Those whose appearance is an event.
    """
    for label in labels:
        own = [f.verdict for f in findings if f.label == label]
        right = own.count(Verdict.RIGHT)
        appearances = right + own.count(Verdict.MISSED)
        if not appearances:
            yield f"no clip shows {label}: nothing is known about finding it"
        elif appearances < _ENOUGH_APPEARANCES:
            found = wilson_interval(right, appearances)
            yield (
                f"{label}: {right} of {appearances} appearances found; of many more it may be "
                f"{found.low:.0%} to {found.high:.0%}"
            )
    most = highest_rate(total.false, total.seconds / 3600)
    if most > total.false_per_hour + _ENOUGH_FALSE_PER_HOUR:
        yield (
            f"{total.false} false event{'' if total.false == 1 else 's'} in "
            f"{total.seconds / 60:.1f} minutes: it may be up to {_write_rate(most)} an hour; "
            "less than one an hour takes three hours without any to show"
        )
    if all(expectations.get(clip) for clip in clips):
        yield "every clip has an appearance: nothing is known about an empty scene"


def highest_rate(events: int, hours: float) -> float:
    """Return the rate per hour below which the true one lies in 95 of 100 cases.

    Garwood 1936, "Fiducial Limits for the Poisson Distribution", one-sided; without any event it
    is the rule of three, 3 over the time.

    Args:
        events: How many there were.
        hours: In how long; in no time, anything is possible.

    Example:
        >>> round(highest_rate(0, 1.0), 2), round(highest_rate(2, 1.0), 2)
        (3.0, 6.3)
    """
    if hours <= 0:
        return math.inf
    low, high = 0.0, 10.0 + 3.0 * events
    for _ in range(60):
        middle = (low + high) / 2
        if _chance_of_at_most(events, middle) > _CHANCE:
            low = middle
        else:
            high = middle
    return high / hours


def _write_rate(rate: float) -> str:
    return f"{rate:.3g}" if rate < 1000 or math.isinf(rate) else f"{round(rate, -1):.0f}"


def _chance_of_at_most(events: int, mean: float) -> float:
    if mean == 0.0:
        return 1.0
    logs = (n * math.log(mean) - mean - math.lgamma(n + 1) for n in range(events + 1))
    return math.fsum(map(math.exp, logs))
