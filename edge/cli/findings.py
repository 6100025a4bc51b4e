"""What a command that looks at many things says of each; `edge doctor` and `edge check` do."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from edge.cli import output

if TYPE_CHECKING:
    from edge.diagnosis import Check


def report_findings(findings: "Iterable[Check]", *, is_json: bool) -> None:
    """Write a line for each finding, as soon as it is there.

    Args:
        findings: What was looked at.
        is_json: Whether lines of JSON are written.

    Raises:
        Exit: One of them is a failure.
    """
    from edge.diagnosis import FAIL

    is_failed = False
    for finding in findings:
        is_failed = is_failed or finding.status == FAIL
        if is_json:
            _emit_record(finding)
        else:
            output.emit_text(f"{finding.status:<5} {finding.name:<14} {finding.found}")
            if finding.fix:
                output.emit_text(f"{'':<20} -> {finding.fix}")
    if is_failed:
        raise typer.Exit(1)


def _emit_record(finding: "Check") -> None:
    record = {"check": finding.name, "status": finding.status, "found": finding.found}
    output.emit_json(record | {"fix": finding.fix or None})
