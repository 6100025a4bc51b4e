"""`edge status`: what the running instance is at."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import typer

from edge.cli import output
from edge.cli.options import ConfigOption, JsonOption
from edge.status import ActionStatus, EventStatus, OutputStatus, Status, StoreStatus

_STUCK_SECONDS = 2.0
_BYTES_PER_MB = 1_000_000


def status(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say what the running edge run sees and does, and what keeps it from working.

    Raises:
        Exit: The instance hangs.
        NotRunningError: None runs with this configuration.
        ConfigError: The configuration is not found, or does not say where the memory is.
    """
    from edge.cli.running import ask_running
    from edge.control.status_record import read_status

    answer: dict[str, Any] = dict(ask_running(config, "status"))
    idle_seconds = float(answer.get("idle_seconds", 0.0))
    if json:
        output.emit_json(answer)
    else:
        for line in describe_status(read_status(answer)):
            output.emit_text(line)
        if idle_seconds > _STUCK_SECONDS:
            output.emit_text(
                _line("loop", f"hangs: it has looked at nothing for {idle_seconds:.0f} s")
            )
    if idle_seconds > _STUCK_SECONDS:
        raise typer.Exit(1)


def describe_status(status: Status) -> Iterator[str]:
    r"""Say it in lines.

    Example:
        >>> told = Status("porch", "dark", reason="too dark", source="0", model="pets", fps=9.5)
        >>> print("\n".join(describe_status(told)))
        picture    dark (too dark)
        source     0, model pets: 9.5 frames per second, up 0 s
        clock      not known to be right: rules with hours do not act
    """
    reason = f" ({status.reason})" if status.reason else ""
    seen = f", {status.label}" if status.picture == "live" else ""
    yield _line("picture", f"{status.picture}{seen}{reason}")
    age = "" if status.age_ms is None else f", {status.age_ms:.0f} ms from frame to label"
    yield _line(
        "source",
        f"{status.source}, model {status.model}: {status.fps:.1f} frames per second{age}, "
        f"up {describe_duration(status.uptime_seconds)}",
    )
    if status.event is not None:
        yield _line("event", _describe_event(status.event))
    if status.vetoed:
        yield _line("veto", "holds back " + ", ".join(sorted(status.vetoed)))
    if status.suspect:
        names = ", ".join(sorted(status.suspect))
        yield _line("suspect", f"{names}: held back again and again, see edge events list")
    outputs = {one.name: describe_output(one) for one in status.outputs}
    for action in status.actions:
        yield _line(action.name, _describe_action(action))
        if action.name in outputs:
            yield _line("", outputs[action.name])
    if status.store is not None:
        yield _line("memory", _describe_store(status.store))
    if status.celsius is not None or status.troubles:
        heat = [] if status.celsius is None else [f"{status.celsius:.0f} degrees Celsius"]
        yield _line("machine", ", ".join([*heat, *status.troubles]))
    trust = (
        "right" if status.is_clock_trusted else "not known to be right: rules with hours do not act"
    )
    yield _line("clock", trust)


def describe_output(status: OutputStatus) -> str:
    """Say how an output fares.

    Example:
        >>> describe_output(OutputStatus("door", "lock", is_energised=False, is_open=False))
        'mode lock, closed'
        >>> describe_output(OutputStatus("door", "open", is_energised=False, is_open=False))
        'mode open, closed until its limits allow more'
    """
    state = "open" if status.is_open else "closed"
    if not status.trouble and status.mode in ("open", "lock"):
        is_kept = status.is_open == (status.mode == "open")
        state += "" if is_kept else " until its limits allow more"
    trouble = f"; {status.trouble}" if status.trouble else ""
    energised = ", energised" if status.is_energised else ""
    return f"mode {status.mode}, {state}{energised}{trouble}"


def describe_duration(seconds: float) -> str:
    """Say how long something takes, in its two largest units.

    Example:
        >>> describe_duration(42.4), describe_duration(200), describe_duration(100_000)
        ('42 s', '3 min 20 s', '1 d 3 h')
    """
    rest = round(seconds)
    parts = []
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _describe_event(event: EventStatus) -> str:
    at = datetime.fromtimestamp(event.wall_seconds).astimezone()
    return (
        f"{event.label} {event.score:.2f}, {at:%Y-%m-%d %H:%M:%S}, "
        f"{'over' if event.is_over else 'goes on'}"
    )


def _describe_action(action: ActionStatus) -> str:
    counts = [f"{action.done} done", f"{action.failed} failed"]
    counts += [f"{action.dropped} dropped"] if action.dropped else []
    counts += [f"{action.waiting} waiting"] if action.waiting else []
    trouble = f"; {action.trouble}" if action.trouble else ""
    return f"{action.kind}: {', '.join(counts)}{trouble}"


def _describe_store(store: StoreStatus) -> str:
    parts = [
        output.number_of(store.events, "event"),
        f"{store.bytes / _BYTES_PER_MB:.1f} MB",
        f"{store.free_bytes / _BYTES_PER_MB:.0f} MB free",
    ]
    parts += [f"{store.waiting} waiting"] if store.waiting else []
    parts += (
        [output.number_of(store.lost_snapshots, "picture") + " lost"]
        if store.lost_snapshots
        else []
    )
    return ", ".join(parts) + (f"; {store.trouble}" if store.trouble else "")


def _line(name: str, text: str) -> str:
    return f"{name:<10} {text}".rstrip()
