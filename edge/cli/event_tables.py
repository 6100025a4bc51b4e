"""What `edge events` writes for people."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.output import emit_table, emit_text, number_of

if TYPE_CHECKING:
    from edge.store.export import Exported
    from edge.store.reading import MemoryStats
    from edge.store.tables import EventRecord


def show_events(records: Sequence["EventRecord"], results: Mapping[str, str]) -> None:
    """Write a line for each event.

    Args:
        records: The events.
        results: What came of each, by its id.
    """
    if not records:
        emit_text("no event")
        return
    emit_table(
        ("number", "time", "what", "score", "snapshot", "clip", "came of it"),
        [
            (
                record.sequence,
                tell_time(record.time_seconds, is_dated=record.is_dated),
                record.text if record.kind == "door" else record.label,
                None if record.kind == "door" else f"{record.score:.2f}",
                record.snapshot_state,
                record.clip_state,
                results.get(record.event_id, ""),
            )
            for record in records
        ],
    )


def show_event(described: Mapping[str, Any], outcomes: Sequence[Mapping[str, Any]]) -> None:
    """Write all that is known of an event, and what came of it."""
    told = dict(_describe(described))
    width = max(map(len, told))
    for key, text in told.items():
        emit_text(f"{key:{width}} {text}")
    if not outcomes:
        return
    emit_table(
        ("time", "rule", "action", "result", "detail"),
        [
            (
                tell_time(outcome["wall_seconds"], is_dated=outcome["is_trusted"]),
                *(outcome[key] for key in ("rule", "action", "result", "detail")),
            )
            for outcome in outcomes
        ],
    )


def show_export(exported: "Exported", target: Path) -> None:
    """Say how many photos of which label lie in the new folder."""
    without = f"{number_of(exported.without, 'event')} without a snapshot"
    if not exported.labels:
        emit_text(f"nothing to export: no photo; {without}")
        return
    emit_table(("label", "photos"), list(exported.labels.items()))
    emit_text(f"{target}: {number_of(sum(exported.labels.values()), 'photo')}; {without}")


def show_stats(found: "MemoryStats", folder: Path) -> None:
    """Sum up the memory."""
    if found.labels:
        emit_table(("label", "events"), list(found.labels.items()))
    if found.results:
        emit_table(("result", "outcomes"), list(found.results.items()))
    if found.first_seconds is not None and found.last_seconds is not None:
        first = tell_time(found.first_seconds, is_dated=True)
        last = tell_time(found.last_seconds, is_dated=True)
        emit_text(f"from {first} to {last}; {found.undated} without a time to be trusted")
    counts = (
        number_of(found.events, "event"),
        number_of(found.snapshots.get("kept", 0), "snapshot"),
        number_of(found.clips.get("kept", 0), "clip"),
    )
    emit_text(f"{folder}: {', '.join(counts)}, {found.bytes / 1e6:.1f} MB")


def tell_time(seconds: float, *, is_dated: bool) -> str:
    """Write a time of day of this place; a question mark says that the clock was not right."""
    try:
        text = datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{seconds}?"
    return text if is_dated else text + "?"


def _describe(described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is known as texts that people can read."""
    for key, value in described.items():
        if isinstance(value, bool):
            yield key, "yes" if value else "no"
        elif isinstance(value, Mapping):
            if value:
                yield key, ", ".join(f"{label} {score:.2f}" for label, score in value.items())
        elif isinstance(value, float):
            yield key, f"{value:.2f}" if key == "score" else f"{value:.3f}"
        elif value not in ("", None):
            yield key, str(value)
