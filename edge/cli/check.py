"""`edge check`: whether everything that a configuration names works."""

import typer

from edge.cli import output
from edge.cli.options import ConfigOption, JsonOption


def check(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Try for real whatever a configuration names: camera, model, actions, memory, clock.

    All of it is tried, a line each: "ok" is fine, "warn" does not work well, "fail" does not work;
    then the exit code is 1. Nothing is switched, sent or recorded.

    Raises:
        Exit: Something does not work.
        ConfigError: The configuration is not found, or wrong.
    """
    from edge.cli.check_parts import try_all
    from edge.config import find_config, read_config
    from edge.diagnosis import FAIL

    is_failed = False
    for found in try_all(read_config(find_config(config))):
        is_failed = is_failed or found.status == FAIL
        if json:
            output.emit_json(
                {
                    "check": found.name,
                    "status": found.status,
                    "found": found.found,
                    "fix": found.fix or None,
                }
            )
        else:
            output.emit_text(f"{found.status:<5} {found.name:<14} {found.found}")
            if found.fix:
                output.emit_text(f"{'':<20} -> {found.fix}")
    if is_failed:
        raise typer.Exit(1)
