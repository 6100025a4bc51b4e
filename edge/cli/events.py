"""List, show, export and prune the events that are remembered."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli import event_tables, output
from edge.cli.commands import read_text
from edge.cli.options import JsonOption, config_option
from edge.errors import SettingError

if TYPE_CHECKING:
    from edge.store.reading import MemoryStats
    from edge.store.tables import EventRecord

_CONTEXT = {"help_option_names": ["-h", "--help"]}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([mhd])")
_SPAN_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}
_CSV = (
    *("sequence", "event_id", "time", "is_trusted", "kind", "label", "score", "rule", "text"),
    *("duration_seconds", "model", "model_sha256", "snapshot", "snapshot_state", "clip"),
    *("clip_state", "evidence", "boot_id", "wall_seconds", "monotonic_seconds"),
)

ConfigOption = Annotated[Path | None, config_option("File that names the memory's folder.")]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="The memory itself.", show_default="as --config says"
    ),
]
LabelOption = Annotated[str | None, typer.Option("--label", help="Only events of this label.")]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="WHEN", help="Such as 90m, 12h, 7d, 2026-05-01, or with T07:30."
    ),
]


def list_events(
    config: ConfigOption = None,
    folder: FolderOption = None,
    label: LabelOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = 50,
    csv: Annotated[
        bool, typer.Option("--csv", help="Write comma-separated values, nothing else.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List the events, the newest first.

    Raises:
        CatseyeError: There is no memory, or it cannot be read.
    """
    from edge.store.reading import EventReader

    if csv and json:
        raise SettingError(
            "A list is written in one form",
            received="--csv and --json",
            fix="Leave out one of them",
        )
    with EventReader(_find_folder(config, folder)) as reader:
        records = reader.find(label=label, since_seconds=_parse_since(since), limit=limit)
        results = {} if json or csv else reader.results(records)
    if json:
        for record in records:
            output.emit_json({"type": "event", **describe(record)})
    elif csv:
        _emit_csv([describe(record) for record in records])
    else:
        event_tables.show_events(records, results)


def show(
    event: Annotated[str, typer.Argument(help="Its number, or the first digits of its id.")],
    config: ConfigOption = None,
    folder: FolderOption = None,
    json: JsonOption = False,
) -> None:
    """Show all that is remembered of one event, and what came of it.

    Raises:
        CatseyeError: There is no such event.
    """
    from edge.store.reading import EventReader

    with EventReader(_find_folder(config, folder)) as reader:
        record = reader.get(event)
        outcomes = reader.outcomes(record.event_id)
    described = describe(record)
    if json:
        output.emit_json({"type": "event", **described, "outcomes": outcomes})
        return
    event_tables.show_event(described, outcomes)


def export(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for the photos.")],
    config: ConfigOption = None,
    folder: FolderOption = None,
    label: LabelOption = None,
    since: SinceOption = None,
    json: JsonOption = False,
) -> None:
    """Copy the snapshots into a folder per label, to train with after you have looked at them.

    Raises:
        CatseyeError: DIR exists or cannot be written, or there is no memory.
    """
    from edge.store.export import export_snapshots
    from edge.store.reading import EventReader

    place = _find_folder(config, folder)
    with EventReader(place) as reader:
        records = reader.find(label=label, since_seconds=_parse_since(since))
    exported = export_snapshots(records, place, target=target)
    if json:
        output.emit_json(
            {
                "type": "export",
                "folder": target,
                "labels": exported.labels,
                "without": exported.without,
            }
        )
        return
    event_tables.show_export(exported, target)


