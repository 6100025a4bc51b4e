"""From a decision to what is done about it: the occurrence, and the seam of the actions.

An action is what a rule triggers: it switches an output, publishes, calls, writes. Implement
`Action` to add one of your own, and name its class in the entry-point group `edge.actions`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from edge.records import Clock
from edge.snapshot import Snapshot
from edge.status import Status


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, by the clock on the wall and by the one that never steps.

    Attributes:
        wall_seconds: Unix time, as the system's clock had it.
        monotonic_seconds: Of this boot.
        boot_id: Names the boot; monotonic times of different boots cannot be compared.
        is_trusted: Whether the wall clock was known to be right.
    """

    wall_seconds: float
    monotonic_seconds: float
    boot_id: str
    is_trusted: bool


@dataclass(frozen=True, slots=True, eq=False)
class Occurrence:
    """That a rule has fired, and on what.

    Attributes:
        event_id: Names the appearance, 32 hexadecimal digits; the same one for every rule that
            fires on it, so that a receiver may tell a repetition.
        rule: Name of the rule.
        label: What was seen.
        score: Of the decision, in [0, 1].
        scores: Of the frame, per label of the model.
        evidence: The rules of evidence by which it was believed, as text.
        at: When.
        model_sha256: Of the model file.
        snapshot: The frame; `None` where there is none.
    """

    event_id: str
    rule: str
    label: str
    score: float
    scores: Mapping[str, float]
    evidence: str
    at: Instant
    model_sha256: str
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a rule, or of an action that it triggered.

    Attributes:
        event_id: Of the occurrence.
        rule: Name of the rule.
        action: Name of the action; empty where the rule did not come to act.
        result: "done", "failed" or "dropped" of an action; of a rule that did not come to act one
            of the words of `edge.rules.Verdict`, such as "vetoed"; "would" in a dry run.
        detail: In words, without secrets; may be empty.
        at: When.
    """

    event_id: str
    rule: str
    action: str
    result: str
    detail: str
    at: Instant


@dataclass(frozen=True, slots=True)
class ActionContext:
    """What an action is given beside its settings.

    Attributes:
        name: Of the action, as in `[actions.NAME]`.
        place: Name of this installation, for topics and messages.
        folder: Where it may keep files; it exists.
        clock: Monotonic.
        idle_seconds: Says how long ago the loop last looked at something.
        set_mode: Puts an output of that name into a mode of `edge.guard.MODES`; for commands from
            outside.
    """

    name: str
    place: str
    folder: Path
    clock: Clock
    idle_seconds: Callable[[], float]
    set_mode: Callable[[str, str], None]


class Action(Protocol):
    """Does something about an occurrence.

    A class of actions has its settings as a frozen dataclass in `Settings`, the fields made by
    `edge.settings.setting`, and is made by `cls(settings, context)`, which neither blocks nor
    fails: what it needs is opened by a thread of its own or by the first use. Each action has a
    worker thread, from which `perform` and `note` are called; whatever they raise is logged,
    counted and recorded as "failed". Only `perform` must be overridden.
    """

    Settings: ClassVar[type[Any]]

    def perform(self, occurrence: Occurrence) -> str:
        """Do it, and say in a few words what was done.

        Raises:
            ActionError: It could not be done.
        """

    def note(self, status: Status) -> None:
        """Take in that the state of the whole has changed; a state in between may be left out."""

    def check(self) -> Iterator[str]:
        """Try for real what the action needs, for `edge check`; yield what was found, a line each.

        Called in place of everything else, then `close`.

        Raises:
            ActionError: Something is missing.
        """
        yield from ()

    def close(self) -> None:
        """Release what it holds within two seconds; a second call does nothing."""
