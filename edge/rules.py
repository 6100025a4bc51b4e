"""When to act: rules over what is believed, with hours, limits and vetoes.

Pure: a moment is passed in with every look. Limits and vetoes run on monotonic time, what is seen
on the source's own time, and only a schedule looks at the wall clock.
"""

import difflib
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime

from edge.errors import SettingError
from edge.occurrence import Instant
from edge.records import UNKNOWN, Decision, Look, Picture
from edge.schedule import Schedule
from edge.settings import check_fields, setting

FIRED = "fired"
VETOED = "vetoed"
OUTSIDE_HOURS = "outside hours"
CLOCK_NOT_TRUSTED = "clock not trusted"
TOO_SOON = "too soon"

SUSPECT_BLOCKS = 10
"""Appearances in a row that a veto or a limit has held a rule back before it is suspect."""

WHENS = ("start", "present")
"""How often a rule fires on one appearance: once, or as often as its limit allows."""

_DAY_SECONDS = 86_400.0
_SHORT_LIMIT_SECONDS = 60.0  # a longer one is meant to hold back
_ROUNDING = 1e-3  # scores of a quantized model may pass 1 by its smallest step
_ROUNDING_SECONDS = 1e-6  # differences of times are not exact
_SINGLE_PRECISION = 1e-6  # 0.7 of a model is a little less than 0.7


def _check_name(name: str) -> None:
    if not name.isprintable() or not name.strip():
        raise SettingError(
            "must be a line of text", received=repr(name), fix='Write for example "let the cat in"'
        )


def _check_labels(labels: tuple[str, ...]) -> None:
    if not labels:
        rule = "must name at least one label"
        raise SettingError(rule, received="none", fix='Write for example ["cat"]')
    _check_vetoes(labels)


def _check_vetoes(labels: tuple[str, ...]) -> None:
    if UNKNOWN in labels:
        raise SettingError(
            f"must name labels of the model, which {UNKNOWN!r} is not",
            received=", ".join(labels),
            fix=f"Take {UNKNOWN} out",
        )


def _check_hours(hours: str) -> None:
    Schedule(hours)


def _check_days(days: tuple[str, ...]) -> None:
    Schedule(days=days)


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

    Example:
        >>> rule = RuleSpec("let the cat in", labels=("cat",), vetoed_by=("dog",))
        >>> rule.at_most_every_seconds, rule.when
        (10.0, 'start')
    """

    name: str = setting(check=_check_name)
    _: KW_ONLY
    labels: tuple[str, ...] = setting(check=_check_labels)
    actions: tuple[str, ...] = setting(())
    min_score: float = setting(0.0, least=0.0, most=1.0)
    min_seconds: float = setting(0.0, least=0.0, most=3600.0)
    hours: str = setting("", check=_check_hours)
    days: tuple[str, ...] = setting((), check=_check_days)
    at_most_every_seconds: float = setting(10.0, least=0.0, most=7 * _DAY_SECONDS)
    when: str = setting("start", choices=WHENS)
    vetoed_by: tuple[str, ...] = setting((), check=_check_vetoes)
    veto_score: float = setting(0.9, least=0.01, most=1.0)
    veto_seconds: float = setting(60.0, least=1.0, most=_DAY_SECONDS)

    def __post_init__(self) -> None:
        """Refuse what is out of range, and what could never fire."""
        check_fields(self)
        both = [label for label in self.labels if label in self.vetoed_by]
        if both:
            raise SettingError(
                "vetoed_by must name other labels than labels",
                received=f"{', '.join(both)} in both",
                fix=f"Take {both[0]} out of one of them",
            )


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


@dataclass(slots=True, eq=False)
class _Appearance:
    """A label that is there, or was a moment ago; times are the source's own."""

    since_seconds: float  # it has been believed without a gap
    last_seconds: float
    told: set[tuple[str, str]] = field(default_factory=set)  # rules and their results