def prune(
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="SPAN", help="Such as 12h or 30d."),
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, metavar="N", help="Leave the newest N.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
    folder: FolderOption = None,
    json: JsonOption = False,
) -> None:
    """Remove old events with their pictures, for good.

    Events whose time is not to be trusted are older than nothing: only --keep removes them.

    Raises:
        CatseyeError: The memory cannot be written, or nothing says what is to go.
    """
    from edge.store.pruning import prune as prune_events

    if (older_than is None) == (keep is None):
        raise SettingError(
            "What is removed is said by age or by number",
            received="neither" if keep is None else "--older-than and --keep",
            fix="Write --older-than 30d, or --keep 1000",
        )
    place = _find_folder(config, folder)
    before_seconds = None if older_than is None else _now_seconds() - _parse_span(older_than)
    what = f"all but the newest {keep}" if keep is not None else f"those older than {older_than}"
    _confirm(f"Remove events in {place}, {what}, for good?", is_sure=yes)
    pruned = prune_events(place, keep=keep, before_seconds=before_seconds)
    if json:
        output.emit_json({"type": "prune", "events": pruned.events, "bytes": pruned.bytes})
    else:
        removed = output.number_of(pruned.events, "event")
        output.emit_text(f"{removed} removed, {pruned.bytes / 1e6:.1f} MB free again")


def stats(
    config: ConfigOption = None, folder: FolderOption = None, json: JsonOption = False
) -> None:
    """Sum up the memory: how many events of what, since when, and how much room they take.

    Raises:
        CatseyeError: There is no memory, or it cannot be read.
    """
    from edge.store.reading import EventReader

    place = _find_folder(config, folder)
    with EventReader(place) as reader:
        found = reader.stats()
    if json:
        output.emit_json(_describe_stats(found, place))
    else:
        event_tables.show_stats(found, place)


events = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings=_CONTEXT,
    help=__doc__,
)
for _name, _command in (
    ("list", list_events),
    ("show", show),
    ("export", export),
    ("prune", prune),
    ("stats", stats),
):
    events.command(_name, help=read_text(_command), context_settings=_CONTEXT)(_command)


def describe(record: "EventRecord") -> dict[str, Any]:
    """Return an event as JSON says it."""
    from dataclasses import asdict

    fields = asdict(record)
    duration_seconds = None
    if record.end_monotonic_seconds is not None:
        duration_seconds = round(record.end_monotonic_seconds - record.monotonic_seconds, 3)
    return {
        "sequence": fields.pop("sequence"),
        "event_id": fields.pop("event_id"),
        "time": event_tables.tell_time(record.time_seconds, is_dated=record.is_dated),
        "duration_seconds": duration_seconds,
        **fields,
    }


def _find_folder(config: Path | None, folder: Path | None) -> Path:
    if folder is not None:
        return folder
    from edge.cli.running import find_memory

    return find_memory(config)


def _now_seconds() -> float:
    import threading

    from edge.clock import SystemClock
    from edge.wallclock import SystemWallClock

    return SystemWallClock(clock=SystemClock(threading.Event())).now().wall_seconds


def _parse_span(text: str) -> float:
    """Return the seconds that a text such as 12h says."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise SettingError(
            "A span of time is a number of minutes, hours or days",
            received=repr(text),
            fix="Write for example 90m, 12h or 30d",
        )
    return float(match[1]) * _SPAN_SECONDS[match[2]]


def _parse_since(text: str | None) -> float | None:
    from datetime import datetime

    if text is None:
        return None
    if _SPAN.fullmatch(text):
        return _now_seconds() - _parse_span(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise SettingError(
            "--since must be a span or a date",
            received=repr(text),
            fix="Write for example --since 7d, --since 2026-05-01 or --since 2026-05-01T07:30",
        ) from error


def _confirm(question: str, *, is_sure: bool) -> None:
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise SettingError(
            "Nothing is removed without a yes",
            received="no terminal to ask at",
            fix="Add --yes",
        )
    typer.confirm(question, abort=True, err=True)


def _emit_csv(rows: Sequence[dict[str, Any]]) -> None:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _CSV, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    for line in buffer.getvalue().removesuffix("\n").split("\n"):
        output.emit_text(line)


def _describe_stats(found: "MemoryStats", folder: Path) -> dict[str, Any]:
    from dataclasses import asdict

    return {"type": "stats", "folder": folder, **asdict(found)}
