"""`edge door`: puts an output into a mode by hand."""

from enum import StrEnum
from typing import Annotated

import typer

from edge.cli import output
from edge.cli.options import ConfigOption, JsonOption


class Mode(StrEnum):
    """What an output can be told."""

    OPEN = "open"
    LOCK = "lock"
    AUTO = "auto"


def door(
    mode: Annotated[Mode, typer.Argument(help="open, lock, or auto to let the rules decide.")],
    name: Annotated[
        str | None,
        typer.Option("--output", metavar="NAME", help="Which output.", show_default="all"),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Open the door by hand, lock it, or leave it to the rules again.

    "open" keeps it open as long and as often as its limits allow; with "lock" no rule opens it.
    Without --output it is told to all outputs. The mode is remembered over a restart, and edge
    status shows it.

    Raises:
        NotRunningError: No edge run with this configuration is running.
        SettingError: There is no such output, or none at all.
        ConfigError: The configuration is not found, or does not say where the memory is.
    """
    from edge.cli.running import ask_running
    from edge.cli.status import describe_output
    from edge.status import OutputStatus

    answer = ask_running(config, "door", mode=mode.value, output=name)
    for record in answer["outputs"]:
        if json:
            output.emit_json(record)
        else:
            told = OutputStatus(**record)
            output.emit_text(f"{told.name}: {describe_output(told)}")
