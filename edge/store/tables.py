"""The tables of the memory: what a row says, and how it is written and read.

`sqlite3` is imported only for the checker of types: whoever opens the database has it.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from edge.occurrence import Outcome

if TYPE_CHECKING:
    from sqlite3 import Connection

MIGRATIONS: Sequence[Sequence[str]] = (
    (
        """CREATE TABLE events (
            sequence INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
            label TEXT NOT NULL, score REAL NOT NULL, scores TEXT NOT NULL,
            evidence TEXT NOT NULL, rule TEXT NOT NULL, text TEXT NOT NULL,
            wall_seconds REAL NOT NULL, monotonic_seconds REAL NOT NULL, boot_id TEXT NOT NULL,
            is_trusted INTEGER NOT NULL, corrected_seconds REAL,
            end_wall_seconds REAL, end_monotonic_seconds REAL,
            start_seconds REAL, end_seconds REAL,
            model TEXT NOT NULL, model_sha256 TEXT NOT NULL,
            snapshot TEXT NOT NULL, snapshot_state TEXT NOT NULL, snapshot_bytes INTEGER NOT NULL,
            clip TEXT NOT NULL, clip_state TEXT NOT NULL, clip_bytes INTEGER NOT NULL)""",
        """CREATE TABLE outcomes (
            sequence INTEGER PRIMARY KEY, event_id TEXT NOT NULL, rule TEXT NOT NULL,
            action TEXT NOT NULL, result TEXT NOT NULL, detail TEXT NOT NULL,
            wall_seconds REAL NOT NULL, monotonic_seconds REAL NOT NULL, boot_id TEXT NOT NULL,
            is_trusted INTEGER NOT NULL)""",
        "CREATE INDEX outcomes_of_event ON outcomes (event_id)",
        "CREATE INDEX events_with_media ON events (sequence) "
        "WHERE snapshot_state = 'kept' OR clip_state = 'kept'",
        "CREATE INDEX events_without_date ON events (boot_id) "
        "WHERE NOT is_trusted AND corrected_seconds IS NULL",
    ),
)
"""What makes each version of the tables out of the one before; the first out of nothing."""

VERSION = len(MIGRATIONS)
"""Of the tables, kept as the user_version of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """What is remembered of an event, or of a door that was moved by hand.

    Attributes:
        sequence: Order in which it was written; 0 while it is not.
        event_id: 32 hexadecimal digits.
        kind: "event" or "door".
        label: What appeared; empty for a door.
        score: Its best score, in [0, 1].
        scores: Of the frame, per label.
        evidence: Rules of evidence by which it was believed.
        rule: The rule that fired as it started; empty if none did.
        text: What was done to a door; else empty.
        wall_seconds: Unix time of its start, as the clock had it.
        monotonic_seconds: Of its start.
        boot_id: Names the boot.
        is_trusted: Whether the clock was known to be right.
        corrected_seconds: Unix time of its start, worked out after the clock was set right.
        end_wall_seconds: Unix time of its end; `None` while it goes on, or if the end was missed.
        end_monotonic_seconds: Of its end.
        start_seconds: The source's time of its start.
        end_seconds: The source's time of its end.
        model: Name of the model.
        model_sha256: Of its file.
        snapshot: Path in the folder, empty if there is none.
        snapshot_state: "kept", "lost", "none" or "pruned".
        snapshot_bytes: Size of the file.
        clip: Path in the folder, empty if there is none.
        clip_state: "kept", "lost", "none" or "pruned".
        clip_bytes: Size of the file.
    """

    sequence: int = 0
    event_id: str
    kind: str = "event"
    label: str = ""
    score: float = 0.0
    scores: Mapping[str, float]
    evidence: str = ""
    rule: str = ""
    text: str = ""
    wall_seconds: float
    monotonic_seconds: float
    boot_id: str
    is_trusted: bool
    corrected_seconds: float | None = None
    end_wall_seconds: float | None = None
    end_monotonic_seconds: float | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    model: str = ""
    model_sha256: str = ""
    snapshot: str = ""
    snapshot_state: str = "none"
    snapshot_bytes: int = 0
    clip: str = ""
    clip_state: str = "none"
    clip_bytes: int = 0

    @property
    def time_seconds(self) -> float:
        """Unix time of its start, as well as it is known."""
        return self.wall_seconds if self.corrected_seconds is None else self.corrected_seconds

    @property
    def is_dated(self) -> bool:
        """Whether that time is to be trusted."""
        return self.is_trusted or self.corrected_seconds is not None


