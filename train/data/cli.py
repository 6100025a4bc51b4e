"""Look at, fetch and prepare the photos that `edge train` learns from."""

import typer

from edge.cli.commands import read_text
from train.data.fetch_cli import fetch

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def _data() -> None:
    """Look at, fetch and prepare the photos that `edge train` learns from."""


app.command("fetch", help=read_text(fetch))(fetch)
