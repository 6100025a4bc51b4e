"""When to act: rules over what is believed, with hours, limits and vetoes.

Pure: a moment is passed in with every look. Limits and vetoes run on monotonic time, what is seen
on the source's own time, and only a schedule looks at the wall clock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from edge.occurrence import Instant
from edge.records import Look
from edge.settings import setting

FIRED = "fired"
VETOED = "vetoed"
OUTSIDE_HOURS = "outside hours"
CLOCK_NOT_TRUSTED = "clock not trusted"
TOO_SOON = "too soon"


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """What must be seen, and when, before which actions are triggered; see docs/rules.md.

    Attributes:
        name: Names the rule; unique.
        labels: It is about these.
        actions: Names of the actions that it triggers.
        min_score: Least score of the decision, in [0, 1].
        min_seconds: How long the label must have been believed without a gap.
        hours: In which it may act, as in `edge.schedule.Schedule`; empty for the whole day.
        days: In which it may act; empty for every day.
        at_most_every_seconds: Least time from one firing to the next.
        when: "start": once per appearance. "present": as often as allowed while it lasts.
        vetoed_by: Labels that forbid it.
        veto_score: A label of `vetoed_by` counts from this score in a single frame, in [0, 1].
        veto_seconds: How long a veto lasts after it was seen last.

    Raises:
        SettingError: A value out of its range, or labels that contradict each other.
    """

    name: str = setting()
    labels: tuple[str, ...] = setting()
    actions: tuple[str, ...] = setting(())
    min_score: float = setting(0.0, least=0.0, most=1.0)
    min_seconds: float = setting(0.0, least=0.0, most=3600.0)
    hours: str = setting("")
    days: tuple[str, ...] = setting(())
    at_most_every_seconds: float = setting(10.0, least=0.0, most=7 * 86400.0)
    when: str = setting("start", choices=("start", "present"))
    vetoed_by: tuple[str, ...] = setting(())
    veto_score: float = setting(0.5, least=0.0, most=1.0)
    veto_seconds: float = setting(60.0, least=0.0, most=86400.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a rule at a look.

    Attributes:
        rule: The rule.
        result: "fired", or why not: "vetoed", "outside hours", "clock not trusted", "too soon".
            What is not "fired" is told once per appearance and result.
        label: What was seen.
        score: Of the decision, in [0, 1].
    """

    rule: RuleSpec
    result: str
    label: str
    score: float


class RuleBook:
    """Holds the rules against every look; from one thread.

    Args:
        specs: The rules; each is held for itself.
        labels: Of the model, in the order of its scores.
        join_seconds: A label that is seen again within this time is still the same appearance.
        local: Makes local time of Unix time.

    Raises:
        SettingError: A label that the model does not have, or two rules of one name.
    """

    def __init__(
        self,
        specs: Sequence[RuleSpec],
        *,
        labels: Sequence[str],
        join_seconds: float = 2.0,
        local: Callable[[float], datetime] = datetime.fromtimestamp,
    ) -> None:
        raise NotImplementedError

    def update(self, look: Look, at: Instant) -> tuple[Verdict, ...]:
        """Take a look in, and say what came of the rules that it concerns."""
        raise NotImplementedError

    def vetoed(self, at: Instant) -> frozenset[str]:
        """Return the names of the rules that are vetoed now."""
        raise NotImplementedError
