"""What `edge replay` writes: findings, counts, what the clips are too few for, cheaper rules."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.cli import output

if TYPE_CHECKING:
    from edge.replay.cost import Cost
    from edge.replay.rules import Rules
    from edge.replay.scoring import Counts, Finding
    from edge.replay.tune import Trial, Tuning

_MOST_CHOICES = 10


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay has found.

    Attributes:
        findings: Of all clips.
        total: Their counts.
        cost: Of all mistakes.
        weights: What each costs.
        clips: Names of all clips.
        empty: Those on which nothing was expected.
        shortages: What the clips are too few for, a sentence each.
    """

    findings: tuple["Finding", ...]
    total: "Counts"
    cost: float
    weights: "Cost"
    clips: tuple[str, ...]
    empty: tuple[str, ...]
    shortages: tuple[str, ...]


def show(report: Report, *, model_sha256: str, is_json: bool) -> None:
    """Write it as a table with a summary, or as JSON lines."""
    if is_json:
        for finding in report.findings:
            output.emit_json({"type": "finding", **finding.to_dict()})
        output.emit_json(
            {
                "type": "summary",
                "clips": report.clips,
                "empty": report.empty,
                **report.total.to_dict(),
                "cost": report.cost,
                "weights": str(report.weights),
                "too_few": report.shortages,
                "model_sha256": model_sha256,
            }
        )
        return
    output.emit_table(
        ("clip", "verdict", "label", "from s", "to s", "late s"),
        [
            (
                finding.clip,
                finding.verdict.value,
                finding.label,
                f"{finding.start_seconds:.2f}",
                f"{finding.end_seconds:.2f}",
                None if finding.late_seconds is None else f"{finding.late_seconds:.2f}",
            )
            for finding in report.findings
        ],
    )
    if report.empty:
        output.emit_text("nothing is expected on " + ", ".join(report.empty))
    output.emit_text(
        f"{output.number_of(len(report.clips), 'clip')}: {describe_counts(report.total)}"
    )
    output.emit_text(f"cost {report.cost:.4g} ({report.weights})")
    for sentence in report.shortages:
        output.emit_text(f"too few: {sentence}")


def describe_counts(total: "Counts") -> str:
    """Say in words how often each verdict was given.

    Example:
        >>> from edge.replay.scoring import Counts
        >>> describe_counts(Counts(right=2, missed=1, false=1, late_seconds=0.8, seconds=1800.0))
        '2 of 3 appearances right, 1 missed, 0 wrong, 0 repeated, 0.40 s late on average, \
1 false event in 30.0 minutes (2 an hour)'
    """
    late = f"{total.late_seconds / total.right:.2f} s late on average, " if total.right else ""
    return (
        f"{total.right} of {total.right + total.missed} appearances right, {total.missed} missed, "
        f"{total.wrong} wrong, {total.repeated} repeated, {late}"
        f"{output.number_of(total.false, 'false event')} in {total.seconds / 60:.1f} minutes "
        f"({total.false_per_hour:.4g} an hour)"
    )


def show_tuning(tuning: "Tuning", rules: "Rules", cost: "Cost", *, is_json: bool) -> None:
    """Write which rules cost least, and what that is worth.

    Args:
        tuning: What the search has found.
        rules: The model's own, which `edge run` follows where no option says otherwise.
        cost: What the mistakes cost.
        is_json: Whether JSON lines are written.
    """
    if is_json:
        for trial in tuning.front:
            output.emit_json(_choice(trial, rules))
        output.emit_json(
            {
                "type": "tuning",
                "tried": tuning.tried,
                "cost_before": tuning.before.cost,
                "cost_best": tuning.best.cost,
                "cost_left_out": tuning.left_out_cost,
                "options": tuning.best.rules.options(rules),
                "weights": str(cost),
            }
        )
        return
    output.emit_table(
        ("cost", "missed", "wrong", "false", "repeated", "late s", "options for edge run"),
        [_row(trial, rules) for trial in tuning.front[:_MOST_CHOICES]],
    )
    hidden = len(tuning.front) - _MOST_CHOICES
    if hidden > 0:
        output.emit_text(f"{hidden} dearer choices are left out; --json lists them")
    output.emit_text(
        f"{tuning.tried} rules tried; cost {tuning.before.cost:.4g} as it was, "
        f"{tuning.best.cost:.4g} with the best on these clips"
    )
    if tuning.left_out_cost is None:
        output.emit_text("too few: one clip cannot say what its best rules do on another")
    else:
        output.emit_text(
            f"cost {tuning.left_out_cost:.4g} when each clip is judged by rules that the others "
            "chose; expect at least that of new clips"
        )


def _choice(trial: "Trial", rules: "Rules") -> dict[str, object]:
    return {
        "type": "choice",
        "options": trial.rules.options(rules),
        "cost": trial.cost,
        **trial.total.to_dict(),
    }


def _row(trial: "Trial", rules: "Rules") -> tuple[object, ...]:
    total = trial.total
    return (
        f"{trial.cost:.4g}",
        total.missed,
        total.wrong,
        total.false,
        total.repeated,
        f"{total.late_seconds:.2f}",
        trial.rules.options(rules) or "(none)",
    )
