"""`edge doctor`: what this machine has and lacks."""

from edge.cli.findings import report_findings
from edge.cli.options import JsonOption, ModelOption


def doctor(model: ModelOption = None, json: JsonOption = False) -> None:
    """Check what is installed, cameras, permissions, the model, heat and voltage, with fixes.

    "ok" is fine, "warn" does not work or not work well, "fail" makes edge run impossible; then the
    exit code is 1.

    Raises:
        Exit: Something makes `edge run` impossible.
    """
    from edge.diagnosis import diagnose

    report_findings(diagnose(model), is_json=json)
