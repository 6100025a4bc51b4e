"""The `edge` command: its verbs are listed from their source text and imported when called."""

from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.models import TyperPath

from edge import __version__
from edge.cli import output
from edge.cli.commands import CommandSource, load_target, read_summary, read_text, sources
from edge.cli.signals import let_through

_UsageError: Any = typer.BadParameter.__mro__[1]  # Typer does not export it
_CONTEXT = {"help_option_names": ["-h", "--help"]}


class VerbGroup(TyperGroup):
    """The verbs of `edge`, own ones and those of the entry-point group `edge.commands`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the verbs in the order of the help page."""
        del ctx
        return list(_listed_commands())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Look up the entry of the help page, which carries a summary and runs nothing."""
        del ctx
        return _listed_commands().get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import the verb that was called."""
        source = next((source for source in sources() if source.name == args[0]), None)
        if source is None:
            self.commands = dict(_listed_commands())  # for "Did you mean ...?"
            return super().resolve_command(ctx, args)
        return source.name, load_command(source), args[1:]

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; Ctrl-C where the verb does not handle it ends with exit code 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            output.say("edge: interrupted")
            raise typer.Exit(1) from interrupt
        except _UsageError as error:
            error.message = output.hide_passwords(error.message)
            raise


def build_command() -> Any:
    """Make the callable `edge` command."""
    app = typer.Typer(
        cls=VerbGroup,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings=_CONTEXT,
    )
    app.callback()(_edge)
    return get_command(app)


def load_command(source: CommandSource) -> Any:
    """Import a verb and make its command: a function with Typer annotations, or a `typer.Typer`.

    Raises:
        MissingExtraError: Its module, or one that it needs, is not installed.
    """
    target = load_target(source)
    let_through(target)
    if isinstance(target, typer.Typer):
        app = target
    else:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(source.name, help=read_text(target), context_settings=_CONTEXT)(target)
    command = get_command(app)
    command.name = source.name
    _refuse_empty_paths(command)
    return command


class _NamedPath(TyperPath):
    """A path that was named: an empty text would stand for the current folder."""

    def __init__(self, accepted: TyperPath) -> None:
        super().__init__()
        self.name = accepted.name
        self._accepted = accepted

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Refuse the empty text; the rest is the wrapped type's."""
        if value == "":
            self.fail("a path must not be empty; the current folder is '.'", param, ctx)
        return self._accepted.convert(value, param, ctx)


def _refuse_empty_paths(command: Any) -> None:
    """Do so in all parameters of a command and of the commands below it."""
    for inner in getattr(command, "commands", {}).values():
        _refuse_empty_paths(inner)
    for parameter in command.params:
        if isinstance(parameter.type, TyperPath):
            parameter.type = _NamedPath(parameter.type)


@cache
def _listed_commands() -> dict[str, TyperCommand]:
    return {
        source.name: TyperCommand(source.name, short_help=read_summary(source))
        for source in sources()
    }


def _show_version(is_asked: bool) -> None:
    if is_asked:
        output.emit_text(f"edge {__version__} (catseye)")
        raise typer.Exit


def _edge(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Train an image classifier, put it where the camera is, and act on what it sees."""
    del version
