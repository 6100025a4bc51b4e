"""A status as a record for JSON, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from edge.errors import NotRunningError
from edge.status import ActionStatus, EventStatus, OutputStatus, Status, StoreStatus

_Part = TypeVar("_Part", OutputStatus, ActionStatus, EventStatus, StoreStatus)


def write_status(status: Status) -> dict[str, Any]:
    """Put a status into what `json.dumps` takes.

    Example:
        >>> record = write_status(Status("porch", "live", vetoed=frozenset(["b", "a"])))
        >>> record["place"], record["vetoed"], record["event"]
        ('porch', ['a', 'b'], None)
    """
    return asdict(status) | {
        "vetoed": sorted(status.vetoed),
        "suspect": sorted(status.suspect),
    }


def read_status(record: Mapping[str, Any]) -> Status:
    """Make a status of what `write_status` has made of it.

    Raises:
        NotRunningError: It is none: the running instance is of another version.

    Example:
        >>> status = Status("porch", "live", outputs=(OutputStatus("door", "auto", False, False),))
        >>> read_status(write_status(status)) == status
        True
    """
    known = {field.name for field in fields(Status)}
    try:
        values = {name: value for name, value in record.items() if name in known}
        values |= {
            "vetoed": frozenset(record["vetoed"]),
            "suspect": frozenset(record["suspect"]),
            "event": _read(EventStatus, record["event"]),
            "store": _read(StoreStatus, record["store"]),
            "outputs": tuple(OutputStatus(**one) for one in record["outputs"]),
            "actions": tuple(ActionStatus(**one) for one in record["actions"]),
            "troubles": tuple(record["troubles"]),
        }
        return Status(**values)
    except (KeyError, TypeError) as error:
        raise NotRunningError(
            "A running edge run must be of the same version as the one that asks",
            received=f"a status that lacks or has too much: {error}",
            fix="Start it again",
        ) from error


def _read(kind: type[_Part], record: Mapping[str, Any] | None) -> _Part | None:
    return None if record is None else kind(**record)
