"""What `edge run` writes about rules and actions, as JSON and as lines."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.cli import output
from edge.rules import FIRED

if TYPE_CHECKING:
    from edge.occurrence import Outcome
    from edge.rules import Verdict


class JsonTeller:
    """Writes a line of type "rule" for each verdict, and one of type "outcome" for each action.

    Args:
        is_dry: Whether nothing is done: the lines of rules are of type "would".
        when_unread: Called when nobody reads them any more.
    """

    def __init__(
        self, *, is_dry: bool = False, when_unread: Callable[[], None] = lambda: None
    ) -> None:
        self._type = "would" if is_dry else "rule"
        self._when_unread = when_unread

    def tell_verdict(self, verdict: "Verdict", event_id: str) -> None:
        """Write what has become of a rule."""
        self._emit(
            {
                "type": self._type,
                "rule": verdict.rule.name,
                "result": verdict.result,
                "label": verdict.label,
                "score": round(verdict.score, 6),
                "actions": verdict.rule.actions if verdict.result == FIRED else (),
                "event_id": event_id,
            }
        )

    def tell_outcome(self, outcome: "Outcome") -> None:
        """Write what has come of an action."""
        self._emit(
            {
                "type": "outcome",
                "rule": outcome.rule,
                "action": outcome.action,
                "result": outcome.result,
                "detail": outcome.detail,
                "event_id": outcome.event_id,
            }
        )

    def _emit(self, record: dict[str, object]) -> None:
        try:
            output.emit_json(record)
        except BrokenPipeError:
            self._when_unread()


class PlainTeller:
    """Writes a line for people when a rule acts or is held back, and when an action fails.

    Args:
        is_dry: Whether nothing is done: the lines say what would be.
    """

    def __init__(self, *, is_dry: bool = False) -> None:
        self._is_dry = is_dry

    def tell_verdict(self, verdict: "Verdict", event_id: str) -> None:
        """Write what has become of a rule."""
        output.say(describe_verdict(verdict, is_dry=self._is_dry))

    def tell_outcome(self, outcome: "Outcome") -> None:
        """Write what has come of an action."""
        detail = f" ({outcome.detail})" if outcome.detail else ""
        output.say(f"{'':8}    {outcome.rule}: {outcome.action} {outcome.result}{detail}")


def describe_verdict(verdict: "Verdict", *, is_dry: bool = False) -> str:
    """Say what becomes of a rule.

    Example:
        >>> from edge.rules import RuleSpec, Verdict
        >>> rule = RuleSpec("let in", labels=("cat",), actions=("door", "tell"))
        >>> print(describe_verdict(Verdict(rule, "fired", "cat", 0.97), is_dry=True))
                    let in: would do door, tell (cat 0.97)
        >>> print(describe_verdict(Verdict(rule, "vetoed", "cat", 0.97)))
                    let in: does not act, vetoed (cat 0.97)
    """
    rule = verdict.rule
    if verdict.result == FIRED:
        verb = "would do" if is_dry else "does"
        what = f"{verb} {', '.join(rule.actions) or 'nothing'}"
    else:
        what = f"{'would not' if is_dry else 'does not'} act, {verdict.result}"
    return f"{'':8}    {rule.name}: {what} ({verdict.label} {verdict.score:.2f})"