class _Rule:
    """A rule with what it remembers; its times are monotonic."""

    def __init__(self, spec: RuleSpec, labels: Sequence[str]) -> None:
        self.spec = spec
        self.vetoed_until_seconds = -math.inf
        self.fired_seconds = -math.inf
        self.blocks = 0  # appearances in a row that a veto or a short limit held it back
        self._schedule = Schedule(spec.hours, spec.days)
        self._needs_clock = not self._schedule.is_always_open
        self._veto_columns = tuple(labels.index(label) for label in spec.vetoed_by)
        self._is_veto_in_view = False

    def note_veto(self, look: Look, scores: Sequence[float] | None, at: Instant) -> None:
        """Begin or renew the veto; what was in view still is while nothing moves."""
        decided = look.decision is not None and look.decision.label in self.spec.vetoed_by
        if scores is not None:
            enough = self.spec.veto_score - _SINGLE_PRECISION
            seen = any(scores[column] >= enough for column in self._veto_columns)
            self._is_veto_in_view = decided or seen
        if decided or (self._is_veto_in_view and (scores is not None or look.is_resting)):
            self.vetoed_until_seconds = at.monotonic_seconds + self.spec.veto_seconds

    def is_vetoed(self, at: Instant) -> bool:
        """Whether something that forbids it was seen a short while ago."""
        return at.monotonic_seconds < self.vetoed_until_seconds

    def is_met(self, decision: Decision, appearance: _Appearance) -> bool:
        """Whether what it asks for is seen, whatever forbids it to act."""
        lasted_seconds = decision.time_seconds - appearance.since_seconds + _ROUNDING_SECONDS
        is_sure = self.spec.min_score <= decision.score <= 1.0 + _ROUNDING
        return (
            decision.label in self.spec.labels
            and is_sure
            and lasted_seconds >= self.spec.min_seconds
        )

    def obstacle(self, at: Instant, local: Callable[[float], datetime]) -> str:
        """Say what keeps it from acting; empty if nothing does."""
        if self.is_vetoed(at):
            return VETOED
        obstacle = self._clock_obstacle(at, local) if self._needs_clock else ""
        if obstacle:
            return obstacle
        passed_seconds = at.monotonic_seconds - self.fired_seconds
        return TOO_SOON if passed_seconds < self.spec.at_most_every_seconds else ""

    def note(self, result: str, told: Collection[tuple[str, str]], at: Instant) -> None:
        """Take in what has come of it, beside what was told of the appearance before."""
        if result == FIRED:
            self.fired_seconds = at.monotonic_seconds
            self.blocks = 0
        elif self._is_block(result):
            is_first = not any(name == self.spec.name and self._is_block(old) for name, old in told)
            self.blocks = min(self.blocks + is_first, SUSPECT_BLOCKS)

    def _is_block(self, result: str) -> bool:
        is_short = self.spec.at_most_every_seconds <= _SHORT_LIMIT_SECONDS
        return result == VETOED or (result == TOO_SOON and is_short)

    def _clock_obstacle(self, at: Instant, local: Callable[[float], datetime]) -> str:
        if not at.is_trusted:
            return CLOCK_NOT_TRUSTED
        try:
            is_open = self._schedule.is_open(local(at.wall_seconds))
        except (OSError, OverflowError, ValueError):  # no such year
            return CLOCK_NOT_TRUSTED
        return "" if is_open else OUTSIDE_HOURS


