"""Options that several commands share; light, because every command imports it."""

from pathlib import Path
from typing import Annotated, Any

import typer

ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        envvar="EDGE_MODEL",
        help="Model file made by edge convert or edge package.",
        show_default="the embedded model: cat, dog, none",
    ),
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        "--runtime",
        envvar="EDGE_RUNTIME",
        help="auto, litert, tflite-runtime or tensorflow.",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        envvar="EDGE_THREADS",
        help="Threads of the runtime, 1 to 64.",
        show_default="measured when the model is used first",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Write JSON lines to standard output, nothing else.")
]


def config_option(
    what: str = "Configuration file made by edge init.",
    *,
    default: str = "edge.toml here, else /etc/edge/edge.toml",
) -> Any:
    """Return the option `--config`.

    Args:
        what: It is, to a command.
        default: What happens without it.
    """
    return typer.Option(
        "--config",
        envvar="EDGE_CONFIG",
        readable=False,  # the reader says more
        help=what,
        show_default=default,
    )


ConfigOption = Annotated[Path | None, config_option()]
