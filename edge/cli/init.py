"""`edge init`: a configuration file for a beginning."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli import output
from edge.cli.options import JsonOption
from edge.config.templates import read_template
from edge.errors import OutputError

TemplateArgument = Annotated[
    str, typer.Argument(metavar="webcam|pet-door", help="What the configuration is for.")
]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")
]


def init(
    template: TemplateArgument,
    path: OutputOption = Path("edge.toml"),
    json: JsonOption = False,
) -> None:
    """Write a configuration with comments, to be changed; an existing file stays as it is.

    Raises:
        SettingError: There is no such configuration.
        OutputError: There is such a file, or it cannot be written.
    """
    _write(path, read_template(template))
    if json:
        output.emit_json({"template": template, "path": path})
    else:
        output.emit_text(f"{path} for a {template}: change it, then edge check --config {path}")


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise OutputError(
            "A configuration that exists must stay as it is",
            received=str(path),
            fix="Choose another file with --output, or remove this one first",
        ) from error
    except OSError as error:
        raise OutputError(
            "The configuration must be writable",
            received=f"{path}: {error.strerror or error}",
            fix="Choose another file with --output",
        ) from error
