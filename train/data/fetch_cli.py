"""`edge data fetch`: a public data set as a folder per label."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli import output
from edge.cli.options import JsonOption
from edge.errors import SettingError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from train.data.fetch import Fetched


def fetch(
    name: Annotated[str, typer.Argument(help="cats-vs-dogs or oxford-pets.")],
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to lay the photos out in.")
    ],
    by: Annotated[
        str | None,
        typer.Option(
            help="A folder per species, or per breed (oxford-pets).", show_default="species"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Fetch a public data set of photos and lay it out as a folder per label.

    The official archive is fetched (some 800 MB), verified and unpacked. After a break or Ctrl-C
    the same command goes on where it stopped.

    Raises:
        CatseyeError: The archive does not come or is not right, or the folder is taken.
    """
    from edge.clock import SystemClock
    from train.data.catalogue import find_data_set
    from train.data.fetch import fetch as fetch_data_set

    data_set = find_data_set(name)
    grouping = by or data_set.groupings[0]
    if grouping not in data_set.groupings:
        raise SettingError(
            f"--by must be one of {', '.join(data_set.groupings)} for {name}",
            received=grouping,
            fix="Leave it out for " + data_set.groupings[0],
        )
    output.say(f"{data_set.name}: {data_set.homepage}")
    output.say(f"licence: {data_set.licence}")
    output.say(f"cite: {data_set.citation}")
    with _open_progress() as progress:
        fetched = fetch_data_set(
            data_set, folder, grouping=grouping, clock=SystemClock(), progress=progress
        )
    if json:
        output.emit_json({"path": fetched.path, "is_new": fetched.is_new, **fetched.record})
    else:
        _show(fetched, folder)


def _show(fetched: "Fetched", folder: Path) -> None:
    counts = fetched.record["counts"]
    output.emit_table(("label", "photos"), list(counts.items()))
    made = "" if fetched.is_new else ", which was there already"
    output.emit_text(f"{folder}: {sum(counts.values())} photos{made}")
    output.say(f"next: edge train {folder} -o run/")


class _Bars:
    """Shows a bar per stage, or a line per stage in a log."""

    def __init__(self, bars: "Progress | None") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._said: set[str] = set()

    def show(self, stage: str, *, done: int, total: int | None) -> None:
        """Move the bar of a stage."""
        if self._bars is None:
            if stage not in self._said:
                self._said.add(stage)
                output.say(stage if total is None else f"{stage}: {total:,} bytes")
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def _open_progress() -> Iterator[_Bars]:
    console = output.console()
    if not console.is_terminal:
        yield _Bars(None)
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield _Bars(bars)
