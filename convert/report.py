"""Tells the person how a conversion goes and what it has led to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from convert.conversion import Conversion
from convert.progress import Progress
from edge.cli import output
from edge.modelfile import ModelFile


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


def summarize(conversion: Conversion, written: ModelFile) -> dict[str, Any]:
    """Return everything that `edge convert --json` says; docs/model-file.md explains it."""
    calibration = conversion.calibration
    fine_tuning = conversion.fine_tuning
    return {
        "path": str(written.path),
        "size_bytes": written.size_bytes,
        "model_sha256": written.sha256,
        "labels": list(written.manifest.labels),
        "quantize": conversion.mode,
        "deployed": conversion.deployed.measurement.name,
        "state": conversion.deployed.state,
        "validation_images": conversion.validation_pictures,
        "calibration_images": conversion.calibration_pictures,
        "models": {item.name: item.to_dict() for item in conversion.measurements},
        "temperature": calibration.temperature,
        "goal": str(calibration.goal),
        "thresholds": {
            label: threshold.to_dict() for label, threshold in calibration.thresholds.items()
        },
        "fine_tuning": fine_tuning.to_dict() if fine_tuning else None,
        "warnings": list(conversion.warnings),
    }


def print_report(conversion: Conversion, written: ModelFile) -> None:
    """Print the comparison and the thresholds to standard output, warnings to standard error."""
    measurements = conversion.measurements
    names = [
        f"{item.name} (in the file)" if item is conversion.deployed.measurement else item.name
        for item in measurements
    ]
    rows: list[list[object]] = [
        ["size, KB", *(round(item.size_bytes / 1000) for item in measurements)],
        ["accuracy, %", *(_percent(item.accuracy) for item in measurements)],
    ]
    for label in written.manifest.labels:
        rows.append(
            [f"recall {label}, %", *(_percent(item.recall[label]) for item in measurements)]
        )
    rows += [
        ["agreement, %", *(_percent(item.agreement) for item in measurements)],
        ["divergence, nats", *(round(item.divergence, 5) for item in measurements)],
        ["latency, ms", *(round(item.latency_ms, 2) for item in measurements)],
    ]
    title = f"{conversion.validation_pictures} validation pictures"
    output.emit_table([title, *names], rows)
    _print_thresholds(conversion)
    for warning in conversion.warnings:
        output.say(f"edge: WARNING: {warning}")
    output.emit_text(
        f"{written.path}: {conversion.mode} ({conversion.deployed.state}), "
        f"{written.size_bytes / 1e6:.2f} MB, verified"
    )


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
