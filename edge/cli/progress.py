"""A bar on standard error for what takes a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.cli import output


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, and nothing elsewhere; what it yields moves it on.

    Args:
        name: What takes a while.
        total: How many steps there are.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = output.console()
    with Progress(
        name,
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)
