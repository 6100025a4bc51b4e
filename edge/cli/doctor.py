"""`edge doctor`: what this machine has and lacks."""

import typer

from edge.cli import output
from edge.cli.options import JsonOption, ModelOption


def doctor(model: ModelOption = None, json: JsonOption = False) -> None:
    """Check what is installed, cameras, permissions, the model, heat and voltage, with fixes.

    "ok" is fine, "warn" does not work or not work well, "fail" makes edge run impossible; then the
    exit code is 1.

    Raises:
        Exit: Something makes `edge run` impossible.
    """
    from edge.diagnosis import FAIL, diagnose

    is_failed = False
    for check in diagnose(model):
        is_failed = is_failed or check.status == FAIL
        if json:
            output.emit_json(
                {
                    "check": check.name,
                    "status": check.status,
                    "found": check.found,
                    "fix": check.fix or None,
                }
            )
        else:
            output.emit_text(f"{check.status:<5} {check.name:<14} {check.found}")
            if check.fix:
                output.emit_text(f"{'':<20} -> {check.fix}")
    if is_failed:
        raise typer.Exit(1)
