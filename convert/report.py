"""Tells the person how a conversion goes and what it has led to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convert.conversion import Conversion, Settings
from convert.examination import Examination
from convert.kept_state import explain_state
from convert.package import DIFFERING
from convert.progress import Progress
from convert.refusal import Refusal
from convert.thresholds import Calibration
from edge.cli import output
from edge.cli.conversion_tables import (
    show_attempts,
    show_edge_tpu,
    show_latency,
    show_models,
    show_operators,
    show_reliability,
)
from edge.modelfile import ModelFile, hash_network

_LAYERS_SHOWN = 5
_FLIPS_SHOWN = 10


@contextmanager
def open_progress() -> Iterator[Progress]:
    """Show progress bars on standard error, or a line per stage where that is no terminal."""
    console = output.console()
    if not console.is_terminal:
        yield _say_stages()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<26}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, *, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def summarize(
    conversion: Conversion,
    settings: Settings,
    *,
    labels: Sequence[str],
    written: ModelFile | None = None,
    page: Path | None = None,
) -> dict[str, Any]:
    """Return everything that `edge convert --json` says; docs/commands.md explains it.

    Args:
        conversion: What was made.
        settings: As it was asked for.
        labels: Of the model.
        written: The file; `None` when it was refused.
        page: The page of this report, if one was asked for.
    """
    return {
        **_summarize_file(written),
        "differs_between_conversions": list(DIFFERING),
        "report": page,
        "labels": list(labels),
        "quantize": conversion.asked,
        "gate": asdict(settings.limits),
        "attempts": [attempt.to_dict() for attempt in conversion.attempts],
        "refusal": None if conversion.refusal is None else conversion.refusal.to_dict(),
        "deployed": conversion.deployed.measurement.name,
        "state": conversion.deployed.state,
        "validation_images": conversion.validation_pictures,
        "calibration_images": conversion.calibration_pictures,
        "models": {item.name: item.to_dict() for item in conversion.measurements},
        **_summarize_examination(conversion.examination),
        **_summarize_calibration(conversion.calibration),
        "fine_tuning": conversion.fine_tuning.to_dict() if conversion.fine_tuning else None,
        "warnings": list(conversion.warnings),
    }


def _summarize_file(written: ModelFile | None) -> dict[str, Any]:
    return {
        "path": None if written is None else str(written.path),
        "size_bytes": None if written is None else written.size_bytes,
        "model_sha256": None if written is None else written.sha256,
        "network_sha256": None if written is None else hash_network(written.model_bytes),
    }


def _summarize_examination(examination: Examination) -> dict[str, Any]:
    return {
        **examination.latency_to_dict(),
        "operators": [asdict(use) for use in examination.operators],
        "edge_tpu": examination.edge_tpu.to_dict(),
    }


def _summarize_calibration(calibration: Calibration) -> dict[str, Any]:
    return {
        "temperature": calibration.temperature,
        "reliability": _reliability(calibration),
        "goal": str(calibration.goal),
        "thresholds": {
            label: threshold.to_dict() for label, threshold in calibration.thresholds.items()
        },
    }


def print_report(conversion: Conversion, written: ModelFile) -> None:
    """Print all that is known of the file to standard output, warnings to standard error."""
    _print_models(conversion, mark="in the file")
    _print_thresholds(conversion)
    temperature = conversion.calibration.temperature
    show_reliability({"temperature": temperature, **_reliability(conversion.calibration)})
    _print_examination(conversion.examination)
    _print_attempts(conversion)
    for warning in conversion.warnings:
        output.say(f"edge: WARNING: {warning}")
    output.emit_text(
        f"{written.path}: {conversion.mode} ({conversion.deployed.state}), "
        f"{written.size_bytes / 1e6:.2f} MB, verified"
    )
    output.emit_text(
        f"network sha256 {hash_network(written.model_bytes)}; converted again, only the measured "
        "times differ, and the hash over them"
    )


def print_refusal(conversion: Conversion, refusal: Refusal, *, has_page: bool) -> None:
    """Print the comparison, where a refused file loses, and what to try, to standard output.

    Args:
        conversion: What was made.
        refusal: Why nothing was written.
        has_page: Whether there is a page of it; if not, the person is told how to get one.
    """
    _print_models(conversion, mark="refused")
    _print_examination(conversion.examination)
    for loss in refusal.losses:
        output.emit_text(f"refused: {loss}")
    _print_attempts(conversion)
    if refusal.layers:
        rows = [(layer.layer, layer.operator, _percent(layer.error)) for layer in refusal.layers]
        columns = ("layers that 8 bits hurt most", "operator", "error, %")
        output.emit_table(columns, rows[:_LAYERS_SHOWN])
    _print_flips(refusal)
    output.emit_text("What to try:")
    for sentence in refusal.advice:
        output.emit_text(f"- {sentence}")
    if not has_page:
        output.emit_text("With --report FILE.html a page shows these pictures.")


def _print_models(conversion: Conversion, *, mark: str) -> None:
    deployed = conversion.deployed.measurement.name
    show_models(
        {item.name: item.to_dict() for item in conversion.measurements},
        title=f"{conversion.validation_pictures} validation pictures",
        names={deployed: f"{deployed} ({mark})"},
    )
    output.emit_text(explain_state(conversion.deployed.state, conversion.fine_tuning))


def _print_examination(examination: Examination) -> None:
    found = _summarize_examination(examination)
    show_latency(found["latency"], machine=found["machine"])
    show_operators(found["operators"])
    show_edge_tpu(found["edge_tpu"])


def _reliability(calibration: Calibration) -> dict[str, Any]:
    return {"before": calibration.before.to_dict(), "after": calibration.after.to_dict()}


def _print_attempts(conversion: Conversion) -> None:
    attempts = [attempt.to_dict() for attempt in conversion.attempts]
    show_attempts(attempts, asked=conversion.asked)


def _print_flips(refusal: Refusal) -> None:
    """Print which labels were taken for which others, and the pictures."""
    if not refusal.flips:
        return
    kinds = Counter((flip.label, flip.before, flip.after) for flip in refusal.flips)
    rows = [(*kind, count) for kind, count in kinds.most_common()]
    output.emit_table(("shows", "float network says", "file says", "pictures"), rows)
    for flip in refusal.flips[:_FLIPS_SHOWN]:
        output.emit_text(
            f"{flip.path}: {flip.before} {flip.before_score:.2f} became "
            f"{flip.after} {flip.after_score:.2f}"
        )
    if len(refusal.flips) > _FLIPS_SHOWN:
        output.emit_text(f"and {len(refusal.flips) - _FLIPS_SHOWN} more; --json names all of them")


def _print_thresholds(conversion: Conversion) -> None:
    calibration = conversion.calibration
    rows: list[list[object]] = [
        [
            label,
            threshold.value,
            None if threshold.precision is None else _percent(threshold.precision),
            _percent(threshold.recall),
            threshold.wrong,
            threshold.answers,
            threshold.note or threshold.verdict,
        ]
        for label, threshold in calibration.thresholds.items()
    ]
    goal = f"for {calibration.goal}"
    columns = ["label", "threshold", "precision, %", "recall, %", "wrong", "answers", goal]
    output.emit_table(columns, rows)


def _percent(share: float) -> float:
    return round(share * 100.0, 2)


def _say_stages() -> Progress:
    said: set[str] = set()

    def show(stage: str, *, done: int, total: int) -> None:
        del done
        if stage not in said:
            said.add(stage)
            output.say(f"{stage}: {total}" if total > 1 else stage)

    return show