_COLUMNS = tuple(field.name for field in fields(EventRecord))
_TEXTS = frozenset(
    (
        *("event_id", "kind", "label", "evidence", "rule", "text", "boot_id", "model"),
        *("model_sha256", "snapshot", "snapshot_state", "clip", "clip_state"),
    )
)
_OPTIONAL = frozenset(
    (
        *("corrected_seconds", "end_wall_seconds", "end_monotonic_seconds"),
        *("start_seconds", "end_seconds"),
    )
)
_INSERT = (
    f"INSERT INTO events ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (event_id) DO NOTHING"
)
SELECT_EVENTS = f"SELECT {', '.join(_COLUMNS)} FROM events "
"""To be followed by a condition; the rows are for `read_record`."""

_OUTCOMES = (
    *("event_id", "rule", "action", "result", "detail"),
    *("wall_seconds", "monotonic_seconds", "boot_id", "is_trusted"),
)
EVENT_COLUMNS = len(_COLUMNS)
"""Of the table of events, in the order in which `read_record` takes them."""

OUTCOME_COLUMNS = 1 + len(_OUTCOMES)
"""Of the table of outcomes, in the order in which `insert_outcome_row` takes them."""


def insert_event(connection: "Connection", record: EventRecord) -> bool:
    """Write a record, unless there is one of that event; say whether it was written."""
    values = {name: getattr(record, name) for name in _COLUMNS}
    values["scores"] = json.dumps(
        {label: score for label, score in record.scores.items() if math.isfinite(score)}
    )
    values["score"] = record.score if math.isfinite(record.score) else 0.0
    done = connection.execute(_INSERT, [_clean(value) for value in values.values()])
    return done.rowcount > 0


def insert_outcome(connection: "Connection", outcome: Outcome) -> None:
    """Write what came of a rule or an action."""
    at = outcome.at
    named = (outcome.event_id, outcome.rule, outcome.action, outcome.result, outcome.detail)
    when = (at.wall_seconds, at.monotonic_seconds, at.boot_id, at.is_trusted)
    insert_outcome_row(connection, (None, *named, *when))


def insert_outcome_row(connection: "Connection", row: Sequence[Any]) -> None:
    """Write a row of the table of outcomes; without a number it gets the next one."""
    marks = ", ".join("?" * len(row))
    connection.execute(
        f"INSERT INTO outcomes (sequence, {', '.join(_OUTCOMES)}) VALUES ({marks})",
        [_clean(value) for value in row],
    )


def check_outcome_row(row: Sequence[Any]) -> Sequence[Any]:
    """Return a row of the table of outcomes.

    Raises:
        ValueError: It cannot be one, as in a damaged database.
    """
    _, event_id, *texts, wall, monotonic, boot_id, is_trusted = row
    is_sound = all(isinstance(text, str) for text in (event_id, *texts, boot_id)) and all(
        isinstance(number, int | float) for number in (wall, monotonic, is_trusted)
    )
    if not is_sound or len(event_id) != 32:
        raise ValueError(f"no outcome: {row!r:.100}")
    return row


def read_record(row: Sequence[Any]) -> EventRecord:
    """Make a record of a row of `SELECT_EVENTS`.

    Raises:
        ValueError: It cannot be one, as in a damaged database.
    """
    values = dict(zip(_COLUMNS, row, strict=True))
    try:
        scores = json.loads(values["scores"])
    except RecursionError as error:
        raise ValueError("scores that lie too deep") from error
    is_sound = all(isinstance(values[name], str) for name in _TEXTS) and all(
        isinstance(value, int | float) or (value is None and name in _OPTIONAL)
        for name, value in values.items()
        if name not in _TEXTS and name != "scores"
    )
    if not is_sound or not isinstance(scores, dict) or len(values["event_id"]) != 32:
        raise ValueError(f"no event: {row!r:.100}")
    return replace(
        EventRecord(**{**values, "scores": scores}), is_trusted=bool(values["is_trusted"])
    )


def read_records(
    connection: "Connection", condition: str, values: Sequence[object] = ()
) -> Iterator[EventRecord]:
    """Yield the records that fulfil a condition, such as `WHERE label = ? ORDER BY sequence`."""
    for row in connection.execute(SELECT_EVENTS + condition, values):
        yield read_record(row)


def read_outcomes(connection: "Connection", event_id: str) -> list[dict[str, Any]]:
    """Return what came of an event, in order: rule, action, result, detail and time."""
    names = ("rule", "action", "result", "detail", "wall_seconds", "is_trusted")
    rows = connection.execute(
        f"SELECT {', '.join(names)} FROM outcomes WHERE event_id = ? ORDER BY sequence",
        (event_id,),
    )
    return [{**dict(zip(names, row, strict=True)), "is_trusted": bool(row[-1])} for row in rows]


def _clean(value: Any) -> Any:
    """Make a text storable: the output of a program may hold bytes that are no text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value