class RuleBook:
    """Holds the rules against every look; from one thread.

    A rule is met by a decision for one of its labels on a live picture, with the least score, once
    the label has been believed for its least time, on a frame that the model gives the same label.
    Then it fires, unless something forbids it; that is told instead, and the rule fires later if
    the label is still there once nothing forbids it any more. Rules know nothing of each other, and
    a new book remembers nothing.

    An appearance lasts until its label has not been decided for `join_seconds` of the source's
    time; the label is believed without a gap as long as every look decides for it, or nothing
    moves.

    Args:
        specs: The rules.
        labels: Of the model, in the order of its scores.
        join_seconds: Shortest gap between two appearances of a label; use that of the events.
        local: Makes local time of Unix time.

    Raises:
        SettingError: A label that the model does not have, two rules of one name, or no time.

    Example:
        >>> from edge.testing import ManualClock, ManualWallClock, blank_frame, prediction
        >>> rule = RuleSpec("let the cat in", labels=("cat",), vetoed_by=("dog",))
        >>> book = RuleBook([rule], labels=["cat", "dog"])
        >>> cat = Decision("cat", 0.97, frame=0, time_seconds=0.0, age_ms=8.0)
        >>> seen = prediction({"cat": 0.97, "dog": 0.03})
        >>> look = Look(Picture.LIVE, blank_frame(0), seen, cat)
        >>> wall = ManualWallClock(ManualClock())
        >>> [verdict.result for verdict in book.update(look, wall.now())]
        ['fired']
    """

    def __init__(
        self,
        specs: Sequence[RuleSpec],
        *,
        labels: Sequence[str],
        join_seconds: float = 2.0,
        local: Callable[[float], datetime] = datetime.fromtimestamp,
    ) -> None:
        _check_book(specs, labels, join_seconds)
        self._rules = tuple(_Rule(spec, labels) for spec in specs)
        self._columns = len(labels)
        self._join_seconds = join_seconds
        self._local = local
        self._appearances: dict[str, _Appearance] = {}  # the latest of each label
        self._believed = ""

    def update(self, look: Look, at: Instant) -> tuple[Verdict, ...]:
        """Take a look in, and say what came of the rules that it concerns.

        Args:
            look: The next one of the loop; none may be left out.
            at: When it was made, by the clock that the looks before it were dated by.
        """
        scores = self._read_scores(look)
        for rule in self._rules:
            rule.note_veto(look, scores, at)
        if look.is_resting and look.picture is Picture.LIVE:
            self._rest(look)
            return ()
        decision = look.decision if _is_sound(look) else None
        if decision is None:
            self._believed = ""
            return ()
        appearance = self._note_appearance(decision)
        if look.prediction is not None and look.prediction.top_label != decision.label:
            return ()  # evidence outlasts what it was for: the newest frame must say so, too
        verdicts = (self._judge(rule, decision, appearance, at) for rule in self._rules)
        return tuple(verdict for verdict in verdicts if verdict is not None)

    def vetoed(self, at: Instant) -> frozenset[str]:
        """Return the names of the rules that are vetoed now."""
        return frozenset(rule.spec.name for rule in self._rules if rule.is_vetoed(at))

    def suspect(self) -> frozenset[str]:
        """Return the names of the rules held back `SUSPECT_BLOCKS` times in a row and more."""
        return frozenset(rule.spec.name for rule in self._rules if rule.blocks >= SUSPECT_BLOCKS)

    def _read_scores(self, look: Look) -> list[float] | None:
        """Return a score per label; a row that fits no labels says nothing."""
        if look.prediction is None or look.prediction.scores.shape != (self._columns,):
            return None
        scores: list[float] = look.prediction.scores.tolist()
        return scores

    def _rest(self, look: Look) -> None:
        """Let the appearance go on while nothing moves."""
        if self._believed and look.frame is not None:
            appearance = self._appearances[self._believed]
            if self._is_same(appearance, look.frame.time_seconds):
                appearance.last_seconds = look.frame.time_seconds
            else:
                self._believed = ""

    def _note_appearance(self, decision: Decision) -> _Appearance:
        """Return the appearance that a decision belongs to: the one before, or a new one."""
        now_seconds = decision.time_seconds
        appearance = self._appearances.get(decision.label)
        if appearance is None or not self._is_same(appearance, now_seconds):
            appearance = _Appearance(now_seconds, now_seconds)
            self._appearances[decision.label] = appearance
        elif self._believed != decision.label:
            appearance.since_seconds = now_seconds
        appearance.last_seconds = now_seconds
        self._believed = decision.label
        return appearance

    def _is_same(self, appearance: _Appearance, now_seconds: float) -> bool:
        return 0.0 <= now_seconds - appearance.last_seconds < self._join_seconds

    def _judge(
        self, rule: _Rule, decision: Decision, appearance: _Appearance, at: Instant
    ) -> Verdict | None:
        """Return what is to be told of a rule; `None` where there is nothing new."""
        spec = rule.spec
        has_fired = (spec.name, FIRED) in appearance.told
        if not rule.is_met(decision, appearance) or (has_fired and spec.when == "start"):
            return None
        result = rule.obstacle(at, self._local) or FIRED
        # That "present" waits for its limit between two firings is no news.
        is_old_news = (spec.name, result) in appearance.told or (has_fired and result == TOO_SOON)
        if result != FIRED and is_old_news:
            return None
        rule.note(result, appearance.told, at)
        appearance.told.add((spec.name, result))
        return Verdict(spec, result, decision.label, decision.score)


def _is_sound(look: Look) -> bool:
    """Whether a decision was made now, on a picture that shows what is there."""
    return (
        look.decision is not None
        and look.prediction is not None
        and look.picture is Picture.LIVE
        and look.decision.picture is Picture.LIVE
        and not look.reason
    )


def _check_book(specs: Sequence[RuleSpec], labels: Sequence[str], join_seconds: float) -> None:
    names = [spec.name for spec in specs]
    for spec in specs:
        for label in (*spec.labels, *spec.vetoed_by):
            if label not in labels:
                _refuse_label(spec, label, labels)
        if names.count(spec.name) > 1:
            raise SettingError(
                "Each rule needs a name of its own",
                received=f"{names.count(spec.name)} rules named {spec.name!r}",
                fix="Rename all but one of them",
            )
    if not 0.0 < join_seconds < math.inf:
        raise SettingError(
            "The shortest gap between two appearances must be a number of seconds above 0",
            received=str(join_seconds),
            fix="Use for example 2 seconds",
        )


def _refuse_label(spec: RuleSpec, label: str, labels: Collection[str]) -> None:
    nearest = difflib.get_close_matches(label, labels, n=1)
    raise SettingError(
        f"The rule {spec.name!r} must be about labels of the model",
        received=repr(label),
        fix=f"Write {nearest[0]!r}" if nearest else f"Choose from {', '.join(labels)}",
    )
